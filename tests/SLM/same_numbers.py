"""One number, the same number everywhere: every engine over the same held-out sentences of one GGUF. `make same-numbers`.

Beside torch on the GGUF, which is the reference: the share of equal intents and actions, and the gap of the intents'
logits (each row's own mean taken away, since llama.cpp gives probabilities). The C engine's answers inside the booted
kernels must be its answers on the host to the last digit that they print. Where engines round activations to 8 bits,
a last-bit difference of a float sum now and then rounds one activation the other way: that is the gap of single rows.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from SLM.data.build import read
from SLM.engines import NAMES, open_engine

SHIPPED = Path(__file__).parents[2] / "SLM" / "models" / "slm.gguf"
KERNELS = tuple(name for name in NAMES if name.startswith("kernel:"))


def answers(engine: str, model: Path, texts: list[str]) -> list:
    opened = open_engine(engine, model)
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
            "p99": float(np.quantile(gap, 0.99)), "max": float(gap.max()), "within": float((gap <= 1e-2).mean())}


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
    import shutil

    from SLM.gguf_torch import from_gguf
    from SLM.onnx_export import write
    from SLM.tokenizer import Tokenizer

    out = Path(folder) / "model.onnx"
    write(from_gguf(model, rounded=False)[0], out, "float")  # its activations stay float: other numbers, the same answers
    shutil.copy(Tokenizer(model.parent / "tokenizer.json").path, out.with_name("tokenizer.json"))
    return out


def main() -> bool:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", type=Path, default=SHIPPED)
    options.add_argument("--rows", type=int, default=400)
    chosen = options.parse_args()
    texts = held_out(chosen.rows)
    reference, host = (answers(name, chosen.model, texts) for name in ("torch", "host"))
    print(f"{len(texts)} held-out sentences; beside torch on {chosen.model.name}: equal intents and actions, gap of the logits")
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        for name in ("llama.cpp", "onnx", "host", *KERNELS):
            found = host if name == "host" else answers(name, onnx_of(chosen.model, folder) if name == "onnx" else chosen.model, texts)
            c = compare(reference, found)
            ok &= c["intents"] >= 0.995 and (name not in KERNELS or identical(host, found))
            print(f"{name:15} intents {c['intents']:.4f} actions {c['actions']:.4f}   median {c['median']:.1e} 99 % {c['p99']:.1e} "
                  f"max {c['max']:.1e}   rows within 1e-2: {c['within']:.4f}"
                  + ("   as on the host" if name in KERNELS and identical(host, found) else ""), flush=True)
    print("the same everywhere" if ok else "NOT the same everywhere")
    return ok


if __name__ == "__main__":
    raise SystemExit(not main())
