"""Actions: what may follow an intent. Parsing, printing, and which bytes may come next while one is being decoded.

The grammar is grammar.toml. Everything here works on the *cleaned* sentence (SLM/text.py): an argument either is one
of a closed list of words or quotes the sentence, so an action that is decoded under `Grammar.state` always parses.
kernels/core/slm/action.c does the same; tests compare them byte for byte.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from SLM.errors import SlmError

QUOTING = {"word", "number", "ip", "id", "size", "path", "text"}
MAX_TEXT_WORDS = 8
MAX_WORDS = 64
_OPEN, _CLOSE = "\"'([{<`", "\"')]}>`.,;:?!"
_SHAPE = {
    "word": re.compile(r"[^ \"]+"),
    "number": re.compile(r"[0-9]{1,9}"),
    "ip": re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?"),
    "id": re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}"),
    "size": re.compile(r"[0-9]{1,9}[a-zA-Z]{0,3}"),
    "path": re.compile(r"[^ \"]*/[^ \"]*"),
}


@dataclass(frozen=True)
class Arg:
    key: str
    kind: str
    optional: bool

    @property
    def lead(self) -> str:
        """What stands before the value."""
        return f" {self.key}=" if self.key else " "

    @property
    def name(self) -> str:
        return self.key or self.kind


class Grammar:
    """The ops of each intent and the closed lists of words, from grammar.toml."""

    def __init__(self, raw: dict):
        self.types = {name: tuple(words) for name, words in raw["types"].items()}
        self.ops: dict[str, dict[str, tuple[Arg, ...]]] = {}
        for intent, ops in raw.items():
            if intent != "types":
                self.ops[intent] = {op: tuple(self._arg(spec) for spec in args) for op, args in ops.items()}

    def _arg(self, spec: str) -> Arg:
        key, _, kind = spec.partition(":")
        kind, optional = kind.removesuffix("?"), kind.endswith("?")
        if kind not in self.types and kind not in QUOTING:
            raise SlmError(f"grammar.toml: {spec!r}: expected a type of [types] or {sorted(QUOTING)}, found {kind!r}")
        return Arg(key, kind, optional)

    def values(self, kind: str, text: str) -> tuple[str, ...]:
        """All values that an argument of this type can have for this (cleaned) sentence."""
        return self.types[kind] if kind in self.types else quotes(kind, text)

    def state(self, intent: str, text: str, prefix: str) -> tuple[bool, bool]:
        """(may go on, may end here) for the action text `prefix`, which starts with a space once it has begun."""
        more = end = False
        for op, args in self.ops.get(intent, {}).items():
            if any(not a.optional and not self.values(a.kind, text) for a in args):
                continue
            head = " " + op
            if head.startswith(prefix) and head != prefix:
                more = True
            elif prefix.startswith(head):
                m, e = self._walk(args, text, prefix[len(head):])
                more, end = more or m, end or e
        return more, end

    def _walk(self, args: tuple[Arg, ...], text: str, rest: str) -> tuple[bool, bool]:
        more = end = False
        if not rest:
            end = all(a.optional for a in args)
        for place, arg in enumerate(args):
            values = self.values(arg.kind, text)
            if arg.lead.startswith(rest) and arg.lead != rest:
                more = more or bool(values)
            elif rest.startswith(arg.lead):
                tail = rest[len(arg.lead):]
                for value in values:
                    if value.startswith(tail) and value != tail:
                        more = True
                    elif tail.startswith(value):
                        m, e = self._walk(args[place + 1:], text, tail[len(value):])
                        more, end = more or m, end or e
            if not arg.optional:
                break
        return more, end

    def check(self, intent: str, text: str, action: str) -> str | None:
        """Why `action` (op and arguments, without the intent) is not one for this sentence; None if it is."""
        if intent == "NONE":
            return None if not action else f"NONE has no action, found {action!r}"
        if intent not in self.ops:
            return f"expected an intent of {sorted(self.ops)} or NONE, found {intent!r}"
        if not self.state(intent, text, " " + action)[1]:
            return f"{intent}: {action!r} does not follow the grammar for the sentence {text!r}"
        return None


def words(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word of a cleaned sentence, without the punctuation around it."""
    spans, at = [], 0
    for chunk in text.split(" "):
        start, end = at, at + len(chunk)
        while start < end and text[start] in _OPEN:
            start += 1
        while end > start and text[end - 1] in _CLOSE:
            end -= 1
        if end > start and len(spans) < MAX_WORDS:
            spans.append((start, end))
        at += len(chunk) + 1
    return spans


@cache
def spans(kind: str, text: str) -> tuple[tuple[int, int], ...]:
    """Where a quoting type finds its values in a sentence: (start, end), in the order of the sentence."""
    found = words(text)
    if kind == "text":
        return tuple((start, end) for i, (start, _) in enumerate(found) for _, end in found[i:i + MAX_TEXT_WORDS]
                     if '"' not in text[start:end])
    return tuple((a, b) for start, end in found for a, b in pieces(text, start, end) if _SHAPE[kind].fullmatch(text, a, b))


@cache
def quotes(kind: str, text: str) -> tuple[str, ...]:
    """The values that a quoting type takes from a sentence, each once."""
    values = (text[a:b] for a, b in spans(kind, text))
    return tuple(dict.fromkeys(f'"{v}"' if kind == "text" else v for v in values))


def pieces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A word; itself without 's, .service or .ko; and its parts around = , / : [ (port=80, 80/tcp, sshd[77])."""
    out = [(start, end)]
    word = text[start:end]
    out += [(start, end - len(tail)) for tail in ("'s", ".service", ".ko") if word.endswith(tail) and len(word) > len(tail)]
    cuts = [start - 1, *(i for i in range(start, end) if text[i] in "=,/:["), end]
    if len(cuts) > 2:
        out += [(a + 1, b) for a, b in zip(cuts, cuts[1:], strict=False) if b > a + 1]
    return out


@cache
def grammar() -> Grammar:
    path = Path(__file__).with_name("grammar.toml")
    return Grammar(tomllib.loads(path.read_text()))
