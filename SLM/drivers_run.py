"""The drivers known by heart in use: a model reads the id, with its adapter it names the module; and the figures of its memory."""

import hashlib
import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from SLM.data.build import plain
from SLM.drivers import (
    ID,
    UNKNOWN,
    Named,
    Names,
    chosen,
    id_in,
    id_of,
    made_up,
    name_driver,
    name_drivers,
    phrasings,
    questions,
    table,
)
from SLM.engines import open_engine
from SLM.engines.base import beside, model_file
from SLM.errors import SlmError
from SLM.stages import MODELS
from SLM.tokenizer import Tokenizer

ADAPTER = MODELS / "drivers" / "adapter.gguf"
"""Of the shipped model."""
PHRASINGS = 400
"""Held-out sentences to draw from."""

Memory = Callable[[list[str]], list[Named]]
"""Ids, or sentences → a module each."""


def open_memory(engine: str, model: Path | None = None, adapter: Path | None = None) -> Memory:
    """Ids → modules: the shipped model with the shipped adapter, or others, under an engine, torch or llama.cpp."""
    if model and not adapter:
        raise SlmError("--adapter: expected one for the model of --model, found none")
    path = model_file(model or MODELS, "*.gguf", "a .gguf")
    if not adapter and ADAPTER.is_file() and _sha256(path) != json.loads(ADAPTER.with_name("manifest.json").read_text())["model"]:
        raise SlmError(f"--adapter: the one in {ADAPTER.parent} is for another model than {path}; learn-drivers makes one for it")
    adapter = adapter or ADAPTER
    if not adapter.is_file():
        raise SlmError(f"--adapter: expected the adapter.gguf of learn-drivers at {adapter}, found none")
    tokenizer = Tokenizer(beside(path) / "tokenizer.json")
    names = Names(tokenizer, table().values())
    if engine == "llama.cpp":
        from SLM.engines.llama_cpp import LlamaCpp

        opened = LlamaCpp(path, adapter=adapter)
        return lambda ids: [name_driver(opened, tokenizer, names, i) for i in ids]
    from SLM import adapter as adapters
    from SLM.gguf_torch import from_gguf

    net = adapters.apply(from_gguf(path)[0], adapter)
    return lambda ids: name_drivers(net, tokenizer, names, ids)


def answering(reader: str, memory: Memory, model: Path | None = None) -> Memory:
    """Sentences → modules: the id is what a text is, or what the model's own action quotes, under the engine `reader`;
    without one, UNKNOWN."""
    reads = open_engine(reader, model_file(model or MODELS, "*.gguf", "a .gguf"))

    def answer(texts: list[str]) -> list[Named]:
        ids = [id_of(text) or id_in(reads.classify(text).action) for text in texts]
        named = iter(memory([i for i in ids if i]))
        return [next(named) if i else Named(UNKNOWN, 0.0) for i in ids]

    return answer


def asked(split: str) -> list[str]:
    """Phrasings of a split without those that the model's training has, marks and capitals aside; the bare id's is the id."""
    if split == "bare":
        return [ID]
    learnt = set() if split == "train" else {plain(p) for p in phrasings("train", 5000, 1)}
    return [p for p in phrasings(split, PHRASINGS, 1) if plain(p) not in learnt]


def evaluate(answer: Memory, splits: tuple[str, ...], limit: int | None = None) -> dict:
    """Top-1 by split over the table's ids, the vendor's commonest module beside it, and what it says of made-up ids."""
    ids, known = chosen(limit), table()
    right = [known[i] for i in ids]
    out: dict = {"ids": len(ids), "vendor_commonest": _share(commonest_of_vendor(ids), right), "top1": {}}
    for split in splits:
        out["top1"][split] = _share([a.module for a in answer(questions(ids, asked(split), 1))], right)
    rng, count = random.Random("evaluation"), min(1000, len(ids))
    out["unknown_told"] = {kind: _share([a.module for a in answer(made_up(count, rng, near))], [UNKNOWN] * count)
                           for kind, near in (("of_vendor", False), ("one_digit_off", True))}
    return out


def _share(found: list[str], right: list[str]) -> float:
    return sum(a == b for a, b in zip(found, right, strict=True)) / len(right)


def ship(model: Path | None, adapter: Path | None, figures: dict, output: Path) -> dict:
    """Put an adapter and its manifest into `output`: figures by engine, and the report.json beside it, how it was trained."""
    adapter = adapter or ADAPTER
    output.mkdir(parents=True, exist_ok=True)
    raw, report, written = adapter.read_bytes(), adapter.parent / "report.json", output / "manifest.json"
    made = {"file": "adapter.gguf", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(),
            "model": _sha256(model_file(model or MODELS, "*.gguf", "a .gguf")),
            "table": hashlib.sha256(repr(sorted(table().items())).encode()).hexdigest()}
    before = json.loads(written.read_text()) if written.exists() else {}
    same = all(before.get(key) == value for key, value in made.items())
    made["figures"] = {**(before["figures"] if same else {}), figures["engine"]: figures}
    made["training"] = json.loads(report.read_text()) if report.exists() else before.get("training", {}) if same else {}
    if adapter.resolve() != (output / "adapter.gguf").resolve():
        shutil.copy(adapter, output / "adapter.gguf")
    written.write_text(json.dumps(made, indent=1) + "\n")
    return made


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def commonest_of_vendor(ids: list[str]) -> list[str]:
    """The baseline: the commonest module of an id's vendor in the table."""
    count: dict[str, Counter] = defaultdict(Counter)
    for i, module in table().items():
        count[i[:4]][module] += 1
    return [count[i[:4]].most_common(1)[0][0] for i in ids]
