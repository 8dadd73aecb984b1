"""Rows as token ids, and batches of them in an order that depends only on the seed and the epoch.

A row is   <s> sentence <|intent|> <|INTENT|> action </s>   and each target has a weight: the intent 1, the action and
the sentence less. Rows of like length share a batch; padding is </s> with weight 0 (causal attention never sees it).
All rows lie end to end in three flat tensors, on the device that trains: a batch is one gather.
"""

from dataclasses import dataclass

import numpy as np
import torch

from SLM.config import TrainConfig
from SLM.intents import ASK, BOS, EOS, FIRST_INTENT, INTENTS, UNK
from SLM.text import lower
from SLM.tokenizer import Tokenizer

WINDOW = 4096
"""Rows among which those of like length are put together, at least; more where a batch holds many rows."""


@dataclass
class Examples:
    ids: torch.Tensor
    """(tokens of all rows,) int32."""
    weights: torch.Tensor
    """(tokens of all rows,) float32: that of predicting the token after this one; the last of a row is 0."""
    starts: torch.Tensor
    """(rows + 1,) int64: where each row begins."""
    soft: torch.Tensor | None = None
    """(rows, intents) float32: a teacher's probabilities, all 0 for rows without."""

    def __post_init__(self):
        self.lengths = np.diff(self.starts.cpu().numpy())

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device) -> "Examples":
        return Examples(*(x if x is None else x.to(device) for x in (self.ids, self.weights, self.starts, self.soft)))

    def batch(self, rows: np.ndarray):
        """(ids (b, t), targets (b, t), weights (b, t)) of some rows, t being one less than the longest."""
        longest = int(self.lengths[rows].max())
        chosen = torch.from_numpy(np.ascontiguousarray(rows)).to(self.ids.device)
        begin, end = self.starts[chosen, None], self.starts[chosen + 1, None]
        at = begin + torch.arange(longest, device=self.ids.device)
        there, at = at < end, at.clamp(max=len(self.ids) - 1)
        ids = torch.where(there, self.ids[at].long(), EOS)
        return ids[:, :-1], ids[:, 1:], torch.where(there, self.weights[at], 0.0)[:, :-1]


def encode(rows: list[dict], tokenizer: Tokenizer, train: TrainConfig) -> Examples:
    """A row's key `soft`, if it has one, is a teacher's probability of each intent."""
    texts = tokenizer.encode_many([lower(row["text"]) for row in rows])
    actions = tokenizer.encode_many([lower(row["action"] or "") for row in rows])
    ids, weights, starts = [], [], [0]
    for number, (row, text, action) in enumerate(zip(rows, texts, actions, strict=True)):
        known = row["action"] is not None
        action = action if known else []
        ids += [BOS, *text, ASK, FIRST_INTENT + INTENTS.index(row["intent"]), *action, EOS]
        text_weight = train.text_weight if number % 100 < 100 * train.text_share else 0.0
        weights += [text_weight] * len(text) + [0.0, 1.0] + [train.action_weight if known else 0.0] * (len(action) + 1) + [0.0]
        starts.append(len(ids))
    soft = None
    if any("soft" in row for row in rows):
        soft = torch.tensor([row.get("soft", [0.0] * len(INTENTS)) for row in rows])
    return Examples(torch.tensor(ids, dtype=torch.int32), torch.tensor(weights), torch.tensor(starts), soft)


def plan(examples: Examples, budget: int, seed: int, epoch: int) -> list[np.ndarray]:
    """One epoch's batches (indices), each of at most `budget` tokens with its padding."""
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(examples))
    window = max(WINDOW, 16 * budget // max(1, int(examples.lengths.mean()))) if len(examples) else WINDOW
    batches = []
    for start in range(0, len(order), window):
        some = order[start:start + window]
        some = some[np.lexsort((some, examples.lengths[some]))]
        begin, lengths = 0, examples.lengths[some]
        for end in range(1, len(some) + 1):
            if end == len(some) or lengths[end] * (end + 1 - begin) > budget:
                if end < len(some) or lengths[end - 1] * (end - begin) > budget // 2:
                    batches.append(some[begin:end])
                begin = end
    return [batches[i] for i in rng.permutation(len(batches))]


def without_some_words(ids: torch.Tensor, weights: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Half of the rows lose `share` of their sentence's tokens (<unk> stands there), and with them their action's weight.

    A sentence has to be understood from what is left of it; what an action quotes would no longer be there.
    """
    sentence = ((ids == ASK).cumsum(1) == 0) & (ids != BOS)
    chosen = torch.rand(len(ids), 1, device=ids.device) < 0.5
    lost = sentence & chosen & (torch.rand(ids.shape, device=ids.device) < share)
    return ids.masked_fill(lost, UNK), torch.where(chosen & ~sentence & (weights < 1), 0.0, weights)
