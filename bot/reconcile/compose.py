"""Which changes don't go together: the smallest set that is red, found with few tests. Pure.

A change is green alone (on the commit where its branch began) and red on top of what has landed since. Wanted are those
of the landed changes without which it would be green. Assuming that more changes never turn red into green, binary
search over prefixes finds one needed change after the other: at most log2(n) tests for each of them, plus one. (This is
the minimal-change search of "Yesterday, my program worked", Zeller 1999, for an ordered history.)
"""

from collections.abc import Callable
from dataclasses import dataclass

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Search:
    """`test`: the verdict on these landed changes with the culprit is wanted next. `found`: the answer."""

    test: Ids | None = None
    found: Ids | None = None


def smallest(landed: Ids, red: Callable[[Ids], bool | None]) -> Search:
    """Search `landed`, all of which together are known to be red with the culprit, and none of which is green.

    `red(changes)` is the verdict on the culprit with `changes`, in order, or None while it is not known.
    """
    needed: set[int] = set()
    pool = landed
    while pool:
        low, high = 0, len(pool)  # red with pool[:high]; not known to be red with pool[:low - 1]
        while low < high:
            middle = (low + high) // 2
            part = tuple(n for n in landed if n in pool[:middle] or n in needed)
            verdict = red(part) if part else False
            if verdict is None:
                return Search(test=part)
            low, high = (low, middle) if verdict else (middle + 1, high)
        if high == 0:
            break
        needed.add(pool[high - 1])
        pool = pool[: high - 1]
    return Search(found=tuple(n for n in landed if n in needed))
