"""The rule engine: the interface of the SLM without a model, for machines too small for one, and the baseline to beat.

rules/rules.txt holds the rules and [spoken] of data/slots.toml the words for classes, roles and resources; `c_table`
writes both as C for kernels/core/slm/rules.c, which does the same steps in the same order. No probabilities: 1.0.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from SLM.actions import QUOTING, grammar, quotes, spans, words
from SLM.decode import restore_case
from SLM.errors import SlmError
from SLM.text import clean, lower

HERE = Path(__file__).parent
SHAPES = ("idhex", "ip", "number")
ARTICLES = ("a", "an", "the", "my", "this", "your", "our")
_SHAPE = {"idhex": "id", "ip": "ip", "number": "number"}


@dataclass(frozen=True)
class Rule:
    intent: str
    op: str
    groups: tuple[tuple[str, ...], ...]
    never: tuple[str, ...]
    after: tuple[str, ...]


@cache
def load() -> tuple[Rule, ...]:
    rules = []
    for number, line in enumerate((HERE / "rules" / "rules.txt").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+) (\w+): ([^>]+?)(?: > (\S+))?", line)
        if not match or match[2] not in grammar().ops.get(match[1], {}):
            raise SlmError(f"rules.txt:{number}: expected 'INTENT op: group … > words', found {line!r}")
        parts = match[3].split()
        rules.append(Rule(match[1], match[2], tuple(tuple(p.split("|")) for p in parts if not p.startswith("!")),
                          tuple(w for p in parts if p.startswith("!") for w in p[1:].split("|")),
                          tuple((match[4] or "").split("|")) if match[4] else ()))
    return tuple(rules)


@cache
def spoken() -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """(type, the words said, the action's word), longest first: the first that occurs in the sentence is meant."""
    raw = tomllib.loads((HERE / "data" / "slots.toml").read_text())["spoken"]
    rows = [(kind, tuple(said.split()), meant) for kind, table in raw.items() for meant, all_said in table.items() for said in all_said]
    rows += [(kind, (word,), word) for kind, values in grammar().types.items() for word in values if kind != "verdict"]
    rows += [("verdict", (w,), "allow") for w in ("open", "allow", "permit", "accept")]
    rows += [("verdict", (w,), "deny") for w in ("block", "close", "deny", "reject", "drop", "ban")]
    rows += [("area", said, meant) for said, meant in (
        (("internet",), "network"), (("connection",), "network"), (("ping",), "network"), (("reach",), "network"),
        (("nameserver",), "dns"), (("resolve",), "dns"),
        (("wlan",), "wifi"), (("wireless",), "wifi"), (("drive",), "disk"), (("screen",), "graphics"), (("display",), "graphics"),
        (("monitor",), "graphics"), (("audio",), "sound"), (("speakers",), "sound"), (("mouse",), "input"), (("keyboard",), "input"),
        (("slow",), "cpu"), (("ram",), "memory"), (("grub",), "boot"), (("password",), "login"), (("ssh",), "login"), (("clock",), "time"),
        (("battery",), "power"), (("suspend",), "power"), (("packages",), "package"), (("apt",), "package"), (("panic",), "system"),
        (("crashes",), "system"), (("module",), "driver"), (("fsck",), "filesystem"))]
    unique = dict.fromkeys((k, s, m) for k, s, m in rows)
    return tuple(sorted(unique, key=lambda r: -len(r[1])))


def decide(text: str) -> tuple[str, str]:
    """(intent, action) of a sentence."""
    cased = clean(text)
    text = lower(cased)
    said = [text[a:b] for a, b in words(text)]
    have = set(said) | {shape for shape in SHAPES if quotes(_SHAPE[shape], text)}
    best: Rule | None = None
    for rule in load():
        if all(have & set(group) for group in rule.groups) and not have & set(rule.never):
            if best is None or len(rule.groups) > len(best.groups):
                best = rule
    if best is None:
        return "NONE", ""
    return best.intent, _fill(best, text, said, cased)


def _fill(rule: Rule, text: str, said: list[str], cased: str) -> str:
    """The action with the arguments that are there. What the sentence says once is quoted once: by the argument that it names
    ("gateway 10.0.0.1"), else by the first that can take it."""
    args = grammar().ops[rule.intent][rule.op]
    spans_of_words = words(text)
    quoted: dict[str, tuple[int, int]] = {}
    for arg in args:
        span = _named(arg, rule, text, said, spans_of_words)
        if span and not _taken(span, quoted):
            quoted[arg.name] = span
    out = [rule.op]
    for arg in args:
        if arg.kind not in QUOTING:
            value = _meant(arg.kind, said)
        else:
            if arg.name not in quoted and (span := _unnamed(arg, rule, text, said, spans_of_words, quoted)):
                quoted[arg.name] = span
            value = text[slice(*quoted[arg.name])] if arg.name in quoted else ""
        if value:
            out.append(f"{arg.key}={value}" if arg.key else value)
    action = " ".join(out)
    return restore_case(grammar(), rule.intent, " " + action, text, cased)


def _meant(kind: str, said: list[str]) -> str:
    for of, phrase, meant in spoken():
        if of == kind and any(tuple(said[i:i + len(phrase)]) == phrase for i in range(len(said))):
            return meant
    return ""


def _taken(span: tuple[int, int], quoted: dict[str, tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in quoted.values())


def _behind(i: int, rule: Rule, text: str, said: list[str], at: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The word behind word i that can be an argument; articles are skipped."""
    i += 1
    while i < len(said) and said[i] in ARTICLES:
        i += 1
    return at[i] if i < len(said) and said[i] not in rule.after and '"' not in text[slice(*at[i])] else None


def _named(arg, rule: Rule, text: str, said: list[str], at: list[tuple[int, int]]) -> tuple[int, int] | None:
    """What stands behind the argument's own name, if that is said."""
    if arg.kind not in QUOTING or arg.kind == "text" or not arg.key or arg.key not in said:
        return None
    i = said.index(arg.key)
    if arg.kind == "word":
        return _behind(i, rule, text, said, at)
    return next((span for span in spans(arg.kind, text) if span[0] >= at[i][1]), None)


def _unnamed(arg, rule: Rule, text: str, said: list[str], at: list[tuple[int, int]], quoted: dict) -> tuple[int, int] | None:
    if arg.kind == "text":
        return None
    if arg.kind != "word":
        return next((span for span in spans(arg.kind, text) if not _taken(span, quoted)), None)
    for i, word in enumerate(said[:-1]):
        if word in rule.after and (span := _behind(i, rule, text, said, at)):
            return None if _taken(span, quoted) else span
    return None
