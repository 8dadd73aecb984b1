"""The tokenizer: BPE over characters with byte fallback, in SentencePiece's manner (a space is ▁, one is put in front).

llama.cpp reads it as tokenizer model "llama", transformers from tokenizer.json, kernels/core/slm/tokenizer.c from the
GGUF. No token crosses from one class of characters to another (letters, one digit, punctuation) and none holds an inner
space, so merging needs no pre-tokenizer and the three agree without Unicode tables.
"""

import json
from functools import cached_property
from pathlib import Path

from SLM.errors import SlmError
from SLM.intents import ASK, BOS, EOS, FIRST_BYTE, SPECIAL, UNK

SPACE = "\u2581"  # ▁
_SPLIT = "\u2581?[A-Za-z]+|\u2581?[0-9]|\u2581?[^A-Za-z0-9\u2581]+|\u2581"


def train(texts: list[str], vocab_size: int, out: Path) -> "Tokenizer":
    """Train on (lower-case) texts and write tokenizer.json below `out`."""
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers
    from tokenizers import Tokenizer as Fast
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer

    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    fixed = SPECIAL + byte_tokens
    alphabet = [chr(c) for c in range(33, 127) if not 65 <= c <= 90] + [SPACE]
    if vocab_size < len(fixed) + len(alphabet):
        raise SlmError(f"--vocab-size: expected at least {len(fixed) + len(alphabet)}, found {vocab_size}")
    learner = Fast(BPE())
    learner.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(_SPLIT), "isolated")
    learner.train_from_iterator(texts, BpeTrainer(vocab_size=vocab_size - len(fixed), initial_alphabet=alphabet,
                                                  limit_alphabet=len(alphabet), max_token_length=16, show_progress=False))
    learnt = json.loads(learner.to_str())["model"]
    pieces = sorted(learnt["vocab"], key=learnt["vocab"].get)
    pieces = [p for p in pieces if len(p) > 1 or p in alphabet]
    vocab = {token: i for i, token in enumerate(fixed + pieces)}
    merges = _all_merges(vocab)
    model = BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    fast = Fast(model)
    fast.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    fast.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    fast.add_special_tokens(SPECIAL)
    out.mkdir(parents=True, exist_ok=True)
    fast.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>",
        "pad_token": "</s>", "clean_up_tokenization_spaces": False}, indent=1) + "\n")
    return Tokenizer(out / "tokenizer.json")


def _all_merges(vocab: dict[str, int]) -> list[tuple[str, str]]:
    """Every pair that joins to a token, in the order of the tokens: what merging by score (SentencePiece) allows."""
    merges = []
    for token, number in vocab.items():
        if number >= len(SPECIAL) + 256 and len(token) > 1:
            merges += [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in vocab and token[i:] in vocab]
    return merges


class Tokenizer:
    """tokenizer.json in use: lower-case text → ids, ids → text."""

    def __init__(self, path: Path):
        from tokenizers import Tokenizer as Fast

        if not path.exists():
            raise SlmError(f"{path}: expected a tokenizer.json (make one with train-tokenizer), found none")
        self.path = path
        self.fast = Fast.from_file(str(path))
        self.pieces = [self.fast.id_to_token(i) for i in range(self.fast.get_vocab_size())]

    def __len__(self) -> int:
        return len(self.pieces)

    def prompt(self, text: str) -> list[int]:
        """The ids that ask for a (cleaned, lower-case) sentence's intent."""
        return [BOS, *self.encode(text), ASK]

    def encode(self, text: str) -> list[int]:
        """Ids of plain text: special tokens written out in it are text like any other."""
        return self._plain.encode(text, add_special_tokens=False).ids if text else []

    @cached_property
    def _plain(self):
        from tokenizers import Tokenizer as Fast

        raw = json.loads(self.fast.to_str())
        raw["added_tokens"] = []
        return Fast.from_str(json.dumps(raw))

    def encode_many(self, texts: list[str]) -> list[list[int]]:
        return [e.ids for e in self._plain.encode_batch(texts, add_special_tokens=False)]

    @cached_property
    def token_bytes(self) -> list[bytes]:
        """What each token writes; nothing for special tokens."""
        out = []
        for i, piece in enumerate(self.pieces):
            if i < len(SPECIAL):
                out.append(b"")
            elif i < FIRST_BYTE + 256:
                out.append(bytes([i - FIRST_BYTE]))
            else:
                out.append(piece.replace(SPACE, " ").encode())
        return out

    def scores(self) -> list[float]:
        """SentencePiece scores: an earlier merge scores higher."""
        return [0.0 if i < FIRST_BYTE + 256 else float(FIRST_BYTE + 256 - i) for i in range(len(self))]

    def types(self) -> list[int]:
        """GGUF token types: unknown 2, control 3, byte 6, normal 1."""
        return [2 if i == UNK else 3 if i < FIRST_BYTE else 6 if i < FIRST_BYTE + 256 else 1 for i in range(len(self))]

    def fingerprint(self) -> str:
        import hashlib

        return hashlib.sha256("\n".join(self.pieces).encode()).hexdigest()[:16]


__all__ = ["BOS", "EOS", "Tokenizer", "train"]
