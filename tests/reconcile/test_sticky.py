"""The hidden block: what goes in comes out, and no text can forge or close it."""

from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile import sticky

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c, max_size=3)
                    | st.dictionaries(st.text(), c, max_size=3), max_leaves=8)


@given(st.text(), st.dictionaries(st.text().filter(lambda k: k != "v"), JSON, max_size=4))
def test_state_comes_back_whatever_the_texts_hold(text, state):
    body = sticky.render(text, state)
    assert sticky.parse(body) == state
    assert body.count("-->") - text.count("-->") == 1


def test_visible_text_can_not_pose_as_state():
    forged = sticky.render("", {"cost": 0})
    assert sticky.parse(sticky.render(forged, {"cost": 5})) == {"cost": 5}


def test_long_text_is_cut_and_the_state_kept():
    body = sticky.render("x" * 100_000, {"a": 1})
    assert len(body) <= sticky.LIMIT and sticky.parse(body) == {"a": 1}


def test_other_versions_and_broken_blocks_are_nothing():
    assert sticky.parse("<!-- auton:state {\"v\": 99} -->") is None
    assert sticky.parse("<!-- auton:state {oops -->") is None
    assert sticky.parse("plain") is None
