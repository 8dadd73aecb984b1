"""The landing queue's rule: which changes to test together, and what a verdict teaches. Pure.

Nested group testing on an ordered stream, in which a change is bad with probability p. The first k changes are tested
together, k = ⌈-log2(2-p) / log2(1-p)⌉ (Golomb's run-length parameter; Gallager and Van Voorhis 1975 for its
optimality). When they are red, the first bad one is looked for by order-preserving splits of least expected cost. What
is green lands at once; the right part of a red group is never tested again as it stands, for that tree was already seen
red; a lone suspect is ejected untested; whatever stood behind it is fresh again, since its tree is a new one.
`make bench` prints tests per change beside the entropy H(p), the bound no rule can beat.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """What to do next: test these changes, in this order, on top of `main`; or eject one; or nothing."""

    test: Ids = ()
    eject: int | None = None


@dataclass(frozen=True)
class Learnt:
    land: Ids
    suspects: Ids
    """Known to be red together on top of `main` as it is after the landing."""


def batch_size(p: float, limit: int) -> int:
    """How many fresh changes to test together when each is bad with probability `p` (0 < p < 1)."""
    k = math.ceil(-math.log2(2 - p) / math.log2(1 - p))
    return max(1, min(k, limit))


@lru_cache(maxsize=64)
def _splits(p: float, most: int) -> tuple[tuple[float, int], ...]:
    """For m = 0 … `most` changes that hold a bad one: expected tests to find the first, and the first split."""
    table = [(0.0, 0), (0.0, 0)]
    good = [(1 - p) ** i for i in range(most + 1)]
    for m in range(2, most + 1):
        best = (math.inf, 0)
        for left in range(1, m):
            red = (1 - good[left]) / (1 - good[m])
            best = min(best, (1 + red * table[left][0] + (1 - red) * table[m - left][0], left))
        table.append(best)
    return tuple(table)


def choose(suspects: Ids, waiting: Ids, p: float, limit: int) -> Step:
    """The next step. `waiting` is the whole queue in order, the suspects included wherever they stand.

    A suspect that is no longer waiting (cancelled, or continued with new commits) makes the red tree a thing of the
    past, so all suspects count as fresh then.
    """
    if suspects and all(change in waiting for change in suspects):
        if len(suspects) == 1:
            return Step(eject=suspects[0])
        return Step(test=suspects[:_splits(p, len(suspects))[len(suspects)][1]])
    return Step(test=waiting[:batch_size(p, limit)])


def learn(suspects: Ids, tested: Ids, green: bool) -> Learnt:
    """What a verdict on `tested` (a prefix of `suspects`, or fresh changes) lands, and who is suspected now."""
    inside = bool(suspects) and tested == suspects[:len(tested)]
    if not green:
        return Learnt((), tested)
    return Learnt(tested, suspects[len(tested):] if inside else ())


def entropy(p: float) -> float:
    """H(p) in bits: the least number of yes/no tests a change can cost on average."""
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def cost(p: float) -> float:
    """Expected tests per change of this rule on an endless queue, computed, not simulated."""
    k, q = batch_size(p, 1 << 20), 1 - p
    tests = 1 + (1 - q**k) * _splits(p, k)[k][0]
    resolved = (1 - q**k) / p  # of a red group, everything up to and with the first bad one; of a green one, k
    return tests / resolved
