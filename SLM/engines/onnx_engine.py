"""onnxruntime on an ONNX file: no cache, the whole prefix each time (sentences are short)."""

from pathlib import Path

import numpy as np

from SLM.engines.base import Neural, model_file
from SLM.errors import Missing


class Onnx:
    def __init__(self, path: Path, threads: int = 1):
        try:
            import onnxruntime
        except ImportError:
            raise Missing("--engine onnx: the package onnxruntime is not installed (it is in the extra 'slm')") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.ids: list[int] = []

    def start(self, ids: list[int]) -> np.ndarray:
        self.ids = list(ids)
        return self._run()

    def step(self, token: int) -> np.ndarray:
        self.ids.append(token)
        return self._run()

    def _run(self) -> np.ndarray:
        return self.session.run(None, {"ids": np.array([self.ids], np.int64)})[0][0, -1]


def open(model: Path, threads: int = 1, **options) -> Neural:
    return Neural(model, Onnx(model_file(model, "*.onnx", "an .onnx of export-onnx"), threads), **options)
