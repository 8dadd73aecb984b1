"""Rows as token ids, and batches of them in an order that depends only on the seed and the epoch.

A row is   <s> sentence <|intent|> <|INTENT|> action </s>   and each target has a weight: the intent 1, the action and
the sentence less. Rows of like length share a batch; padding is </s> with weight 0 (causal attention never sees it).
"""

import random
from dataclasses import dataclass

from SLM.config import TrainConfig
from SLM.intents import ASK, BOS, EOS, FIRST_INTENT, INTENTS
from SLM.text import lower
from SLM.tokenizer import Tokenizer


@dataclass
class Example:
    ids: list[int]
    weights: list[float]
    """weights[i] is that of predicting ids[i + 1]."""


def prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids that ask for a (cleaned) sentence's intent."""
    return [BOS, *tokenizer.encode(lower(text)), ASK]


def encode(rows: list[dict], tokenizer: Tokenizer, train: TrainConfig) -> list[Example]:
    texts = tokenizer.encode_many([lower(row["text"]) for row in rows])
    actions = tokenizer.encode_many([lower(row["action"] or "") for row in rows])
    out = []
    for number, (row, text, action) in enumerate(zip(rows, texts, actions, strict=True)):
        action = action if row["action"] else []
        ids = [BOS, *text, ASK, FIRST_INTENT + INTENTS.index(row["intent"]), *action, EOS]
        text_weight = train.text_weight if number % 100 < 100 * train.text_share else 0.0
        weights = [text_weight] * len(text) + [0.0, 1.0] + [train.action_weight] * (len(action) + 1)
        out.append(Example(ids, weights))
    return out


def plan(examples: list[Example], budget: int, seed: int, epoch: int) -> list[list[int]]:
    """One epoch's batches (indices), each of at most `budget` tokens with its padding."""
    rng = random.Random(f"{seed}:{epoch}")
    order = list(range(len(examples)))
    rng.shuffle(order)
    batches = []
    window = 4096
    for start in range(0, len(order), window):
        batch: list[int] = []
        longest = 0
        for i in sorted(order[start:start + window], key=lambda i: (len(examples[i].ids), i)):
            longest = max(longest, len(examples[i].ids))
            if batch and longest * (len(batch) + 1) > budget:
                batches.append(batch)
                batch, longest = [], len(examples[i].ids)
            batch.append(i)
        if len(batch) * longest > budget // 2:
            batches.append(batch)
    rng.shuffle(batches)
    return batches


def tensors(examples: list[Example], batch: list[int]):
    """(ids (b, t), targets (b, t), weights (b, t)) of one batch."""
    import torch

    longest = max(len(examples[i].ids) for i in batch) - 1
    ids = torch.full((len(batch), longest), EOS)
    targets = torch.full((len(batch), longest), EOS)
    weights = torch.zeros(len(batch), longest)
    for row, i in enumerate(batch):
        e = examples[i]
        n = len(e.ids) - 1
        ids[row, :n] = torch.tensor(e.ids[:-1])
        targets[row, :n] = torch.tensor(e.ids[1:])
        weights[row, :n] = torch.tensor(e.weights)
    return ids, targets, weights
