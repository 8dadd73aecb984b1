"""Sentence families: patterns written by hand, one file per intent in families/, and how they become sentences.

A family is one way to put a thing. Its header is `== name style: op arguments`, its lines are patterns:
    (a|b)  one of these    [a]  perhaps    \\x  x itself    {slot}  an entity (slots.toml, snapshot/)      <box>  a macro (macros.toml)
The arguments name the slots of the pattern; those that a sentence does not hold are left out of its action. The style
says which frames (frames.toml) may stand around a pattern: order, ask, say, bare (none).

families/lines/<subject>/ holds more of the same in a shorter form: a header there has no name (`== style: op arguments`) and
every line below it is a family of its own, named by a hash of its header and itself. families/held_out/ is written so too.
"""

import hashlib
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
    def is_line(self) -> bool:
        return self.name.startswith("line-")

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


_NAMED = re.compile(r"==\s*([\w-]+)\s+(\w+):(.*)")
_NAMELESS = re.compile(r"==\s*()(\w+):(.*)")


@cache
def load() -> tuple[Family, ...]:
    """All families of families/*.txt and families/lines/*/*.txt, in the order of the intents and of the files."""
    found: list[Family] = []
    for intent in INTENTS:
        name = f"{intent.lower()}.txt"
        for (style, action), family, where, lines in _sections(HERE / "families" / name, _NAMED):
            found.append(Family(intent, family, style, action, tuple(parse(line, macros(), where) for line in lines), where))
        for path in sorted((HERE / "families" / "lines").glob(f"*/{name}")):
            found += _lines(intent, path)
    return _once(found)


@cache
def held_out() -> tuple[Family, ...]:
    """Those of families/held_out/*.txt: by a writer of whom training has nothing."""
    return _once([f for intent in INTENTS for f in _lines(intent, HERE / "families" / "held_out" / f"{intent.lower()}.txt")])


def _lines(intent: str, path: Path) -> list[Family]:
    """Every line of a file as a family of its own."""
    found = []
    for (style, action), _, where, lines in _sections(path, _NAMELESS):
        for line in lines:
            digest = hashlib.sha256(f"{style}: {action}\n{line}".encode()).hexdigest()[:10]
            found.append(Family(intent, f"line-{digest}", style, action, (parse(line, macros(), f"{where}: {line}"),), where))
    return found


def _once(found: list[Family]) -> tuple[Family, ...]:
    keys = [f.key for f in found]
    if len(keys) != len(set(keys)):
        twice = [f for f in found if keys.count(f.key) > 1]
        raise SlmError(f"families: written twice: {twice[0].key} ({twice[0].where}: {twice[0].lines})")
    return tuple(found)


def _sections(path: Path, form: re.Pattern):
    """((style, action), name, where, lines) of each header of a file with the lines below it."""
    header, lines, where = None, [], ""
    for number, raw in enumerate(path.read_text().split("\n") + ["== end"], 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not line.startswith("=="):
            lines.append(line)
            continue
        if header and not lines:
            raise SlmError(f"{where}: expected patterns below the header, found none")
        if header:
            yield (header[2], header[3].strip()), header[1], where, lines
        if line == "== end":
            return
        header, lines, where = form.fullmatch(line), [], f"{path.name}:{number}"
        if not header or header[2] not in STYLES:
            raise SlmError(f"{where}: expected '== [name] {'|'.join(STYLES)}: op arguments', found {line!r}")


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
