"""Reads and judges GGUF files: bounds first, then meaning. As strict as llama.cpp's own loader, and stricter on ours.

`parse` raises SlmError at the first thing that is wrong and never reads outside the bytes it was given.
`check` then says whether the file is a model that this project's engines can run.
Format: ggml's docs/gguf.md, version 3, little-endian.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from SLM.errors import SlmError

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 8: ("Q8_0", 32, 34)}
"""Tensor types that our engines read: number → name, values in a block, bytes of a block."""
MAX_STRING, MAX_ARRAY, MAX_KEYS, MAX_TENSORS = 1 << 20, 1 << 20, 4096, 65536


@dataclass
class Tensor:
    name: str
    shape: tuple[int, ...]
    """As numpy has it: (rows, columns); GGUF stores it the other way round."""
    type: str
    offset: int
    """From the start of the file."""
    size: int


@dataclass
class Gguf:
    keys: dict
    tensors: dict[str, Tensor]
    data: bytes

    def array(self, name: str) -> np.ndarray:
        """A tensor's values as float32."""
        t = self.tensors[name]
        raw = np.frombuffer(self.data, np.uint8, t.size, t.offset)
        if t.type == "F32":
            return raw.view(np.float32).reshape(t.shape)
        if t.type == "F16":
            return raw.view(np.float16).astype(np.float32).reshape(t.shape)
        width = 34 if t.type == "Q8_0" else 18
        blocks = raw.reshape(-1, width)
        d = blocks[:, :2].copy().view(np.float16).astype(np.float32)
        if t.type == "Q8_0":
            q = blocks[:, 2:].view(np.int8).astype(np.float32)
        else:
            q = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype(np.float32) - 8
        return (d * q).reshape(t.shape)


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, n: int, what: str) -> bytes:
        if n < 0 or n > len(self.data) - self.at:
            raise SlmError(f"gguf: byte {self.at}: expected {n} bytes of {what}, found {len(self.data) - self.at}")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, code: str, what: str):
        return struct.unpack(code, self.take(struct.calcsize(code), what))[0]

    def string(self, what: str, limit: int = MAX_STRING) -> str:
        n = self.number("<Q", f"the length of {what}")
        if n > limit:
            raise SlmError(f"gguf: byte {self.at}: expected {what} of at most {limit} bytes, found {n}")
        try:
            return self.take(n, what).decode()
        except UnicodeDecodeError:
            raise SlmError(f"gguf: byte {self.at}: expected {what} in UTF-8") from None

    def value(self, kind: int, what: str, depth: int = 0):
        if kind in _SCALARS:
            if kind == 7:
                byte = self.number("<B", what)
                if byte > 1:
                    raise SlmError(f"gguf: {what}: expected a bool of 0 or 1, found {byte}")
                return bool(byte)
            return self.number(_SCALARS[kind], what)
        if kind == STRING:
            return self.string(what)
        if kind == ARRAY and depth == 0:
            inner, count = self.number("<I", what), self.number("<Q", what)
            if count > MAX_ARRAY:
                raise SlmError(f"gguf: {what}: expected at most {MAX_ARRAY} entries, found {count}")
            return [self.value(inner, what, 1) for _ in range(count)]
        raise SlmError(f"gguf: {what}: expected a known value type, found {kind} at byte {self.at}")


def parse(data: bytes) -> Gguf:
    """Header, keys and tensor table of a whole file; every tensor lies inside it, aligned, none over another."""
    r = _Reader(data)
    if r.take(4, "magic") != MAGIC:
        raise SlmError(f"gguf: expected the magic 'GGUF', found {data[:4]!r}")
    if (version := r.number("<I", "version")) != VERSION:
        raise SlmError(f"gguf: expected version {VERSION}, found {version}")
    tensors, keys = r.number("<Q", "tensor count"), r.number("<Q", "key count")
    if tensors > MAX_TENSORS or keys > MAX_KEYS:
        raise SlmError(f"gguf: expected at most {MAX_TENSORS} tensors and {MAX_KEYS} keys, found {tensors} and {keys}")
    found: dict = {}
    for _ in range(keys):
        name = r.string("a key", 65535)
        if name in found:
            raise SlmError(f"gguf: key {name!r} is there twice")
        found[name] = r.value(r.number("<I", f"the type of {name}"), name)
    align = found.get("general.alignment", ALIGNMENT)
    if not isinstance(align, int) or align < 8 or align & (align - 1):
        raise SlmError(f"gguf: general.alignment: expected a power of two of at least 8, found {align!r}")
    table: list[tuple[str, tuple[int, ...], str, int, int]] = []
    names = set()
    for _ in range(tensors):
        name = r.string("a tensor's name", 63)
        if name in names:
            raise SlmError(f"gguf: tensor {name!r} is there twice")
        names.add(name)
        n = r.number("<I", f"the rank of {name}")
        if not 1 <= n <= 4:
            raise SlmError(f"gguf: {name}: expected 1 to 4 dimensions, found {n}")
        shape = tuple(r.number("<Q", f"a dimension of {name}") for _ in range(n))
        kind, offset = r.number("<I", f"the type of {name}"), r.number("<Q", f"the offset of {name}")
        if kind not in TYPES:
            raise SlmError(f"gguf: {name}: expected a tensor type of {sorted(t[0] for t in TYPES.values())}, found number {kind}")
        type_name, block, width = TYPES[kind]
        count = math.prod(shape)
        if any(not 0 < d < 1 << 31 for d in shape) or count > 1 << 40:
            raise SlmError(f"gguf: {name}: expected dimensions from 1 to 2^31, found {shape}")
        if shape[0] % block:
            raise SlmError(f"gguf: {name}: expected rows of a multiple of {block} values, found {shape[0]}")
        if offset % align:
            raise SlmError(f"gguf: {name}: expected an offset aligned to {align}, found {offset}")
        table.append((name, shape[::-1], type_name, offset, count // block * width))
    base = (r.at + align - 1) // align * align
    end = 0
    out = {}
    for name, shape, type_name, offset, size in table:
        if offset != end:
            raise SlmError(f"gguf: {name}: expected the offset {end} (right behind the tensor before), found {offset}")
        if base + offset + size > len(data):
            raise SlmError(f"gguf: {name}: expected {size} bytes at {base + offset}, found a file of {len(data)}")
        out[name] = Tensor(name, shape, type_name, base + offset, size)
        end = (offset + size + align - 1) // align * align
    return Gguf(found, out, data)


def read(path: Path) -> Gguf:
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        raise SlmError(f"{path}: expected a GGUF file, found none") from None
    except SlmError as error:
        raise SlmError(f"{path}: {error}") from None


_NEEDED = {"general.architecture": str, "llama.context_length": int, "llama.embedding_length": int, "llama.block_count": int,
           "llama.feed_forward_length": int, "llama.attention.head_count": int, "llama.attention.head_count_kv": int,
           "llama.attention.layer_norm_rms_epsilon": float, "llama.rope.dimension_count": int, "llama.rope.freq_base": float,
           "tokenizer.ggml.model": str, "tokenizer.ggml.tokens": list, "tokenizer.ggml.scores": list,
           "tokenizer.ggml.token_type": list, "tokenizer.ggml.bos_token_id": int, "tokenizer.ggml.eos_token_id": int,
           "auton.slm.ask_token_id": int, "auton.slm.first_intent_token_id": int, "auton.slm.intents": list,
           "auton.slm.temperature": float}


def check(g: Gguf) -> list[str]:
    """What keeps this file from being a model that our engines run; empty when nothing does."""
    k, bad = g.keys, []
    for name, kind in _NEEDED.items():
        if name not in k:
            bad.append(f"key {name}: expected {kind.__name__}, found none")
        elif not isinstance(k[name], kind) or isinstance(k[name], bool):
            bad.append(f"key {name}: expected {kind.__name__}, found {type(k[name]).__name__}")
    if bad:
        return bad
    if k["general.architecture"] != "llama":
        bad.append(f"general.architecture: expected llama, found {k['general.architecture']!r}")
    if k["tokenizer.ggml.model"] != "llama":
        bad.append(f"tokenizer.ggml.model: expected llama (SentencePiece), found {k['tokenizer.ggml.model']!r}")
    h, heads, kv = k["llama.embedding_length"], k["llama.attention.head_count"], k["llama.attention.head_count_kv"]
    ffn, layers, vocab = k["llama.feed_forward_length"], k["llama.block_count"], len(k["tokenizer.ggml.tokens"])
    if min(h, heads, kv, ffn, layers, vocab) < 1 or h % heads or heads % kv:
        return bad + [f"shape: embedding {h}, heads {heads}, kv heads {kv}, ffn {ffn}, layers {layers} do not fit together"]
    head = h // heads
    if k["llama.rope.dimension_count"] != head:
        bad.append(f"llama.rope.dimension_count: expected {head}, found {k['llama.rope.dimension_count']}")
    for name in ("scores", "token_type"):
        if len(k[f"tokenizer.ggml.{name}"]) != vocab:
            bad.append(f"tokenizer.ggml.{name}: expected {vocab} entries, found {len(k[f'tokenizer.ggml.{name}'])}")
    kinds = k["tokenizer.ggml.token_type"]
    normal = [token for token, kind in zip(k["tokenizer.ggml.tokens"], kinds, strict=False) if kind == 1]
    if len(set(normal)) < len(normal):
        bad.append("tokenizer.ggml.tokens: a token is there twice")
    intents, first = k["auton.slm.intents"], k["auton.slm.first_intent_token_id"]
    if not intents or first + len(intents) > vocab or max(k["auton.slm.ask_token_id"], k["tokenizer.ggml.eos_token_id"]) >= vocab:
        bad.append("special tokens: expected ids inside the vocabulary")
    if not (math.isfinite(k["auton.slm.temperature"]) and 0.01 <= k["auton.slm.temperature"] <= 100):
        bad.append(f"auton.slm.temperature: expected 0.01 to 100, found {k['auton.slm.temperature']}")
    kv_size = kv * head
    shapes = {"token_embd.weight": (vocab, h), "output_norm.weight": (h,)}
    for i in range(min(layers, 1024)):
        b = f"blk.{i}."
        shapes |= {b + "attn_norm.weight": (h,), b + "ffn_norm.weight": (h,), b + "attn_q.weight": (h, h), b + "attn_output.weight": (h, h),
                   b + "attn_k.weight": (kv_size, h), b + "attn_v.weight": (kv_size, h), b + "ffn_gate.weight": (ffn, h),
                   b + "ffn_up.weight": (ffn, h), b + "ffn_down.weight": (h, ffn)}
    for name, shape in shapes.items():
        t = g.tensors.get(name)
        if t is None:
            bad.append(f"tensor {name}: expected shape {shape}, found none")
        elif t.shape != shape:
            bad.append(f"tensor {name}: expected shape {shape}, found {t.shape}")
        elif len(shape) == 1 and t.type != "F32":
            bad.append(f"tensor {name}: expected F32, found {t.type}")
        elif not np.isfinite(g.array(name)).all():
            bad.append(f"tensor {name}: holds values that are not finite")
    if extra := sorted(set(g.tensors) - set(shapes)):
        bad.append(f"tensor {extra[0]}: not expected in this model (and {len(extra) - 1} more)")
    return bad
