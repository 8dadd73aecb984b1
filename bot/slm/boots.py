"""A model inside the candidate's kernels: each is built, booted with it, and asked what the C engine was asked on the host.

The kernel is started by its target's own boot command, in which the model that ships is replaced by this one. The answers
must be the host's: the same intent, the same action, and the same logits but for their last printed digit.
"""

import re
import secrets
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bot import hostile
from bot.config import Target
from bot.slm.recipe import MODELS
from bot.verify.boot import PROMPT, READY
from bot.verify.build import build
from bot.verify.log import tail
from bot.verify.machine import Machine, Stopped

CLOSE = 2e-6
"""Logits are printed in millionths."""
Wrap = Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class Asked:
    """What the C engine answered on the host."""

    text: str
    intent: str
    action: str
    logits: tuple[float, ...]


def with_model(boot: str, model: str) -> list[str]:
    """The boot command's words with `model` in the place of the one that ships."""
    return [word.replace(f"{MODELS}/slm.gguf", model) for word in shlex.split(boot)]


def boots(targets: dict[str, Target], repo: Path, model: str, asked: list[Asked], wrap: Wrap, env: dict[str, str]) -> dict[str, str]:
    """What is wrong with each kernel that boots with `model` (a path below `repo`), by architecture; "" for nothing."""
    with ThreadPoolExecutor(len(targets)) as pool:
        found = pool.map(lambda one: _boot(one, repo, model, asked, wrap, env), targets.values())
    return dict(zip(targets, found, strict=True))


def _boot(target: Target, repo: Path, model: str, asked: list[Asked], wrap: Wrap, env: dict[str, str]) -> str:
    words = with_model(target.boot, model)
    if model not in " ".join(words):
        return f"its boot command does not name {MODELS}/slm.gguf: {target.boot}"
    built = build(wrap(["/bin/sh", "-c", target.build]), repo, env, repo / target.image)
    if built.verdict != "PASS":
        return f"it does not build: {built.detail[:500]}"
    nonce = f"nonce={secrets.token_hex(8)} slm_ms=60000"  # a busy host makes a guest's clock run away
    with Machine(wrap([*words, nonce]), repo, env, target.timeout, 10 * target.timeout) as machine:
        try:
            begin = machine.wait_for(READY).end() - 1
            wrong = []
            for one in asked:
                machine.wait_for(PROMPT, begin)
                begin = machine.send('slm --json "' + re.sub(r'(["\\])', r"\\\1", one.text) + '"')
                end = machine.wait_for(PROMPT, begin + 1).start()
                wrong.append(_compare(one, machine.output[begin:end].decode(errors="replace")))
            machine.send("poweroff")
            code = machine.wait()
        except Stopped as stopped:
            return f"{stopped.text}\n{tail(machine.text)}"
    wrong = [line for line in wrong if line]
    if wrong:
        return f"{len(wrong)} of {len(asked)} answers are not the host's, such as: {wrong[0]}"
    return "" if code == 33 else f"it left with exit code {code}, expected 33"


def _compare(one: Asked, said: str) -> str:
    line = next((line for line in said.splitlines() if line.startswith('{"engine"')), "")
    try:
        answer = hostile.read_json(line)
        seen = [number / 1e6 for number in answer["logit_millionths"]]
        if answer["engine"] == "model" and (answer["intent"], answer["action"]) == (one.intent, one.action) \
                and len(seen) == len(one.logits) and all(abs(a - b) <= CLOSE for a, b in zip(seen, one.logits, strict=True)):
            return ""
    except (ValueError, KeyError, TypeError):
        pass
    return f"{one.text!r}: host {one.intent} {one.action!r}, kernel {line[:200] or said[-200:]!r}"
