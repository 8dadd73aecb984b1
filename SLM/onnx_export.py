"""The model as ONNX: ids (batch, time) → logits (batch, time, vocab); in float32, or with 8- or 4-bit weights.

The integer files use onnxruntime's MatMulNBits in blocks of 32 along a row, the same grain as Q8_0 and Q4_0. A graph
that the checker accepts may still not run: `write` runs it once and compares with torch before it keeps the file.
"""

import contextlib
import io
import logging
from pathlib import Path

import numpy as np
import torch

from SLM.errors import SlmError
from SLM.model import Slm

KINDS = ("float", "int8", "int4")


class _Whole(torch.nn.Module):
    def __init__(self, model: Slm):
        super().__init__()
        self.inner = model

    def forward(self, ids):
        return self.inner.logits(self.inner(ids))


def write(model: Slm, path: Path, kind: str) -> dict:
    """Write `path`; returns its size and the largest difference from torch on one batch (0 is equal)."""
    import onnx
    import onnxruntime

    if kind not in KINDS:
        raise SlmError(f"--type: expected one of {', '.join(KINDS)}, found {kind!r}")
    for noisy in ("torch.onnx", "onnxruntime.quantization", "onnxruntime.quantization.matmul_nbits_quantizer", "onnxscript"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    path.parent.mkdir(parents=True, exist_ok=True)
    example = torch.randint(16, model.c.vocab_size, (2, 7), generator=torch.Generator().manual_seed(0))
    whole = _Whole(model).eval()
    batch, time = torch.export.Dim("batch", min=1, max=64), torch.export.Dim("time", min=2, max=model.c.context)
    with contextlib.redirect_stdout(io.StringIO()):
        program = torch.onnx.export(whole, (example,), dynamo=True, input_names=["ids"], output_names=["logits"],
                                    dynamic_shapes={"ids": {0: batch, 1: time}}, verbose=False)
    proto = program.model_proto
    if kind != "float":
        from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

        config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, bits=8 if kind == "int8" else 4)
        quantizer = MatMulNBitsQuantizer(proto, algo_config=config)
        quantizer.process()
        proto = quantizer.model.model
    onnx.save(proto, str(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    probe = torch.randint(16, model.c.vocab_size, (3, 11), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = whole(probe).numpy()
    found = session.run(None, {"ids": probe.numpy()})[0]
    gap = float(np.abs(found - wanted).max())
    if kind == "float" and gap > 1e-2:
        path.unlink()
        raise SlmError(f"{path}: expected onnxruntime to give torch's logits within 1e-2, found a difference of {gap:.3g}")
    return {"path": str(path), "type": kind, "bytes": path.stat().st_size, "max_difference": gap}
