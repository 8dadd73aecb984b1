"""Expressions: what GitHub documents, and properties of the parser that hold for any text.

GitHub's own vectors are run by `python -m tests.runner.vectors DIR`, the comparison with GitHub's published evaluator
by `make check-workflows`.
"""

import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runner.evaluate import evaluate, shortest, to_string
from bot.runner.expressions import (
    Call,
    Compare,
    Context,
    ExpressionError,
    Index,
    Literal,
    Logical,
    Not,
    parse,
    unparse,
)

CONTEXTS = {
    "github": {"event": {"labels": [{"name": "bug"}, {"name": "Auton"}], "number": 7}, "ref": "refs/heads/main"},
    "matrix": {"arch": "x86_64", "empty": ""},
    "list": [1.0, 2.0, 3.0],
}


def value(source):
    return evaluate(parse(source, CONTEXTS), CONTEXTS)


@pytest.mark.parametrize(("source", "expected"), [
    ("1 == 1.0", True), ("'A' == 'a'", True), ("null == 0", True), ("'' == 0", True), ("'0x10' == 16", True),
    ("NaN == NaN", False), ("'b' > 'A'", True), ("true > false", True), ("list == list", True),
    ("fromJSON('[1]') == fromJSON('[1]')", False),
    ("1 && 'x' || 'y'", "x"), ("0 && 'x' || 'y'", "y"), ("!''", True), ("!!list", True), ("!1 == false", True),
    ("1 < 2 == true", True), ("true || false && false", True), ("(true || false) && false", False),
    ("GITHUB.Event.NUMBER", 7.0), ("github['event']['number']", 7.0), ("github.nothing.at.all", None),
    ("list[1]", 2.0), ("list[9]", None), ("list['1']", 2.0), ("list[-1]", None),
    ("join(github.event.labels.*.name, '+')", "bug+Auton"), ("contains(github.event.labels.*.name, 'auton')", True),
    ("contains('Hello', 'ELL')", True), ("contains(list, 3)", True), ("startsWith('Refs/heads', 'refs/')", True),
    ("endsWith('abc', 'BC')", True), ("format('{0} {{1}} {1}', 'a', 2)", "a {1} 2"), ("join(list)", "1,2,3"),
    ("toJSON(list)", "[\n  1,\n  2,\n  3\n]"), ("fromJSON('{\"a\": [true]}').a[0]", True),
    ("case(false, 1, true, 2, 3)", 2.0), ("'it''s'", "it's"), ("-1.5e3", -1500.0), ("0xff", 255.0), ("", None),
])
def test_evaluates(source, expected):
    assert value(source) == expected


@pytest.mark.parametrize("source", [
    "1 +", "1 2", "'open", "nope", "nope()", "github.", "github.()", "list[", "format()", "contains(1)", "case(1, 2)",
    "a = b", "1 &2", "@", "fromJSON('{')", "fromJSON('NaN')", "format('{0')", "format('{5}')", "case('x', 1, 2)",
    f"fromJSON('{'[' * 99}{']' * 99}')",
    "!" * 60 + "1", "(" * 60 + "1" + ")" * 60, "x" * 30_000, "null.x", "'a'.b", "1.x",
])
def test_refuses(source):
    with pytest.raises(ExpressionError):
        value(source)


def test_errors_say_where():
    with pytest.raises(ExpressionError, match=r"Unrecognized named-value: 'b'. Located at position 6 within"):
        value("1 == b")


def test_text_can_not_grow_without_bound():
    bomb = "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', " * 7 + "'0123456789'" + ")" * 7
    with pytest.raises(ExpressionError, match="memory"):
        value(bomb)


@pytest.mark.parametrize(("number", "text"), [
    (0.1, "0.1"), (1e21, "1e+21"), (1e20, "100000000000000000000"), (1e-7, "1e-7"), (0.000001, "0.000001"),
    (-0.0, "0"), (123456.789, "123456.789"), (1.5e300, "1.5e+300"), (math.inf, "Infinity"), (5e-324, "5e-324")])
def test_numbers_are_written_as_javascript_does(number, text):
    assert shortest(number) == text


NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=5).filter(
    lambda name: name not in ("true", "false", "null", "NaN", "Infinity"))
LEAVES = st.one_of(
    st.builds(Literal, st.one_of(st.none(), st.booleans(), st.text(max_size=6),
                                 st.floats(allow_nan=False).map(lambda number: number + 0.0))),
    st.sampled_from([Context("github"), Context("list")]))


def trees(children):
    return st.one_of(
        st.builds(Not, children),
        st.builds(Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), children, children),
        st.builds(lambda op, args: Logical(op, tuple(args)), st.sampled_from(["&&", "||"]),
                  st.lists(children, min_size=2, max_size=3)),
        st.builds(Index, children, st.one_of(st.none(), children)),
        st.builds(lambda args: Call("format", tuple(args)), st.lists(children, min_size=1, max_size=3)),
        st.builds(lambda arg: Call("tojson", (arg,)), children))


TREES = st.recursive(LEAVES, trees, max_leaves=12)


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_unparse_and_parse_come_back_to_the_same_tree(tree):
    try:
        again = parse(unparse(tree), CONTEXTS)
    except ExpressionError as error:
        assert "depth" in str(error)  # round brackets make a generated tree deeper than GitHub allows
    else:
        assert again == tree


@given(st.text(max_size=40) | st.text("github.list[]()*,'!=<>&|0123 fjo\n", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_tree_or_an_expression_error(source):
    try:
        to_string(value(source))
    except ExpressionError:
        pass


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_any_tree_has_a_value_or_an_expression_error(tree):
    try:
        to_string(evaluate(tree, CONTEXTS))
    except ExpressionError:
        pass
