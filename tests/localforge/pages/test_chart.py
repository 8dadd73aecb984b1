"""Charts of comments: Mermaid's xychart as SVG, and everything else as the text that it is."""

import xml.etree.ElementTree as xml

import pytest

from bot.localforge.pages import chart, markdown

BARS = """xychart-beta
    title "macro-F1: this (bars), main's (line)"
    x-axis [families, "free noise", drivers]
    y-axis "macro-F1" 0 --> 1
    bar [0.5, 0.25, 1]
    line [0.6, 0.5, 1]
"""


def drawn(source: str) -> xml.Element:
    return xml.fromstring(str(chart.svg(source)))


def test_bars_and_lines_stand_at_their_values():
    svg = drawn(BARS)
    heights = [float(bar.get("height")) for bar in svg.iter("rect")]
    assert heights[2] == pytest.approx(2 * heights[0], abs=0.2) and heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    [line] = svg.iter("polyline")
    places = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    assert len(places) == 3 and places[0][0] < places[1][0] and places[2][1] < places[0][1] < places[1][1]
    words = [text.text for text in svg.iter("text")]
    assert "macro-F1: this (bars), main's (line)" in words and "free noise" in words
    assert "0.25" in svg.get("aria-label")


def test_a_range_of_steps_is_told_by_its_ends():
    words = [t.text for t in drawn('xychart-beta\nx-axis "step" 1 --> 420\ny-axis "loss" 0 --> 7\nline [6, 3, 2]').iter("text")]
    assert "1" in words and "420" in words and "step" in words and "7" in words


@pytest.mark.parametrize("source", [
    "", "flowchart LR\n a --> b", "xychart-beta", "xychart-beta\nline [1, nan]", "xychart-beta\nline [1, 1e999]",
    "xychart-beta\nline [1, x]", "xychart-beta\nline [1]\nclick a href", 'xychart-beta\ny-axis "y" 5 --> 1\nline [1]',
    "xychart-beta\n" + "line [1]\n" * 100])
def test_what_is_no_chart_of_ours_is_none(source):
    assert chart.svg(source) is None


def test_a_comment_shows_the_chart_and_other_diagrams_as_text():
    shown = markdown.render(f"```mermaid\n{BARS}```\n", "you/demo")
    assert '<figure class="chart"><svg' in shown and "<pre" not in shown
    other = markdown.render("```mermaid\nflowchart LR\n  a --> b\n```\n", "you/demo")
    assert "<svg" not in other and "flowchart LR" in other


def test_words_of_a_chart_are_text():
    hostile = BARS.replace("families", '"<script>alert(1)</script>"').replace("main's", "<img src=x onerror=y>")
    shown = str(chart.svg(hostile))
    assert "<script" not in shown and "<img" not in shown and "style=" not in shown
    xml.fromstring(shown)
