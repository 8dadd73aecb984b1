"""Entities: what fills the slots of the families. Hand-written lists, made-up addresses, and the source snapshot.

Every slot gives (said, meant): what the sentence says and what the action says. One value in eight is held out, by a
hash of itself, so that a test can ask about entities that no training row ever named. A slot's trailing digit only
tells two slots of one sentence apart ({module} {module2}).
"""

import hashlib
import random
import tomllib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
HELD_OUT_OF_8 = 0


def held_out(value: str) -> bool:
    """Whether an entity belongs to the held-out eighth."""
    return hashlib.sha256(value.lower().encode()).digest()[0] % 8 == HELD_OUT_OF_8


@cache
def _lists() -> dict[str, tuple[tuple[str, str], ...]]:
    raw = tomllib.loads((HERE / "slots.toml").read_text())
    lists = {name: tuple((w, w) for w in words) for name, words in raw["words"].items()}
    for slot, meanings in raw["spoken"].items():
        lists[slot] = tuple((said, meant) for meant, spoken in meanings.items() for said in spoken)
    return lists


@cache
def snapshot(name: str) -> tuple[tuple[str, ...], ...]:
    """Rows of snapshot/<name>.tsv (see sources.py); empty when it was never made."""
    path = HERE / "snapshot" / f"{name}.tsv"
    if not path.exists():
        return ()
    return tuple(tuple(line.split("\t")) for line in path.read_text().splitlines() if not line.startswith("#"))


@cache
def _pool(slot: str, test: bool, name: str = "") -> tuple[tuple[str, str], ...]:
    """The values of a slot that are (not) held out. Closed lists (spoken slots) are never held out."""
    lists = _lists()
    if name:
        column = {"pci": 0, "devices": 0, "modules": 0, "packages": 0}[name]
        values = tuple((row[column], row[column]) for row in snapshot(name))
    else:
        values = lists[slot]
    if any(said != meant for said, meant in values):
        return values
    return tuple(v for v in values if held_out(v[0]) == test) or values


@cache
def _ids() -> frozenset[str]:
    return frozenset(row[0] for row in snapshot("pci"))


class Entities:
    """Draws slot values; `test` draws from the held-out ones."""

    def __init__(self, rng: random.Random, test: bool = False):
        self.rng, self.test = rng, test

    def draw(self, slot: str) -> tuple[str, str]:
        kind = slot.rstrip("0123456789")
        made = getattr(self, f"_{kind}", None)
        if made:
            value = made()
            return value if isinstance(value, tuple) else (value, value)
        return self.rng.choice(_pool(kind, self.test))

    def _source(self, name: str, slot: str, share: float) -> tuple[str, str]:
        if snapshot(name) and self.rng.random() < share:
            return self.rng.choice(_pool(slot, self.test, name))
        return self.rng.choice(_pool(slot, self.test))

    def _module(self):
        said, meant = self._source("modules", "module", 0.6)
        if self.rng.random() < 0.2:
            said = said.replace("_", "-")
        return said, said

    def _device(self):
        return self._source("devices", "device", 0.6)

    def _package(self):
        if snapshot("packages"):
            return self.rng.choice(_pool("app", self.test, "packages"))
        return self.rng.choice(_pool("app", self.test))

    def _app(self):
        return self._source("packages", "app", 0.25)

    def _pciid(self):
        if snapshot("pci") and self.rng.random() < 0.7:
            value = self.rng.choice(_pool("pciid", self.test, "pci"))[0]
        else:
            value = self._made_up_id()
        return value if self.rng.random() < 0.8 else value.upper()

    def _made_up_id(self) -> str:
        """An id of a known maker; never one of the table's that the other side of the split has."""
        while True:
            value = f"{self.rng.choice(('8086', '10ec', '10de', '1002', '14e4', '1af4', '15ad', '1022'))}:" \
                    f"{self.rng.randrange(65536):04x}"
            if value not in _ids() or held_out(value) == self.test:
                return value

    def _ip(self):
        r = self.rng
        net = r.choice(("192.168", "192.168", "10.0", "10.1", "172.16", "172.20", "10.20", "8.8", "1.1", "203.0", "198.51", "9.9"))
        value = f"{net}.{r.randrange(256)}.{r.randrange(1, 255)}"
        return value + r.choice(("", "", "", "", "/24", "/16", "/8", "/28"))

    def _net(self):
        r = self.rng
        return r.choice((f"10.{r.randrange(256)}.0.0/16", f"192.168.{r.randrange(256)}.0/24", "172.16.0.0/12", "10.0.0.0/8",
                         f"10.{r.randrange(256)}.{r.randrange(256)}.0/24", "0.0.0.0/0"))

    def _port(self):
        return str(self.rng.choice((80, 443, 8080, 22, 53, 25, 21, 3306, 5432, 8000, 8443, 1883, 6379, 3000, 5000,
                                    self.rng.randrange(1, 1024), self.rng.randrange(1024, 65536))))

    def _mtu(self):
        return str(self.rng.choice((1500, 1400, 9000, 1492, 576, 1280, 1450, self.rng.randrange(576, 9001))))

    def _size(self):
        return f"{self.rng.choice((1, 2, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128, 250, 500, 512))}" \
               f"{self.rng.choice(('g', 'G', 'gb', 'GB', 'm', 'M', 'mb', 't', 'GiB', 'gb', 'G'))}"

    def _number(self):
        return str(self.rng.choice((self.rng.randrange(100), self.rng.randrange(10000), self.rng.randrange(10 ** 6))))

    def _mac(self):
        return ":".join(f"{self.rng.randrange(256):02x}" for _ in range(6))

    def _gibber(self):
        r = self.rng
        return "".join(r.choice("aeiouxqzwkjvbnmtrsdfghplyc") for _ in range(r.randrange(3, 10)))
