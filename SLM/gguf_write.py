"""Writes the model as GGUF version 3, tokenizer included, as llama.cpp and kernels/core/slm read it.

llama's rotary embedding pairs neighbours in GGUF, so the rows of Q and K are permuted (ggml's convention for the
architecture "llama"). Own keys, which others ignore: auton.slm.* (the intents' token ids and temperature).
"""

from pathlib import Path

import numpy as np

from SLM.errors import SlmError
from SLM.intents import ASK, BOS, EOS, FIRST_INTENT, INTENTS, UNK
from SLM.model import Slm
from SLM.tokenizer import Tokenizer

KINDS = ("F32", "F16", "Q8_0", "Q4_0")


def permute(w: np.ndarray, heads: int) -> np.ndarray:
    """Rows of Q or K from halves apart (transformers) to pairs side by side (GGUF)."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def tensors(model: Slm) -> list[tuple[str, np.ndarray]]:
    """GGUF names and float32 values, in file order."""
    c = model.c
    w = {k: v.detach().float().numpy() for k, v in model.state_dict().items()}
    out = [("token_embd.weight", w["model.embed_tokens.weight"])]
    for i in range(c.layers):
        a, b = f"model.layers.{i}.", f"blk.{i}."
        out += [
            (b + "attn_norm.weight", w[a + "input_layernorm.weight"]),
            (b + "attn_q.weight", permute(w[a + "self_attn.q_proj.weight"], c.heads)),
            (b + "attn_k.weight", permute(w[a + "self_attn.k_proj.weight"], c.kv_heads)),
            (b + "attn_v.weight", w[a + "self_attn.v_proj.weight"]),
            (b + "attn_output.weight", w[a + "self_attn.o_proj.weight"]),
            (b + "ffn_norm.weight", w[a + "post_attention_layernorm.weight"]),
            (b + "ffn_gate.weight", w[a + "mlp.gate_proj.weight"]),
            (b + "ffn_up.weight", w[a + "mlp.up_proj.weight"]),
            (b + "ffn_down.weight", w[a + "mlp.down_proj.weight"]),
        ]
    return out + [("output_norm.weight", w["model.norm.weight"])]


def write(model: Slm, tokenizer: Tokenizer, path: Path, kind: str, *, temperature: float = 1.0, name: str = "auton-slm") -> dict:
    """Write `path`; returns its size and what it holds. Matrices are of `kind`, vectors F32."""
    import gguf

    if kind not in KINDS:
        raise SlmError(f"--type: expected one of {', '.join(KINDS)}, found {kind!r}")
    if len(tokenizer) != model.c.vocab_size:
        raise SlmError(f"tokenizer: expected {model.c.vocab_size} tokens as the model has, found {len(tokenizer)}")
    c = model.c
    types = gguf.GGMLQuantizationType
    files = {"F32": gguf.LlamaFileType.ALL_F32, "F16": gguf.LlamaFileType.MOSTLY_F16,
             "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0, "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0}
    path.parent.mkdir(parents=True, exist_ok=True)
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_name(name)
    w.add_license("MIT")
    w.add_file_type(files[kind])
    w.add_context_length(c.context)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.layers)
    w.add_feed_forward_length(c.ffn_size)
    w.add_head_count(c.heads)
    w.add_head_count_kv(c.kv_heads)
    w.add_layer_norm_rms_eps(c.norm_eps)
    w.add_rope_dimension_count(c.head_size)
    w.add_rope_freq_base(c.rope_theta)
    w.add_vocab_size(c.vocab_size)
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    w.add_token_list([p.encode() for p in tokenizer.pieces])
    w.add_token_scores(tokenizer.scores())
    w.add_token_types(tokenizer.types())
    w.add_bos_token_id(BOS)
    w.add_eos_token_id(EOS)
    w.add_unk_token_id(UNK)
    w.add_add_bos_token(False)
    w.add_add_eos_token(False)
    w.add_add_space_prefix(True)
    w.add_uint32("auton.slm.ask_token_id", ASK)
    w.add_uint32("auton.slm.first_intent_token_id", FIRST_INTENT)
    w.add_array("auton.slm.intents", list(INTENTS))
    w.add_float32("auton.slm.temperature", float(temperature))
    for tensor, value in tensors(model):
        value = np.ascontiguousarray(value, dtype=np.float32)
        if value.ndim == 1 or kind == "F32":
            w.add_tensor(tensor, value)
        elif kind == "F16":
            w.add_tensor(tensor, value.astype(np.float16))
        else:
            w.add_tensor(tensor, gguf.quants.quantize(value, types[kind]), raw_dtype=types[kind])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return {"path": str(path), "type": kind, "bytes": path.stat().st_size, "parameters": c.parameters(), "temperature": temperature}
