"""Q8_0 and Q4_0: round to nearest (gguf's own code), and the anneal that moves weights onto the exact Q4_0 grid.

`anneal` makes every matrix read as its quantized self while gradients pass to the float weights (straight-through).
Norms stay float. The grids are llama.cpp's: blocks of 32 along a row, one float16 scale each.
"""

import torch
from torch import nn
from torch.nn.utils import parametrize

from SLM.errors import SlmError

FORMATS = ("F32", "Q8_0", "Q4_0")


def grid(w: torch.Tensor, kind: str) -> torch.Tensor:
    """A matrix (rows, cols) rounded to what the format can hold, as float32."""
    blocks = w.detach().float().reshape(-1, 32)
    if kind == "Q8_0":
        top = blocks.abs().amax(1, keepdim=True)
        d = top / 127
        q = torch.round(blocks * torch.where(top > 0, 127 / top, 0))
    elif kind == "Q4_0":
        top = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))  # the value farthest from 0, with its sign
        d = top / -8
        q = (blocks * torch.where(d != 0, 1 / d, 0) + 8.5).trunc().clamp(0, 15) - 8
    else:
        raise SlmError(f"quantization: expected one of {', '.join(FORMATS)}, found {kind}")
    return (q * d.half().float()).reshape(w.shape)


class _OnGrid(nn.Module):
    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def forward(self, w):
        return w + (grid(w, self.kind) - w).detach()


def anneal(model: nn.Module, kind: str) -> nn.Module:
    """Every matrix of the model reads as quantized from now on."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            parametrize.register_parametrization(module, "weight", _OnGrid(kind))
    return model


def settle(model: nn.Module) -> nn.Module:
    """End an anneal: the weights become what they read as."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    return model


def rounded(model: nn.Module, kind: str) -> nn.Module:
    """The model with its matrices rounded to the format (in place)."""
    if kind != "F32":
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, (nn.Linear, nn.Embedding)):
                    module.weight.copy_(grid(module.weight, kind))
    return model
