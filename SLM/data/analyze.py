"""analyze-dataset: counts, duplicates, leaks between splits, lengths, coverage of families and of the grammar."""

from collections import Counter
from pathlib import Path

from SLM.actions import grammar
from SLM.data.build import read
from SLM.data.families import load
from SLM.errors import SlmError


def analyze(data: Path) -> dict:
    files = sorted(data.glob("*.jsonl"))
    if not files:
        raise SlmError(f"{data}: expected a dataset (*.jsonl, made by build-dataset), found none")
    splits = {f.stem: read(f) for f in files}
    out: dict = {"splits": {}, "leaks": {}, "problems": []}
    for name, rows in splits.items():
        texts = Counter(r["text"].lower() for r in rows)
        lengths = sorted(len(r["text"]) for r in rows) or [0]
        out["splits"][name] = {
            "rows": len(rows), "intents": dict(sorted(Counter(r.get("intent", "?") for r in rows).items())),
            "duplicates": sum(n - 1 for n in texts.values()), "families": len({r.get("family") for r in rows}),
            "noisy": sum(bool(r.get("noise")) for r in rows),
            "characters": {"median": lengths[len(lengths) // 2], "p95": lengths[int(len(lengths) * 0.95)], "max": lengths[-1]}}
        for r in rows:
            if r.get("action") is not None and (why := grammar().check(r.get("intent", ""), r["text"], r["action"])):
                out["problems"].append(f"{name}: {why}")
    train = splits.get("train", [])
    seen, families = {r["text"].lower() for r in train}, {r["family"] for r in train}
    for name, rows in splits.items():
        if name != "train":
            leak = {"sentences": sum(r["text"].lower() in seen for r in rows)}
            if name not in ("test_entities",):
                leak["families"] = len({r.get("family") for r in rows} & families)
            out["leaks"][name] = leak
            for kind, count in leak.items():
                if count:
                    out["problems"].append(f"{name}: {count} {kind} are also in train")
    ops = Counter((r["intent"], r["action"].split(" ")[0]) for r in train if r.get("action"))
    missing = [f"{i} {op}" for i, all_ops in grammar().ops.items() for op in all_ops if (i, op) not in ops]
    out["coverage"] = {"families_used": len(families), "families_written": len(load()), "ops": len(ops), "ops_missing": missing}
    out["problems"] = out["problems"][:20]
    return out
