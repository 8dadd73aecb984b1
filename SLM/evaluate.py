"""Evaluation: one engine over the splits of a dataset, or several beside each other on the same rows.

A split's figures come from `classify` rows alone, so that every engine, the kernels' too, is judged by the same code.
"""

import statistics
import sys
from pathlib import Path

import numpy as np

from SLM import metrics
from SLM.actions import grammar
from SLM.data.build import read
from SLM.errors import SlmError
from SLM.intents import INTENTS

SPLITS = ("test_families", "test_entities", "test_noise", "free", "free_noise")


def classify_rows(engine, rows: list[dict], label: str = "") -> list:
    answers = []
    for i, row in enumerate(rows):
        answers.append(engine.classify(row["text"]))
        if (i + 1) % 500 == 0:
            print(f"{label} {i + 1}/{len(rows)}", file=sys.stderr)
    return answers


def score(rows: list[dict], answers: list, temperature: float | None = None) -> dict:
    """All figures of one split."""
    wanted, found = [r["intent"] for r in rows], [a.intent for a in answers]
    right = np.array([w == f for w, f in zip(wanted, found, strict=True)])
    low, high = metrics.interval(wanted, found, [r.get("family", "") for r in rows])
    out = {"rows": len(rows), "macro_f1": metrics.macro_f1(wanted, found), "interval": [low, high], "accuracy": float(right.mean()),
           "confusion": metrics.confusion(wanted, found), "ms_median": statistics.median(a.ms for a in answers)}
    acted = [(r, a) for r, a in zip(rows, answers, strict=True) if r.get("action")]
    if acted and any(a.action for _, a in acted):
        out["action_exact"] = sum(r["action"] == a.action and r["intent"] == a.intent for r, a in acted) / len(acted)
        parsed = [grammar().check(a.intent, r["text"], a.action) is None for r, a in acted if a.action or a.intent != "NONE"]
        out["action_parses"] = sum(parsed) / max(1, len(parsed))
    if all(len(a.logits) == len(INTENTS) for a in answers):
        p = metrics.softmax(np.array([a.logits for a in answers]), temperature or 1.0)
        out["ece"] = metrics.ece(p.max(1), right)
        out["out_of_scope"] = metrics.out_of_scope(p, wanted)
    if "test_noise" in {r.get("split") for r in rows} or any(r.get("noise") for r in rows):
        kinds = sorted({r["noise"] for r in rows if r.get("noise")})
        out["by_noise"] = {k: metrics.macro_f1([r["intent"] for r in rows if r["noise"] == k],
                                               [a.intent for r, a in zip(rows, answers, strict=True) if r["noise"] == k]) for k in kinds}
    return out


def evaluate(engines: dict, data: Path, splits: tuple[str, ...] = SPLITS, limit: int | None = None,
             temperatures: dict[str, float] | None = None) -> dict:
    """{engine: {split: figures}} for opened engines, on the same rows."""
    out: dict = {name: {} for name in engines}
    for split in splits:
        rows = [r for r in read(data / f"{split}.jsonl") if r.get("intent") in INTENTS]
        if not rows:
            raise SlmError(f"{data / split}.jsonl: expected rows with an intent, found none")
        if limit and len(rows) > limit:
            rows = [rows[i * len(rows) // limit] for i in range(limit)]  # evenly, so that each kind of noise is there
        for name, engine in engines.items():
            scale = (temperatures or {}).get(name, getattr(engine, "temperature", 1.0))
            out[name][split] = score(rows, classify_rows(engine, rows, f"{name} {split}"), scale)
    return out


def calibrate(engine, rows: list[dict]) -> float:
    """The temperature fitted on validation rows (other families than any test's)."""
    answers = classify_rows(engine, rows, "calibrate")
    return metrics.fit_temperature(np.array([a.logits for a in answers]), [r["intent"] for r in rows])


def table(result: dict) -> str:
    """A plain table of macro-F1 (and exact actions) by split and engine, for people."""
    splits = list(next(iter(result.values())))
    lines = [f"{'':14}" + "".join(f"{s:>16}" for s in splits)]
    for name, by_split in result.items():
        cells = []
        for s in splits:
            f = by_split[s]
            cells.append(f"{f['macro_f1']:.3f}" + (f" ({f['action_exact']:.2f})" if "action_exact" in f else ""))
        lines.append(f"{name:14}" + "".join(f"{c:>16}" for c in cells))
    return "\n".join(lines) + "\n(macro-F1; in brackets: exact actions)"
