"""The measures: macro-F1 with an interval, confusion, exact actions, out-of-scope recall and AUROC, calibration error."""

import math

import numpy as np

from SLM.intents import INTENTS

NONE = INTENTS.index("NONE")


def macro_f1(wanted: list[str], found: list[str]) -> float:
    """Mean F1 over the intents that occur in `wanted`."""
    scores = []
    for name in INTENTS:
        if name not in wanted:
            continue
        hit = sum(w == f == name for w, f in zip(wanted, found, strict=True))
        total = wanted.count(name) + found.count(name)
        scores.append(2 * hit / total if total else 0.0)
    return sum(scores) / len(scores) if scores else 0.0


def interval(wanted: list[str], found: list[str], groups: list[str], rounds: int = 500) -> tuple[float, float]:
    """95 % bootstrap interval of macro-F1, drawn by whole groups (families), since rows of one are not independent."""
    if len(set(groups)) < 2:
        groups = [str(i) for i in range(len(wanted))]
    place = {g: i for i, g in enumerate(sorted(set(groups)))}
    tables = np.zeros((len(place), len(INTENTS), len(INTENTS)))
    for w, f, g in zip(wanted, found, groups, strict=True):
        tables[place[g], INTENTS.index(w), INTENTS.index(f)] += 1
    drawn = np.random.default_rng(0).multinomial(len(place), [1 / len(place)] * len(place), rounds)   # (rounds, groups)
    sums = np.tensordot(drawn, tables, 1)                                                             # (rounds, 7, 7)
    hit, rows = np.diagonal(sums, axis1=1, axis2=2), sums.sum(2)
    total = rows + sums.sum(1)
    f1 = np.divide(2 * hit, total, out=np.zeros_like(total), where=total > 0)
    there = rows > 0
    scores = np.sort((f1 * there).sum(1) / np.maximum(1, there.sum(1)))
    return float(scores[int(0.025 * rounds)]), float(scores[int(0.975 * rounds) - 1])


def confusion(wanted: list[str], found: list[str]) -> list[list[int]]:
    """Rows are what was wanted, columns what was found, in the order of INTENTS."""
    table = [[0] * len(INTENTS) for _ in INTENTS]
    for w, f in zip(wanted, found, strict=True):
        table[INTENTS.index(w)][INTENTS.index(f)] += 1
    return table


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    z = logits / temperature
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def ece(probability: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the top answer's probability."""
    at = np.minimum((probability * bins).astype(int), bins - 1)
    return float(sum(abs(right[at == b].mean() - probability[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()))


def fit_temperature(logits: np.ndarray, wanted: list[str]) -> float:
    """The temperature that gives the least log loss on held-out rows (golden-section over its logarithm)."""
    target = np.array([INTENTS.index(w) for w in wanted])

    def cost(log_t: float) -> float:
        p = softmax(logits, math.exp(log_t))
        return float(-np.log(np.maximum(p[np.arange(len(target)), target], 1e-12)).mean())

    low, high, ratio = math.log(0.2), math.log(10), (math.sqrt(5) - 1) / 2
    for _ in range(40):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if cost(a) < cost(b) else (a, high)
    return math.exp((low + high) / 2)


def out_of_scope(p: np.ndarray, wanted: list[str]) -> dict:
    """NONE against the rest: AUROC, and recall at the threshold that keeps 92 % of the in-scope rows right."""
    is_none = np.array([w == "NONE" for w in wanted])
    if is_none.all() or not is_none.any():
        return {}
    score = p[:, NONE]
    order = score.argsort(kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    for value in np.unique(score):
        same = score == value
        ranks[same] = ranks[same].mean()
    n1, n0 = int(is_none.sum()), int((~is_none).sum())
    auroc = (ranks[is_none].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)
    inside = p.copy()
    inside[:, NONE] = -1
    target = np.array([INTENTS.index(w) for w in wanted])
    right = inside.argmax(1) == target
    best = 0.0
    for threshold in np.unique(np.concatenate([score, [1.1]])):
        accuracy = (right & (score < threshold))[~is_none].mean()
        if accuracy >= 0.92:
            best = max(best, float((score >= threshold)[is_none].mean()))
    return {"auroc": float(auroc), "recall_at_92": best}
