"""The kernels' C engine, built for this machine: kernels/host/slm, a process that is asked line by line."""

import json
import subprocess
from pathlib import Path

from SLM.decode import Answer
from SLM.engines.base import model_file
from SLM.errors import Missing, SlmError
from SLM.text import clean

KERNELS = Path(__file__).parents[2] / "kernels"


def program() -> Path:
    """kernels/build/slm/slm-host, built when it is missing or older than its sources."""
    try:
        done = subprocess.run(["make", "-s", "-C", str(KERNELS / "host" / "slm")], capture_output=True, text=True)
    except FileNotFoundError:
        raise Missing("--engine host: make: not found; the C engine is built with make and clang") from None
    if done.returncode:
        raise Missing(f"--engine host: the C engine does not build: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")
    return KERNELS / "build" / "slm" / "slm-host"


class Host:
    def __init__(self, *arguments: str, action: bool = True):
        command = [str(program()), *arguments, *([] if action else ["intent"])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.temperature = 1.0

    def classify(self, text: str) -> Answer:
        # Cleaned here too, so that a line break in the text is not the end of the question; cleaning twice is cleaning once.
        try:
            self.process.stdin.write(clean(text) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SlmError((self.process.stderr.read().strip().splitlines() or ["slm-host ended without an answer"])[-1])
        raw = json.loads(line)
        return Answer(raw["intent"], raw["probability"], raw["action"], raw["ms"], raw["logits"])

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.process.wait(timeout=10)


def open(model: Path, kernel: str = "", **options) -> Host:
    from SLM.gguf_read import read

    path = model_file(model, "*.gguf", "a .gguf")
    engine = Host(str(path), *([f"kernel={kernel}"] if kernel else []), **options)
    engine.temperature = read(path).keys.get("auton.slm.temperature", 1.0)
    return engine
