"""A LoRA adapter in torch: beside the matrices of a model while it is trained, as GGUF, and back from it.

A matrix W becomes W x + B (A x); alpha is the rank, so that there is no scale. Also beside matrices that round their
input (gguf_torch): A sees the input as it is, which is how llama.cpp does it.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from SLM.errors import SlmError
from SLM.gguf_read import read
from SLM.gguf_torch import unpermute
from SLM.lora import NAMES, write_adapter
from SLM.model import Slm


class Adapted(nn.Module):
    """base(x) + B (A x): a (rank, in), b (out, rank), both float32; the input takes the base matrix's type."""

    def __init__(self, base: nn.Module, rank: int):
        super().__init__()
        outs, ins = base.weight.shape
        self.base = base
        self.a, self.b = nn.Parameter(torch.randn(rank, ins) * ins ** -0.5), nn.Parameter(torch.zeros(outs, rank))

    def forward(self, x):
        x = x.to(self.base.weight.dtype)
        return self.base(x) + F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))


def insert(net: Slm, layer: int, rank: int) -> dict[str, Adapted]:
    """Adapters at all matrices of one layer; their names as NAMES has them."""
    made = {}
    for name in NAMES:
        part, attr = name.split(".")
        inside = getattr(net.model["layers"][layer], part)
        made[name] = Adapted(getattr(inside, attr), rank)
        setattr(inside, attr, made[name])
    return made


def adapters(net: Slm) -> dict[str, torch.Tensor]:
    """What `insert` put in, by peft's kind of names."""
    return {f"layers.{i}.{name}.lora_{part}.weight": value.detach() for i, layer in enumerate(net.model["layers"])
            for name, module in layer.named_modules() if isinstance(module, Adapted)
            for part, value in (("A", module.a), ("B", module.b))}


def save(net: Slm, path: Path) -> None:
    """The adapter as GGUF of half precision."""
    weights = adapters(net)
    rank = next(v.shape[0] for k, v in weights.items() if "lora_A" in k)
    write_adapter(weights, net.c.heads, net.c.kv_heads, float(rank), path, half=True)


def apply(net: Slm, path: Path) -> Slm:
    """`net` with the adapter of a GGUF beside its matrices; SlmError if it is none, or one of another shape of model."""
    g = read(path)
    if g.keys.get("general.type") != "adapter" or g.keys.get("adapter.type") != "lora":
        raise SlmError(f"{path}: expected a LoRA adapter (general.type adapter), found a {g.keys.get('general.type', 'model')}")
    left = set(g.tensors)
    for layer in sorted({int(name.split(".")[1]) for name in g.tensors}):
        if layer >= net.c.layers:
            raise SlmError(f"{path}: expected at most {net.c.layers} layers as the model has, found an adapter of layer {layer}")
        rank = next(g.tensors[name].shape[0] for name in g.tensors if name.startswith(f"blk.{layer}.") and name.endswith("lora_a"))
        for module, adapted in insert(net, layer, rank).items():
            stem = f"blk.{layer}.{NAMES[module]}.weight.lora_"
            heads = {"attn_q": net.c.heads, "attn_k": net.c.kv_heads}.get(NAMES[module], 0)
            for part, where in (("a", adapted.a), ("b", adapted.b)):
                if stem + part not in g.tensors or g.tensors[stem + part].shape != tuple(where.shape):
                    raise SlmError(f"{path}: tensor {stem}{part}: expected shape {tuple(where.shape)}, found "
                                   f"{g.tensors[stem + part].shape if stem + part in g.tensors else 'none'}")
                value = g.array(stem + part)
                where.data = torch.from_numpy(np.ascontiguousarray(unpermute(value, heads) if part == "b" and heads else value).copy())
                left.discard(stem + part)
            adapted.b.data *= float(g.keys["adapter.lora.alpha"]) / rank
    if left:
        raise SlmError(f"{path}: tensor {sorted(left)[0]}: not expected in an adapter of this model")
    return net.requires_grad_(False)
