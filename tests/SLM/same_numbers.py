"""One number, the same number everywhere: every engine over the same held-out sentences of one GGUF. `make same-numbers`.

Beside torch on the GGUF, which is the reference: the share of equal intents and actions, and the gap of the intents'
logits (each row's own mean taken away, since llama.cpp gives probabilities). Two files: the model's weights as floats,
where every row's logits must be within 1e-2; and the model as it is shipped, where the intents must be the same. There
engines round activations to 8 bits, and the last bit of a float sum decides which way one of them is rounded: the
yardstick is llama.cpp beside itself with its other way to add up attention. The C engine's answers inside the booted
kernels must be its answers on the host to the last digit that they print.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

from SLM import gguf_write, onnx_export
from SLM.data.build import read
from SLM.engines import NAMES, open_engine
from SLM.engines.base import Neural
from SLM.engines.llama_cpp import LlamaCpp
from SLM.gguf_torch import from_gguf
from SLM.tokenizer import Tokenizer

SHIPPED = Path(__file__).parents[2] / "SLM" / "models" / "slm.gguf"
KERNELS = tuple(name for name in NAMES if name.startswith("kernel:"))
GAP = 1e-2


def answers(engine: str, model: Path, texts: list[str]) -> list:
    with tempfile.TemporaryDirectory() as folder:
        if engine == "llama.cpp, other sums":
            opened = Neural(model, LlamaCpp(model, flash=True))
        else:
            opened = open_engine(engine, onnx_of(model, folder) if engine == "onnx" else model)
        try:
            return [opened.classify(text) for text in texts]
        finally:
            opened.close()


def gaps(a: list, b: list) -> np.ndarray:
    """The largest difference of a logit, by row."""
    x, y = (np.array([row.logits for row in rows]) for rows in (a, b))
    return np.abs((x - x.mean(1, keepdims=True)) - (y - y.mean(1, keepdims=True))).max(1)


def compare(reference: list, found: list) -> dict[str, float]:
    gap = gaps(reference, found)
    same = [(a.intent == b.intent, a.action == b.action) for a, b in zip(reference, found, strict=True)]
    return {"intents": sum(i for i, _ in same) / len(same), "actions": sum(a for _, a in same) / len(same), "median": float(np.median(gap)),
            "p99": float(np.quantile(gap, 0.99)), "max": float(gap.max()), "within": float((gap <= GAP).mean())}


def identical(host: list, kernel: list) -> bool:
    """Digits that the kernel prints: millionths of a logit."""
    return all(a.intent == b.intent and a.action == b.action and np.abs(np.array(a.logits) - b.logits).max() <= 1e-6
               for a, b in zip(host, kernel, strict=True))


def held_out(rows: int) -> list[str]:
    from SLM.cli import root

    with tempfile.TemporaryDirectory() as folder:
        root.main(["build-dataset", "--config", "debug", "--size", "200", "--output", folder], standalone_mode=False)
        splits = [read(Path(folder) / f"{name}.jsonl") for name in ("test_families", "test_entities", "test_noise", "free")]
    return [row["text"] for split in splits for row in split[:rows // len(splits)]]


def onnx_of(model: Path, folder: str) -> Path:
    out = Path(folder) / "model.onnx"
    onnx_export.write(from_gguf(model, rounded=False)[0], out, "float")  # its activations stay float: other numbers, the same answers
    shutil.copy(model.parent / "tokenizer.json", out.with_name("tokenizer.json"))
    return out


def as_floats(model: Path, folder: str) -> Path:
    """The same weights, none of them rounded any more, and the tokenizer beside them."""
    net, temperature = from_gguf(model, rounded=False)
    shutil.copy(model.parent / "tokenizer.json", folder)
    out = Path(folder) / "model-F32.gguf"
    gguf_write.write(net, Tokenizer(Path(folder) / "tokenizer.json"), out, "F32", temperature=temperature)
    return out


def show(name: str, c: dict[str, float], note: str) -> None:
    print(f"{name:23} intents {c['intents']:.4f} actions {c['actions']:.4f}   median {c['median']:.1e} 99 % {c['p99']:.1e} "
          f"max {c['max']:.1e}   rows within {GAP}: {c['within']:.4f}{note}", flush=True)


def beside_torch(model: Path, texts: list[str], in_kernels: int, within: float) -> bool:
    """Print a line for each engine; are the intents equal, and the logits of that share of the rows within GAP?"""
    reference, host = (answers(name, model, texts) for name in ("torch", "host"))
    print(f"{model.name}, {len(texts)} held-out sentences ({in_kernels} in the kernels): equal to torch's, gap of the logits")
    ok = True
    for name in ("llama.cpp", "onnx", "host", *KERNELS):
        found = host if name == "host" else answers(name, model, texts[:in_kernels] if name in KERNELS else texts)
        c, digits = compare(reference[:len(found)], found), name in KERNELS and identical(host[:len(found)], found)
        ok &= c["intents"] >= 0.995 and c["within"] >= within and digits == (name in KERNELS)
        show(name, c, "   as on the host" if digits else "")
    return ok


def main() -> bool:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", type=Path, default=SHIPPED)
    options.add_argument("--rows", type=int, default=400)
    chosen = options.parse_args()
    texts = held_out(chosen.rows)
    with tempfile.TemporaryDirectory() as folder:  # floats are slow where the processor is emulated
        ok = beside_torch(as_floats(chosen.model, folder), texts, max(4, len(texts) // 20), 1.0)
    ok &= beside_torch(chosen.model, texts, len(texts), 0.0)
    show("llama.cpp beside itself", compare(*(answers(name, chosen.model, texts) for name in ("llama.cpp", "llama.cpp, other sums"))), "")
    print("the same everywhere" if ok else "NOT the same everywhere")
    return ok


if __name__ == "__main__":
    raise SystemExit(not main())
