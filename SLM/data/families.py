"""Sentence families: patterns written by hand, one file per intent in families/, and how they become sentences.

A family is one way to put a thing. Its header is `== name style: op arguments`, its lines are patterns:
    (a|b)  one of these    [a]  perhaps    \\x  x itself    {slot}  an entity (slots.toml, snapshot/)      <box>  a macro (macros.toml)
The arguments name the slots of the pattern; those that a sentence does not hold are left out of its action. The style
says which frames (frames.toml) may stand around a pattern: order, ask, say, bare (none).
"""

import random
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from SLM.errors import SlmError
from SLM.intents import INTENTS

HERE = Path(__file__).parent
STYLES = ("order", "ask", "say", "bare")
_TOKEN = re.compile(r"\{(\w+)\}|<(\w+)>|([()\[\]|])|((?:\\.|[^{}<>()\[\]|\\])+)")


@dataclass(frozen=True)
class Family:
    intent: str
    name: str
    style: str
    action: str
    lines: tuple = field(hash=False)
    where: str = ""

    @property
    def key(self) -> str:
        return f"{self.intent}/{self.name}"

    @property
    def op(self) -> str:
        return self.action.split(" ")[0] if self.action else "none"


# A pattern is a list of parts: str, ("slot", name) or ("any", [pattern, …]).
def parse(line: str, macros: dict[str, list], where: str) -> list:
    tokens = [m for m in _TOKEN.finditer(line)]
    if sum(m.end() - m.start() for m in tokens) != len(line):
        raise SlmError(f"{where}: stray brace in {line!r}")
    at = 0

    def sequence(closer: str) -> list:
        nonlocal at
        branches, parts = [], []
        while at < len(tokens):
            slot, macro, mark, plain = tokens[at].groups()
            at += 1
            if slot:
                parts.append(("slot", slot))
            elif macro:
                if macro not in macros:
                    raise SlmError(f"{where}: expected a macro of macros.toml, found <{macro}>")
                parts.append(("any", macros[macro]))
            elif plain:
                parts.append(re.sub(r"\\(.)", r"\1", plain))
            elif mark == "(":
                parts.append(("any", sequence(")")))
            elif mark == "[":
                parts.append(("any", sequence("]") + [[]]))
            elif mark == "|":
                branches.append(parts)
                parts = []
            elif mark == closer:
                return branches + [parts]
            else:
                raise SlmError(f"{where}: expected {closer or 'the end'!r}, found {mark!r} in {line!r}")
        if closer:
            raise SlmError(f"{where}: expected {closer!r} before the end of {line!r}")
        return branches + [parts]

    top = sequence("")
    return top[0] if len(top) == 1 else [("any", top)]


@cache
def macros() -> dict[str, list]:
    made: dict[str, list] = {}
    for name, choices in tomllib.loads((HERE / "macros.toml").read_text()).items():
        made[name] = [parse(choice, made, f"macros.toml: {name}") for choice in choices]
    return made


@cache
def load() -> tuple[Family, ...]:
    """All families of families/*.txt, in the order of the intents and of the files."""
    found = []
    for intent in INTENTS:
        path = HERE / "families" / f"{intent.lower()}.txt"
        header, lines = None, []
        for number, raw in enumerate(path.read_text().split("\n") + ["== end bare:"], 1):
            line, where = raw.strip(), f"{path.name}:{number}"
            if not line or line.startswith("#"):
                continue
            if not line.startswith("=="):
                lines.append(parse(line, macros(), where))
                continue
            if header:
                found.append(Family(intent, header[1], header[2], header[3].strip(), tuple(lines), where))
            header = re.fullmatch(r"==\s*([\w-]+)\s+(\w+):(.*)", line)
            if not header or header[2] not in STYLES:
                raise SlmError(f"{where}: expected '== name {'|'.join(STYLES)}: op arguments', found {line!r}")
            if found and not found[-1].lines and found[-1].intent == intent:
                raise SlmError(f"{where}: family {found[-1].name} has no patterns")
            lines = []
    keys = [f.key for f in found]
    if len(keys) != len(set(keys)):
        raise SlmError(f"families: a name is used twice: {sorted(k for k in keys if keys.count(k) > 1)[:4]}")
    return tuple(found)


def expand(pattern: list, rng: random.Random) -> list:
    """One random reading of a pattern: a flat list of str and ("slot", name)."""
    out = []
    for part in pattern:
        if isinstance(part, str):
            out.append(part)
        elif part[0] == "slot":
            out.append(part)
        else:
            out.extend(expand(rng.choice(part[1]), rng))
    return out
