"""Engines: one module each, with `open(model: Path, **options) -> Engine`. Adding one is adding a module.

    Engine.classify(text) -> Answer      Engine.close()
The engine's name is the module's, with "." for "_": torch, llama.cpp, onnx, host, kernel:ARCH, rules, tfidf.
"""

import importlib
from pathlib import Path
from typing import Protocol

from SLM.decode import Answer
from SLM.errors import SlmError

NAMES = ("torch", "llama.cpp", "onnx", "host", "kernel:x86_64", "kernel:aarch64", "kernel:riscv64", "rules", "tfidf")


class Engine(Protocol):
    def classify(self, text: str) -> Answer: ...
    def close(self) -> None: ...


def open_engine(name: str, model: Path, **options) -> Engine:
    """`model` is a directory of train-model / export, or a .gguf or .onnx file, as the engine needs."""
    if name not in NAMES:
        raise SlmError(f"--engine: expected one of {', '.join(NAMES)}, found {name!r}")
    kind, _, arch = name.partition(":")
    module = importlib.import_module("SLM.engines." + kind.replace(".", "_") + ("_engine" if kind in ("torch", "onnx") else ""))
    return module.open(model, **({"arch": arch} if arch else {}), **options)
