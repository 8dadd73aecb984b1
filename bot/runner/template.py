"""`${{ }}` inside a workflow's strings, and the conditions of `if:`.

A string that is one expression keeps the expression's type; any other is text with each expression's value
in it. Expressions are found in the file's own text only: values are never read as expressions again, so text
from outside (an issue's title) can't become one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.runner.evaluate import evaluate, to_string, truthy
from bot.runner.expressions import ExpressionError, Node, calls, parse

STATUS = {"success": (0, 0), "failure": (0, 0), "always": (0, 0), "cancelled": (0, 0)}
HASH = {"hashfiles": (1, 255)}


@dataclass(frozen=True)
class Scope:
    """Everything an expression may see at one place: contexts by name, functions by lower-case name."""

    contexts: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def with_contexts(self, **more: Any) -> "Scope":
        return Scope({**self.contexts, **more}, self.functions)

    def signatures(self) -> dict[str, tuple[int, int]]:
        return {name: (STATUS | HASH)[name] for name in self.functions}

    def parse(self, source: str) -> Node:
        return parse(source, self.contexts, self.signatures())

    def evaluate(self, source: str) -> Any:
        return evaluate(self.parse(source), self.contexts, self.functions)


def split(text: str) -> Iterator[tuple[bool, str]]:
    """The parts of `text`: (False, plain text) and (True, an expression without its braces)."""
    at = 0
    while (start := text.find("${{", at)) >= 0:
        end, quoted = start + 3, False
        while end < len(text) and (quoted or not text.startswith("}}", end)):
            quoted ^= text[end] == "'"
            end += 1
        if end >= len(text):
            raise ExpressionError(f"The expression is not closed. An unescaped ${{{{ sequence was found, "
                                  f"but the closing }}}} sequence was not found: {text[start:start + 80]}")
        if start > at:
            yield False, text[at:start]
        yield True, text[start + 3:end].strip()
        at = end + 2
    if at < len(text):
        yield False, text[at:]


def expand(value: Any, scope: Scope) -> Any:
    """`value` with every expression in it replaced by its value; lists and mappings are walked."""
    if isinstance(value, str):
        parts = list(split(value))
        if len(parts) == 1 and parts[0][0]:
            return scope.evaluate(parts[0][1])
        return "".join(to_string(scope.evaluate(part)) if is_expression else part
                       for is_expression, part in parts)
    if isinstance(value, dict):
        return {to_string(expand(key, scope)): expand(each, scope) for key, each in value.items()}
    if isinstance(value, list):
        return [expand(each, scope) for each in value]
    return value


def text(value: Any, scope: Scope) -> str:
    return to_string(expand(value, scope))


def condition_source(value: Any) -> str:
    """The expression of an `if:`, whose braces may be left out."""
    if not isinstance(value, str):
        return "true" if truthy(value) else "false"
    parts = list(split(value.strip()))
    if len(parts) == 1:
        return parts[0][1]
    if any(is_expression for is_expression, _ in parts):
        raise ExpressionError("if: text around ${{ }} makes a condition that is always true; "
                              f"write one expression, found {value.strip()[:120]!r}")
    return ""


def condition(value: Any, scope: Scope) -> bool:
    """Whether an `if:` holds. Without a status function of its own it also wants success()."""
    source = "" if value is None else condition_source(value)
    if not source:
        return scope.functions["success"]()
    node = scope.parse(source)
    if not STATUS.keys() & set(calls(node)) and not scope.functions["success"]():
        return False
    return truthy(evaluate(node, scope.contexts, scope.functions))
