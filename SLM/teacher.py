"""A teacher for training: a sentence encoder fine-tuned on the intents, and sentences in which it chose the label.

An encoder that has read a large part of the web knows words that no family holds. Fine-tuned on the training rows, it
gives each row its probabilities; and in copies of the rows some words are replaced by their neighbours in the
encoder's vocabulary ("machine" → "appliance"), and the teacher says what the new sentence means. A small model that learns
from both learns those words too (after TinyBERT, Jiao et al. 2020, section 3.2). The teacher sees no row of any test.

Any BERT-like encoder that transformers reads will do; the shipped model's was all-MiniLM-L6-v2 (Apache-2.0, 22 M).
"""

import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from SLM.data.build import plain, read
from SLM.errors import Missing, SlmError
from SLM.intents import INTENTS

LONGEST = 80
"""Tokens of a sentence that the encoder reads."""
ROWS = 512
"""Sentences of one step."""


class Teacher(nn.Module):
    """sentences → logits of the intents: the mean of the encoder's last states, then one linear layer."""

    def __init__(self, encoder: Path):
        super().__init__()
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError:
            raise Missing("teacher: transformers: not found; install the extra [slm]") from None
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
            self.encoder = AutoModel.from_pretrained(encoder, local_files_only=True).float()
        except (OSError, ValueError) as error:
            raise SlmError(f"--encoder: expected the directory of an encoder that transformers reads, found {encoder} "
                           f"({str(error).splitlines()[0]})") from None
        self.head = nn.Linear(self.encoder.config.hidden_size, len(INTENTS))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.to(self.device)

    def forward(self, ids, mask):
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(F.dropout(mean, 0.1, self.training))

    def encode(self, texts: list[str]) -> tuple[torch.Tensor, np.ndarray]:
        """(ids (n, longest) int32, lengths): lower case, as the small model reads."""
        found = self.tokenizer([t.lower() for t in texts], truncation=True, max_length=LONGEST)["input_ids"]
        lengths = np.array([len(ids) for ids in found])
        ids = np.full((len(found), max(lengths, default=1)), self.tokenizer.pad_token_id, np.int32)
        for row, some in enumerate(found):
            ids[row, :len(some)] = some
        return torch.from_numpy(ids).to(self.device), lengths

    def logits(self, ids: torch.Tensor, lengths: np.ndarray, rows: np.ndarray) -> torch.Tensor:
        longest = int(lengths[rows].max())
        some = ids[torch.from_numpy(rows).to(self.device), :longest].long()
        return self(some, (some != self.tokenizer.pad_token_id).long())

    @torch.no_grad()
    def probabilities(self, ids: torch.Tensor, lengths: np.ndarray) -> np.ndarray:
        """(n, intents) float32, of encoded sentences."""
        out, order = np.zeros((len(lengths), len(INTENTS)), np.float32), np.argsort(lengths, kind="stable")
        self.eval()
        for start in range(0, len(order), 4 * ROWS):
            some = order[start:start + 4 * ROWS]
            with torch.autocast(self.device.type, torch.bfloat16):
                found = self.logits(ids, lengths, some)
            out[some] = found.float().softmax(1).cpu().numpy()
        self.train()
        return out


def fit(teacher: Teacher, ids: torch.Tensor, lengths: np.ndarray, intents: list[str], steps: int, seed: int,
        rate: float = 1.5e-4) -> None:
    """Fine-tune on the first len(intents) of the encoded sentences.

    AdamW, warm-up and linear decay; rows of like length in a batch; a tenth of the words hidden in half of the rows.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    wanted = torch.tensor([INTENTS.index(intent) for intent in intents], device=teacher.device)
    groups = [{"params": teacher.encoder.parameters(), "lr": rate, "weight_decay": 0.05},
              {"params": teacher.head.parameters(), "lr": 7 * rate, "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    full = [group["lr"] for group in opt.param_groups]
    special = max(teacher.tokenizer.all_special_ids)
    teacher.train()
    began = time.monotonic()
    for step in range(steps):
        some = rng.integers(0, len(intents), 8 * ROWS)
        some = some[np.argsort(lengths[some], kind="stable")].reshape(8, ROWS)[rng.integers(8)]
        seen = ids[torch.from_numpy(some).to(teacher.device), :int(lengths[some].max())].long()
        mask = (seen != teacher.tokenizer.pad_token_id).long()
        hide = (torch.rand(seen.shape, device=seen.device) < 0.1) & (torch.rand(ROWS, 1, device=seen.device) < 0.5)
        seen = seen.masked_fill(hide & (seen > special), teacher.tokenizer.mask_token_id)
        for group, lr in zip(opt.param_groups, full, strict=True):
            group["lr"] = lr * min(1, (step + 1) / min(200, steps)) * (1 - step / steps)
        with torch.autocast(teacher.device.type, torch.bfloat16):
            found = teacher(seen, mask)
        loss = F.cross_entropy(found.float(), wanted[torch.from_numpy(some).to(teacher.device)], label_smoothing=0.05)
        loss.backward()
        nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        if (step + 1) % 200 == 0 or step + 1 == steps:
            print(f"teacher {step + 1}/{steps} loss {loss.item():.3f} {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def neighbours(teacher: Teacher, count: int = 12) -> dict[str, list[str]]:
    """The words of the encoder's vocabulary that lie nearest to each, by the cosine of their centred embeddings."""
    words = [(w, i) for w, i in teacher.tokenizer.get_vocab().items() if w.isascii() and w.isalpha() and len(w) > 2]
    words.sort()
    table = teacher.encoder.get_input_embeddings().weight.detach()[[i for _, i in words]].float()
    table = F.normalize(table - table.mean(0), dim=1)
    out = {}
    for start in range(0, len(words), 2048):
        near = (table[start:start + 2048] @ table.T).topk(count + 1, dim=1).indices[:, 1:].tolist()
        for (word, _), found in zip(words[start:start + 2048], near, strict=True):
            out[word] = [words[i][0] for i in found]
    return out


def reworded(text: str, near: dict[str, list[str]], rng: random.Random) -> str | None:
    """The sentence with one to a third of its known words replaced; None when it has none."""
    words = text.lower().split(" ")
    places = [i for i, word in enumerate(words) if word in near]
    if not places:
        return None
    for i in rng.sample(places, rng.randint(1, max(1, len(places) // 3))):
        words[i] = rng.choice(near[words[i]])
    return " ".join(words)


def teach(data: Path, encoder: Path, steps: int, extra: int, members: int = 2, seed: int = 1) -> dict:
    """Write data/taught.jsonl: the training rows with the teachers' mean probabilities (`soft`), then `extra` reworded ones.

    `members` encoders are fine-tuned, each with a seed of its own: their mean is a better teacher than any of them.
    """
    from SLM.evaluate import SPLITS
    from SLM.metrics import macro_f1

    tests = {split: [row for row in read(data / f"{split}.jsonl") if row.get("intent") in INTENTS] for split in ("val", *SPLITS)}
    rows = read(data / "train.jsonl")
    # Neighbours are those of the encoder as it came: fine-tuning moves the words.
    new = _reworded_rows(rows, neighbours(Teacher(encoder)), {plain(r["text"]) for some in tests.values() for r in some}, extra, seed)
    ids, lengths = Teacher(encoder).encode([row["text"] for some in (rows, new, *tests.values()) for row in some])
    mean = np.zeros((len(lengths), len(INTENTS)), np.float32)
    for member in range(members):
        teacher = Teacher(encoder)
        fit(teacher, ids, lengths, [row["intent"] for row in rows], steps, seed + member)
        mean += teacher.probabilities(ids, lengths) / members
    taught, place, figures = len(rows) + len(new), len(rows) + len(new), {}
    for split, some in tests.items():
        found = mean[place:place + len(some)].argmax(1)
        place += len(some)
        figures[split] = round(macro_f1([row["intent"] for row in some], [INTENTS[i] for i in found]), 4)
    with (data / "taught.jsonl").open("w") as out:
        for row, p in zip(rows + new, mean[:taught], strict=True):
            soft = [round(x, 3) for x in p.tolist()]  # as written, so that a near tie names one intent, not two
            out.write(json.dumps({**row, "intent": row["intent"] or INTENTS[soft.index(max(soft))], "soft": soft},
                                 ensure_ascii=False) + "\n")
    return {"output": str(data / "taught.jsonl"), "rows": len(rows), "reworded": len(new), "teacher_macro_f1": figures}


def _reworded_rows(rows: list[dict], near: dict[str, list[str]], tests: set[str], count: int, seed: int) -> list[dict]:
    """Rows without intent and action, none of them a test's sentence."""
    rng, texts = random.Random(seed), {}
    for _ in range(4 * count):
        if len(texts) == count:
            break
        text = reworded(rng.choice(rows)["text"], near, rng)
        if text and plain(text) not in tests:
            texts[text] = None
    return [{"text": text, "intent": None, "action": None, "family": "reworded", "noise": ""} for text in texts]
