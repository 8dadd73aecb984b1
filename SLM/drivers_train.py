"""Trains the adapter that knows the id table by heart (SLM/drivers.py says what for).

Only the upper layers have adapters: what the frozen lower ones make of an id of the table is computed once and kept. First
the table is learnt, then, at a low rate, that there are other ids, whose answer is UNKNOWN: both at once learns neither
(docs/log.md). Loss on the answer's tokens alone, and of those only on what decides: the tree of names forces the rest.
Muon for all matrices; in each part the rate falls from the first step on.
"""

import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from SLM import adapter
from SLM.drivers import SELECT, UNKNOWN, Names, chosen, made_up, table
from SLM.errors import SlmError
from SLM.gguf_torch import from_gguf
from SLM.intents import EOS
from SLM.muon import Muon
from SLM.tokenizer import Tokenizer

RATE, WARMUP, EVERY = 0.015, 10, 50
TOGETHER = 64
"""Questions that are padded to one length."""


class Facts:
    """What is known of each id of the table, and of every other: hidden states and answers, on demand."""

    def __init__(self, net, tokenizer: Tokenizer, first: int, ids: list[str]):
        self.net, self.first, self.tokenizer = net, first, tokenizer
        known, names = table(), Names(tokenizer, table().values())
        self.answers = {i: names.decisive(known[i]) for i in ids}
        self.unknown = names.decisive(UNKNOWN)
        self.kept: dict[str, torch.Tensor] = {}

    def answer(self, pci_id: str) -> tuple:
        return self.answers.get(pci_id, self.unknown)

    def prompt(self, pci_id: str) -> list[int]:
        return [*self.tokenizer.prompt(pci_id), SELECT]

    def batch(self, ids: list[str]):
        """(hidden states (b, t, hidden) before the first adapter, where the answers' tokens are asked for, those tokens)."""
        states = self.states(ids)
        longest, at = max(map(len, states)), []
        for row, (i, state) in enumerate(zip(ids, states, strict=True)):
            at += range(row * longest + len(state) - len(self.answer(i)), row * longest + len(state))
        x = torch.nn.utils.rnn.pad_sequence(states, batch_first=True).float()
        return x, torch.tensor(at), torch.tensor([token for i in ids for token in self.answer(i)])

    def states(self, ids: list[str]) -> list[torch.Tensor]:
        """(t, hidden) of each question and of its answer but for the last token; those of the table are kept."""
        new = [i for i in ids if i not in self.kept]
        rows = [[*self.prompt(i), *self.answer(i)[:-1]] for i in new]
        made = {i: hidden[:len(row)].bfloat16() for i, row, hidden in zip(new, rows, self._lower(rows), strict=True)} if new else {}
        self.kept |= {i: state.clone() for i, state in made.items() if i in self.answers}
        return [self.kept[i] if i in self.kept else made[i] for i in ids]

    @torch.no_grad()
    def _lower(self, rows: list[list[int]]) -> torch.Tensor:
        ids = torch.full((len(rows), max(map(len, rows))), EOS)
        for at, row in enumerate(rows):
            ids[at, :len(row)] = torch.tensor(row)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return through(self.net, self.net.model["embed_tokens"](ids), 0, self.first)

    def loss(self, ids: list[str], embedding: torch.Tensor) -> torch.Tensor:
        """The sum over the answers' tokens."""
        x, at, wanted = self.batch(ids)
        x = through(self.net, x, self.first, self.net.c.layers).flatten(0, 1)[at]
        logits = F.linear(self.net.model["norm"](x).to(embedding.dtype), embedding)
        return F.cross_entropy(logits.float(), wanted, reduction="sum")


def through(net, x: torch.Tensor, first: int, last: int) -> torch.Tensor:
    for layer in net.model["layers"][first:last]:
        x = layer(x, net.cos[:x.shape[1]], net.sin[:x.shape[1]])
    return x


def prepared(model: Path, first: int, rank: int):
    """The frozen model with adapters in layers `first` and above, whose own matrices are bfloat16."""
    net, _ = from_gguf(model, rounded=False)
    if not 0 <= first < net.c.layers:
        raise SlmError(f"--first-layer: expected 0 to {net.c.layers - 1}, found {first}")
    net.requires_grad_(False)
    for layer in range(first, net.c.layers):
        for adapted in adapter.insert(net, layer, rank).values():
            adapted.base.bfloat16()
    return net


@dataclass(frozen=True)
class Plan:
    """What a run is; a checkpoint of another one is refused. `then` may change."""

    steps: int = 3000
    """With ids of the table alone."""
    then: int = 800
    """Steps after these, at a low rate, for what is not in the table."""
    rank: int = 48
    first: int = 8
    """The lowest layer with adapters."""
    batch: int = 128
    unknown: float = 0.1
    """Share of the questions that are made-up ids, in the second part."""
    ids: int | None = None
    """At most so many of the table."""


def finetune(model: Path, output: Path, plan: Plan, compiled: bool = False, stop_after: int | None = None) -> dict:
    """Train and write adapter.gguf and report.json; go on from checkpoint.pt if it is there.

    The file `end` in the output may say fewer steps, while it runs too; `stop_after` only stops, to be resumed.
    """
    torch.manual_seed(1)
    ids = chosen(plan.ids)
    net = prepared(model, plan.first, plan.rank)
    facts = Facts(net, Tokenizer(model.parent / "tokenizer.json"), plan.first, ids)
    if compiled:
        for layer in net.model["layers"][plan.first:]:
            layer.compile(dynamic=True)
    optimizer = Muon([p for p in net.parameters() if p.requires_grad], lr=RATE, weight_decay=0.0)
    embedding = net.model["embed_tokens"].weight.bfloat16()
    output.mkdir(parents=True, exist_ok=True)
    step, began = _resume(output, plan, optimizer), time.monotonic()
    losses: list[float] = []
    with sdpa_kernel(SDPBackend.MATH):  # the fused one's backward takes most of the time when sequences are this short
        while step < (steps := _end(output, plan.steps + plan.then)) and step != stop_after:
            for group in optimizer.param_groups:
                group["lr"] = RATE * share(step, plan.steps if step < plan.steps <= steps else steps)
            losses.append(_step(facts, embedding, optimizer, draw(ids, plan, step)))
            step += 1
            if step % EVERY == 0 or step in (steps, stop_after):
                took = time.monotonic() - began
                print(f"step {step}/{steps} loss {np.mean(losses[-EVERY:]):.4f} {took:.0f} s", file=sys.stderr, flush=True)
                _keep(output, plan, optimizer, step)
    adapter.save(net, output / "adapter.gguf")
    report = {"purpose": "drivers", **asdict(plan), "ids": len(ids), "steps": step,
              "loss_last": round(float(np.mean(losses[-EVERY:])), 5) if losses else None,
              "adapter_bytes": (output / "adapter.gguf").stat().st_size}
    (output / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    return {**report, "output": str(output)}


def _end(output: Path, steps: int) -> int:
    path = output / "end"
    return min(steps, int(path.read_text())) if path.exists() else steps


def _params(optimizer) -> list[torch.nn.Parameter]:
    return optimizer.param_groups[0]["params"]


def _keep(output: Path, plan: Plan, optimizer, step: int) -> None:
    kept = {"step": step, "plan": asdict(plan), "optimizer": optimizer.state_dict(), "params": [p.data for p in _params(optimizer)]}
    torch.save(kept, output / "checkpoint.part")
    (output / "checkpoint.part").replace(output / "checkpoint.pt")


def _resume(output: Path, plan: Plan, optimizer) -> int:
    """The step to go on from; 0 without a checkpoint."""
    path = output / "checkpoint.pt"
    if not path.exists():
        return 0
    kept = torch.load(path, weights_only=True)
    if {**kept["plan"], "then": plan.then} != asdict(plan):
        raise SlmError(f"{path}: expected a checkpoint of {asdict(plan)}, found one of {kept['plan']}")
    optimizer.load_state_dict(kept["optimizer"])
    for p, value in zip(_params(optimizer), kept["params"], strict=True):
        p.data = value
    return kept["step"]


def share(step: int, steps: int) -> float:
    """Of the full rate: a short rise, then down to nothing at `steps`."""
    return min((step + 1) / WARMUP, 1 - step / steps)


def draw(ids: list[str], plan: Plan, step: int) -> list[str]:
    """One step's questions: ids of the table epoch by epoch in a new order, and in the second part of the run made-up ones, a
    quarter of them near the table's."""
    strangers = round(plan.batch * plan.unknown) if step >= plan.steps else 0
    size = min(plan.batch - strangers, len(ids))
    start, out = step * size, []
    for at in range(start, start + size):
        epoch, place = divmod(at, len(ids))
        if place == 0 or at == start:
            order = np.random.default_rng([1, epoch]).permutation(len(ids))
        out.append(ids[order[place]])
    rng = random.Random(step)
    return out + made_up(strangers // 4, rng, near=True) + made_up(strangers - strangers // 4, rng)


def _step(facts: Facts, embedding: torch.Tensor, optimizer, ids: list[str]) -> float:
    """One step, questions of like length together. Returns the mean loss a token."""
    tokens = sum(len(facts.answer(i)) for i in ids)
    ids = sorted(ids, key=lambda i: len(facts.prompt(i)) + len(facts.answer(i)))
    total = 0.0
    for start in range(0, len(ids), TOGETHER):
        loss = facts.loss(ids[start:start + TOGETHER], embedding) / tokens
        loss.backward()
        total += loss.item()
    optimizer.step()
    optimizer.zero_grad()
    return total
