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
from SLM.data.entities import snapshot
from SLM.errors import SlmError
from SLM.intents import INTENTS

SPLITS = ("test_families", "test_writer", "test_entities", "test_noise", "test_drivers", "free", "free_noise")


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
    if (top1 := driver_top1(rows, answers)) is not None:
        out["driver_top1"] = top1
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


def driver_top1(rows: list[dict], answers: list) -> float | None:
    """Share of questions for a device by its PCI id that end at the right module, the id table being looked up.

    The model has to quote the id; the table (snapshot/pci.tsv) has the module. None without such rows or actions.
    """
    table = dict(snapshot("pci"))
    asked = [(table[wanted], a) for r, a in zip(rows, answers, strict=True)
             if (wanted := _id_of(r["intent"], r.get("action") or "")) in table]
    if not asked or not any(a.action for _, a in asked):
        return None
    return sum(table.get(_id_of(a.intent, a.action)) == module for module, a in asked) / len(asked)


def _id_of(intent: str, action: str) -> str:
    head, _, device = action.partition(" id=")
    return device.split(" ")[0].lower() if intent == "DRIVER_SELECT" and head == "find" else ""


def table(result: dict) -> str:
    """What people read: a table of splits by engine for each figure, then noise and the first engine's confusion."""
    splits = list(next(iter(result.values())))
    width = max(len(name) for name in result) + 2
    blocks = [
        _block(result, splits, width, "macro-F1 [95 % interval]",
               lambda f: f"{f['macro_f1']:.3f} [{f['interval'][0]:.2f} {f['interval'][1]:.2f}]"),
        _block(result, splits, width, "exact actions", lambda f: f"{f['action_exact']:.3f}"),
        _block(result, splits, width, "driver top-1, with the id table", lambda f: f"{f['driver_top1']:.3f}"),
        _block(result, splits, width, "out of scope: recall at 92 % in-scope accuracy, AUROC",
               lambda f: f"{f['out_of_scope']['recall_at_92']:.3f} {f['out_of_scope']['auroc']:.3f}"),
        _block(result, splits, width, "calibration error (ECE)", lambda f: f"{f['ece']:.3f}"),
        _block(result, splits, width, "median ms", lambda f: f"{f['ms_median']:.2f}"),
    ]
    for split in splits:
        kinds = sorted({k for by in result.values() for k in by[split].get("by_noise", {})})
        if kinds:
            lines = [f"{split}: macro-F1 by kind of noise", " " * width + "".join(f"{k:>9}" for k in kinds)]
            lines += [f"{n:{width}}" + "".join(f"{by[split]['by_noise'].get(k, float('nan')):9.3f}" for k in kinds)
                      for n, by in result.items()]
            blocks.append(lines)
    first, by_split = next(iter(result.items()))
    short = [i.split("_")[0][:8] for i in INTENTS]
    for split in splits[:1]:
        lines = [f"{split}: confusion of {first} (rows: wanted, columns: found)", " " * 10 + "".join(f"{s:>9}" for s in short)]
        lines += [f"{s:10}" + "".join(f"{n:9d}" for n in row) for s, row in zip(short, by_split[split]["confusion"], strict=True)]
        blocks.append(lines)
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _block(result: dict, splits: list[str], width: int, title: str, cell) -> list[str]:
    """A figure's lines: splits that have it as columns, engines as rows; nothing if no split has it."""
    cells = {n: {s: _or_dash(cell, by[s]) for s in splits} for n, by in result.items()}
    shown = [s for s in splits if any(row[s] != "-" for row in cells.values())]
    if not shown:
        return []
    return [title, " " * width + "".join(f"{s:>20}" for s in shown),
            *(f"{n:{width}}" + "".join(f"{row[s]:>20}" for s in shown) for n, row in cells.items())]


def _or_dash(cell, figures: dict) -> str:
    try:
        return cell(figures)
    except KeyError:
        return "-"
