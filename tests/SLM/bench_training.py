"""Benchmark: our training step against a plain transformers loop: same shape, rows, optimizer steps of like size, one thread.

    python -m tests.SLM.bench_training [tiny_10M] [rounds]

The plain loop is what one writes first: LlamaForCausalLM, AdamW, float32, rows in random order padded to the longest of
their batch, the loss over every token. Ours: rows of like length, logits only where something is learnt, Muon, the
configuration's dtype. Tokens are those of the rows, padding not counted. Rounds alternate, so that a busy moment hits both;
CPU seconds are printed beside wall seconds, since on a shared machine only they can be compared.
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers

from SLM import batches, config, tokenizer
from SLM.data.build import make_rows, split_families
from SLM.data.families import load
from SLM.intents import EOS
from SLM.model import Slm
from SLM.text import lower
from SLM.train import loss_of, optimizers

BATCHES = 2


def ours(c: config.Config, examples: batches.Examples):
    model = Slm(c.model).train()
    opts = optimizers(model, c.train)
    plan = batches.plan(examples, c.train.batch_tokens, 1, 0)

    def step(n: int) -> int:
        batch = plan[n % len(plan)]
        with torch.autocast("cpu", torch.bfloat16, enabled=c.train.dtype == "bfloat16"):
            loss, _ = loss_of(model, *examples.batch(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad(set_to_none=True)
        return int(examples.lengths[batch].sum())

    return step


def plain(c: config.Config, examples: batches.Examples):
    m = c.model
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=m.vocab_size, hidden_size=m.hidden_size, num_hidden_layers=m.layers, num_attention_heads=m.heads,
        num_key_value_heads=m.kv_heads, intermediate_size=m.ffn_size, max_position_embeddings=m.context,
        tie_word_embeddings=True)).train()
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
    texts = [part.tolist() for part in examples.ids.split(examples.lengths.tolist())]
    size = c.train.batch_tokens // round(statistics.mean(map(len, texts)))
    rng = random.Random(1)

    def step(_: int) -> int:
        rows = rng.sample(texts, size)
        longest = max(map(len, rows))
        ids = torch.tensor([row + [EOS] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        labels = ids.masked_fill(mask == 0, -100)
        loss = F.cross_entropy(model(ids, attention_mask=mask).logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        loss.backward()
        opt.step()
        opt.zero_grad(set_to_none=True)
        return sum(map(len, rows))

    return step


def main(name: str = "tiny_10M", rounds: str = "3") -> None:
    torch.set_num_threads(1)
    c = config.load(name)
    rows = make_rows(split_families(load())["train"], 4000, "bench", noise_share=0.25)
    with tempfile.TemporaryDirectory() as folder:
        tok = tokenizer.train([lower(r["text"]) for r in rows], c.model.vocab_size, Path(folder))
    if len(tok) < c.model.vocab_size:
        raise SystemExit(f"bench: expected {c.model.vocab_size} tokens, these rows gave {len(tok)}")
    examples = batches.encode(rows, tok, c.train)
    loops = {"ours": ours(c, examples), "transformers": plain(c, examples)}
    speed: dict[str, list[tuple[float, float]]] = {n: [] for n in loops}
    for lap in range(int(rounds) + 1):
        for n, step in loops.items():
            wall, cpu = time.perf_counter(), time.process_time()
            tokens = sum(step(lap * BATCHES + i) for i in range(BATCHES))
            if lap:
                speed[n].append((tokens / (time.perf_counter() - wall), tokens / (time.process_time() - cpu)))
    middle = {n: [statistics.median(s[i] for s in laps) for i in (0, 1)] for n, laps in speed.items()}
    for n, (wall, cpu) in middle.items():
        print(f"{c.name} {n:13} {wall:8.0f} tokens/s, {cpu:8.0f} tokens per CPU second")
    print(f"{c.name} ratio {middle['ours'][0] / middle['transformers'][0]:.2f} by wall, "
          f"{middle['ours'][1] / middle['transformers'][1]:.2f} by CPU time")


if __name__ == "__main__":
    main(*sys.argv[1:])
