"""JSON and TOML as strangers write them: models, candidates, whoever answers. What is read here can be walked, printed
and written again by code that recurses.

The parsers alone let through what kills later: a list nested some thousand deep is a RecursionError, in the parser or
in whoever walks it, and an integer of 5,000 digits is a ValueError when it is read, or when it is printed.
"""

import json
import tomllib
from typing import Any

DEPTH = 64
"""Lists and tables inside each other."""
BITS = 1000
"""Of an integer; a float holds no more."""


def read_json(text: str | bytes, **options) -> Any:
    """The value in `text`; json.JSONDecodeError for all that is wrong with it, nesting and size too. `options` as json.loads has."""
    try:
        return _bounded(json.loads(text, **options))
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(_reason(error), "", 0) from None


def read_toml(text: str) -> dict[str, Any]:
    """The tables in `text`; tomllib.TOMLDecodeError for all that is wrong with it, nesting and size too."""
    try:
        return _bounded(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise tomllib.TOMLDecodeError(_reason(error)) from None


def _bounded(value: Any) -> Any:
    level, depth = [value], 0
    while level:
        if any(type(one) is int and one.bit_length() > BITS for one in level):
            raise ValueError(f"expected integers of at most {BITS} bits, found a longer one")
        level = [one for each in level if isinstance(each, dict | list)
                 for one in (each.values() if isinstance(each, dict) else each)]
        depth += 1
        if level and depth > DEPTH:
            raise RecursionError
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"expected at most {DEPTH} lists or tables inside each other, found more"
    return str(error).partition(";")[0]
