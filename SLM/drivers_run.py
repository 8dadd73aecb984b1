"""The drivers known by heart in use: a model with its adapter in torch or llama.cpp, and the figures of its memory."""

import hashlib
import json
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from SLM.data.build import plain
from SLM.drivers import ID, Named, Names, chosen, name_driver, name_drivers, phrasings, questions, table
from SLM.engines.base import beside, model_file
from SLM.errors import SlmError
from SLM.stages import MODELS
from SLM.tokenizer import Tokenizer

PHRASINGS, SURE = 400, 0.9
"""Held-out sentences to draw from; the probability from which an answer counts as sure of itself."""

Memory = Callable[[list[str]], list[Named]]
"""Sentences → a module each."""


def open_memory(engine: str, model: Path | None, adapter: Path) -> Memory:
    """The shipped model, or another, with its adapter under an engine: torch or llama.cpp."""
    if not adapter.is_file():
        raise SlmError(f"--adapter: expected the adapter.gguf of learn-drivers at {adapter}, found none")
    path = model_file(model or MODELS, "*.gguf", "a .gguf")
    tokenizer = Tokenizer(beside(path) / "tokenizer.json")
    names = Names(tokenizer, table().values())
    if engine == "llama.cpp":
        from SLM.engines.llama_cpp import LlamaCpp

        opened = LlamaCpp(path, adapter=adapter)
        return lambda texts: [name_driver(opened, tokenizer, names, text) for text in texts]
    from SLM import adapter as adapters
    from SLM.gguf_torch import from_gguf

    net = adapters.apply(from_gguf(path)[0], adapter)
    return lambda texts: name_drivers(net, tokenizer, names, texts)


def asked(split: str) -> list[str]:
    """Phrasings of a split without those that training has, marks and capitals aside; the bare id's is the id."""
    if split == "bare":
        return [ID]
    learnt = set() if split == "train" else {plain(p) for p in phrasings("train", 5000, 1)}
    return [p for p in phrasings(split, PHRASINGS, 1) if plain(p) not in learnt]


def evaluate(memory: Memory, splits: tuple[str, ...], limit: int | None = None) -> dict:
    """Top-1 by split over the table's ids, the vendor's commonest module beside it, and how sure it is of ids in and out of it."""
    ids, known = chosen(limit), table()
    right = [known[i] for i in ids]
    guess = commonest_of_vendor(ids)
    out: dict = {"ids": len(ids), "vendor_commonest": sum(g == r for g, r in zip(guess, right, strict=True)) / len(ids), "top1": {}}
    for split in splits:
        found = memory(questions(ids, asked(split), 1))
        out["top1"][split] = sum(a.module == r for a, r in zip(found, right, strict=True)) / len(ids)
        if split == "bare":
            sure = [a.module == r for a, r in zip(found, right, strict=True) if a.probability >= SURE]
            out["sure"] = len(sure) / len(ids)
            out["sure_and_right"] = sum(sure) / len(sure) if sure else None
    strangers = unknown_ids(min(1000, len(ids)), 1)
    out["sure_of_unknown"] = sum(a.probability >= SURE for a in memory(strangers)) / len(strangers)
    return out


def ship(model: Path | None, adapter: Path, figures: dict, output: Path) -> dict:
    """Put an adapter and its manifest into `output`: figures by engine, and the report.json beside it, how it was trained."""
    output.mkdir(parents=True, exist_ok=True)
    raw, report, written = adapter.read_bytes(), adapter.parent / "report.json", output / "manifest.json"
    made = {"file": "adapter.gguf", "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(),
            "model": hashlib.sha256(model_file(model or MODELS, "*.gguf", "a .gguf").read_bytes()).hexdigest(),
            "table": hashlib.sha256(repr(sorted(table().items())).encode()).hexdigest()}
    before = json.loads(written.read_text()) if written.exists() else {}
    same = all(before.get(key) == value for key, value in made.items())
    made["figures"] = {**(before["figures"] if same else {}), figures["engine"]: figures}
    made["training"] = json.loads(report.read_text()) if report.exists() else before.get("training", {}) if same else {}
    if adapter.resolve() != (output / "adapter.gguf").resolve():
        shutil.copy(adapter, output / "adapter.gguf")
    written.write_text(json.dumps(made, indent=1) + "\n")
    return made


def unknown_ids(count: int, seed: int) -> list[str]:
    """Ids of the table's vendors that the table does not have, vendors as often as it has them."""
    rng, known = random.Random(seed), table()
    vendors, out = [i[:4] for i in sorted(known)], []
    while len(out) < count:
        made = f"{rng.choice(vendors)}:{rng.randrange(65536):04x}"
        if made not in known:
            out.append(made)
    return out


def commonest_of_vendor(ids: list[str]) -> list[str]:
    """The baseline: the commonest module of an id's vendor in the table."""
    count: dict[str, Counter] = defaultdict(Counter)
    for i, module in table().items():
        count[i[:4]][module] += 1
    return [count[i[:4]].most_common(1)[0][0] for i in ids]
