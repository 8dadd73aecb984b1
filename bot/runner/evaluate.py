"""Expressions' values: truth, comparison, coercion, the built-in functions, and the walk over the tree.

Values are null, booleans, floats, strings, lists and dicts (keys looked up without regard to case). Source:
GitHub's "Evaluate expressions in workflows and actions"; where that is silent, its published evaluator.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.hostile import read_json
from bot.runner.expressions import (
    Call,
    Compare,
    Context,
    ExpressionError,
    Index,
    Literal,
    Logical,
    Node,
    Not,
    number,
)

MAX_MEMORY = 1 << 20  # bytes of text that one evaluation may make, two a character as in GitHub's runner


class Filtered(list):
    """What `.*` gives: a later key is applied to each of its items."""


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_primitive(value: Any) -> bool:
    return not isinstance(value, list | dict)


def truthy(value: Any) -> bool:
    if is_number(value):
        return value != 0 and not math.isnan(value)
    return value is not None and value is not False and value != ""


def to_number(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        return number(value)
    return float(value) if is_primitive(value) else math.nan


def shortest(value: float) -> str:
    """A number as JavaScript writes it (ECMA-262, Number::toString)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    sign, digits, exponent = re.fullmatch(r"(-?)([\d.]+)(?:e([+-]\d+))?", repr(float(value))).groups()
    whole, _, part = digits.partition(".")
    part = "" if part == "0" else part
    point = len(whole) + int(exponent or 0)  # where the decimal point stands in `all digits`
    all_digits = (whole + part).lstrip("0")
    point -= len(whole + part) - len((whole + part).lstrip("0"))
    all_digits = all_digits.rstrip("0")
    if 0 < point <= 21:
        padded = all_digits.ljust(point, "0")
        return sign + padded[:point] + ("." + padded[point:] if len(padded) > point else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + all_digits
    mantissa = all_digits[0] + ("." + all_digits[1:] if len(all_digits) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def to_string(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        value = float(value)
        # At most 15 places, as GitHub's runner prints them.
        return shortest(float(f"{value:.15f}") if abs(value) < 1e21 else value)
    if isinstance(value, list):
        return "Array"
    return "Object" if isinstance(value, dict) else value


def fold(text: str) -> str:
    """Upper case for comparison; the dotless ı stays itself."""
    return "ı".join(part.upper() for part in text.split("ı"))


def _aligned(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Both of one kind, ready to compare; None when they can't be."""
    kinds = [_kind(left), _kind(right)]
    if kinds[0] != kinds[1]:
        if not (is_primitive(left) and is_primitive(right)):
            return None
        left, right = to_number(left), to_number(right)
    elif kinds[0] == "string":
        left, right = (fold(text).encode("utf-16-be", "surrogatepass") for text in (left, right))
    elif kinds[0] == "number" and (math.isnan(left) or math.isnan(right)):
        return None
    return left, right


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def equals(left: Any, right: Any) -> bool:
    pair = _aligned(left, right)
    if pair is None:
        return False
    return pair[0] == pair[1] if is_primitive(pair[0]) else pair[0] is pair[1]


def less(left: Any, right: Any) -> bool:
    pair = _aligned(left, right)
    return pair is not None and pair[0] is not None and is_primitive(pair[0]) and pair[0] < pair[1]


def compare(op: str, left: Any, right: Any) -> bool:
    match op:
        case "==":
            return equals(left, right)
        case "!=":
            return not equals(left, right)
        case "<":
            return less(left, right)
        case ">":
            return less(right, left)
        case "<=":
            return equals(left, right) or less(left, right)
    return equals(left, right) or less(right, left)


def lookup(value: Any, key: Any) -> tuple[bool, Any]:
    """(found, item) of an object's key or an array's index."""
    if isinstance(value, dict) and is_primitive(key):
        wanted = to_string(key)
        if wanted in value:
            return True, value[wanted]
        wanted = wanted.lower()
        for name in value:
            if str(name).lower() == wanted:
                return True, value[name]
    if isinstance(value, list):
        index = to_number(key)
        if math.isfinite(index) and 0 <= index < len(value):
            return True, value[int(index)]
    return False, None


def index(value: Any, key: Any) -> Any:
    if isinstance(value, Filtered):
        return Filtered(item for found, item in (lookup(each, key) for each in value) if found)
    return lookup(value, key)[1]


def _items(value: Any) -> list:
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []


def star(value: Any) -> Filtered:
    if isinstance(value, Filtered):
        return Filtered(item for each in value for item in _items(each))
    return Filtered(_items(value))


# The built-in functions.

def case(*args: Any) -> Any:
    for predicate, value in zip(args[:-1:2], args[1::2], strict=True):
        if not isinstance(predicate, bool):
            raise ExpressionError("case predicate must evaluate to a boolean value")
        if predicate:
            return value
    return args[-1]


def contains(search: Any, item: Any) -> bool:
    if is_primitive(search):
        return is_primitive(item) and to_string(item).lower() in to_string(search).lower()
    return isinstance(search, list) and any(equals(item, each) for each in search)


def starts_with(text: Any, prefix: Any) -> bool:
    both = is_primitive(text) and is_primitive(prefix)
    return both and fold(to_string(text)).startswith(fold(to_string(prefix)))


def ends_with(text: Any, suffix: Any) -> bool:
    both = is_primitive(text) and is_primitive(suffix)
    return both and fold(to_string(text)).endswith(fold(to_string(suffix)))


def join(values: Any, separator: Any = ",") -> str:
    if isinstance(values, list):
        return (to_string(separator) if is_primitive(separator) else ",").join(map(to_string, values))
    return to_string(values) if is_primitive(values) else ""


def format_(template: Any, *args: Any) -> str:
    template, out, at = to_string(template), [], 0
    for match in re.finditer(r"\{\{|\}\}|\{(\d+)[^{}]*\}|[{}]", template, re.ASCII):
        out.append(template[at:match.start()])
        at = match.end()
        if match[0] in ("{{", "}}"):
            out.append(match[0][0])
        elif match[1] is None:
            raise ExpressionError(f"The following format string is invalid: {template}")
        elif len(match[1]) > 9 or int(match[1]) >= len(args):
            raise ExpressionError("The following format string references more arguments than were supplied: "
                                  f"{template}")
        else:
            out.append(to_string(args[int(match[1])]))
    return "".join(out) + template[at:]


def to_json(value: Any, indent: str = "\n") -> str:
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(str(key), ensure_ascii=False)}: {to_json(each, inner)}"
                 for key, each in value.items()]
        return "{" + ",".join(items) + (indent if items else "") + "}"
    if isinstance(value, list):
        items = [inner + to_json(each, inner) for each in value]
        return "[" + ",".join(items) + (indent if items else "") + "]"
    if is_number(value):
        return shortest(float(value)) if math.isfinite(value) else "null"
    return json.dumps(value, ensure_ascii=False)


def from_json(text: Any) -> Any:
    def refuse(constant: str):
        raise ValueError(f"unexpected {constant}")

    text = to_string(text)
    if not text.strip():
        raise ExpressionError("Error parsing JSON when evaluating fromJson: empty input")
    try:
        return read_json(text, parse_int=float, parse_constant=refuse)
    except ValueError as error:
        raise ExpressionError(f"Error parsing JSON when evaluating fromJson: {error}") from None


_BUILT_IN: dict[str, Callable[..., Any]] = {
    "case": case, "contains": contains, "endswith": ends_with, "format": format_, "fromjson": from_json,
    "join": join, "startswith": starts_with, "tojson": to_json,
}


class _Evaluation:
    def __init__(self, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]):
        self.contexts, self.functions, self.memory = contexts, functions, 0

    def made(self, value: Any) -> Any:
        """Charge for the text that a function made: an expression must not grow without bound."""
        if isinstance(value, str):
            self.memory += 2 * len(value)
            if self.memory > MAX_MEMORY:
                raise ExpressionError("The maximum allowed memory size was exceeded")
        return value

    def of(self, node: Node) -> Any:
        match node:
            case Literal(value):
                return value
            case Context(name):
                return self.contexts[name]
            case Index(value, None):
                return star(self.of(value))
            case Index(value, key):
                return index(self.of(value), self.of(key))
            case Not(operand):
                return not truthy(self.of(operand))
            case Compare(op, left, right):
                return compare(op, self.of(left), self.of(right))
            case Logical(op, args):
                for arg in args:
                    value = self.of(arg)
                    if truthy(value) == (op == "||"):
                        break
                return value
            case Call(name, args):
                function = self.functions.get(name) or _BUILT_IN[name]
                return self.made(function(*map(self.of, args)))
        raise TypeError(f"expected an expression's node, found {node!r}")


def evaluate(node: Node, contexts: Mapping[str, Any],
             functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The value of `node`; `contexts` and `functions` by lower-case name are those it was parsed with."""
    return _Evaluation(contexts, functions or {}).of(node)
