"""The smallest set of changes that do not go together."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile.compose import smallest


def run(landed: tuple[int, ...], bad: list[frozenset[int]]) -> tuple[tuple[int, ...], int]:
    """Search with a machine that answers each test; what was found, and after how many tests."""
    known: dict[tuple[int, ...], bool] = {}
    while True:
        step = smallest(landed, known.get)
        if step.found is not None:
            return step.found, len(known)
        assert step.test not in known, "asked twice"
        known[step.test] = any(one <= set(step.test) for one in bad)


def test_a_pair():
    assert run((1, 2, 3, 4, 5), [frozenset({4})])[0] == (4,)


def test_red_with_everything_but_asked_about_nothing_else():
    assert run((7,), [frozenset({7})]) == ((7,), 0)


@given(st.integers(1, 16), st.data())
def test_what_is_found_is_red_and_nothing_less_is(size, data):
    landed = tuple(range(1, size + 1))
    sets = st.frozensets(st.sampled_from(landed), min_size=1, max_size=4)
    bad = data.draw(st.lists(sets, min_size=1, max_size=3))
    found, tests = run(landed, bad)
    assert any(one <= set(found) for one in bad)
    for left_out in found:
        assert not any(one <= set(found) - {left_out} for one in bad)
    assert tests <= (len(found) + 1) * (math.ceil(math.log2(size + 1)) + 1)
