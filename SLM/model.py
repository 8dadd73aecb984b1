"""The model: LLaMA's shape (RMSNorm, rotary positions, grouped-query attention, SwiGLU, tied embeddings) in plain torch.

Names and layout of the weights are those of transformers' LlamaForCausalLM, so that `save` writes what transformers,
peft and the exporters read. Not here: the tokenizer, training, quantization.
"""

import json
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from SLM.config import ModelConfig
from SLM.errors import SlmError
from SLM.hostile import parsed


class Norm(nn.Module):
    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(size)), eps

    def forward(self, x):
        return F.rms_norm(x.float(), x.shape[-1:], self.weight, self.eps).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, c: ModelConfig):
        super().__init__()
        self.c = c
        self.q_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.kv_heads * c.head_size, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.kv_heads * c.head_size, bias=False)
        self.o_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)

    def forward(self, x, cos, sin, cache=None):
        b, t, _ = x.shape
        q = self.q_proj(x).view(b, t, self.c.heads, -1).transpose(1, 2)        # (b, heads, t, head)
        k = self.k_proj(x).view(b, t, self.c.kv_heads, -1).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.c.kv_heads, -1).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:                                                  # [k, v] of earlier positions
            k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[0], cache[1] = k, v
        group = self.c.heads // self.c.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=cache is None or t > 1)
        return self.o_proj(y.transpose(1, 2).reshape(b, t, -1))


def rotate(x, cos, sin):
    """Rotary positions, halves apart as transformers has them (GGUF wants pairs side by side: export permutes)."""
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


class Mlp(nn.Module):
    def __init__(self, c: ModelConfig):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.ffn_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.ffn_size, bias=False)
        self.down_proj = nn.Linear(c.ffn_size, c.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c: ModelConfig):
        super().__init__()
        self.input_layernorm, self.self_attn = Norm(c.hidden_size, c.norm_eps), Attention(c)
        self.post_attention_layernorm, self.mlp = Norm(c.hidden_size, c.norm_eps), Mlp(c)
        self.dropout = 0.0  # training sets it

    def forward(self, x, cos, sin, cache=None):
        x = x + self._drop(self.self_attn(self.input_layernorm(x), cos, sin, cache))
        return x + self._drop(self.mlp(self.post_attention_layernorm(x)))

    def _drop(self, x):
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Slm(nn.Module):
    """ids (b, t) → hidden states (b, t, hidden); `logits` of any of them."""

    def __init__(self, c: ModelConfig):
        super().__init__()
        self.c = c
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(c.vocab_size, c.hidden_size),
            "layers": nn.ModuleList([Layer(c) for _ in range(c.layers)]),
            "norm": Norm(c.hidden_size, c.norm_eps),
        })
        half = c.head_size // 2
        angle = torch.outer(torch.arange(c.context).float(), c.rope_theta ** (-torch.arange(half).float() / half))
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.apply(self._init)
        for layer in self.model["layers"]:  # residual branches start small
            nn.init.normal_(layer.self_attn.o_proj.weight, std=0.5 * c.hidden_size ** -0.5 / (2 * c.layers) ** 0.5)
            nn.init.normal_(layer.mlp.down_proj.weight, std=0.5 * c.ffn_size ** -0.5 / (2 * c.layers) ** 0.5)

    @staticmethod
    def _init(module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.6 * module.in_features ** -0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)

    def forward(self, ids, caches=None):
        start = caches[0][0].shape[2] if caches and caches[0] else 0
        stop = start + ids.shape[1]
        x = self.model["embed_tokens"](ids)
        cos, sin = self.cos[start:stop], self.sin[start:stop]
        for i, layer in enumerate(self.model["layers"]):
            x = layer(x, cos, sin, caches[i] if caches else None)
        return self.model["norm"](x)

    def logits(self, hidden):
        return F.linear(hidden, self.model["embed_tokens"].weight)

    def new_caches(self, batch: int = 1):
        """Empty key-value caches, one a layer, for step by step decoding."""
        empty = (batch, self.c.kv_heads, 0, self.c.head_size)
        return [[torch.zeros(empty), torch.zeros(empty)] for _ in range(self.c.layers)]


def save(model: Slm, out: Path) -> None:
    """config.json and model.safetensors as transformers writes them."""
    from safetensors.torch import save_file

    c = model.c
    out.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().float().contiguous() for k, v in model.state_dict().items()}
    save_file(weights, out / "model.safetensors.part", metadata={"format": "pt"})
    (out / "model.safetensors.part").replace(out / "model.safetensors")
    (out / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": c.vocab_size,
        "hidden_size": c.hidden_size, "num_hidden_layers": c.layers, "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads, "head_dim": c.head_size, "intermediate_size": c.ffn_size,
        "max_position_embeddings": c.context, "rope_theta": c.rope_theta, "rms_norm_eps": c.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_theta},
        "tie_word_embeddings": True, "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2,
        "attention_bias": False, "mlp_bias": False, "torch_dtype": "float32", "slm": asdict(c)}, indent=1) + "\n")


def load(path: Path) -> Slm:
    """A model that `save` wrote."""
    from safetensors.torch import load_file

    try:
        raw = parsed(json.loads, (path / "config.json").read_text())
        model = Slm(ModelConfig(**raw["slm"]))
        model.load_state_dict(load_file(path / "model.safetensors"))
    except FileNotFoundError as error:
        raise SlmError(f"{path}: expected a trained model (config.json, model.safetensors), missing {error.filename}") from None
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise SlmError(f"{path}: not a model of this pipeline: {str(error).splitlines()[0]}") from None
    return model.eval()
