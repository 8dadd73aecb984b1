"""configs/*.yaml as typed, strict values: the shape of a model, the size of its data, how it is trained."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import yaml

from SLM.errors import SlmError
from SLM.hostile import parsed

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class ModelConfig:
    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    ffn_size: int
    context: int = 512
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_size(self) -> int:
        return self.hidden_size // self.heads

    def problems(self) -> list[str]:
        """Why llama.cpp, the kernels or training could not take this shape."""
        found = []
        for name in ("vocab_size", "hidden_size", "layers", "heads", "kv_heads", "ffn_size", "context"):
            if getattr(self, name) < 1:
                found.append(f"{name}: expected at least 1, found {getattr(self, name)}")
        if found:
            return found
        if self.hidden_size % self.heads:
            found.append(f"heads: expected a divisor of hidden_size {self.hidden_size}, found {self.heads}")
        elif self.head_size % 2:
            found.append(f"head size: expected an even number for rotary pairs, found {self.head_size}")
        if self.heads % self.kv_heads:
            found.append(f"kv_heads: expected a divisor of heads {self.heads}, found {self.kv_heads}")
        for name in ("hidden_size", "ffn_size"):
            if getattr(self, name) % 32:
                found.append(f"{name}: expected a multiple of 32 (a Q8_0 or Q4_0 block), found {getattr(self, name)}")
        if self.kv_heads * self.head_size % 32:
            found.append(f"kv_heads * head size: expected a multiple of 32, found {self.kv_heads * self.head_size}")
        if self.vocab_size < 340:
            found.append(f"vocab_size: expected at least 340 (special tokens, bytes, characters), found {self.vocab_size}")
        if self.context < 288:
            found.append(f"context: expected at least 288 (the longest sentence with its action), found {self.context}")
        return found

    def parameters(self) -> int:
        """Number of weights (the embedding is also the output)."""
        h, kv = self.hidden_size, self.kv_heads * self.head_size
        layer = 2 * h * h + 2 * h * kv + 3 * h * self.ffn_size + 2 * h
        return self.vocab_size * h + self.layers * layer + h

    def flops(self, tokens: int, training: bool = False) -> int:
        """Multiply-adds count two. Forward over `tokens` with logits for the last one; training: 3x, all logits."""
        h, kv = self.hidden_size, self.kv_heads * self.head_size
        layer = 2 * (2 * h * h + 2 * h * kv + 3 * h * self.ffn_size)
        attention = 4 * h * tokens * (tokens + 1) // 2
        head = 2 * self.vocab_size * h
        forward = self.layers * (layer * tokens + attention) + head * (tokens if training else 1)
        return forward * (3 if training else 1)


@dataclass(frozen=True)
class DataConfig:
    size: int
    seed: int = 1


@dataclass(frozen=True)
class TrainConfig:
    steps: int
    batch_tokens: int
    """Tokens of one optimizer step, padding included."""
    lr: float
    """Muon's, for matrices."""
    adam_lr: float
    """AdamW's, for the embedding and the norms."""
    weight_decay: float = 0.1
    warmup: int = 50
    """Steps from 0 to the full rate (the W of WSD)."""
    decay: float = 0.4
    """Share of the steps at the end over which the rate falls to 0 (the D)."""
    text_weight: float = 0.1
    """Weight of predicting the sentence itself, against 1 for the intent."""
    text_share: float = 1.0
    """Share of the rows whose sentence is predicted at all: the vocabulary's logits are a third of a small model's work."""
    action_weight: float = 0.5
    dropout: float = 0.0
    """Of what each half of a layer adds."""
    lost_words: float = 0.0
    """Share of a sentence's tokens that are hidden, in half of the rows (batches.without_some_words)."""
    soft_weight: float = 0.0
    """Weight of a teacher's probabilities against that of the label, where rows have them."""
    seed: int = 1
    dtype: str = "float32"
    accumulate: int = 1
    """Micro-batches of one step."""
    checkpoint_every: int = 100
    compile: bool = False


@dataclass(frozen=True)
class Config:
    name: str
    model: ModelConfig
    data: DataConfig
    train: TrainConfig

    def as_dict(self) -> dict:
        return asdict(self)


def _section(kind, raw, where: str):
    if not isinstance(raw, dict):
        raise SlmError(f"{where}: expected a mapping, found {raw!r}")
    types = {f.name: f.type for f in fields(kind)}
    if unknown := sorted(set(raw) - set(types)):
        raise SlmError(f"{where}: unknown key {unknown[0]!r}; expected some of {', '.join(types)}")
    values = {}
    for key, value in raw.items():
        wanted = types[key] if isinstance(types[key], type) else {"int": int, "float": float, "str": str, "bool": bool}[types[key]]
        if wanted is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise SlmError(f"{where}.{key}: expected {wanted.__name__}, found {value!r}")
        values[key] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise SlmError(f"{where}: {str(error).split('__init__() ')[-1]}") from None


def load(name: str) -> Config:
    """A configuration by name (debug, tiny_10M, small_50M) or by the path of a YAML file."""
    path = Path(name)
    if not path.suffix:
        path = CONFIGS / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.yaml")))
        raise SlmError(f"--config: expected one of {known} or a YAML file, found {name!r}")
    try:
        raw = parsed(yaml.safe_load, path.read_text())
    except (yaml.YAMLError, ValueError) as error:
        raise SlmError(f"{path.name}: expected YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(raw, dict) or set(raw) != {"model", "data", "train"}:
        raise SlmError(f"{path.name}: expected the sections model, data, train")
    return Config(path.stem, _section(ModelConfig, raw["model"], f"{path.name}: model"),
                  _section(DataConfig, raw["data"], f"{path.name}: data"),
                  _section(TrainConfig, raw["train"], f"{path.name}: train"))
