"""Mermaid's xychart as SVG: what GitHub draws of a block ```mermaid, as far as the bot's comments use it.

    xychart-beta
        title "…"
        x-axis [families, "free noise", …]      or      x-axis "step" 1 --> 420
        y-axis "loss" 0 --> 7
        bar [0.5, …]
        line [0.8, …]

Anything else is none of ours, and is shown as the text that it is. Colours are classes: the pages' policy forbids styles.
"""

import re
from dataclasses import dataclass, field
from math import isfinite

from markupsafe import Markup, escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 260, 52, 12, 34, 46
MOST = 400
"""Values of a series that are drawn."""

_TITLE = re.compile(r'title (?:"([^"]*)"|(.+))')
_X_NAMES = re.compile(r'x-axis (?:"[^"]*" |[\w-]+ )?\[(.*)\]')
_RANGE = re.compile(r'[xy]-axis (?:"([^"]*)"|([\w-]+))? ?(-?[\d.]+) --> (-?[\d.]+)')
_SERIES = re.compile(r'(bar|line) (?:"[^"]*" |[\w-]+ )?\[([\d\s.,eE+-]*)\]')
_NAME = re.compile(r'\s*(?:"([^"]*)"|([^",]+))\s*(?:,|$)')


@dataclass
class Chart:
    title: str = ""
    names: list[str] = field(default_factory=list)
    x: tuple[str, float, float] | None = None
    y: tuple[str, float, float] | None = None
    series: list[tuple[str, list[float]]] = field(default_factory=list)


def svg(source: str) -> Markup | None:
    """The chart, or None if `source` is no chart of the kind above."""
    found = _read(source)
    return _draw(found) if found else None


def _read(source: str) -> Chart | None:
    lines = [line.strip() for line in source.strip().splitlines() if line.strip() and not line.strip().startswith("%%")]
    if not lines or lines[0] not in ("xychart-beta", "xychart") or len(lines) > 40 or len(source) > 60_000:
        return None
    chart = Chart()
    for line in lines[1:]:
        if match := _TITLE.fullmatch(line):
            chart.title = match[1] if match[1] is not None else match[2]
        elif match := _X_NAMES.fullmatch(line):
            chart.names = [one[1] if one[1] is not None else one[2].strip() for one in _NAME.finditer(match[1])][:MOST]
        elif match := _RANGE.fullmatch(line):
            axis = _axis(match)
            if axis is None:
                return None
            setattr(chart, line[0], axis)
        elif match := _SERIES.fullmatch(line):
            values = _numbers(match[2])
            if values is None:
                return None
            chart.series.append((match[1], values))
        else:
            return None
    return chart if chart.series else None


def _axis(match: re.Match) -> tuple[str, float, float] | None:
    ends = _numbers(f"{match[3]},{match[4]}")
    return (match[1] or match[2] or "", ends[0], ends[1]) if ends and ends[0] < ends[1] else None


def _numbers(text: str) -> list[float] | None:
    try:
        values = [float(part) for part in text.split(",")][:MOST]
    except ValueError:
        return None
    return values if all(isfinite(value) and abs(value) < 1e12 for value in values) else None


def _draw(chart: Chart) -> Markup:
    every = [value for _, values in chart.series for value in values]
    label, low, high = chart.y or ("", min(0.0, *every), max(every) or 1.0)
    high = high if high > low else low + 1
    count = max(len(chart.names), *(len(values) for _, values in chart.series))
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = wide / max(1, count)

    def y(value: float) -> float:
        return TOP + tall * (1 - (min(max(value, low), high) - low) / (high - low))

    def x(place: int) -> float:
        return LEFT + step * (place + 0.5)

    parts = [f'<text class="title" x="{WIDTH // 2}" y="18" text-anchor="middle">{escape(chart.title)}</text>']
    for tick in range(5):
        value = low + (high - low) * tick / 4
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    parts += _bars(chart, x, y, step, low)
    parts += _lines(chart, x, y)
    parts += _below(chart, x, count)
    words = f"{chart.title}. " + "; ".join(f"{kind}: {', '.join(f'{v:g}' for v in values[:20])}" for kind, values in chart.series)
    return Markup(f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(words)}">'
                  f'<text x="12" y="{TOP - 8}">{escape(label)}</text>{"".join(parts)}</svg>')


def _bars(chart: Chart, x, y, step: float, low: float) -> list[str]:
    sets = [values for kind, values in chart.series if kind == "bar"]
    width = step * 0.7 / max(1, len(sets))
    return [f'<rect class="c{n % 4}" x="{x(place) - step * 0.35 + n * width:.1f}" y="{y(value):.1f}" width="{width:.1f}" '
            f'height="{max(0.0, y(low) - y(value)):.1f}"><title>{value:g}</title></rect>'
            for n, values in enumerate(sets) for place, value in enumerate(values)]


def _lines(chart: Chart, x, y) -> list[str]:
    bars = sum(kind == "bar" for kind, _ in chart.series)
    sets = [values for kind, values in chart.series if kind == "line"]
    return [f'<polyline class="c{(n + bars) % 4}" points="{" ".join(f"{x(place):.1f},{y(v):.1f}" for place, v in enumerate(values))}"/>'
            for n, values in enumerate(sets)]


def _below(chart: Chart, x, count: int) -> list[str]:
    base = HEIGHT - BOTTOM + 16
    if chart.x:
        name, first, last = chart.x
        return [f'<text x="{x(0):.1f}" y="{base}">{first:g}</text>',
                f'<text x="{x(count - 1):.1f}" y="{base}" text-anchor="end">{last:g}</text>',
                f'<text x="{WIDTH // 2}" y="{base + 18}" text-anchor="middle">{escape(name)}</text>']
    return [f'<text x="{x(place):.1f}" y="{base}" text-anchor="middle">{escape(name[:18])}</text>'
            for place, name in enumerate(chart.names)]
