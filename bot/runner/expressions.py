"""GitHub Actions expressions: text → tokens → tree, and back (`unparse`).

Source: GitHub's "Evaluate expressions in workflows and actions" and the behaviour of its published evaluator.
Nothing is evaluated here, see `evaluate.py`; `${{ }}` inside longer text is `template.py`'s.
"""

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_LENGTH = 21_000
MAX_DEPTH = 50
MAX_ARGS = 255

# name: (fewest, most) arguments; `case` also wants an odd number.
FUNCTIONS: dict[str, tuple[int, int]] = {
    "case": (3, MAX_ARGS), "contains": (2, 2), "endswith": (2, 2), "format": (1, MAX_ARGS),
    "fromjson": (1, 1), "join": (1, 2), "startswith": (2, 2), "tojson": (1, 1),
}


class ExpressionError(Exception):
    """An expression that can't be read or evaluated; the text is GitHub's own wording."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any  # None, bool, float or str


@dataclass(frozen=True, slots=True)
class Context:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`value.key`, `value[key]`, or with key None the filter `value.*`."""

    value: "Node"
    key: "Node | None"


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logical:
    """`&&` or `||` over two or more operands, left to right."""

    op: str
    args: tuple["Node", ...]


Node = Literal | Context | Index | Call | Not | Compare | Logical

SPACE = " \t\n\v\f\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_END = re.compile(rf"[\[\]().,!<>=&|{SPACE}]|$")
_NUMBER_END = re.compile(rf"[\[\](),!<>=&|{SPACE}]|$")
_SKIP = re.compile(r"[ \r\t\n]*")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRIM = re.compile(rf"^[{SPACE}]+|[{SPACE}]+$")
_OPERATORS = ("&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", "*")
_WORDS = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}


def number(text: str) -> float:
    """The number a string stands for; NaN when it stands for none. Blank is 0."""
    text = _TRIM.sub("", text)
    if not text:
        return 0.0
    if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+", text):
        try:
            return float(int(text, 0))
        except OverflowError:
            return math.inf
    if _DECIMAL.fullmatch(text):
        return float(text)
    return {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # "op", "name", "literal" or "end"
    text: str
    at: int
    value: Any = None


def tokens(source: str) -> Iterator[Token]:
    """Split `source`; ends with an "end" token."""

    def bad(start: int, end: int) -> ExpressionError:
        symbol = source[start:max(end, start + 1)]
        return ExpressionError(f"Unexpected symbol: '{symbol}'. Located at position {start + 1} "
                               f"within expression: {source}")

    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"Exceeded max expression length {MAX_LENGTH}")
    at, before = 0, Token("end", "", 0)
    while (at := _SKIP.match(source, at).end()) < len(source):
        char = source[at]
        indexable = before.kind == "name" or before.text in ("]", ")", "*")
        operator = next((op for op in _OPERATORS if source.startswith(op, at)), None)
        if operator or (char == "." and indexable):
            token = Token("op", operator or ".", at)
            at += len(token.text)
        elif char == "'":
            match = _STRING.match(source, at)
            if not match:
                raise bad(at, len(source))
            token = Token("literal", match[0], at, match[1].replace("''", "'"))
            at = match.end()
        elif char in "+-." or "0" <= char <= "9":
            end = _NUMBER_END.search(source, at + 1).start()
            value = number(source[at:end])
            if math.isnan(value):
                raise bad(at, end)
            token = Token("literal", source[at:end], at, value)
            at = end
        else:
            end = _END.search(source, at + 1).start()
            text = source[at:end]
            if not _NAME.fullmatch(text):
                raise bad(at, end)
            plain = text not in _WORDS or before.text == "."
            token = Token("name", text, at) if plain else Token("literal", text, at, _WORDS[text])
            at = end
        yield token
        before = token
    yield Token("end", "", len(source))


class _Parser:
    """Recursive descent, one method for each level of precedence, loosest first."""

    def __init__(self, source: str, contexts: frozenset[str], functions: Mapping[str, tuple[int, int]]):
        self.source, self.contexts, self.functions = source, contexts, functions
        self.tokens = list(tokens(source))
        self.at = self.depth = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def error(self, what: str, token: Token) -> ExpressionError:
        return ExpressionError(f"{what}: '{token.text}'. Located at position {token.at + 1} "
                               f"within expression: {self.source}")

    def unexpected(self) -> ExpressionError:
        if self.here.kind == "end":
            return self.error("Unexpected end of expression", self.tokens[max(self.at - 1, 0)])
        return self.error("Unexpected symbol", self.here)

    def take(self, *ops: str) -> str | None:
        """The operator here if it is one of `ops`, and step over it."""
        if self.here.kind == "op" and self.here.text in ops:
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def need(self, op: str) -> None:
        if not self.take(op):
            raise self.unexpected()

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"Exceeded max expression depth {MAX_DEPTH}")

    def parse(self) -> Node:
        if self.here.kind == "end":
            return Literal(None)
        node = self.expression()
        if self.here.kind != "end":
            raise self.unexpected()
        return node

    def expression(self) -> Node:
        self.deeper()
        node = self.logical("||", lambda: self.logical("&&", self.equality))
        self.depth -= 1
        return node

    def logical(self, op: str, operand) -> Node:
        args = [operand()]
        if self.here.text == op and self.here.kind == "op":
            self.deeper()
            while self.take(op):
                args.append(operand())
            self.depth -= 1
        return args[0] if len(args) == 1 else Logical(op, tuple(args))

    def equality(self) -> Node:
        node = self.comparison()
        while op := self.take("==", "!="):
            node = Compare(op, node, self.comparison())
        return node

    def comparison(self) -> Node:
        node = self.unary()
        while op := self.take("<", "<=", ">", ">="):
            node = Compare(op, node, self.unary())
        return node

    def unary(self) -> Node:
        if not self.take("!"):
            return self.postfix()
        self.deeper()
        node = Not(self.unary())
        self.depth -= 1
        return node

    def postfix(self) -> Node:
        first = self.here
        node = self.primary()
        steps = 0
        while first.kind != "literal" and (op := self.take(".", "[")):
            if self.take("*"):
                key = None
            elif op == "[":
                key = self.expression()
            elif self.here.kind == "name":
                key = Literal(self.here.text)
                self.at += 1
            else:
                raise self.unexpected()
            if op == "[":
                self.need("]")
            self.deeper()
            steps += 1
            node = Index(node, key)
        self.depth -= steps
        return node

    def primary(self) -> Node:
        token = self.here
        if token.kind == "literal":
            self.at += 1
            return Literal(token.value)
        if self.take("("):
            node = self.expression()
            self.need(")")
            return node
        if token.kind != "name":
            raise self.unexpected()
        self.at += 1
        if not self.take("("):
            if token.text.lower() not in self.contexts:
                raise self.error("Unrecognized named-value", token)
            return Context(token.text.lower())
        args = []
        while not self.take(")"):
            args.append(self.expression())
            if not (self.here.kind == "op" and self.here.text == ")"):
                self.need(",")
        return self.call(token, tuple(args))

    def call(self, token: Token, args: tuple[Node, ...]) -> Node:
        name = token.text.lower()
        if name not in self.functions:
            raise self.error("Unrecognized function", token)
        fewest, most = self.functions[name]
        if len(args) < fewest:
            raise self.error("Too few parameters supplied", token)
        if len(args) > most:
            raise self.error("Too many parameters supplied", token)
        if name == "case" and len(args) % 2 == 0:
            raise self.error("Even number of parameters supplied, requires an odd number of parameters",
                             token)
        return Call(name, args)


@functools.lru_cache(maxsize=4096)
def _parse(source: str, contexts: frozenset[str], functions: tuple[tuple[str, tuple[int, int]], ...]) -> Node:
    return _Parser(source, contexts, FUNCTIONS | dict(functions)).parse()


def parse(source: str, contexts=(), functions: Mapping[str, tuple[int, int]] | None = None) -> Node:
    """The tree of `source`, where only these `contexts` and, beside the built-in ones, these `functions`
    (lower-case name → fewest and most arguments) exist. An empty expression is null."""
    names = frozenset(name.lower() for name in contexts)
    return _parse(source, names, tuple(sorted((functions or {}).items())))


def calls(node: Node) -> Iterator[str]:
    """The names of all functions called in `node`."""
    if isinstance(node, Call):
        yield node.name
    for child in _children(node):
        yield from calls(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Index(value, key):
            return (value,) if key is None else (value, key)
        case Call(_, args) | Logical(_, args):
            return args
        case Not(operand):
            return (operand,)
        case Compare(_, left, right):
            return (left, right)
    return ()


def unparse(node: Node) -> str:
    """An expression whose tree is `node`."""
    match node:
        case Literal(None):
            return "null"
        case Literal(bool(value)):
            return "true" if value else "false"
        case Literal(str(value)):
            return "'" + value.replace("'", "''") + "'"
        case Literal(value):
            return str(value).replace("inf", "Infinity").replace("nan", "NaN")
        case Context(name):
            return name
        case Index(value, key):
            inner = unparse(value) if isinstance(value, Context | Call | Index) else f"({unparse(value)})"
            return f"{inner}[{'*' if key is None else unparse(key)}]"
        case Call(name, args):
            return f"{name}({', '.join(map(unparse, args))})"
        case Not(operand):
            return "!" + _wrapped(operand)
        case Compare(op, left, right):
            return f"{_wrapped(left)} {op} {_wrapped(right)}"
        case Logical(op, args):
            return f" {op} ".join(map(_wrapped, args))
    raise TypeError(f"expected an expression's node, found {node!r}")


def _wrapped(node: Node) -> str:
    return f"({unparse(node)})" if isinstance(node, Compare | Logical) else unparse(node)
