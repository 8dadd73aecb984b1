"""Stages that join others: quantize, benchmark, compare, integrate. Each returns the dict that its verb prints."""

import hashlib
import json
import shutil
import statistics
import time
from pathlib import Path

from SLM.errors import SlmError
from SLM.hostile import parsed

MODELS = Path(__file__).parent / "models"
"""The shipped model: slm.gguf and its manifest; kernels take it from here."""


def quantize(model: Path, output: Path, kind: str, data: Path | None, anneal: int, config: str) -> dict:
    import dataclasses

    from SLM import config as configs
    from SLM.data.build import read
    from SLM.model import load, save
    from SLM.quantize import rounded
    from SLM.tokenizer import Tokenizer

    tok = Tokenizer(model / "tokenizer.json")
    output.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "calibration.json"):
        if (model / name).exists():
            shutil.copy(model / name, output / name)
    report = {}
    if anneal:
        if not data:
            raise SlmError("--anneal: expected --data, the dataset to train on, found none")
        from SLM.train import train

        c = configs.load(config)
        t = dataclasses.replace(c.train, steps=anneal, lr=c.train.lr / 5, adam_lr=c.train.adam_lr / 5, warmup=1, decay=1.0)
        report = train(dataclasses.replace(c, train=t), read(data / "train.jsonl"), read(data / "val.jsonl"), tok, output,
                       init=model, quantize=kind)
    else:
        save(rounded(load(model), kind), output)
    result = {"output": str(output), "type": kind, "anneal_steps": anneal, "annealed_val_accuracy": report.get("val_accuracy")}
    if data:
        from SLM.engines.torch_engine import open as open_torch

        rows = read(data / "val.jsonl")[:300]
        before, after = open_torch(model, action=False), open_torch(output, action=False)
        flips = sum(before.classify(r["text"]).intent != after.classify(r["text"]).intent for r in rows)
        result |= {"val_rows": len(rows), "intent_flips": flips / len(rows)}
    return result


QUESTION = "please set up a small web server on port 8080 for the office and start it at boot"


def benchmark(model: Path, engines: tuple[str, ...], rounds: int) -> dict:
    """Each engine asked in turn, round after round, so that a busy moment hits all alike."""
    from SLM.engines import open_engine
    from SLM.errors import Missing

    opened, out = {}, {}
    for name in engines:
        try:
            opened[name] = open_engine(name, model)
        except (SlmError, Missing) as error:
            out[name] = {"skipped": str(error)}
    if not opened:
        raise SlmError("no engine could be measured: " + "; ".join(f"{name}: {one['skipped']}" for name, one in out.items()))
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in opened}
    for lap in range(rounds + 1):
        for name, engine in opened.items():
            began = time.perf_counter()
            engine.action = False
            engine.classify(QUESTION)
            asked = time.perf_counter() - began
            engine.action = True
            began = time.perf_counter()
            engine.classify(QUESTION)
            if lap:
                took[name].append((asked, time.perf_counter() - began))
    for name, engine in opened.items():
        asked, acted = (statistics.median(t[i] for t in took[name]) * 1000 for i in (0, 1))
        out[name] = {"intent_ms": round(asked, 3), "intent_and_action_ms": round(acted, 3)}
        engine.close()
    base = out.get("llama.cpp", {}).get("intent_ms")
    for figures in out.values():
        if base and "intent_ms" in figures:
            figures["times_llama_cpp"] = round(base / figures["intent_ms"], 3)
    text = "\n".join(f"{n:10} " + ", ".join(f"{k} {v}" for k, v in f.items()) for n, f in out.items())
    return {"model": str(model), "rounds": rounds, "engines": out, "text": text}


HIGHER = ("macro_f1", "action_exact")


def compare(base: Path, candidate: Path, engine: str, tolerance: float) -> dict:
    """Figures of both, and which of them are worse than the tolerance allows."""
    both = []
    for path in (base, candidate):
        try:
            both.append(parsed(json.loads, path.read_text())["engines"][engine])
        except FileNotFoundError:
            raise SlmError(f"{path}: expected evaluate-model's output, found none") from None
        except (ValueError, KeyError, TypeError):
            raise SlmError(f"{path}: expected evaluate-model's output with the engine {engine}") from None
    lines, worse = [], []
    for split in both[0]:
        if split not in both[1]:
            worse.append(f"{split}: missing from the candidate")
            continue
        for name in HIGHER:
            if name in both[0][split]:
                was, now = both[0][split][name], both[1][split].get(name, 0.0)
                lines.append({"split": split, "figure": name, "base": round(was, 4), "candidate": round(now, 4),
                              "change": round(now - was, 4)})
                if now < was - tolerance:
                    worse.append(f"{split}: {name} {was:.4f} → {now:.4f}")
    text = "\n".join(f"{r['split']:16}{r['figure']:14}{r['base']:8.4f} → {r['candidate']:8.4f}  {r['change']:+.4f}" for r in lines)
    verdict = "REGRESSION: " + "; ".join(worse) if worse else "no regression"
    return {"ok": not worse, "figures": lines, "regressions": worse, "text": f"{text}\n{verdict}"}


def integrate(model: Path, evaluation: Path | None, report: Path | None, data: Path | None, output: Path) -> dict:
    from SLM.gguf_read import check, read

    g = read(model)
    if problems := check(g):
        raise SlmError(f"{model}: {problems[0]}")

    def load(path: Path | None):
        try:
            return parsed(json.loads, path.read_text()) if path else None
        except (FileNotFoundError, ValueError) as error:
            raise SlmError(f"{path}: expected JSON: {error}") from None

    output.mkdir(parents=True, exist_ok=True)
    target = output / "slm.gguf"
    raw = model.read_bytes()
    partial = target.with_suffix(".part")
    partial.write_bytes(raw)
    partial.replace(target)
    if (model.parent / "tokenizer.json").exists():
        shutil.copy(model.parent / "tokenizer.json", output / "tokenizer.json")  # for the engines that are not the kernels'
    tested = load(evaluation)
    manifest = {"format": 1, "file": target.name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(),
                "name": g.keys.get("general.name"), "types": sorted({t.type for t in g.tensors.values()}),
                "training": load(report), "data": load(data / "manifest.json") if data else None,
                "figures": tested["engines"] if tested else None}
    (output / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return {"ok": True, "output": str(target), "bytes": len(raw), "sha256": manifest["sha256"]}
