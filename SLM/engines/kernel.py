"""The engine inside a booted kernel: QEMU by kernels/boot with the GGUF as its module, the console command `slm --json`.

The kernel names the engine that answered: the model, or the rule engine, and then says why. With a model handed over,
an answer by rules is an error here: it would be counted as the model's.
"""

import json
import os
import re
import selectors
import subprocess
import time
from pathlib import Path

from SLM.decode import Answer
from SLM.engines.base import model_file
from SLM.errors import Missing, SlmError
from SLM.text import clean

KERNELS = Path(__file__).parents[2] / "kernels"
PROMPT = b"auton> "
CHUNK = 96
"""Bytes typed before their echo is awaited: the kernel keeps 256 that it has not read."""


class Kernel:
    """A console and who types at it. `words` are for the kernel's command line, `extra` for QEMU, `memory` in MiB."""

    def __init__(self, arch: str, model: Path | None = None, *, seconds: float = 60, words: str = "", extra: str = "",
                 memory: int = 128):
        if not (KERNELS / "build" / arch / "kernel.elf").exists():
            raise Missing(f"--engine kernel:{arch}: no kernel at kernels/build/{arch}; run 'make -C kernels ARCH={arch}' first")
        env = {**os.environ, "QEMU_EXTRA": extra, "QEMU_MEMORY": str(memory)} | ({"INITRD": str(model.resolve())} if model else {})
        self.process = subprocess.Popen([str(KERNELS / "boot"), arch, words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env)
        self.seconds, self.must = seconds, model is not None
        self.temperature = 1.0
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.process.stdout, selectors.EVENT_READ)
        self._read(lambda seen: seen.endswith(PROMPT))

    def _read(self, enough) -> str:
        seen, end = b"", time.monotonic() + self.seconds
        while not enough(seen):
            if not self.poll.select(max(0, end - time.monotonic())):
                raise SlmError(f"kernel: expected the prompt within {self.seconds:.0f} s, found {seen[-120:]!r}")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise SlmError(f"kernel: QEMU ended: {(self.process.stderr.read() or seen)[-200:].decode(errors='replace')}")
            seen += more
        return seen.decode(errors="replace")

    def type(self, line: str) -> str:
        """What the console answers to a line."""
        raw = line.encode()
        for at in range(0, len(raw), CHUNK):
            self._send(raw[at:at + CHUNK])
        self.process.stdin.write(b"\r")
        self.process.stdin.flush()
        return self._read(lambda seen: seen.endswith(PROMPT))

    def _send(self, part: bytes) -> None:
        """Type it and wait for its echo."""
        self.process.stdin.write(part)
        self.process.stdin.flush()
        self._read(lambda seen: len(seen) >= len(part))

    def classify(self, text: str) -> Answer:
        seen = self.type('slm --json "' + re.sub(r'(["\\])', r"\\\1", clean(text)) + '"')
        line = next((line for line in seen.splitlines() if line.startswith('{"engine"')), None)
        if line is None:
            raise SlmError(f"kernel: expected an answer of the console command slm, found {seen[-160:]!r}")
        raw = json.loads(line)
        if self.must and raw["engine"] != "model":
            raise SlmError(f"kernel: expected the model to answer, found the rules: {self.type('slm').splitlines()[1:2]}")
        return Answer(raw["intent"], raw["thousandths"] / 1000, raw["action"], raw["us"] / 1000,
                      [n / 1e6 for n in raw["logit_millionths"]])

    def close(self) -> None:
        try:
            self.process.stdin.write(b"poweroff\r")
            self.process.stdin.flush()
            self.process.wait(timeout=20)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.poll.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def open(model: Path, arch: str, extra: str = "", **_options) -> Kernel:
    from SLM.gguf_read import read

    path = model_file(model, "*.gguf", "a .gguf")
    engine = Kernel(arch, path, extra=extra, words="slm_ms=60000")  # a busy host makes a guest's clock run away
    engine.temperature = read(path).keys.get("auton.slm.temperature", 1.0)
    return engine
