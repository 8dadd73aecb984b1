"""Faults on purpose, the same ones for the same seed: what a client of GitHub must survive.

A fault is one line: `METHOD PATH-GLOB [nth=N | every=N | p=0.1] [times=N] [before|after] KIND`, for
example `POST /repos/*/issues/*/comments nth=2 after reset` (the comment is written, the answer is lost)
or `webhook issue_comment p=0.2 double`. Kinds for a route: reset, 500, 502, 503, 403 (secondary limit),
403:N and 429:N (the same with `Retry-After: N`), 429. Kinds for webhooks: lose, double, reorder. `nth`
counts matching calls.
"""

import fnmatch
import random
import re
import threading
from dataclasses import dataclass, field

from bot.errors import ConfigError

SECONDARY = (
    "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. "
    "Please retry your request again later."
)
ROUTE_KINDS = r"reset|500|502|503|(403|429)(:\d+)?"
HOOK_KINDS = "lose|double|reorder"


@dataclass
class Fault:
    method: str
    path: str
    kind: str
    nth: int | None = None
    every: int | None = None
    p: float | None = None
    times: int | None = None
    after: bool = False
    seen: int = field(default=0, repr=False)
    done: int = field(default=0, repr=False)

    def matches(self, method: str, path: str) -> bool:
        either = self.method == method or (self.method == "*" and method != "webhook")
        return either and fnmatch.fnmatchcase(path, self.path)


def parse(text: str) -> Fault:
    """A fault from its line; ConfigError says which word is wrong."""
    words = text.split()
    usage = "write METHOD PATH-GLOB [nth=N|every=N|p=0.1] [times=N] [before|after] KIND; see bot/localforge/faults.py"
    if len(words) < 3:
        raise ConfigError(f"fault {text!r}: expected at least a method, a path and a kind", usage)
    kinds = HOOK_KINDS if words[0] == "webhook" else ROUTE_KINDS
    fault = Fault(words[0], words[1], words[-1])
    if not re.fullmatch(kinds, fault.kind):
        raise ConfigError(f"fault {text!r}: expected a kind out of {kinds}, found {fault.kind!r}", usage)
    for word in words[2:-1]:
        name, _, value = word.partition("=")
        try:
            if word in ("before", "after"):
                fault.after = word == "after"
            elif name in ("nth", "every", "times") and int(value) > 0:
                setattr(fault, name, int(value))
            elif name == "p" and 0 <= float(value) <= 1:
                fault.p = float(value)
            else:
                raise ValueError
        except ValueError:
            raise ConfigError(f"fault {text!r}: {word!r} is not understood", usage) from None
    return fault


class Faults:
    def __init__(self, specs=(), seed: int = 0):
        self.list = [spec if isinstance(spec, Fault) else parse(spec) for spec in specs]
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def add(self, spec: Fault | str) -> None:
        with self._lock:
            self.list.append(spec if isinstance(spec, Fault) else parse(spec))

    def clear(self) -> None:
        with self._lock:
            self.list.clear()

    def pick(self, method: str, path: str, kinds: tuple[str, ...] = ()) -> Fault | None:
        """The fault that strikes this call, if any; `kinds` narrows which may."""
        with self._lock:
            for fault in self.list:
                if not fault.matches(method, path) or (kinds and fault.kind not in kinds):
                    continue
                fault.seen += 1
                if fault.times is not None and fault.done >= fault.times:
                    continue
                if self._strikes(fault):
                    fault.done += 1
                    return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.nth:
            return fault.seen == fault.nth
        if fault.every:
            return fault.seen % fault.every == 0
        return fault.p is None or self._random.random() < fault.p

    def copies(self, event: str) -> int:
        """How many times a webhook is sent: 1, or 0 or 2 by a fault."""
        fault = self.pick("webhook", event, ("lose", "double"))
        return {None: 1, "lose": 0, "double": 2}[fault and fault.kind]

    def reorders(self, event: str) -> bool:
        """Whether a webhook lets the one behind it go first."""
        return self.pick("webhook", event, ("reorder",)) is not None
