"""The command line: one verb per stage. `--json` prints one JSON object on standard output; progress goes to standard error.

Heavy packages are imported inside the verbs, so that --help is quick and a verb needs only what it uses.
"""

import json as jsonlib
import os
import sys
from pathlib import Path

import click

from SLM.errors import Missing, SlmError

ONE_THREAD = 1_000_000
"""Parameters below which a second thread costs training more than it brings: a fifth at rest, tenfold on a busy machine."""
DIR = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def root():
    """The SLM pipeline: data → tokenizer → model → train → evaluate → quantize → export → integrate."""


def verb(name: str):
    """A command with --json: its function returns a dict (a key "text" is what people see without --json)."""

    def wrap(function):
        def run(as_json: bool, **arguments):
            result = function(**arguments)
            text = result.pop("text", None)
            if not _speaks():
                pass
            elif as_json:
                click.echo(jsonlib.dumps(result))
            else:
                click.echo(text if text is not None else "\n".join(f"{k}: {_short(v)}" for k, v in result.items()))
            if result.get("ok") is False:
                sys.exit(1)

        run.__doc__ = function.__doc__
        run.__click_params__ = getattr(function, "__click_params__", [])
        command = click.command(name)(run)
        command.params.append(click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."))
        root.add_command(command)
        return function

    return wrap


def _speaks() -> bool:
    """Of several processes of one training (torchrun, accelerate launch) the first alone prints and copies."""
    return "WORLD_SIZE" not in os.environ or os.environ.get("RANK", "0") == "0"


def _short(value) -> str:
    text = jsonlib.dumps(value) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= 300 else text[:297] + "..."


@verb("build-dataset")
@click.option("--output", type=DIR, required=True)
@click.option("--config", default="debug", show_default=True, help="debug, tiny_10M, small_50M or a YAML file.")
@click.option("--size", type=click.IntRange(1), help="Training rows (default: the configuration's).")
@click.option("--seed", type=click.IntRange(0), help="Default: the configuration's.")
@click.option("--refresh-sources", is_flag=True, help="First fetch the Debian packages again and rewrite the snapshot.")
def build_dataset(output, config, size, seed, refresh_sources):
    """Make training and test rows with ground truth from families and sources."""
    from SLM.config import load
    from SLM.data.build import build

    if refresh_sources:
        from SLM.data.sources import refresh

        refresh()
    data = load(config).data
    manifest = build(output, data.size if size is None else size, data.seed if seed is None else seed)
    rows = {name: f["rows"] for name, f in manifest["files"].items()}
    return {"output": str(output), **manifest, "text": f"{output}: " + ", ".join(f"{n} {c}" for n, c in rows.items())}


@verb("analyze-dataset")
@click.option("--data", type=DIR, required=True)
def analyze_dataset(data):
    """Counts, duplicates, leaks between splits, lengths, coverage."""
    from SLM.data.analyze import analyze

    result = analyze(data)
    return {"ok": not result["problems"], **result}


@verb("train-tokenizer")
@click.option("--data", type=DIR, required=True)
@click.option("--output", type=DIR, required=True)
@click.option("--config", default="debug", show_default=True)
@click.option("--vocab-size", type=click.IntRange(1), help="Default: the configuration's.")
def train_tokenizer(data, output, config, vocab_size):
    """BPE with byte fallback, one special token per intent, from the training rows."""
    from SLM import tokenizer
    from SLM.config import load
    from SLM.data.build import read
    from SLM.text import lower

    rows = read(data / "train.jsonl")
    texts = [lower(r["text"]) for r in rows]
    made = tokenizer.train(texts + [lower(r["action"]) for r in rows if r["action"]], vocab_size or load(config).model.vocab_size, output)
    held = [lower(r["text"]) for r in read(data / "val.jsonl")]
    ids = made.encode_many(held)
    return {"output": str(output / "tokenizer.json"), "vocab_size": len(made), "fingerprint": made.fingerprint(),
            "bytes_per_token": round(sum(len(t.encode()) for t in held) / sum(map(len, ids)), 3)}


@verb("tokenize-data")
@click.option("--data", type=DIR, required=True)
@click.option("--tokenizer", type=DIR, required=True, help="Directory with tokenizer.json.")
@click.option("--output", type=FILE, required=True, help="A .npz with ids, row starts and weights.")
@click.option("--split", default="train", show_default=True)
def tokenize_data(data, tokenizer, output, split):
    """A split as token ids, packed into one file; lengths and coverage."""
    import numpy as np

    from SLM import batches
    from SLM.config import load
    from SLM.data.build import read
    from SLM.tokenizer import Tokenizer

    tok = Tokenizer(tokenizer / "tokenizer.json")
    rows = [r for r in read(data / f"{split}.jsonl") if r.get("action") is not None]
    examples = batches.encode(rows, tok, load("debug").train)
    lengths = sorted(examples.lengths.tolist()) or [0]
    ids = examples.ids.numpy().astype(np.uint16)
    np.savez_compressed(output, ids=ids, starts=examples.starts.numpy())
    used = len(np.unique(ids))
    return {"output": str(output), "rows": len(rows), "tokens": sum(lengths), "longest": lengths[-1],
            "median": lengths[len(lengths) // 2], "vocabulary_used": used, "vocab_size": len(tok)}


@verb("teach-dataset")
@click.option("--data", type=DIR, required=True)
@click.option("--encoder", type=DIR, required=True, help="Directory of a BERT-like sentence encoder, as transformers saves it.")
@click.option("--steps", default=2000, show_default=True, type=click.IntRange(1), help="Of the encoder's fine-tuning.")
@click.option("--extra", default=400_000, show_default=True, type=click.IntRange(0), help="Reworded sentences to add.")
@click.option("--members", default=2, show_default=True, type=click.IntRange(1, 8), help="Encoders whose mean teaches.")
@click.option("--seed", default=1, show_default=True)
def teach_dataset(data, encoder, steps, extra, members, seed):
    """Fine-tune an encoder on the intents and write taught.jsonl: rows with its probabilities, and reworded ones."""
    from SLM.teacher import teach

    return teach(data, encoder, steps, extra, members, seed)


@verb("validate-architecture")
@click.option("--config", default="debug", show_default=True)
def validate_architecture(config):
    """Whether llama.cpp, onnxruntime and the kernels can take this shape; parameters counted on the model itself."""
    from SLM.config import load

    c = load(config)
    problems = c.model.problems()
    if not problems:
        import torch

        from SLM.model import Slm

        with torch.device("meta"):
            counted = sum(p.numel() for p in Slm(c.model).parameters())
        if counted != c.model.parameters():
            problems.append(f"parameters: the formula says {c.model.parameters()}, the model has {counted}")
    return {"ok": not problems, "config": c.name, "parameters": c.model.parameters() if not problems else None, "problems": problems,
            "q8_0_bytes": c.model.parameters() * 34 // 32, "q4_0_bytes": c.model.parameters() * 18 // 32}


@verb("estimate-flops")
@click.option("--config", default="debug", show_default=True)
@click.option("--tokens", default=32, show_default=True, type=click.IntRange(1, 512), help="Length of a question.")
def estimate_flops(config, tokens):
    """Floating-point operations of one question and of the whole training run."""
    from SLM.config import load

    c = load(config)
    total = c.train.steps * c.train.batch_tokens
    per = c.model.flops(32, training=True) // 32
    return {"config": c.name, "parameters": c.model.parameters(), "question_tokens": tokens, "question_flops": c.model.flops(tokens),
            "training_tokens": total, "training_flops": per * total}


@verb("train-model")
@click.option("--config", default="debug", show_default=True)
@click.option("--data", type=DIR, required=True)
@click.option("--tokenizer", type=DIR, help="Directory with tokenizer.json (default: --output's own).")
@click.option("--output", type=DIR, required=True)
@click.option("--steps", type=click.IntRange(1), help="Default: the configuration's.")
@click.option("--decay", type=click.FloatRange(0, 1),
              help="Share of the steps over which the rate falls to 0 (default: the configuration's).")
@click.option("--stop-after", type=click.IntRange(1), help="Stop at this step, to be resumed by the same command.")
@click.option("--init", type=DIR, help="Start from this trained model instead of random weights.")
@click.option("--rows", default="train", show_default=True, help="The file of --data to learn from: train, or teach-dataset's taught.")
@click.option("--branch", type=click.IntRange(0), default=0, help="Another order of the rows, for average-models.")
@click.option("--sweep-weight-decay", help="Comma-separated values: a run each, the best by validation loss kept.")
def train_model(config, data, tokenizer, output, steps, decay, stop_after, init, rows, branch, sweep_weight_decay):
    """Train, going on from the last checkpoint in --output if there is one."""
    import dataclasses
    import shutil

    import torch

    from SLM import config as configs
    from SLM.data.build import read
    from SLM.tokenizer import Tokenizer
    from SLM.train import train

    c = configs.load(config)
    if problems := c.model.problems():
        raise SlmError(f"{c.name}: {problems[0]}")
    if c.model.parameters() < ONE_THREAD:
        torch.set_num_threads(1)
    c = dataclasses.replace(c, train=dataclasses.replace(c.train, steps=steps or c.train.steps,
                                                         decay=c.train.decay if decay is None else decay))
    source = (tokenizer or output) / "tokenizer.json"
    tok = Tokenizer(source)
    output.mkdir(parents=True, exist_ok=True)
    if source.resolve() != (output / "tokenizer.json").resolve():
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(source.with_name(name), output / name)
    rows, val = read(data / f"{rows}.jsonl"), read(data / "val.jsonl")
    if not sweep_weight_decay:
        return train(c, rows, val, tok, output, init=init, stop_after=stop_after, branch=branch)
    try:
        values = [float(v) for v in sweep_weight_decay.split(",")]
    except ValueError:
        raise SlmError(f"--sweep-weight-decay: expected numbers like 0.1,0.4,1.6, found {sweep_weight_decay!r}") from None
    runs = {}
    for value in values:
        tried = dataclasses.replace(c, train=dataclasses.replace(c.train, weight_decay=value))
        runs[value] = train(tried, rows, val, tok, output / f"wd{value}", init=init, branch=branch)
    best = min(runs, key=lambda v: runs[v]["val_loss"])
    if _speaks():
        shutil.copytree(output / f"wd{best}", output, dirs_exist_ok=True)
    return {**runs[best], "weight_decay": best, "sweep": {str(v): r["val_loss"] for v, r in runs.items()}}


@verb("average-models")
@click.option("--model", "models", type=DIR, multiple=True, required=True, help="Repeated: branches of one run.")
@click.option("--output", type=DIR, required=True)
def average_models(models, output):
    """The mean of branches that went on from copies of one checkpoint (train-model --branch)."""
    from SLM.train import average

    average(list(models), output)
    return {"output": str(output), "models": [str(m) for m in models]}


@verb("evaluate-model")
@click.option("--model", type=FILE, required=True, help="Model directory, .gguf or .onnx.")
@click.option("--data", type=DIR, required=True)
@click.option("--engine", "engines", multiple=True, help="May be repeated; default torch, rules and tfidf.")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows a split.")
@click.option("--split", "splits", multiple=True, help="May be repeated; default all tests.")
@click.option("--calibrate/--no-calibrate", default=True, help="Fit the temperature on val and keep it beside the model.")
@click.option("--output", type=FILE, help="Also write the result as JSON here.")
def evaluate_model(model, data, engines, limit, splits, calibrate, output):
    """Macro-F1, exact actions, out-of-scope, calibration; always beside the rule engine and TF-IDF on the same rows."""
    from SLM import evaluate as ev
    from SLM.data.build import read
    from SLM.engines import open_engine
    from SLM.engines.base import beside

    names = engines or ("torch", "rules", "tfidf")
    opened = {n: open_engine(n, data if n == "tfidf" else model) for n in names}
    scales = {}
    val = [r for r in read(data / "val.jsonl")][:limit or 400]
    for n, engine in opened.items():
        if calibrate and n not in ("rules",):
            was, engine.action = getattr(engine, "action", False), False
            scales[n] = ev.calibrate(engine, val)
            engine.action = was
            if n == "torch":
                (beside(model) / "calibration.json").write_text(jsonlib.dumps({"temperature": scales[n]}) + "\n")
                engine.temperature = scales[n]
    result = ev.evaluate(opened, data, tuple(splits) or ev.SPLITS, limit, scales)
    for engine in opened.values():
        engine.close()
    made = {"model": str(model), "temperature": scales, "engines": result}
    if output:
        output.write_text(jsonlib.dumps(made, indent=1) + "\n")
    return {**made, "text": ev.table(result)}


@verb("quantize-model")
@click.option("--model", type=DIR, required=True)
@click.option("--output", type=DIR, required=True)
@click.option("--type", "kind", default="Q4_0", show_default=True, type=click.Choice(["Q8_0", "Q4_0"]))
@click.option("--data", type=DIR, help="With --anneal: the dataset.")
@click.option("--anneal", type=click.IntRange(0), default=0, show_default=True, help="Steps of training on the exact grid.")
@click.option("--config", default="debug", show_default=True, help="With --anneal: whose training settings.")
def quantize_model(model, output, kind, data, anneal, config):
    """Round a model to the format's grid; with --anneal, train on that grid first. Reports intent flips on val."""
    from SLM.stages import quantize

    return quantize(model, output, kind, data, anneal, config)


@verb("export-gguf")
@click.option("--model", type=DIR, required=True)
@click.option("--output", type=FILE, required=True)
@click.option("--type", "kind", default="Q8_0", show_default=True, type=click.Choice(["F32", "F16", "Q8_0", "Q4_0"]))
def export_gguf(model, output, kind):
    """Write the model as GGUF, tokenizer included, as llama.cpp and the kernels read it."""
    from SLM.engines.base import temperature
    from SLM.gguf_write import write
    from SLM.model import load
    from SLM.tokenizer import Tokenizer

    return write(load(model), Tokenizer(model / "tokenizer.json"), output, kind, temperature=temperature(model))


@verb("export-onnx")
@click.option("--model", type=DIR, required=True)
@click.option("--output", type=FILE, required=True)
@click.option("--type", "kind", default="float", show_default=True, type=click.Choice(["float", "int8", "int4"]))
def export_onnx(model, output, kind):
    """Write the model as ONNX and run it once in onnxruntime against torch."""
    from SLM.model import load
    from SLM.onnx_export import write

    return write(load(model), output, kind)


@verb("validate-gguf")
@click.argument("file", type=FILE)
@click.option("--load/--no-load", "also_load", default=False, help="Also let llama.cpp load it.")
def validate_gguf(file, also_load):
    """Check a GGUF as strictly as llama.cpp's loader, and that our engines can run it."""
    from SLM.gguf_read import check, read

    g = read(file)
    problems = check(g)
    if also_load and not problems:
        from SLM.engines.llama_cpp import LlamaCpp

        LlamaCpp(file).start([1, 3])
    return {"ok": not problems, "file": str(file), "tensors": len(g.tensors), "keys": len(g.keys), "problems": problems,
            "types": sorted({t.type for t in g.tensors.values()}), "vocab": len(g.keys.get("tokenizer.ggml.tokens", []))}


@verb("benchmark-model")
@click.option("--model", type=DIR, required=True, help="Directory with the model and its exports.")
@click.option("--engine", "engines", multiple=True, help="May be repeated; default torch, llama.cpp, onnx, host.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
def benchmark_model(model, engines, rounds):
    """Milliseconds of a 32-token question and tokens a second of generation, medians, one thread, side by side."""
    from SLM.stages import benchmark

    return benchmark(model, engines or ("torch", "llama.cpp", "onnx", "host"), rounds)


@verb("compare-models")
@click.option("--base", type=FILE, required=True, help="What evaluate-model --output wrote for the model to beat.")
@click.option("--candidate", type=FILE, required=True)
@click.option("--engine", default="torch", show_default=True)
@click.option("--tolerance", default=0.005, show_default=True, type=click.FloatRange(0, 1), help="How much lower is still no regression.")
def compare_models(base, candidate, engine, tolerance):
    """Every figure of two evaluations side by side; exit 1 if the candidate is worse in any that counts."""
    from SLM.stages import compare

    return compare(base, candidate, engine, tolerance)


@verb("finetune-lora")
@click.option("--model", type=DIR, required=True)
@click.option("--data", type=DIR, required=True)
@click.option("--purpose", required=True, help="webserver, router or sensor.")
@click.option("--output", type=DIR, required=True)
@click.option("--steps", default=60, show_default=True, type=click.IntRange(1))
@click.option("--rank", default=8, show_default=True, type=click.IntRange(1, 64))
def finetune_lora(model, data, purpose, output, steps, rank):
    """A LoRA adapter for one device purpose: as GGUF adapter, and merged into a model of its own."""
    from SLM.lora import finetune

    return finetune(model, data, purpose, output, steps, rank)


@verb("integrate-slm")
@click.option("--model", type=FILE, required=True, help="The .gguf to ship.")
@click.option("--evaluation", type=FILE, help="evaluate-model's JSON: its figures go into the manifest.")
@click.option("--report", type=FILE, help="train-model's report.json: config, seed and curve go into the manifest.")
@click.option("--data", type=DIR, help="The dataset: its manifest's versions go into the manifest.")
@click.option("--recipe", type=FILE, help="The recipe that made it: its table [integration] is written.")
@click.option("--output", type=DIR, required=True, help="Where the kernels take their model from (SLM/models).")
def integrate_slm(model, evaluation, report, data, recipe, output):
    """Check a GGUF, put it where the kernels' build takes it from, and write its manifest."""
    from SLM import recipe as recipes
    from SLM.stages import integrate

    made = integrate(model, evaluation, report, data, output)
    if recipe:
        recipes.integrated(recipe, output, made["sha256"], made["bytes"])
    return made


@verb("make-recipe")
@click.argument("recipe", type=FILE)
@click.option("--output", type=DIR, required=True, help="Data, model and exports; a trained model that is there is used.")
def make_recipe(recipe, output):
    """Carry out a recipe (SLM/recipes/NAME.toml), as far as it goes: exit 1 when a stage is not as it says."""
    from SLM import recipe as recipes

    return recipes.make(recipes.load(recipe), output)


@verb("judge-recipe")
@click.argument("recipe", type=FILE)
@click.option("--made", type=DIR, required=True, help="Where make-recipe put it all.")
@click.option("--main", "shipped", type=DIR, help="The folder of the model to stand beside (default: the shipped one).")
@click.option("--data", type=DIR, required=True, help="The dataset whose tests both are asked.")
@click.option("--ship", type=DIR, help="Write slm.gguf, manifest.json and tokenizer.json there, as integrate-slm does.")
def judge_recipe(recipe, made, shipped, data, ship):
    """Figures of a recipe's model and of main's on the same rows, by this checkout's code; exit 1 on what may not be."""
    from SLM import recipe as recipes
    from SLM.judge import judge
    from SLM.stages import MODELS

    return judge(recipes.load(recipe), made, shipped or MODELS, data, ship)


@verb("make-model")
@click.option("--config", default="tiny_10M", show_default=True)
@click.option("--output", type=DIR, required=True, help="Everything that the stages make; a stopped run goes on from there.")
@click.option("--encoder", type=DIR, help="Sentence encoder for teach-dataset; without one there is no teacher.")
@click.option("--type", "kind", default="Q8_0", show_default=True, type=click.Choice(["Q8_0", "Q4_0"]))
@click.option("--ship", type=DIR, help="Also integrate the model there (SLM/models is what kernels boot with).")
def make_model(config, output, encoder, kind, ship):
    """All stages, from the families to a GGUF with its figures: what is already there is not made again."""
    from SLM.pipeline import make

    return make(config, output, encoder, kind, ship)


@verb("classify")
@click.argument("text", required=False)
@click.option("--engine", default="torch", show_default=True, help="torch, llama.cpp, onnx, host, kernel:ARCH, rules, tfidf.")
@click.option("--model", type=FILE, help="Model directory or file (default: the shipped model).")
@click.option("--input", "source", type=FILE, help='Instead of TEXT: JSONL with {"text": …} a line.')
@click.option("--output", type=FILE, help="With --input: JSONL with intent, probability, action, ms.")
@click.option("--logits", is_flag=True, help="Also write the intents' logits.")
def classify(text, engine, model, source, output, logits):
    """Classify one sentence, or every line of a file, with one engine."""
    from SLM.data.build import read
    from SLM.engines import open_engine
    from SLM.stages import MODELS

    if (text is None) == (source is None) or (source is None) != (output is None):
        raise SlmError("classify: expected either TEXT (in quotes) or both --input and --output")

    def answered(sentence: str) -> dict:
        a = opened.classify(sentence)
        line = {"text": sentence, "intent": a.intent, "probability": round(a.probability, 6), "action": a.action, "ms": round(a.ms, 3)}
        return {**line, "logits": a.logits} if logits else line

    rows = read(source) if source else []
    opened = open_engine(engine, model or MODELS)
    if text is not None:
        line = answered(text)
        opened.close()
        return {**line, "text": f"{line['intent']} {line['action']} ({line['probability']:.3f})".replace("  ", " ")}
    times = []
    with output.open("w", encoding="utf-8") as out:
        for row in rows:
            line = answered(row["text"])
            times.append(line["ms"])
            out.write(jsonlib.dumps(line, ensure_ascii=False) + "\n")
    opened.close()
    times.sort()
    return {"engine": engine, "rows": len(rows), "output": str(output), "ms_median": round(times[len(times) // 2], 3) if times else None}


def main() -> None:
    """Run a verb; an SlmError becomes one line on standard error and its exit code."""
    try:
        root.main(prog_name="python -m SLM")
    except SlmError as error:
        click.echo(f"slm: error: {error}", err=True)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("SLM", "bot"):
            raise
        missing = Missing(f"the package {error.name} is not installed; `make setup-slm` installs it (the extra 'slm')")
        click.echo(f"slm: error: {missing}", err=True)
        sys.exit(missing.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        click.echo(f"slm: error: {error.filename or ''}: {error.strerror}", err=True)
        sys.exit(2)
    except RecursionError:
        click.echo("slm: error: the input is nested too deep to be read", err=True)
        sys.exit(2)


from SLM import cli_drivers  # noqa: E402, F401 - adds its verbs
