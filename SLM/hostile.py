"""JSON, TOML and YAML that anybody may have written. Apart from the bot's, since this folder runs without it."""

from collections.abc import Callable
from typing import Any

DEPTH = 64
"""Lists and mappings inside each other."""
BITS = 1000
"""Of an integer; a float holds no more."""


def parsed(parse: Callable[[Any], Any], text: str | bytes) -> Any:
    """What `parse` makes of `text`; ValueError when it is too deep to be read or walked, or holds an integer too long to
    be read or printed, beside the errors that `parse` has of its own."""
    try:
        value = parse(text)
        level = [value]
        for _ in range(DEPTH + 1):
            if any(type(one) is int and one.bit_length() > BITS for one in level):
                raise ValueError(f"expected integers of at most {BITS} bits, found a longer one")
            lists = {id(each): each for each in level if isinstance(each, dict | list)}  # YAML's aliases name one twice
            level = [one for each in lists.values() for one in (each.values() if isinstance(each, dict) else each)]
    except RecursionError:
        level = [None]
    if level:
        raise ValueError(f"expected at most {DEPTH} lists or mappings inside each other, found more")
    return value
