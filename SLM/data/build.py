"""Builds the dataset: rows {text, intent, action, family, noise} in one JSONL file per split, and a manifest.

    train            families and entities for training, a quarter with noise
    val              other families: temperature and decisions are fitted here, never on a test
    test_families    families that nothing was trained on
    test_writer      families by a writer of whom training has none
    test_entities    known families, but devices, packages, modules, names … that nothing was trained on
    test_noise       test_families again, with each of the seven kinds of noise
    test_drivers     questions for a driver by PCI id, with ids (and so devices) that nothing was trained on
    free_dev         sentences written freely; families were widened after them, so they only show what is missing
    free, free_noise sentences written freely when the families were done; the same with noise

The same seed and the same inputs give the same bytes.
"""

import hashlib
import json
import random
import tomllib
from functools import cache
from pathlib import Path

from SLM.actions import grammar
from SLM.data import noise
from SLM.data.entities import HERE, Entities, snapshot
from SLM.data.families import Family, expand, held_out, load
from SLM.errors import SlmError
from SLM.intents import INTENTS
from SLM.text import clean

FORMAT = 1
SHARE = {"NONE": 0.22}
"""NONE's share of the rows; the six intents have the rest in equal parts."""
LINES_TEST, LINES_VAL = 12, 6
"""Of a hundred one-line families."""
SIZES = {"val": 1400, "test_families": 2100, "test_entities": 1400, "test_drivers": 400, "test_writer": 2100}


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def plain(text: str) -> str:
    """A sentence without marks, capitals and spaces: two that are equal so are the same sentence."""
    return "".join(c for c in text.lower() if c.isalnum())


def split_families(families: tuple[Family, ...]) -> dict[str, list[Family]]:
    """Whole families into train, val and test by their hash alone.

    Named families are ranked by op, so that an op keeps at least two to be learnt from; a line has a place of its own,
    which no other line changes.
    """
    out: dict[str, list[Family]] = {"train": [], "val": [], "test": []}
    groups: dict[tuple[str, str], list[Family]] = {}
    for family in families:
        if family.is_line:
            place = _digest(family.key) % 100
            out["test" if place < LINES_TEST else "val" if place < LINES_TEST + LINES_VAL else "train"].append(family)
        else:
            groups.setdefault((family.intent, family.op), []).append(family)
    for group in groups.values():
        group = sorted(group, key=lambda f: _digest(f.key))
        test = 0 if len(group) < 3 else max(1, round(len(group) * 0.15))
        val = 0 if len(group) < 4 else max(1, round(len(group) * 0.08))
        out["test"] += group[:test]
        out["val"] += group[test:test + val]
        out["train"] += group[test + val:]
    order = {f.key: i for i, f in enumerate(families)}
    return {name: sorted(part, key=lambda f: order[f.key]) for name, part in out.items()}


@cache
def frames() -> dict[str, tuple[tuple[str, str, bool], ...]]:
    """Frames by style: (before, after, is it held out from training)."""
    raw = tomllib.loads((HERE / "frames.toml").read_text())
    return {style: tuple((*f.split("{}"), _digest(f) % 6 == 0 and len(f) > 3) for f in texts)
            for style, texts in raw.items()}


def variety(pattern: list) -> float:
    """About how many sentences a pattern can make."""
    total = 1.0
    for part in pattern:
        if not isinstance(part, str):
            total *= 20 if part[0] == "slot" else sum(variety(branch) for branch in part[1])
    return total


def make_row(family: Family, rng: random.Random, *, test_entities: bool = False, test_frames: bool = False,
             noise_kind: str | None = None, terse: bool = False) -> dict | None:
    """One row of a family, or None when this draw has no action in the grammar (a name of too many words)."""
    entities = Entities(rng, test_entities)
    line = rng.choices(family.lines, [variety(p) ** 0.4 for p in family.lines])[0]
    parts: list[tuple[str, bool]] = []
    meant: dict[str, str] = {}
    for part in expand(line, rng):
        if isinstance(part, str):
            parts.append((part, True))
        else:
            said, meant[part[1]] = entities.draw(part[1])
            parts.append((said, False))
    if rng.random() < (0.35 if family.style == "bare" else 0.6):
        known = [f for f in frames()[family.style] if test_frames or not f[2]]
        before, after, _ = rng.choice(known)
        parts = [(before, True), *parts, (after, True)]
    if terse:
        parts = [(noise.terse(text, rng), True) if plain else (text, False) for text, plain in parts]
    text = noise.noisy(parts, rng, noise_kind) if noise_kind else "".join(text for text, _ in parts)
    text = clean(text)
    action = _fill(family, meant)
    if not text or grammar().check(family.intent, text, action):
        return None
    return {"text": text, "intent": family.intent, "action": action, "family": family.key, "noise": noise_kind or ""}


def _fill(family: Family, meant: dict[str, str]) -> str:
    """The family's action with this sentence's values; an argument whose slot is not in the sentence is left out."""
    if not family.action:
        return ""
    op, *args = family.action.split(" ")
    kinds = {arg.key: arg.kind for arg in grammar().ops[family.intent][op]}
    out = [op]
    for arg in args:
        key, _, value = arg.rpartition("=")
        if value.startswith("{"):
            value = meant.get(value.strip("{}"), "")
            if not value:
                continue
            if kinds.get(key) == "text":
                value = f'"{value}"'
        out.append(f"{key}={value}" if key else value)
    return " ".join(out)


def make_rows(families: list[Family], count: int, seed: str, **options) -> list[dict]:
    """`count` different sentences, intents by SHARE, families by the root of their variety."""
    rng = random.Random(seed)
    noise_share, terse_share = options.pop("noise_share", 0.0), options.pop("terse_share", 0.0)
    by_intent = {i: [f for f in families if f.intent == i] for i in INTENTS}
    weights = {i: [sum(variety(p) for p in f.lines) ** 0.3 for f in fs] for i, fs in by_intent.items()}
    rest = (1 - SHARE["NONE"]) / (len(INTENTS) - 1)
    rows, seen = [], set()
    for intent in INTENTS:
        if not by_intent[intent]:
            raise SlmError(f"families: {intent} has no family in this split")
        want, tries = round(count * SHARE.get(intent, rest)), 0
        made = 0
        while made < want and tries < want * 20:
            tries += 1
            family = rng.choices(by_intent[intent], weights[intent])[0]
            kind = rng.choice(noise.KINDS) if rng.random() < noise_share else None
            row = make_row(family, rng, noise_kind=kind, terse=rng.random() < terse_share, **options)
            if row and row["text"].lower() not in seen:
                seen.add(row["text"].lower())
                rows.append(row)
                made += 1
    rng.shuffle(rows)
    return rows


def driver_rows(families: tuple[Family, ...], count: int, seed: str) -> list[dict]:
    """Questions for a driver by PCI id, held-out ids of the table only, so that the right module is known."""
    rng, table = random.Random(seed), dict(snapshot("pci"))
    asking = [f for f in families if f.action == "find id={pciid}"]
    rows: list[dict] = []
    for _ in range(count * 40 if table else 0):
        row = make_row(rng.choice(asking), rng, test_entities=True)
        if row and row["action"].partition("id=")[2].lower() in table:
            rows.append(row)
        if len(rows) == count:
            break
    return rows


def free_rows(name: str) -> list[dict]:
    """Lines INTENT, tab, sentence[, tab, action]; without the third part the action is unknown, not empty."""
    rows = []
    for number, line in enumerate((HERE / f"{name}.txt").read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            intent, _, rest = line.partition("\t")
            text, told, action = rest.partition("\t")
            text = clean(text)
            if intent not in INTENTS or not text:
                raise SlmError(f"{name}.txt:{number}: expected INTENT, a tab, a sentence[, a tab, an action]; found {line!r}")
            if told and (problem := grammar().check(intent, text, action)):
                raise SlmError(f"{name}.txt:{number}: {problem}")
            rows.append({"text": text, "intent": intent, "action": action if told else None, "family": name, "noise": ""})
    return rows


def with_noise(rows: list[dict], seed: str, per_kind: int) -> list[dict]:
    """Rows with each kind of noise. The action is dropped: a fault may fall into what it quotes."""
    rng, out = random.Random(seed), []
    for kind in noise.KINDS:
        for row in rng.sample(rows, min(per_kind, len(rows))):
            out.append({**row, "text": clean(noise.add(kind, row["text"], rng)), "action": None, "noise": kind})
    return out


def build(out: Path, size: int, seed: int = 1) -> dict:
    """Write all splits below `out`; return the manifest that is written beside them."""
    if not 100 <= size <= 5_000_000:
        raise SlmError(f"--size: expected 100 to 5000000 training rows, found {size}")
    families = load()
    parts = split_families(families)
    few = min(1.0, size / 20000)  # a small training set gets small tests: the debug build must be quick
    sizes = {name: max(210, int(n * few)) for name, n in SIZES.items()}
    splits = {
        "train": make_rows(parts["train"], size, f"train{seed}", noise_share=0.25, terse_share=0.15),
        "val": make_rows(parts["val"], sizes["val"], f"val{seed}"),
        "test_families": make_rows(parts["test"], sizes["test_families"], f"families{seed}", test_frames=True),
        "test_entities": make_rows(parts["train"], sizes["test_entities"], f"entities{seed}", test_entities=True),
    }
    splits["test_drivers"] = driver_rows(families, sizes["test_drivers"], f"drivers{seed}")
    clean_rows = splits["test_families"]
    splits["test_noise"] = with_noise(clean_rows, f"noise{seed}", max(30, len(clean_rows) // 7))
    splits["free_dev"], splits["free"] = free_rows("free_dev"), free_rows("free")
    splits["free_dev_noise"] = with_noise(splits["free_dev"], f"freenoise{seed}", len(splits["free_dev"]))
    splits["free_noise"] = with_noise(splits["free"], f"newfreenoise{seed}", len(splits["free"]))
    tests = {r["text"].lower() for name, rows in splits.items() if name != "train" for r in rows}
    splits["train"] = [row for row in splits["train"] if row["text"].lower() not in tests]
    splits["test_writer"] = make_rows(list(held_out()), sizes["test_writer"], f"writer{seed}", test_frames=True)
    learnt = {plain(row["text"]) for row in splits["train"]}  # the same but for marks and capitals: not a test either
    for name in ("val", *SIZES, "test_noise"):
        splits[name] = [row for row in splits[name] if plain(row["text"]) not in learnt]
    out.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, rows in splits.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (out / f"{name}.jsonl").write_text(text)
        files[name] = {"rows": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (out / "taught.jsonl").unlink(missing_ok=True)  # teach-dataset's, of other rows
    sources = HERE / "snapshot" / "SOURCES.json"
    manifest = {"format": FORMAT, "seed": seed, "size": size, "files": files,
                "families": {name: len(part) for name, part in parts.items()},
                "sources": json.loads(sources.read_text()) if snapshot("pci") else {}}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def read(path: Path) -> list[dict]:
    """Rows of a JSONL file; SlmError names the line that is not one."""
    rows = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                        raise SlmError(f"{path}:{number}: expected an object with a string 'text', found {line[:60]!r}")
                    rows.append(row)
    except FileNotFoundError:
        raise SlmError(f"{path}: expected a JSONL file, found none") from None
    except (ValueError, RecursionError) as error:
        raise SlmError(f"{path}: expected one JSON object a line: {error}") from None
    return rows
