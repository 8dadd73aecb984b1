"""What the neural engines share: the tokenizer beside the model, the temperature, timing."""

import json
import time
from pathlib import Path

from SLM import decode
from SLM.errors import SlmError
from SLM.tokenizer import Tokenizer


def model_file(model: Path, pattern: str, what: str) -> Path:
    """`model` itself if it is a file, else the one file in it that fits the pattern."""
    if model.is_file():
        return model
    found = sorted(model.glob(pattern)) if model.is_dir() else []
    if not found:
        raise SlmError(f"--model: expected {what} at {model}, found none")
    return found[0]


def beside(model: Path) -> Path:
    """The directory that holds tokenizer.json and calibration.json of a model."""
    return model if model.is_dir() else model.parent


def temperature(model: Path) -> float:
    path = beside(model) / "calibration.json"
    return float(json.loads(path.read_text())["temperature"]) if path.exists() else 1.0


class Neural:
    """Decoder over a NextLogits engine."""

    def __init__(self, model: Path, engine: decode.NextLogits, *, scale: float | None = None, action: bool = True):
        self.tokenizer = Tokenizer(beside(model) / "tokenizer.json")
        self.engine, self.action = engine, action
        self.temperature = scale or temperature(model)

    def classify(self, text: str) -> decode.Answer:
        began = time.perf_counter()
        found = decode.answer(self.engine, self.tokenizer, text, self.temperature, self.action)
        found.ms = (time.perf_counter() - began) * 1000
        return found

    def close(self) -> None:
        close = getattr(self.engine, "close", None)
        if close:
            close()
