"""Benchmark: the C engine beside llama.cpp on the same GGUF, and inside each booted kernel. `make bench-slm`.

Run it alone on a quiet machine. One thread; the two engines take turns in every round; speeds are of processor time, so
that what else runs counts less, and of the median round. Reading and writing are told apart by differences (a prompt of
128 less one of 32 tokens, 64 new tokens less one), which leaves out what a server does around a question. Shapes are
those of tiny_10M and small_50M with random weights: speed does not depend on what they say.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from SLM.config import load
from SLM.engines.host import program
from SLM.engines.kernel import KERNELS, Kernel
from SLM.tokenizer import Tokenizer

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "SLM" / "build" / "bench"
ROUNDS = 9
GOALS = {("tiny_10M", "Q8_0"): 1.5, ("tiny_10M", "Q4_0"): 1.05, ("small_50M", "Q8_0"): 1.4, ("small_50M", "Q4_0"): 1.0}
QUESTION_MS, QEMU_QUESTION_MS, QEMU_TOKENS = 10, 700, 50


class Padded(Tokenizer):
    """The shipped tokenizer, filled up with words that nobody says."""

    def __init__(self, size: int):
        super().__init__(ROOT / "SLM" / "models" / "tokenizer.json")
        self.pieces += [f"\u2581zq{i}" for i in range(size - len(self.pieces))]

    def __len__(self) -> int:
        return len(self.pieces)


def random_models() -> None:
    import torch

    from SLM.gguf_write import write
    from SLM.model import Slm

    for name in ("tiny_10M", "small_50M"):
        missing = [kind for kind in ("Q8_0", "Q4_0") if not (MODELS / f"{name}-{kind}.gguf").exists()]
        if missing:
            torch.manual_seed(1)
            model = Slm(load(name).model)
            for kind in missing:
                write(model, Padded(model.c.vocab_size), MODELS / f"{name}-{kind}.gguf", kind)


class Ours:
    def __init__(self, path: Path):
        self.process = subprocess.Popen([program(), path, "bench"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self) -> dict[str, float]:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        per_prompt_token = (128 / found["prefill_128"] - found["question_32_ms"] / 1000) / 96
        return {"generate": found["generate"], "prefill": 1 / per_prompt_token, "question_ms": found["question_32_ms"]}

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class LlamaCpp:
    def __init__(self, path: Path):
        import xllamacpp as xl

        p = xl.CommonParams()
        p.model.path = str(path)
        p.n_ctx, p.n_batch, p.n_ubatch, p.n_parallel = 512, 512, 512, 1
        p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
        p.warmup, p.verbosity, p.use_jinja = False, -1, False
        self.server = xl.Server(p)

    def _seconds(self, prompt: int, new: int) -> float:
        began = time.process_time()
        self.server.handle_completions({"prompt": list(range(300, 300 + prompt)), "n_predict": new, "temperature": -1, "samplers": [],
                                        "ignore_eos": True, "cache_prompt": False, "id_slot": 0})
        return time.process_time() - began

    def round(self) -> dict[str, float]:
        short, long, written = self._seconds(32, 1), self._seconds(128, 1), self._seconds(32, 65)
        return {"generate": 64 / max(1e-9, written - short), "prefill": 96 / max(1e-9, long - short), "question_ms": short * 1000}

    def close(self) -> None:
        del self.server


def side_by_side(path: Path) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Medians of ours, of llama.cpp's, and of the rounds' ratios."""
    engines = [Ours(path), LlamaCpp(path)]
    for engine in engines:
        engine.round()  # to warm up
    rounds = [[engine.round() for engine in engines] for _ in range(ROUNDS)]
    for engine in engines:
        engine.close()
    ours, theirs = ({key: statistics.median(r[i][key] for r in rounds) for key in rounds[0][0]} for i in (0, 1))
    return ours, theirs, {key: statistics.median(r[0][key] / r[1][key] for r in rounds) for key in ours}


def native() -> bool:
    ok = True
    for (name, kind), goal in GOALS.items():
        ours, theirs, ratio = side_by_side(MODELS / f"{name}-{kind}.gguf")
        good = ratio["generate"] >= goal and ratio["prefill"] >= 1
        for what, least in (("generate", goal), ("prefill", 1)):
            print(f"{name:9} {kind}  {what:8} {ours[what]:7.0f} tokens/s, llama.cpp {theirs[what]:7.0f}, "
                  f"ratio {ratio[what]:5.2f} (goal {least})",
                  "ok" if ratio[what] >= least else "NOT REACHED", sep="   ", flush=True)
        if name == "tiny_10M":
            good &= ours["question_ms"] <= QUESTION_MS
            print(f"{name:9} {kind}  a question of 32 tokens {ours['question_ms']:.2f} ms (goal {QUESTION_MS})", flush=True)
        ok &= good
    return ok


def kernels(path: Path) -> None:
    for name in ("scalar", "swar", "sse2", "avx2", "avx512-vnni", "neon", "neon-dotprod"):
        done = subprocess.run([program(), path, "bench", f"kernel={name}"], input="\n\n\n", capture_output=True, text=True)
        if done.returncode == 0:
            found = [json.loads(line) for line in done.stdout.splitlines()][-1]
            print(f"kernel {name:12} question {found['question_32_ms']:8.2f} ms, generate {found['generate']:8.0f} tokens/s", flush=True)


def _processor_ns(pid: int) -> int:
    threads = os.listdir(f"/proc/{pid}/task")
    return sum(int(Path(f"/proc/{pid}/task/{t}/schedstat").read_text().split()[0]) for t in threads)


def qemu(path: Path) -> bool:
    """Figures of the guest's clock, scaled to the processor time that QEMU got meanwhile."""
    ok = True
    for arch in sorted(p.parent.name for p in KERNELS.glob("*/arch.mk")):
        subprocess.run(["make", "-s", "-C", KERNELS, f"ARCH={arch}"], check=True, stdout=sys.stderr)
        machine = Kernel(arch, path)
        question, token = [], []
        for _ in range(3):
            wall, busy = time.monotonic_ns(), _processor_ns(machine.process.pid)
            seen = machine.type("slm --bench")
            share = min(1.0, (_processor_ns(machine.process.pid) - busy) / (time.monotonic_ns() - wall))
            question += [int(us) * share / 1e3 for us in re.findall(r"question_us (\d+)", seen)]
            token += [int(us) * share / 1e3 for us in re.findall(r"token_us (\d+)", seen)]
        kernel = re.search(r"kernel (\S+)", seen)[1]
        machine.close()
        ms, rate = statistics.median(question), 1000 / statistics.median(token)
        good = ms <= QEMU_QUESTION_MS and rate >= QEMU_TOKENS
        print(f"QEMU {arch:8} {path.stem}: a question of 32 tokens {ms:6.0f} ms (best {min(question):.0f}; goal {QEMU_QUESTION_MS}), "
              f"{rate:5.0f} tokens/s (best {1000 / min(token):.0f}; goal {QEMU_TOKENS}), kernel {kernel}", "ok" if good else "NOT REACHED",
              sep="   ", flush=True)
        ok &= good
    return ok


if __name__ == "__main__":
    random_models()
    tiny = MODELS / "tiny_10M-Q8_0.gguf"
    kernels(tiny)
    reached = native()
    print("every goal reached" if qemu(tiny) and reached else "not every goal reached")
