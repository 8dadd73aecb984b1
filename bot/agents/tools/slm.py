"""The stages of the SLM pipeline: each tool is one verb of `python -m SLM`, run in the sandbox.

The pipeline is the project's own program; these are its typed doors. A tool's name with `-` for `_` is the verb,
its arguments are the verb's options (`kind` is `--type`), and the JSON that the verb prints is what the model reads.
"""

import os
import sys
from typing import Annotated, Literal

from pydantic import Field

from bot import hostile
from bot.agents.tools import ToolError, tool
from bot.agents.workplace import Workplace

Config = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]{1,100}$", description=(
    "a configuration: debug, tiny_10M, small_50M or the path of a YAML file"))]
Folder = Annotated[str, Field(min_length=1, max_length=300, description=(
    "a folder below the repository's top; what is made goes below SLM/build, which git ignores"))]
File = Annotated[str, Field(min_length=1, max_length=300, description="a file below the repository's top")]
Steps = Annotated[int, Field(ge=1, description="optimizer steps; the configuration's when left out")]
Minutes = Annotated[float, Field(gt=0, le=600, description="give up after this many minutes")]


def slm(at: Workplace, verb: str, *words: str, minutes: float = 10, **options: object) -> str:
    """Run one verb and return its JSON. None and False are left out, True is a bare flag, a list repeats its flag."""
    command = [os.path.join(sys.prefix, "bin", "python"), "-m", "SLM", verb, *words, "--json"]
    for name, value in options.items():
        flag = "--" + ("type" if name == "kind" else name.replace("_", "-"))
        if isinstance(value, list):
            command += [word for item in value for word in (flag, str(item))]
        elif value is True:
            command.append(flag)
        elif value not in (None, False):
            command += [flag, str(value)]
    threads = str(len(os.sched_getaffinity(0)))
    env = {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONDONTWRITEBYTECODE": "1"}
    done = at.run(command, timeout=minutes * 60, env=env)
    if done.timed_out:
        raise ToolError(f"{verb}: not finished after {minutes:g} minutes; ask for less\n{done.output[-1500:]}")
    printed = next((line for line in reversed(done.output.splitlines()) if _is_json(line)), "")
    if done.code:
        raise ToolError(f"{verb}: exit code {done.code}\n{printed or done.output[-4000:]}")
    return printed or done.output


def _is_json(line: str) -> bool:
    try:
        return isinstance(hostile.read_json(line), dict)
    except ValueError:
        return False


@tool(writes=True)
def build_dataset(at: Workplace, output: Folder, config: Config = "debug",
                  size: Annotated[int | None, Field(ge=1, description="training rows")] = None,
                  seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None) -> str:
    """Make training and test rows with ground truth from families and sources, split by family. The same seed gives the
    same bytes."""
    return slm(at, "build-dataset", output=output, config=config, size=size, seed=seed)


@tool(writes=True)
def analyze_dataset(at: Workplace, data: Folder) -> str:
    """Counts, duplicates, leaks between splits, lengths and coverage of a data set. An error if it has problems."""
    return slm(at, "analyze-dataset", data=data)


@tool(writes=True)
def train_tokenizer(at: Workplace, data: Folder, output: Folder, config: Config = "debug",
                    vocab_size: Annotated[int | None, Field(ge=300, le=65536)] = None) -> str:
    """Train the BPE tokenizer on the training rows; answers with bytes per token on held-out rows."""
    return slm(at, "train-tokenizer", data=data, output=output, config=config, vocab_size=vocab_size)


@tool(writes=True)
def tokenize_data(at: Workplace, data: Folder, tokenizer: Folder, output: File, split: str = "train") -> str:
    """One split as token ids in a file (.npz); answers with lengths and how much of the vocabulary is used."""
    return slm(at, "tokenize-data", data=data, tokenizer=tokenizer, output=output, split=split)


@tool()
def validate_architecture(at: Workplace, config: Config = "debug") -> str:
    """Check whether llama.cpp, onnxruntime and the kernels can take a model's shape, and count its parameters."""
    return slm(at, "validate-architecture", config=config)


@tool()
def estimate_flops(at: Workplace, config: Config = "debug",
                   tokens: Annotated[int, Field(ge=1, le=512, description="length of a question")] = 32) -> str:
    """Floating-point operations of one question and of the whole training run. Call it before any training."""
    return slm(at, "estimate-flops", config=config, tokens=tokens)


@tool(writes=True)
def train_model(at: Workplace, data: Folder, output: Folder, config: Config = "debug",
                tokenizer: Annotated[str | None, Field(description="folder with tokenizer.json")] = None,
                steps: Steps | None = None,
                stop_after: Annotated[int | None, Field(ge=1, description="stop at this step, to be resumed")] = None,
                init: Annotated[str | None, Field(description="start from this trained model's folder")] = None,
                sweep_weight_decay: Annotated[str | None, Field(description="such as 0.1,0.4,1.6: a run each")] = None,
                minutes: Minutes = 30) -> str:
    """Train a model, going on from the last checkpoint in `output` if there is one; answers with the losses."""
    return slm(at, "train-model", minutes=minutes, data=data, output=output, config=config, tokenizer=tokenizer,
               steps=steps, stop_after=stop_after, init=init, sweep_weight_decay=sweep_weight_decay)


@tool(writes=True)
def evaluate_model(at: Workplace, model: File, data: Folder,
                   engine: Annotated[list[str], Field(max_length=8, description=(
                       "torch, llama.cpp, onnx, host, kernel:ARCH, rules, tfidf; empty: torch, rules, tfidf"))] = [],  # noqa: B006
                   split: Annotated[list[str], Field(max_length=8, description="empty means all tests")] = [],  # noqa: B006
                   limit: Annotated[int | None, Field(ge=1, description="rows a split")] = None,
                   output: Annotated[str | None, Field(description="also write the JSON to this file")] = None,
                   minutes: Minutes = 30) -> str:
    """Evaluate a model (folder, .gguf or .onnx) in one or more engines on the same rows: macro F1, exact actions,
    out of scope, calibration; always compare with the rule engine."""
    return slm(at, "evaluate-model", minutes=minutes, model=model, data=data, engine=engine, split=split, limit=limit,
               output=output)


@tool(writes=True)
def finetune_lora(at: Workplace, model: Folder, data: Folder, output: Folder,
                  purpose: Literal["webserver", "router", "sensor"],
                  steps: Annotated[int, Field(ge=1)] = 60, rank: Annotated[int, Field(ge=1, le=64)] = 8,
                  minutes: Minutes = 20) -> str:
    """Train a LoRA adapter for one purpose of a device; writes it as GGUF adapter and merged into a model."""
    return slm(at, "finetune-lora", minutes=minutes, model=model, data=data, output=output, purpose=purpose,
               steps=steps, rank=rank)


@tool(writes=True)
def quantize_model(at: Workplace, model: Folder, output: Folder, kind: Literal["Q8_0", "Q4_0"] = "Q4_0",
                   data: Annotated[str | None, Field(description="the data set, needed to anneal")] = None,
                   anneal: Annotated[int, Field(ge=0, description="steps of training on the exact grid")] = 0,
                   config: Config = "debug", minutes: Minutes = 20) -> str:
    """Round a model to a format's grid, after training on that grid if asked; answers with the intents that flip."""
    return slm(at, "quantize-model", minutes=minutes, model=model, output=output, kind=kind, data=data, anneal=anneal,
               config=config)


@tool(writes=True)
def export_gguf(at: Workplace, model: Folder, output: File,
                kind: Literal["F32", "F16", "Q8_0", "Q4_0"] = "Q8_0") -> str:
    """Write a model as GGUF, tokenizer included, as llama.cpp, Ollama and the kernels read it."""
    return slm(at, "export-gguf", model=model, output=output, kind=kind)


@tool(writes=True)
def export_onnx(at: Workplace, model: Folder, output: File, kind: Literal["float", "int8", "int4"] = "float") -> str:
    """Write a model as ONNX and compare it in onnxruntime with torch."""
    return slm(at, "export-onnx", minutes=20, model=model, output=output, kind=kind)


@tool(writes=True)
def validate_gguf(at: Workplace, file: File,
                  load: Annotated[bool, Field(description="also let llama.cpp load it")] = False) -> str:
    """Check a GGUF file as strictly as llama.cpp's loader does, and that our engines can run it."""
    return slm(at, "validate-gguf", file, load=load)


@tool(writes=True)
def benchmark_model(at: Workplace, model: Folder,
                    engine: Annotated[list[str], Field(max_length=4, description=(
                        "torch, llama.cpp, onnx, host; empty means all"))] = [],  # noqa: B006
                    rounds: Annotated[int, Field(ge=1, le=100)] = 5, minutes: Minutes = 15) -> str:
    """Milliseconds of a 32-token question and tokens a second of generation, side by side, one thread, medians."""
    return slm(at, "benchmark-model", minutes=minutes, model=model, engine=engine, rounds=rounds)


@tool(writes=True)
def compare_models(at: Workplace, base: File, candidate: File, engine: str = "torch",
                   tolerance: Annotated[float, Field(ge=0, le=1, description="a loss that is none")] = 0.005) -> str:
    """Compare two evaluations (files that evaluate_model wrote), every figure side by side. An error if the candidate
    is worse in any that counts."""
    return slm(at, "compare-models", base=base, candidate=candidate, engine=engine, tolerance=tolerance)


@tool(writes=True)
def integrate_slm(at: Workplace, model: File, output: Folder = "SLM/models",
                  evaluation: Annotated[str | None, Field(description="evaluate_model's JSON file")] = None,
                  report: Annotated[str | None, Field(description="train_model's report.json")] = None,
                  data: Annotated[str | None, Field(description="the data set's folder")] = None,
                  recipe: Annotated[str | None, Field(description=(
                      "the recipe that made it: its table [integration] is written, by which CI puts this very model in"))] = None,
                  ) -> str:
    """Check a GGUF, put it where the kernels' build takes it from, and write its manifest. Of all this only the recipe's
    table goes into your change: the files themselves come from CI, which must have made the same model."""
    return slm(at, "integrate-slm", model=model, output=output, evaluation=evaluation, report=report, data=data, recipe=recipe)
