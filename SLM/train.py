"""Training: Muon for the matrices, AdamW for the rest, warm-up / stable / decay, exact resume.

One process or several (`accelerate launch -m SLM train-model …`, `torchrun -m SLM …`): accelerate does what is needed.
A run that is killed goes on from its last checkpoint with the same losses as if it never was (same machine, same
number of threads and processes). Written: metrics.jsonl (a line a step), checkpoint.pt, the model, report.json, report.png.
"""

import dataclasses
import itertools
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from SLM import batches
from SLM.config import Config, TrainConfig
from SLM.errors import SlmError
from SLM.intents import FIRST_INTENT, INTENTS
from SLM.model import Slm, load, save
from SLM.muon import Muon
from SLM.tokenizer import Tokenizer

LOOK_EVERY = 20
"""Steps between two looks at the losses, on a device that is not the processor."""


def rate(step: int, t: TrainConfig) -> float:
    """Share of the full learning rate at a step (from 0): warm-up, stable, linear decay."""
    if step < t.warmup:
        return (step + 1) / t.warmup
    left = t.steps - step
    return max(0.0, min(1.0, left / max(1.0, t.steps * t.decay)))


def optimizers(model: Slm, t: TrainConfig) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    embedding = [p for n, p in model.named_parameters() if "embed" in n]
    norms = [p for p in model.parameters() if p.ndim == 1]
    return [
        Muon(matrices, lr=t.lr, weight_decay=t.weight_decay),
        torch.optim.AdamW([{"params": embedding, "weight_decay": 0.01}, {"params": norms, "weight_decay": 0.0}],
                          lr=t.adam_lr, betas=(0.9, 0.95), eps=1e-8),
    ]


def loss_of(model, ids, targets, weights, soft=None, soft_weight: float = 0.0):
    """(loss, the intent's part of it) for one batch.

    `soft` (b, intents) are a teacher's probabilities: where a row has them, they take `soft_weight` of the intent's weight.
    """
    hidden = model(ids)
    keep = weights > 0
    logits = F.linear(hidden[keep], _bare(model).model["embed_tokens"].weight).float()
    each = F.cross_entropy(logits, targets[keep], reduction="none")
    w = weights[keep]
    asked = w == 1.0
    intent = each[asked].mean().detach()
    if soft is not None:
        taught = -(soft * logits[asked][:, FIRST_INTENT:FIRST_INTENT + len(INTENTS)].log_softmax(-1)).sum(1)
        share = soft_weight * soft.sum(1)                                     # 0 for a row without a teacher
        each = each.masked_scatter(asked, (1 - share) * each[asked] + share * taught)
    return (each * w).sum() / w.sum(), intent


def _bare(model) -> Slm:
    return getattr(getattr(model, "module", model), "_orig_mod", getattr(model, "module", model))


def train(config: Config, rows: list[dict], val_rows: list[dict], tokenizer: Tokenizer, out: Path, *, init: Path | None = None,
          stop_after: int | None = None, quantize: str | None = None, branch: int = 0) -> dict:
    """Train to the end (or `stop_after` steps, to be resumed), going on from out/checkpoint.pt if it is there.

    A branch reads the rows in an order of its own: branches that went on from copies of one checkpoint can be averaged.
    """
    import accelerate

    t = config.train
    accelerator = accelerate.Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="bf16" if t.dtype == "bfloat16" else "no")
    torch.manual_seed(t.seed)
    if len(tokenizer) != config.model.vocab_size:
        raise SlmError(f"tokenizer: expected {config.model.vocab_size} tokens as in {config.name}, found {len(tokenizer)}")
    model = (load(init) if init else Slm(config.model)).to(accelerator.device)
    model.train()
    for layer in model.model["layers"]:
        layer.dropout = t.dropout
    if quantize:
        from SLM.quantize import anneal

        anneal(model, quantize)
    opts = optimizers(model, t)
    examples = batches.encode(rows, tokenizer, t).to(accelerator.device)
    val = batches.encode(val_rows[:1000], tokenizer, t).to(accelerator.device)
    out.mkdir(parents=True, exist_ok=True)
    saved, metrics = out / "checkpoint.pt", out / "metrics.jsonl"
    start, spent, history = 0, 0.0, []
    if saved.exists():
        state = torch.load(saved, weights_only=True, map_location="cpu")
        if state["config"] != _identity(config):
            raise SlmError(f"{saved}: was made with another configuration; remove it or use another --output")
        _bare(model).load_state_dict(state["model"])
        for opt, old in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(old)
        start, spent = state["step"], state["seconds"]
        history = [json.loads(line) for line in metrics.read_text().splitlines()][:start] if metrics.exists() else []
    trained = torch.compile(model, dynamic=True) if t.compile else model
    trained = accelerator.prepare(trained)
    main = accelerator.is_main_process
    if main:
        metrics.write_text("".join(json.dumps(line) + "\n" for line in history))
    feed = _feed(examples, t, accelerator.num_processes, accelerator.process_index, start, branch)
    bar = _Bar(start, t.steps, main)
    end = min(t.steps, stop_after or t.steps)
    began, pending = time.monotonic(), []
    with metrics.open("a") if main else open("/dev/null", "w") as log:
        for step in itertools.count(start):
            if not pending and (told := _agreed(accelerator, _told_end(out, t))) != t:
                t, end = told, min(told.steps, stop_after or told.steps)
                bar.steps = t.steps
            if step >= end:
                break
            torch.manual_seed(1_000_003 * t.seed + 101 * branch + step)  # dropout's: a resumed run draws the same
            total, intent, tokens = torch.zeros((), device=accelerator.device), torch.zeros((), device=accelerator.device), 0
            for _ in range(t.accumulate):
                chosen = next(feed)
                ids, targets, weights = examples.batch(chosen)
                if t.lost_words:
                    ids, weights = batches.without_some_words(ids, weights, t.lost_words)
                soft = examples.soft[torch.from_numpy(chosen)] if examples.soft is not None and t.soft_weight else None
                with accelerator.autocast():
                    loss, part = loss_of(trained, ids, targets, weights, soft, t.soft_weight)
                accelerator.backward(loss / t.accumulate)
                total, intent = total + loss.detach() / t.accumulate, intent + part / t.accumulate
                tokens += ids.numel()
            share = rate(step, t)
            for opt, full in zip(opts, (t.lr, t.adam_lr), strict=True):
                for group in opt.param_groups:
                    group["lr"] = full * share
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for opt in opts:
                opt.step()
                opt.zero_grad(set_to_none=True)
            pending.append((step + 1, total, intent, round(share, 5), tokens * accelerator.num_processes))
            mark = (step + 1) % t.checkpoint_every == 0 or step + 1 == end
            if len(pending) < LOOK_EVERY and not mark and accelerator.device.type != "cpu":
                continue  # reading a loss waits for the device
            lines = _lines(pending)
            if main and mark:
                lines[-1]["val_accuracy"], lines[-1]["val_loss"] = validate(_bare(model), val)
            log.write("".join(json.dumps(line) + "\n" for line in lines))
            log.flush()
            history += lines
            bar.show(step + 1, lines[-1])
            if main and mark:
                partial = saved.with_suffix(".part")
                torch.save({"model": _bare(model).state_dict(), "optimizers": [o.state_dict() for o in opts], "step": step + 1,
                            "seconds": spent + time.monotonic() - began,
                            "config": _identity(config)}, partial)
                partial.replace(saved)
                save(_settled(model), out)
    seconds = spent + time.monotonic() - began
    report = {"config": dataclasses.replace(config, train=t).as_dict(), "parameters": config.model.parameters(), "steps": len(history),
              "branch": branch, "finished": len(history) >= t.steps,
              "tokens": sum(line["tokens"] for line in history), "seconds": round(seconds, 1), "rows": len(rows),
              "loss": history[-1]["loss"] if history else None,
              **{name: next((h[name] for h in reversed(history) if name in h), None) for name in ("val_accuracy", "val_loss")},
              "tokens_per_second": round(sum(line["tokens"] for line in history[start:]) / max(1e-9, time.monotonic() - began), 1)}
    if main:
        (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        if history:
            plot(history, out / "report.png", config.name)
    return _agreed(accelerator, report)


def _lines(pending: list) -> list[dict]:
    """What metrics.jsonl says of some steps (emptied): number, loss, intent's part, share of the rate, tokens."""
    losses, intents = (torch.stack([p[i] for p in pending]).tolist() for i in (1, 2))
    lines = [{"step": step, "loss": round(loss, 5), "intent_loss": round(intent, 5), "rate": share, "tokens": tokens}
             for (step, _, _, share, tokens), loss, intent in zip(pending, losses, intents, strict=True)]
    pending.clear()
    return lines


def average(models: list[Path], out: Path) -> Slm:
    """The mean of models of one shape, saved with the first one's tokenizer; of branches of one run it beats each of them."""
    import shutil

    nets = [load(path) for path in models]
    if any(net.c != nets[0].c for net in nets):
        raise SlmError(f"--model: expected models of one shape, found {', '.join(str(p) for p in models)}")
    mean = {name: sum(net.state_dict()[name] for net in nets) / len(nets) for name in nets[0].state_dict()}
    nets[0].load_state_dict(mean)
    save(nets[0], out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(models[0] / name, out / name)
    return nets[0]


def _identity(config: Config) -> str:
    """What must be the same for a run to be resumed: all but its end, which WSD lets one choose while it runs."""
    kept = config.as_dict()
    for name in ("steps", "decay", "checkpoint_every"):
        kept["train"].pop(name)
    return json.dumps(kept, sort_keys=True)


def _settled(model) -> Slm:
    """The model as it is used: with anneal's grid applied, if it has one."""
    import copy

    from SLM.quantize import settle

    return settle(copy.deepcopy(_bare(model)))


def _told_end(out: Path, t: TrainConfig) -> TrainConfig:
    """The settings with another end, if a person wrote one into out/end while the run goes on: "STEPS DECAY"."""
    try:
        steps, decay = (out / "end").read_text().split()
        return dataclasses.replace(t, steps=int(steps), decay=float(decay))
    except FileNotFoundError:
        return t
    except ValueError:
        raise SlmError(f"{out / 'end'}: expected two numbers, the steps and the share of the decay") from None


def _agreed(accelerator, value):
    """The first process's value, in all of them: each may have looked at a file at another moment."""
    from accelerate.utils import broadcast_object_list

    return value if accelerator.num_processes == 1 else broadcast_object_list([value])[0]


def _feed(examples, t: TrainConfig, processes: int, rank: int, start: int, branch: int):
    """This process's micro-batches (row numbers) from step `start` on, for ever: of all of them, in their order over all
    epochs, every `processes`-th."""
    skip, place = start * t.accumulate * processes, 0
    for epoch in itertools.count():
        order = batches.plan(examples, t.batch_tokens // t.accumulate, t.seed + 1000 * branch, epoch)
        if not order:
            raise SlmError(f"train: expected more rows than one batch of {t.batch_tokens} tokens, found {len(examples)} rows")
        for batch in order:
            if place >= skip and place % processes == rank:
                yield batch
            place += 1


@torch.no_grad()
def validate(model: Slm, examples: batches.Examples) -> tuple[float, float]:
    """(share of right intents, mean intent loss) on held-out families."""
    model.eval()
    right, losses = 0, 0.0
    for batch in batches.plan(examples, 4096, 0, 0):
        ids, targets, weights = examples.batch(batch)
        at = weights == 1.0
        logits = model.logits(model(ids)[at])[:, FIRST_INTENT:FIRST_INTENT + len(INTENTS)].float()
        wanted = targets[at] - FIRST_INTENT
        right += (logits.argmax(-1) == wanted).sum().item()
        losses += F.cross_entropy(logits, wanted, reduction="sum").item()
    model.train()
    seen = sum(len(b) for b in batches.plan(examples, 4096, 0, 0))
    return round(right / max(1, seen), 4), round(losses / max(1, seen), 4)


class _Bar:
    """One line on standard error: how far, the loss, the speed."""

    def __init__(self, start: int, steps: int, on: bool):
        self.start, self.steps, self.on, self.t0 = start, steps, on, time.monotonic()
        self.live = sys.stderr.isatty()

    def show(self, step: int, line: dict) -> None:
        if not self.on or not (self.live or step % 20 == 0 or step == self.steps):
            return
        speed = (time.monotonic() - self.t0) / max(1, step - self.start)
        done = int(30 * step / self.steps)
        val = f" val {line['val_accuracy']:.3f}" if "val_accuracy" in line else ""
        print(f"{chr(13) if self.live else ''}[{'#' * done}{'.' * (30 - done)}] {step}/{self.steps} loss {line['loss']:.3f} "
              f"intent {line['intent_loss']:.3f}{val} {speed:.2f} s/step {speed * (self.steps - step) / 60:.0f} min left",
              end="" if self.live and step < self.steps else "\n", file=sys.stderr, flush=True)


def plot(history: list[dict], path: Path, title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    steps = [h["step"] for h in history]
    left.plot(steps, [h["loss"] for h in history], label="loss", linewidth=0.8)
    left.plot(steps, [h["intent_loss"] for h in history], label="intent", linewidth=0.8)
    left.set(xlabel="step", title=title, yscale="log")
    left.legend()
    marks = [h for h in history if "val_accuracy" in h]
    right.plot([h["step"] for h in marks], [h["val_accuracy"] for h in marks], marker=".")
    right.set(xlabel="step", title="held-out families, accuracy")
    figure.tight_layout()
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
