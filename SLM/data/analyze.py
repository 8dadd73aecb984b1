"""analyze-dataset: counts, duplicates, leaks between splits, lengths, coverage of families, ops, entities and words."""

import re
from collections import Counter
from pathlib import Path

from SLM.actions import grammar
from SLM.data.build import plain, read
from SLM.data.entities import held_out, snapshot
from SLM.data.families import load
from SLM.errors import SlmError

FREE = ("free", "free_dev", "free_noise", "free_dev_noise")
"""Splits that people wrote: a sentence as plain as "reboot" may well stand in training too."""


def analyze(data: Path) -> dict:
    files = sorted(f for f in data.glob("*.jsonl") if f.name != "taught.jsonl")  # training's rows again, with a teacher's word
    if not files:
        raise SlmError(f"{data}: expected a dataset (*.jsonl, made by build-dataset), found none")
    splits = {f.stem: read(f) for f in files}
    out: dict = {"splits": {name: _counts(rows) for name, rows in splits.items()}, "leaks": {}, "problems": []}
    for name, rows in splits.items():
        for r in rows:
            if r.get("action") is not None and (why := grammar().check(r.get("intent", ""), r["text"], r["action"])):
                out["problems"].append(f"{name}: {why}")
    train = splits.get("train", [])
    out["leaks"] = {name: _leaks(name, rows, train) for name, rows in splits.items() if name != "train"}
    for name, leak in out["leaks"].items():
        out["problems"] += [f"{name}: {leak[kind]} {kind} are also in train" for kind in ("sentences", "families") if leak.get(kind)]
        if leak["same_but_for_marks"] and name not in FREE:
            out["problems"].append(f"{name}: {leak['same_but_for_marks']} sentences are in train but for marks and capitals")
    entities = {value for r in train if not r["noise"] for value in _quoted(r) if held_out(value)} & _source_names()
    if entities:
        out["problems"].append(f"train: held-out entities are named: {sorted(entities)[:4]}")
    meanings: dict[str, set] = {}
    for r in train:
        meanings.setdefault(plain(r["text"]), set()).add(r["intent"])
    ops = Counter((r["intent"], r["action"].split(" ")[0]) for r in train if r.get("action"))
    words = Counter(w for r in train if not r["noise"] for w in re.findall("[a-z]+", r["text"].lower()))
    out["coverage"] = {
        "families_used": len({r["family"] for r in train}), "families_written": len(load()),
        "families_by_intent": dict(Counter(f.intent for f in load())),
        "ops": len(ops), "ops_missing": [f"{i} {op}" for i, all_ops in grammar().ops.items() for op in all_ops if (i, op) not in ops],
        "rarest_ops": {f"{i} {op}": n for (i, op), n in ops.most_common()[-5:]},
        "words": len(words), "words_once": sum(n == 1 for n in words.values()),
        "two_intents": sorted(text for text, intents in meanings.items() if len(intents) > 1)[:20]}
    out["problems"] = out["problems"][:20]
    out["text"] = _text(out)
    return out


def _counts(rows: list[dict]) -> dict:
    lengths = sorted(len(r["text"]) for r in rows) or [0]
    families = Counter(r.get("family") for r in rows)
    return {"rows": len(rows), "intents": dict(sorted(Counter(r.get("intent", "?") for r in rows).items())),
            "duplicates": len(rows) - len({r["text"].lower() for r in rows}), "families": len(families),
            "rows_of_the_largest_family": max(families.values(), default=0),
            "noise": dict(sorted(Counter(r["noise"] for r in rows if r.get("noise")).items())),
            "characters": {"median": lengths[len(lengths) // 2], "p95": lengths[int(len(lengths) * 0.95)], "max": lengths[-1]}}


def _leaks(name: str, rows: list[dict], train: list[dict]) -> dict:
    seen, bare = {r["text"].lower() for r in train}, {plain(r["text"]) for r in train}
    leak = {"sentences": sum(r["text"].lower() in seen for r in rows),
            "same_but_for_marks": sum(plain(r["text"]) in bare for r in rows)}
    if name not in ("test_entities", "test_drivers"):  # known families on purpose: their entities are new
        leak["families"] = len({r.get("family") for r in rows} & {r["family"] for r in train})
    return leak


def _quoted(row: dict) -> list[str]:
    """The packages and PCI ids that a row's action names."""
    op, *arguments = (row.get("action") or "").split(" ")
    if row["intent"] == "APP_INSTALL" and op in ("install", "remove", "upgrade", "search") and len(arguments) == 1:
        return arguments
    return [a.removeprefix("id=").lower() for a in arguments if a.startswith("id=")]


def _source_names() -> set[str]:
    """Packages and ids of the sources (a service or a host may have the name of a held-out one)."""
    return {row[0] for name in ("pci", "packages") for row in snapshot(name)}


def _text(out: dict) -> str:
    lines = [f"{'split':16}{'rows':>8}{'families':>10}{'doubles':>9}{'noisy':>8}{'chars (median, 95 %, max)':>28}"]
    for name, s in out["splits"].items():
        c = s["characters"]
        lines.append(f"{name:16}{s['rows']:8}{s['families']:10}{s['duplicates']:9}{sum(s['noise'].values()):8}"
                     f"{c['median']:14}{c['p95']:7}{c['max']:7}")
    c = out["coverage"]
    lines += ["", f"families: {c['families_written']} written, {c['families_used']} in training; "
              + ", ".join(f"{i} {n}" for i, n in c["families_by_intent"].items()),
              f"ops: {c['ops']} in training, missing {c['ops_missing'] or 'none'}, rarest {c['rarest_ops']}",
              f"words: {c['words']}, {c['words_once']} only once; sentences with two intents: {len(c['two_intents'])}", ""]
    return "\n".join(lines + [f"problem: {p}" for p in out["problems"]] + ([] if out["problems"] else ["no problem found"]))
