"""The engine inside a booted kernel: QEMU by kernels/boot, the console command `slm` on its serial line.

The kernel answers "<engine> <thousandths> <INTENT> [action]" and names the engine that answered: the model, or the rule
engine where no model was handed over.
"""

import os
import re
import selectors
import subprocess
import time
from pathlib import Path

from SLM.decode import Answer
from SLM.errors import Missing, SlmError
from SLM.intents import INTENTS
from SLM.text import clean

KERNELS = Path(__file__).parents[2] / "kernels"
PROMPT = b"auton> "
_ANSWER = re.compile(r"^(\w+) (\d+) (" + "|".join(INTENTS) + r")(?: (.*?))?\r?$", re.M)


class Kernel:
    def __init__(self, arch: str, seconds: float = 60):
        if not (KERNELS / "build" / arch / "kernel.elf").exists():
            raise Missing(f"--engine kernel:{arch}: no kernel at kernels/build/{arch}; run 'make -C kernels ARCH={arch}' first")
        self.process = subprocess.Popen([str(KERNELS / "boot"), arch], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.seconds = seconds
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.process.stdout, selectors.EVENT_READ)
        self._until_prompt()

    def _until_prompt(self) -> str:
        seen, end = b"", time.monotonic() + self.seconds
        while not seen.endswith(PROMPT):
            if not self.poll.select(max(0, end - time.monotonic())):
                raise SlmError(f"kernel: expected the prompt within {self.seconds:.0f} s, found {seen[-120:]!r}")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise SlmError(f"kernel: QEMU ended: {(self.process.stderr.read() or seen)[-200:].decode(errors='replace')}")
            seen += more
        return seen.decode(errors="replace")

    def classify(self, text: str) -> Answer:
        line = "slm " + re.sub(r"(['\"\\])", r"\\\1", clean(text))
        while len(line.encode()) > 250:
            line = line[:-1].rstrip("\\")
        began = time.perf_counter()
        self.process.stdin.write(line.encode() + b"\r")
        self.process.stdin.flush()
        seen = self._until_prompt()
        ms = (time.perf_counter() - began) * 1000
        found = _ANSWER.search(seen)
        if not found:
            raise SlmError(f"kernel: expected an answer of the console command slm, found {seen[-160:]!r}")
        return Answer(found[3], int(found[2]) / 1000, found[4] or "", ms)

    def close(self) -> None:
        try:
            self.process.stdin.write(b"poweroff\r")
            self.process.stdin.flush()
            self.process.wait(timeout=20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.poll.close()


def open(model: Path, arch: str, **_options) -> Kernel:
    return Kernel(arch)
