"""`${{ }}` in strings, and conditions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.runner.expressions import ExpressionError
from bot.runner.template import Scope, condition, expand, split


def scope(ok=True, **contexts):
    functions = {"success": lambda: ok, "failure": lambda: not ok, "always": lambda: True, "cancelled": lambda: False}
    return Scope(contexts, functions)


def test_one_expression_keeps_its_type_and_text_around_makes_text():
    here = scope(inputs={"n": 3.0, "flag": True})
    assert expand("${{ inputs.n }}", here) == 3.0
    assert expand("n=${{ inputs.n }}, ${{ inputs.flag }}", here) == "n=3, true"
    assert expand({"k": ["${{ inputs.flag }}", "plain"]}, here) == {"k": [True, "plain"]}


def test_braces_in_quoted_text_do_not_end_an_expression():
    assert expand("${{ format('{0}}}', '}}') }}", scope()) == "}}}"


def test_values_are_never_read_as_expressions():
    title = "${{ secrets.KEY }} $(rm -rf /)"
    assert expand("title: ${{ inputs.title }}", scope(inputs={"title": title})) == f"title: {title}"


def test_an_open_expression_is_refused():
    with pytest.raises(ExpressionError, match="not closed"):
        expand("a ${{ 1", scope())


@given(st.text(alphabet="${}' ab1", max_size=30))
def test_split_keeps_all_text(text):
    try:
        parts = list(split(text))
    except ExpressionError:
        return
    assert all("${{" not in part for is_expression, part in parts if not is_expression)


@pytest.mark.parametrize(("source", "ok", "expected"), [
    (None, True, True), (None, False, False), ("true", False, False), ("always()", False, True),
    ("failure()", False, True), ("${{ failure() || true }}", False, True), ("!cancelled()", False, True),
    ("'x' == 'y'", True, False), (True, True, True), (False, True, False), ("", True, True), ("Always()", False, True)])
def test_a_condition_wants_success_unless_it_asks_itself(source, ok, expected):
    assert condition(source, scope(ok)) is expected


def test_a_condition_with_text_around_is_refused_since_it_would_always_hold():
    with pytest.raises(ExpressionError, match="always true"):
        condition("${{ false }} && true", scope())
