"""The landing queue: nothing bad lands, nothing good is ejected, and it costs what the theory says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile import queue


def play(bad: list[bool], p: float, limit: int) -> tuple[list[int], list[int], int, set[tuple[int, ...]]]:
    """Run the rule over a queue whose changes are bad or not by themselves; landed, ejected, tests, trees."""
    waiting, suspects = tuple(range(len(bad))), ()
    landed, ejected, tests = [], [], 0
    seen: set[tuple[int, ...]] = set()
    while waiting:
        step = queue.choose(suspects, waiting, p, limit)
        if step.eject is not None:
            ejected.append(step.eject)
            waiting, suspects = tuple(c for c in waiting if c != step.eject), ()
            continue
        tree = tuple(landed) + step.test
        assert step.test and tree not in seen, "the same tree is never tested twice"
        seen.add(tree)
        tests += 1
        learnt = queue.learn(suspects, step.test, not any(bad[c] for c in step.test))
        landed += learnt.land
        waiting, suspects = tuple(c for c in waiting if c not in learnt.land), learnt.suspects
    return landed, ejected, tests, seen


@given(st.lists(st.booleans(), max_size=40), st.floats(0.01, 0.6), st.integers(1, 16))
def test_lands_exactly_the_good_ones_in_order(bad, p, limit):
    landed, ejected, _, _ = play(bad, p, limit)
    assert landed == [i for i, b in enumerate(bad) if not b]
    assert ejected == [i for i, b in enumerate(bad) if b]


@pytest.mark.parametrize("p", [0.001, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2])
def test_costs_at_most_two_percent_over_the_entropy(p):
    assert queue.entropy(p) <= queue.cost(p) <= 1.02 * queue.entropy(p)


@pytest.mark.parametrize("p", [0.05, 0.2])
def test_the_computed_cost_is_what_a_simulated_queue_pays(p):
    rng = random.Random(7)
    bad = [rng.random() < p for _ in range(20_000)]
    waiting, suspects, tests, done = 0, (), 0, len(bad)
    while waiting < done:  # a window of the endless queue, so that this stays linear
        window = tuple(range(waiting, min(done, waiting + 64)))
        step = queue.choose(suspects, window, p, 64)
        if step.eject is not None:
            waiting, suspects = step.eject + 1, ()
            continue
        tests += 1
        learnt = queue.learn(suspects, step.test, not any(bad[c] for c in step.test))
        waiting, suspects = waiting + len(learnt.land), learnt.suspects
    assert tests / done == pytest.approx(queue.cost(p), rel=0.03)


def test_a_withdrawn_suspect_clears_the_suspicion():
    assert queue.choose((1, 2, 3), (1, 3, 4), 0.2, 8).test == (1, 3, 4)


def test_a_lone_suspect_is_ejected_untested():
    assert queue.choose((5,), (5, 6), 0.1, 8) == queue.Step(eject=5)
