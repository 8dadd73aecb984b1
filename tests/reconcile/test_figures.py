"""What changes measure together is what their parts predict, or they do not go together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Queue
from bot.reconcile.figures import growth, together, worse

LIMITS = Queue(larger=0.1, slower=2.0)


@pytest.mark.parametrize(("name", "want", "fine", "bad"), [
    ("image_bytes", 1000, 1099, 1101), ("boot_ms", 200, 599, 601), ("boot_ms", 10, 109, 111), ("init_us", 40, 99_000, 120_040),
    ("tokens_per_s", 90, 31, 29)])
def test_limits(name, want, fine, bad):
    assert worse({"a": {name: fine}}, {"a": {name: want}}, LIMITS) == []
    assert worse({"a": {name: bad}}, {"a": {name: want}}, LIMITS) == [f"a: {name} is {bad:g}, where its parts predict {want:g}"]


def test_what_nobody_measured_is_not_judged():
    assert growth({"a": {"x": 3, "y": 1}, "b": {"x": 1}}, {"a": {"x": 1}}) == {"a": {"x": 2}, "b": {}}
    assert together({"a": {"x": 1, "y": 5}}, [{"a": {"x": 2}}]) == {"a": {"x": 3}}
    assert together({"a": {"x": 1}}, [{}]) == {"a": {}}
    assert worse({"a": {"x": 99}}, {"b": {"x": 1}}, LIMITS) == worse({}, {"a": {"x": 1}}, LIMITS) == []


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=6), st.floats(1, 1e6))
def test_the_sum_of_what_parts_add_is_never_worse(parts, ground):
    """Whatever commits the parts began on, and in whatever order they come."""
    adds = [growth({"a": {"x": alone}}, {"a": {"x": base}}) for alone, base in parts]
    found = {"a": {"x": ground + sum(alone - base for alone, base in parts)}}
    assert worse(found, together({"a": {"x": ground}}, adds), LIMITS) == []
