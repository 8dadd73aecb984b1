"""The judgement of a recipe's model: the same rows for it and for the model that ships, by the judge's own code and tests.

Everything below `made` may come from code that nobody has read: files are read within bounds, the GGUF is validated
before any engine opens it, and the rows that it learnt from are compared with the tests.
"""

import json
import statistics
import time
from pathlib import Path

from SLM import evaluate
from SLM.data.build import plain, read
from SLM.engines import open_engine
from SLM.errors import Missing, SlmError
from SLM.gguf_read import check
from SLM.gguf_read import read as read_gguf
from SLM.hostile import parsed
from SLM.recipe import Recipe
from SLM.stages import integrate

MAX_GGUF = 256 << 20
MAX_JSON = 4 << 20
MOST_LEARNT = 0.05
"""Share of a test's sentences that may be among the learnt ones; they are left out of the test, for every model."""
ASKED = 12
"""Sentences that the kernels are asked."""
POINTS = 40
"""Points of the curve that are told."""
COUNT = ("macro_f1", "action_exact")
"""Figures of which a loss counts as a regression, on every split that has them."""
ALSO = ("driver_top1", "ece")


def judge(recipe: Recipe, made: Path, shipped: Path, data: Path, ship: Path | None) -> dict:
    """What is to be told of a model, and the `problems` for which it may not land. No figures before there is a model."""
    told: dict = {"ok": True, "recipe": recipe.name, "stage": recipe.stage, "problems": [], "regressions": [],
                  "config": recipe.architecture.config if recipe.architecture else "", "main_config": _config(shipped),
                  "figures": [], "curve": [], "agreement": {}}
    told["problems"] += _unlearnt(made / "data", data, made / "tests")
    if recipe.training and not told["problems"]:
        _model(recipe, made, shipped, made / "tests", ship, told)
    told["ok"] = not told["problems"]
    return told


def _model(recipe: Recipe, made: Path, shipped: Path, data: Path, ship: Path | None, told: dict) -> None:
    gguf = made / "slm.gguf"
    if problem := _broken(gguf):
        told["problems"].append(f"export: {problem}")
        return
    told["bytes"] = gguf.stat().st_size
    told["curve"] = _curve(made / "model" / "metrics.jsonl")
    limit = recipe.evaluation.limit if recipe.evaluation else 200
    engines = {"candidate": open_engine("host", gguf), "main": open_engine("host", shipped), "rules": open_engine("rules", shipped)}
    result = evaluate.evaluate(engines, data, limit=limit)
    told["figures"] = [*_figures(result), _speed(engines, data)]
    for engine in engines.values():
        engine.close()
    if recipe.evaluation:
        told["problems"] += _floors(recipe, result["candidate"])
        told["regressions"] = _regressions(result, recipe.evaluation.tolerance)
    told["asked"] = _asked(gguf, data)
    if recipe.export:
        told["agreement"] = _agreement(recipe, made, data, told["problems"])
    if ship and not told["problems"]:
        ship.mkdir(parents=True, exist_ok=True)
        (made / "evaluation.json").write_text(json.dumps({"engines": {"host": result["candidate"], "rules": result["rules"]}}))
        shipping = integrate(gguf, made / "evaluation.json", made / "model" / "report.json", made / "data", ship)
        told["sha256"] = shipping["sha256"]
        if wanted := recipe.integration:
            if wanted.sha256 != shipping["sha256"]:
                told["problems"].append(f"integration: the recipe says sha256 {wanted.sha256[:16]}…, and CI's model of it is "
                                        f"{shipping['sha256'][:16]}…: integrate that one")


def _broken(gguf: Path) -> str:
    """Why this file may not be opened by anything, if so."""
    if gguf.is_symlink() or not gguf.is_file():
        return "expected a plain file slm.gguf, found none"
    if gguf.stat().st_size > MAX_GGUF:
        return f"slm.gguf: expected at most {MAX_GGUF} bytes, found {gguf.stat().st_size}"
    try:
        found = check(read_gguf(gguf))
    except SlmError as error:
        return str(error)
    return f"slm.gguf: {found[0]}" if found else ""


def _config(shipped: Path) -> str:
    """The configuration of the model that ships, as its manifest says."""
    try:
        return parsed(json.loads, (shipped / "manifest.json").read_text())["training"]["config"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _unlearnt(learnt: Path, tests: Path, out: Path) -> list[str]:
    """Write into `out` the tests without the sentences that the model was shown: two sets made apart have some in common, as
    plain as "let it be". Many of them are a leak, and a problem."""
    seen = {plain(row["text"]) for row in read(learnt / "train.jsonl")}
    out.mkdir(parents=True, exist_ok=True)
    problems = []
    for split in evaluate.SPLITS:
        rows = read(tests / f"{split}.jsonl")
        kept = [row for row in rows if plain(row["text"]) not in seen]
        if len(kept) < (1 - MOST_LEARNT) * len(rows):
            problems.append(f"data: {len(rows) - len(kept)} of {len(rows)} sentences of main's {split} are among those that are "
                            f"learnt; a test that was learnt tests nothing")
        (out / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    return problems


def _figures(result: dict) -> list[dict]:
    """Every figure of every split, a row each: those that count first."""
    rows = []
    for split in result["candidate"]:
        flat = {who: _flat(by[split]) for who, by in result.items()}
        rows += [{"split": split, "name": name, **{who: one.get(name) for who, one in flat.items()}} for name in flat["candidate"]]
    return sorted(rows, key=lambda row: row["name"] not in COUNT)


def _flat(figures: dict) -> dict[str, float]:
    told = {name: figures.get(name) for name in (*COUNT, *ALSO)}
    told |= {name: (figures.get("out_of_scope") or {}).get(name) for name in ("auroc", "recall_at_92")}
    told |= {f"macro_f1 {kind}": value for kind, value in figures.get("by_noise", {}).items()}
    return {name: round(value, 4) for name, value in told.items() if value is not None}


def _asked(gguf: Path, data: Path) -> list[dict]:
    """What the C engine answers to some sentences, for the kernels to be compared with."""
    engine = open_engine("host", gguf)
    rows = read(data / "test_families.jsonl")
    out = [{"text": text, "intent": a.intent, "action": a.action, "logits": a.logits}
           for text in (row["text"] for row in rows[:: max(1, len(rows) // ASKED)][:ASKED])
           if (a := engine.classify(text))]
    engine.close()
    return out


def _speed(engines: dict, data: Path) -> dict:
    """The median time of an answer, asked in turn, so that a busy moment hits all alike."""
    took: dict[str, list[float]] = {name: [] for name in engines}
    for row in read(data / "test_families.jsonl")[:60]:
        for name, engine in engines.items():
            began = time.perf_counter()
            engine.classify(row["text"])
            took[name].append((time.perf_counter() - began) * 1000)
    return {"split": "test_families", "name": "ms", **{name: round(statistics.median(each), 3) for name, each in took.items()}}


def _floors(recipe: Recipe, figures: dict) -> list[str]:
    out = []
    for split, least in recipe.evaluation.min_macro_f1.items():
        if split not in figures:
            out.append(f"evaluation.min_macro_f1: no split {split!r}; there are {', '.join(figures)}")
        elif (found := figures[split]["macro_f1"]) < least:
            out.append(f"evaluation: expected a macro-F1 of at least {least} on {split}, found {found:.4f}")
    return out


def _regressions(result: dict, tolerance: float) -> list[str]:
    out = []
    for split, before in result["main"].items():
        now = result["candidate"][split]
        out += [f"{split}: {name} {before[name]:.4f} → {now.get(name, 0.0):.4f}" for name in COUNT
                if name in before and now.get(name, 0.0) < before[name] - tolerance]
    return out


def _agreement(recipe: Recipe, made: Path, data: Path, problems: list[str]) -> dict:
    """The share of rows on which each engine gives the C engine's intent."""
    rows = [row["text"] for row in read(data / "test_families.jsonl")][: recipe.export.rows]
    host = open_engine("host", made / "slm.gguf")
    answers = [host.classify(text).intent for text in rows]
    host.close()
    told = {}
    for name in recipe.export.engines:
        try:
            engine = open_engine(name, made / ("slm.onnx" if name == "onnx" else "slm.gguf"), action=False)
        except Missing as error:
            problems.append(f"export: {name}: {error}")
            continue
        told[name] = sum(engine.classify(t).intent == a for t, a in zip(rows, answers, strict=True)) / len(rows)
        engine.close()
        if told[name] < recipe.export.agree:
            problems.append(f"export: expected {name} to give the C engine's intent on {recipe.export.agree:.1%} of "
                            f"{len(rows)} rows, found {told[name]:.1%}")
    return told


def _curve(path: Path) -> list[dict]:
    """Some points of the training's losses, evenly, and every validation."""
    if not path.is_file() or path.stat().st_size > 64 * MAX_JSON:
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    every = max(1, len(lines) // POINTS)
    kept = [line for i, line in enumerate(lines) if i % every == 0 or i + 1 == len(lines)]
    return [{"step": line["step"], "loss": line["loss"], "val": line.get("val_accuracy")} for line in kept]
