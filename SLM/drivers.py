"""Drivers by heart: the model itself names the module of a PCI id, with no table at hand ("closed book").

A small LoRA adapter on the shipped model holds the id table. It is asked by the id alone, which the model without it
reads out of a sentence as it always does (`id=8086:100e` in its action): what a question is worded like does not matter
to the memory. After the usual prompt and <|DRIVER_SELECT|> comes, instead of an action, the module's name and </s>, or
UNKNOWN for an id that the table does not have. Decoding is greedy among these names, token by token, so that an answer is
always one of them. Not here: how the adapter is trained (drivers_train), models and figures (drivers_run).
"""

import random
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

import numpy as np

from SLM.data.build import make_row, split_families
from SLM.data.entities import snapshot
from SLM.data.families import Family, held_out, load
from SLM.decode import NextLogits
from SLM.errors import SlmError
from SLM.intents import EOS, FIRST_INTENT, INTENTS
from SLM.text import clean, lower
from SLM.tokenizer import Tokenizer

SELECT = FIRST_INTENT + INTENTS.index("DRIVER_SELECT")
ID = "\0"
"""Stands for the id in a phrasing."""
UNKNOWN = "none"
"""The answer for an id that is not in the table."""
_ID, _QUOTED = re.compile("[0-9a-f]{4}:[0-9a-f]{4}"), re.compile(r"\bid=([0-9a-f]{4}:[0-9a-f]{4})(?= |$)")


@cache
def table() -> dict[str, str]:
    """Module by id, "8086:100e"; SlmError without the snapshot."""
    if not (rows := snapshot("pci")):
        raise SlmError("snapshot/pci.tsv: expected the table of PCI ids, found none")
    return dict(rows)


def chosen(limit: int | None) -> list[str]:
    """All ids of the table, or `limit` of them, evenly."""
    ids = sorted(table())
    return ids if not limit else [ids[i * len(ids) // limit] for i in range(min(limit, len(ids)))]


def phrasings(split: str, count: int, seed: int) -> list[str]:
    """`count` sentences of a split's families that ask by PCI id, ID in the id's place; families in turn.

    Splits: train, val, test, and writer (by a writer of whom training has nothing); the last two with held-out frames.
    """
    families = held_out() if split == "writer" else split_families(load())[split]
    asking = [f for f in families if f.action == "find id={pciid}"]
    rng = random.Random(f"{split}{seed}")
    out: list[str] = []
    while len(out) < count:
        family: Family = asking[len(out) % len(asking)]
        row = make_row(family, rng, test_frames=split in ("test", "writer"))
        quoted = row["action"].partition("id=")[2] if row else ""
        if quoted and row["text"].count(quoted) == 1:
            out.append(lower(row["text"].replace(quoted, ID)))
    return out


def questions(ids: list[str], asked: list[str], seed: int) -> list[str]:
    """Each id in one of the phrasings, drawn by the seed."""
    rng = random.Random(seed)
    return [rng.choice(asked).replace(ID, i) for i in ids]


def id_of(text: str) -> str | None:
    """The id, if it is all that a text says; the table's ids are in lower case."""
    return text if _ID.fullmatch(text := lower(clean(text))) else None


def id_in(action: str) -> str | None:
    """The id that an action quotes."""
    return found[1] if (found := _QUOTED.search(lower(action))) else None


def made_up(count: int, rng: random.Random, near: bool = False) -> list[str]:
    """Ids that the table does not have: of its vendors, as often as it has them; or a table's id with one digit changed."""
    known = table()
    some, out = sorted(known), []
    while len(out) < count:
        i = rng.choice(some)
        at = rng.randrange(5, 9)
        made = f"{i[:at]}{rng.randrange(16):x}{i[at + 1:]}" if near else f"{i[:4]}:{rng.randrange(65536):04x}"
        if made not in known:
            out.append(made)
    return out


class Names:
    """The modules' names and UNKNOWN as a tree of tokens: what may follow a beginning."""

    def __init__(self, tokenizer: Tokenizer, modules):
        self.names = sorted({*modules, UNKNOWN})
        self.paths = {name: (*ids, EOS) for name, ids in zip(self.names, tokenizer.encode_many(self.names), strict=True)}
        self.by_path = {path: name for name, path in self.paths.items()}
        self.next: dict[tuple, list[int]] = defaultdict(list)
        for path in self.by_path:
            for at, token in enumerate(path):
                if token not in self.next[path[:at]]:
                    self.next[path[:at]].append(token)

    def forced(self, path: tuple) -> tuple:
        """`path` and whatever is the only thing that can follow it."""
        while path not in self.by_path and len(after := self.next[path]) == 1:
            path = (*path, after[0])
        return path

    def decisive(self, name: str) -> tuple:
        """The beginning of a name's path that decides on it: what comes after is forced."""
        path = self.paths[name]
        return next(path[:end] for end in range(len(path) + 1) if self.forced(path[:end]) == path)


@dataclass
class Named:
    module: str
    """Or UNKNOWN."""
    probability: float
    """Of the module among the names, as the model has it; 0 where no id was read."""


def choose(logits: np.ndarray, allowed: list[int]) -> tuple[int, float]:
    """(token, its probability) of the best of the allowed tokens; logits (vocab,) or log-probabilities."""
    some = logits[allowed].astype(np.float64)
    best = int(some.argmax())
    return allowed[best], float(1 / np.exp(some - some[best]).sum())


def name_driver(engine: NextLogits, tokenizer: Tokenizer, names: Names, pci_id: str) -> Named:
    """The module that an engine under the decoder, adapter applied, names for a PCI id in lower case, "8086:100e"."""
    prompt = [*tokenizer.prompt(pci_id), SELECT]
    path, probability, logits, fed = names.forced(()), 1.0, None, 0
    while path not in names.by_path:
        if logits is None:
            logits = engine.start([*prompt, *path])
        else:
            for token in path[fed:]:
                logits = engine.step(token)
        fed = len(path)
        token, p = choose(logits, names.next[path])
        probability *= p
        path = names.forced((*path, token))
    return Named(names.by_path[path], probability)


def name_drivers(net, tokenizer: Tokenizer, names: Names, ids: list[str], batch: int = 256) -> list[Named]:
    """`name_driver` of many ids with a torch model (SLM.model.Slm, adapter applied), those of one length together."""
    prompts = [[*tokenizer.prompt(i), SELECT] for i in ids]
    lengths: dict[int, list[int]] = defaultdict(list)
    for i, prompt in enumerate(prompts):
        lengths[len(prompt)].append(i)
    out: dict[int, Named] = {}
    for alike in lengths.values():
        for some in (alike[at:at + batch] for at in range(0, len(alike), batch)):
            out |= zip(some, _together(net, names, [prompts[i] for i in some]), strict=True)
    return [out[i] for i in range(len(ids))]


def _together(net, names: Names, prompts: list[list[int]]) -> list[Named]:
    """Answers to prompts of one length: each step every row that is left reads one more token of its own name."""
    import torch

    begun = names.forced(())
    paths, chances, caches = [begun] * len(prompts), [1.0] * len(prompts), net.new_caches(len(prompts))
    left, read, ids = list(range(len(prompts))), len(begun), torch.tensor([[*p, *begun] for p in prompts])
    while left:
        with torch.no_grad():
            logits = net.logits(net(ids, caches)[:, -1]).float().numpy()
        for i, row in zip(left, logits, strict=True):
            if len(paths[i]) == read:  # else what comes next is already known
                token, p = choose(row, names.next[paths[i]])
                chances[i] *= p
                paths[i] = names.forced((*paths[i], token))
        stay = [at for at, i in enumerate(left) if paths[i] not in names.by_path]
        left = [left[at] for at in stay]
        caches = [[part[stay] for part in cache] for cache in caches]
        ids = torch.tensor([[paths[i][read]] for i in left])
        read += 1
    return [Named(names.by_path[path], p) for path, p in zip(paths, chances, strict=True)]
