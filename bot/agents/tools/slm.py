"""The stages of the SLM pipeline: each tool is one verb of `python -m SLM`, run in the sandbox.

The pipeline is the project's own program; these are its typed doors. A tool's name with `-` for `_` is the verb,
its arguments are the verb's options, and what the verb prints (JSON) is what the model reads.
"""

import os
import sys
from typing import Annotated

from pydantic import Field

from bot.agents.tools import ToolError, tool
from bot.agents.workplace import Workplace

Size = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$", description="a named architecture: debug, tiny or small")]
Path = Annotated[str, Field(max_length=300, description="path below the repository's top")]
Format = Annotated[str, Field(pattern=r"^[A-Z0-9_]{2,8}$", description="F32, F16, Q8_0, Q4_0 …")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Minutes = Annotated[float, Field(gt=0, le=600, description="stop (with a checkpoint) after this many minutes")]


def slm(at: Workplace, verb: str, *, minutes: float = 10, **options: object) -> str:
    """Run one verb with its options; None and False are left out, True is a bare flag."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, list):
            words += [word for item in value for word in (flag, str(item))]
        elif value is True:
            words.append(flag)
        elif value not in (None, False, ""):
            words += [flag, str(value)]
    python = os.path.join(sys.prefix, "bin", "python")
    threads = str(max(1, len(os.sched_getaffinity(0))))
    done = at.run([python, "-m", "SLM", verb, *words], timeout=minutes * 60 + 30,
                  env={"OMP_NUM_THREADS": threads, "PYTHONDONTWRITEBYTECODE": "1"})
    if done.timed_out:
        raise ToolError(f"{verb}: not finished after {minutes:g} minutes; ask for less\n{done.output[-1500:]}")
    if done.code:
        raise ToolError(f"{verb}: exit code {done.code}\n{done.output[-4000:]}")
    return done.output


@tool(writes=True)
def analyze_dataset(at: Workplace, data: Path = "") -> str:
    """Figures about the data: rows per intent, family and split, lengths, duplicates, leaks between splits."""
    return slm(at, "analyze-dataset", data=data)


@tool(writes=True)
def build_dataset(at: Workplace, seed: Seed = 0, out: Path = "") -> str:
    """Build the data set from its sources and families, split by family. The same seed gives the same bytes."""
    return slm(at, "build-dataset", seed=seed, out=out)


@tool(writes=True)
def train_tokenizer(at: Workplace, vocab: Annotated[int, Field(ge=256, le=65536)] = 4096, data: Path = "",
                    out: Path = "") -> str:
    """Train the BPE tokenizer on the training split, and measure bytes per token on held-out text."""
    return slm(at, "train-tokenizer", vocab=vocab, data=data, out=out)


@tool(writes=True)
def tokenize_data(at: Workplace, data: Path = "", tokenizer: Path = "", out: Path = "") -> str:
    """Turn the data set into token files for training; answers with the tokens per split."""
    return slm(at, "tokenize-data", data=data, tokenizer=tokenizer, out=out)


@tool()
def validate_architecture(at: Workplace, config: Size = "tiny") -> str:
    """Check a model's shape: row sizes for every quantization, heads, and what llama.cpp and ONNX can load."""
    return slm(at, "validate-architecture", config=config)


@tool()
def estimate_flops(at: Workplace, config: Size = "tiny", tokens: Annotated[int, Field(ge=1)] = 10_000_000) -> str:
    """Parameters, bytes per format, FLOPs per token and for a training run, and its expected time here."""
    return slm(at, "estimate-flops", config=config, tokens=tokens)


@tool(writes=True)
def train_model(at: Workplace, config: Size = "tiny", minutes: Minutes = 10, seed: Seed = 0, data: Path = "",
                out: Path = "") -> str:
    """Train a model from scratch within a time; answers with the losses and where the checkpoint lies."""
    return slm(at, "train-model", minutes=minutes, config=config, time=minutes, seed=seed, data=data, out=out)


@tool(writes=True)
def evaluate_model(at: Workplace, model: Path,
                   engine: Annotated[str, Field(pattern="^(torch|gguf|onnx|c|rules)$")] = "torch",
                   split: Annotated[str, Field(pattern="^[a-z0-9_-]+$")] = "test") -> str:
    """Evaluate a model in one engine on a split: macro F1, accuracy per intent, arguments, false positives of NONE."""
    return slm(at, "evaluate-model", minutes=30, model=model, engine=engine, split=split)


@tool(writes=True)
def finetune_lora(at: Workplace, model: Path, data: Path, rank: Annotated[int, Field(ge=1, le=256)] = 8,
                  minutes: Minutes = 10, seed: Seed = 0, out: Path = "") -> str:
    """Fine-tune a model by low-rank adapters on more data, and merge them."""
    return slm(at, "finetune-lora", minutes=minutes, model=model, data=data, rank=rank, time=minutes, seed=seed,
               out=out)


@tool(writes=True)
def quantize_model(at: Workplace, model: Path, format: Format = "Q8_0", out: Path = "") -> str:
    """Quantize a model; answers with bytes, error per tensor and the change on held-out sentences."""
    return slm(at, "quantize-model", model=model, format=format, out=out)


@tool(writes=True)
def export_gguf(at: Workplace, model: Path, format: Format = "Q8_0", out: Path = "") -> str:
    """Export a model as GGUF, as llama.cpp and Ollama read it."""
    return slm(at, "export-gguf", model=model, format=format, out=out)


@tool(writes=True)
def export_onnx(at: Workplace, model: Path, out: Path = "") -> str:
    """Export a model as ONNX, and compare its logits in onnxruntime with torch's."""
    return slm(at, "export-onnx", minutes=20, model=model, out=out)


@tool(writes=True)
def validate_gguf(at: Workplace, model: Path) -> str:
    """Check a GGUF file: metadata, shapes, tokenizer, and its answers in llama.cpp against torch's."""
    return slm(at, "validate-gguf", minutes=20, model=model)


@tool(writes=True)
def benchmark_model(at: Workplace, model: Path,
                    engine: Annotated[str, Field(pattern="^(torch|gguf|onnx|c)$")] = "c") -> str:
    """Measure tokens a second for prefill and decode, memory and load time in one engine."""
    return slm(at, "benchmark-model", minutes=15, model=model, engine=engine)


@tool(writes=True)
def compare_models(at: Workplace, models: Annotated[list[Path], Field(min_length=2, max_length=8)],
                   split: Annotated[str, Field(pattern="^[a-z0-9_-]+$")] = "test") -> str:
    """Compare models on the same sentences: each figure side by side, and whether the difference is significant."""
    return slm(at, "compare-models", minutes=30, model=models, split=split)


@tool(writes=True)
def integrate_slm(at: Workplace, model: Path, archs: Annotated[list[str], Field(max_length=16)] = []) -> str:  # noqa: B006
    """Put an exported model where the kernel's build takes it, and check the answers of each booted kernel."""
    return slm(at, "integrate-slm", minutes=20, model=model, arch=archs)
