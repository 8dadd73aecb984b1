"""Spans of time in which a command waited for others (compilers, QEMU, a model), so that the bot's own share is known."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

Span = tuple[float, float]
"""Begin and end in seconds since the epoch."""


@contextmanager
def noted(spans: list[Span]) -> Iterator[None]:
    """Add the time that the block takes to `spans`, however it ends."""
    begin = time.time()
    try:
        yield
    finally:
        spans.append((round(begin, 3), round(time.time(), 3)))


def covered(spans: Iterable[Span], begin: float = float("-inf"), end: float = float("inf")) -> float:
    """Seconds between `begin` and `end` that at least one of the spans covers."""
    total, reached = 0.0, begin
    for first, last in sorted(spans):
        total += max(0.0, min(last, end) - max(first, reached))
        reached = max(reached, last)
    return total
