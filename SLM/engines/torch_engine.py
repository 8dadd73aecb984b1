"""torch, in float32: the reference. Takes a model directory, or a GGUF whose weights it reads back."""

from pathlib import Path

import numpy as np
import torch

from SLM.engines.base import Neural, model_file
from SLM.model import load


class Torch:
    def __init__(self, model: torch.nn.Module):
        self.model = model.eval()
        self.caches = None

    @torch.no_grad()
    def start(self, ids: list[int]) -> np.ndarray:
        self.caches = self.model.new_caches()
        return self._feed(ids)

    def step(self, token: int) -> np.ndarray:
        return self._feed([token])

    @torch.no_grad()
    def _feed(self, ids: list[int]) -> np.ndarray:
        hidden = self.model(torch.tensor([ids]), self.caches)
        return self.model.logits(hidden[0, -1]).float().numpy()


def open(model: Path, **options) -> Neural:
    if model.is_dir() and not (model / "model.safetensors").exists() and list(model.glob("*.gguf")):
        model = model_file(model, "*.gguf", "a .gguf")  # the shipped directory holds only what the kernels take
    if model.suffix == ".gguf":
        from SLM.gguf_torch import from_gguf

        net, scale = from_gguf(model)
        return Neural(model, Torch(net), scale=scale, **options)
    return Neural(model, Torch(load(model)), **options)
