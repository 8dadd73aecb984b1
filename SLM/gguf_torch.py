"""A GGUF back into torch: the same weights, to compare engines on one file.

Matrices of Q8_0 and Q4_0 multiply as llama.cpp's and the kernels' engine do: the activations are rounded to Q8_0 blocks
first, so that the numbers are those of the integer kernels and not only of the same weights.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from SLM.config import ModelConfig
from SLM.errors import SlmError
from SLM.gguf_read import check, read
from SLM.model import Slm
from SLM.quantize import grid


class RoundedInput(nn.Module):
    """A linear layer whose input is rounded to Q8_0 blocks."""

    def __init__(self, weight: torch.Tensor):
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x):
        return nn.functional.linear(grid(x, "Q8_0"), self.weight)


def unpermute(w: np.ndarray, heads: int) -> np.ndarray:
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def from_gguf(path: Path, rounded: bool = True) -> tuple[Slm, float]:
    """(model, temperature) of a GGUF that passes `check`; without `rounded`, activations stay float (for ONNX)."""
    g = read(path)
    if bad := check(g):
        raise SlmError(f"{path}: {bad[0]}")
    k = g.keys
    c = ModelConfig(vocab_size=len(k["tokenizer.ggml.tokens"]), hidden_size=k["llama.embedding_length"], layers=k["llama.block_count"],
                    heads=k["llama.attention.head_count"], kv_heads=k["llama.attention.head_count_kv"],
                    ffn_size=k["llama.feed_forward_length"], context=k["llama.context_length"], rope_theta=k["llama.rope.freq_base"],
                    norm_eps=k["llama.attention.layer_norm_rms_epsilon"])
    model = Slm(c)

    def get(name: str) -> torch.Tensor:
        return torch.from_numpy(g.array(name).copy())

    model.model["embed_tokens"].weight.data = get("token_embd.weight")
    model.model["norm"].weight.data = get("output_norm.weight")
    for i, layer in enumerate(model.model["layers"]):
        b = f"blk.{i}."
        layer.input_layernorm.weight.data = get(b + "attn_norm.weight")
        layer.post_attention_layernorm.weight.data = get(b + "ffn_norm.weight")
        for module, attr, name, heads in (
                (layer.self_attn, "q_proj", "attn_q", c.heads), (layer.self_attn, "k_proj", "attn_k", c.kv_heads),
                (layer.self_attn, "v_proj", "attn_v", 0), (layer.self_attn, "o_proj", "attn_output", 0),
                (layer.mlp, "gate_proj", "ffn_gate", 0), (layer.mlp, "up_proj", "ffn_up", 0), (layer.mlp, "down_proj", "ffn_down", 0)):
            value = g.array(f"{b}{name}.weight")
            value = torch.from_numpy(np.ascontiguousarray(unpermute(value, heads) if heads else value).copy())
            if rounded and g.tensors[f"{b}{name}.weight"].type in ("Q8_0", "Q4_0"):
                setattr(module, attr, RoundedInput(value))
            else:
                getattr(module, attr).weight.data = value
    if rounded and g.tensors["token_embd.weight"].type in ("Q8_0", "Q4_0"):
        plain = model.logits
        model.logits = lambda hidden: plain(grid(hidden, "Q8_0"))
    return model.eval(), float(k["auton.slm.temperature"])
