"""A recipe: how one model is made, as text that can be reviewed. `SLM/recipes/<name>.toml`, a table for each stage.

The tables stand in the order of STAGES and each needs those before it, so that a recipe may grow stage by stage, one
change at a time. `make` carries out as much as there is; what a model was is known from its recipe and this code.

    [data]            size, seed
    [architecture]    config (of SLM/configs), parameters (optional: what the shape must have)
    [training]        steps, decay (optional)
    [evaluation]      limit (rows a split), min_macro_f1 = { split = least, … }, tolerance
    [quantization]    type, anneal (steps), max_flips
    [export]          onnx (optional: float, int8 or int4), engines that must agree, rows, agree (share)
    [integration]     place, sha256, bytes: where which GGUF goes; written by integrate-slm --recipe

A model's place is SLM/models, from where every kernel boots, if it is better than the one that ships, and else a folder of
its own there, SLM/models/<name>.
"""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from SLM.errors import SlmError
from SLM.hostile import parsed

STAGES = ("data", "architecture", "training", "evaluation", "quantization", "export", "integration")
MAX_BYTES = 64 << 10
MODELS = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Data:
    size: int
    seed: int = 1


@dataclass(frozen=True)
class Architecture:
    config: str
    parameters: int = 0


@dataclass(frozen=True)
class Training:
    steps: int
    decay: float = 0.4


@dataclass(frozen=True)
class Evaluation:
    limit: int = 300
    min_macro_f1: dict = field(default_factory=dict)
    tolerance: float = 0.005


@dataclass(frozen=True)
class Quantization:
    type: str = "Q8_0"
    anneal: int = 0
    max_flips: float = 0.01


@dataclass(frozen=True)
class Export:
    onnx: str = ""
    engines: list = field(default_factory=lambda: ["torch", "host"])
    rows: int = 60
    agree: float = 0.995


@dataclass(frozen=True)
class Integration:
    place: str
    sha256: str
    bytes: int


KINDS = dict(zip(STAGES, (Data, Architecture, Training, Evaluation, Quantization, Export, Integration), strict=True))
LEAST = {"size": 500, "seed": 0, "parameters": 0, "steps": 1, "limit": 20, "anneal": 0, "rows": 10, "bytes": 1}
MOST = {"size": 1_000_000, "steps": 1_000_000, "limit": 10_000, "anneal": 100_000, "rows": 1000, "seed": 2**31 - 1,
        "bytes": 1 << 30}
CHOICES = {"type": ("F32", "Q8_0", "Q4_0"), "onnx": ("", "float", "int8", "int4")}
ENGINES = ("torch", "llama.cpp", "onnx", "host")


@dataclass(frozen=True)
class Recipe:
    name: str
    data: Data
    architecture: Architecture | None = None
    training: Training | None = None
    evaluation: Evaluation | None = None
    quantization: Quantization | None = None
    export: Export | None = None
    integration: Integration | None = None

    @property
    def stage(self) -> str:
        """The last stage it describes."""
        return [name for name in STAGES if getattr(self, name)][-1]


def load(path: Path) -> Recipe:
    """The recipe at `path`; SlmError names the table and the key that are wrong."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise SlmError(f"{path}: expected at most {MAX_BYTES} bytes, found {len(raw)}")
        tables = parsed(tomllib.loads, raw.decode())
    except FileNotFoundError:
        raise SlmError(f"{path}: expected a recipe, found none") from None
    except ValueError as error:
        raise SlmError(f"{path}: not valid TOML: {error}") from None
    if unknown := sorted(set(tables) - set(STAGES)):
        raise SlmError(f"{path}: unknown table [{unknown[0]}]; expected {', '.join(STAGES)}")
    there = [name for name in STAGES if name in tables]
    if missing := [name for name in STAGES[: len(there)] if name not in tables] or ([] if there else [STAGES[0]]):
        raise SlmError(f"{path}: expected the table [{missing[0]}] before what builds upon it")
    return Recipe(path.stem, **{name: _table(KINDS[name], tables[name], f"{path.name}: {name}") for name in there})


def _table(kind, raw, where: str):
    if not isinstance(raw, dict):
        raise SlmError(f"{where}: expected a table, found {raw!r}")
    known = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := sorted(set(raw) - set(known)):
        raise SlmError(f"{where}: unknown key {unknown[0]!r}; expected some of {', '.join(known)}")
    for key, value in raw.items():
        _value(key, value, known[key].type, f"{where}.{key}")
    try:
        return kind(**raw)
    except TypeError as error:
        raise SlmError(f"{where}: {str(error).split('__init__() ')[-1]}") from None


def _value(key: str, value, kind: type, where: str) -> None:
    """Types, and bounds that keep a machine from being asked for the absurd."""
    good = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
    if not good:
        raise SlmError(f"{where}: expected {kind.__name__}, found {value!r}")
    if kind is int and not LEAST.get(key, 0) <= value <= MOST.get(key, 1 << 40):
        raise SlmError(f"{where}: expected {LEAST.get(key, 0)} to {MOST.get(key, 1 << 40)}, found {value}")
    if kind is float and not 0 <= value <= 1:
        raise SlmError(f"{where}: expected a share between 0 and 1, found {value}")
    if key in CHOICES and value not in CHOICES[key]:
        raise SlmError(f"{where}: expected one of {', '.join(CHOICES[key])}, found {value!r}")
    if key == "config" and not re.fullmatch(r"[A-Za-z0-9_]{1,40}", value):
        raise SlmError(f"{where}: expected the name of a configuration in SLM/configs, found {value!r}")
    if key == "sha256" and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise SlmError(f"{where}: expected 64 hexadecimal digits, found {value!r}")
    if key == "engines" and not (value and all(one in ENGINES for one in value)):
        raise SlmError(f"{where}: expected some of {', '.join(ENGINES)}, found {value!r}")
    if key == "min_macro_f1":
        for split, least in value.items():
            _value(split, least, float, f"{where}.{split}")


def make(recipe: Recipe, out: Path) -> dict:
    """Carry out the stages there are, below `out`; what is there already (a trained model) is not made again."""
    out.mkdir(parents=True, exist_ok=True)
    told: dict = {"ok": True, "recipe": recipe.name, "stage": recipe.stage, "problems": []}
    data, model = out / "data", out / "model"
    config = recipe.architecture.config if recipe.architecture else "debug"
    made = run("build-dataset", "--output", data, "--config", config, "--size", recipe.data.size, "--seed", recipe.data.seed)
    analysis = run("analyze-dataset", "--data", data)
    told["rows"] = {name: one["rows"] for name, one in made["files"].items()}
    told["train_sha256"] = made["files"]["train"]["sha256"]
    told["problems"] += [f"data: {problem}" for problem in analysis["problems"]]
    if recipe.architecture:
        told |= _architecture(recipe.architecture, told["problems"])
    if recipe.training and not told["problems"]:
        told["training"] = _train(recipe.training, config, data, model)
        told["gguf"] = _export(recipe, config, data, out, told)
    told["ok"] = not told["problems"]
    return told


def _architecture(wanted: Architecture, problems: list[str]) -> dict:
    shape = run("validate-architecture", "--config", wanted.config)
    problems += [f"architecture: {problem}" for problem in shape["problems"]]
    if wanted.parameters and shape["parameters"] not in (None, wanted.parameters):
        problems.append(f"architecture: expected {wanted.parameters} parameters, found {shape['parameters']}")
    flops = run("estimate-flops", "--config", wanted.config) if not shape["problems"] else {}
    return {"config": wanted.config, "parameters": shape["parameters"], "q8_0_bytes": shape["q8_0_bytes"],
            "question_flops": flops.get("question_flops")}


def _train(wanted: Training, config: str, data: Path, model: Path) -> dict:
    if not (model / "calibration.json").exists():
        run("train-tokenizer", "--config", config, "--data", data, "--output", model)
        run("train-model", "--config", config, "--data", data, "--output", model, "--steps", wanted.steps,
            "--decay", wanted.decay)
        (model / "checkpoint.pt").unlink(missing_ok=True)  # the run has ended: nothing goes on from there
        run("evaluate-model", "--model", model, "--data", data, "--engine", "torch", "--split", "free", "--limit", 20)
    report = json.loads((model / "report.json").read_text())
    return {name: report.get(name) for name in ("steps", "tokens", "seconds", "loss", "val_accuracy", "tokens_per_second")}


def _export(recipe: Recipe, config: str, data: Path, out: Path, told: dict) -> str:
    """The GGUF (F32 until the recipe says how to quantize), the ONNX, and the flips that quantization costs."""
    model, kind = out / "model", "F32"
    if wanted := recipe.quantization:
        kind = wanted.type
        if kind != "F32":
            words = ["--data", data, *(["--anneal", wanted.anneal, "--config", config] if wanted.anneal else [])]
            rounded = run("quantize-model", "--model", model, "--output", out / "quantized", "--type", kind, *words)
            told["flips"] = rounded["intent_flips"]
            if rounded["intent_flips"] > wanted.max_flips:
                told["problems"].append(f"quantization: expected at most {wanted.max_flips:.2%} of intents to flip, found "
                                        f"{rounded['intent_flips']:.2%}")
            model = out / "quantized"
    gguf = out / "slm.gguf"
    run("export-gguf", "--model", model, "--output", gguf, "--type", kind)
    shutil.copy(model / "tokenizer.json", out / "tokenizer.json")
    if (model / "calibration.json").exists():
        shutil.copy(model / "calibration.json", out / "calibration.json")
    if recipe.export and recipe.export.onnx:
        run("export-onnx", "--model", model, "--output", out / "slm.onnx", "--type", recipe.export.onnx)
    return str(gguf)


def run(*words) -> dict:
    """One verb of the pipeline; the object it answers with. Its progress goes to standard error."""
    from SLM.cli import root

    argv = [*map(str, words), "--json"]
    print(f"== {' '.join(argv[:-1])}", file=sys.stderr, flush=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        root.main(argv, prog_name="python -m SLM", standalone_mode=False)
    return json.loads(said.getvalue())


def places(recipe: str) -> dict[str, Path]:
    """Where a recipe's model may go, as recipes name it."""
    return {"SLM/models": MODELS, f"SLM/models/{recipe}": MODELS / recipe}


def integrated(path: Path, output: Path, sha256: str, size: int) -> None:
    """Write the table [integration] of the recipe at `path`, in the place of the one it has."""
    recipe = load(path)
    place = next((name for name, folder in places(recipe.name).items() if folder.resolve() == output.resolve()), None)
    if place is None:
        raise SlmError(f"--output: expected {' or '.join(places(recipe.name))} for the recipe {recipe.name}, found {output}")
    if recipe.stage not in ("export", "integration"):
        raise SlmError(f"{path}: expected a recipe that ends with [export] before [integration], found [{recipe.stage}]")
    text = re.sub(r"\n*^\[integration\]\n(?:(?!\[).*\n?)*", "\n", path.read_text(), flags=re.M).rstrip("\n")
    path.write_text(f'{text}\n\n[integration]\nplace = "{place}"\nsha256 = "{sha256}"\nbytes = {size}\n')
