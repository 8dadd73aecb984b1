"""One boot of one architecture: tests first, then the console, then the way out; and what to think of it.

PASS needs all of: this run's nonce in the kernel's first line, a complete KTAP plan without `not ok`, the
console reached, every spec check held, no panic, and exit code 33. No single sign is enough, and exit code 0
never is.
"""

import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot.handoff import Check, Verdict
from bot.verify import crash, gdb, tools
from bot.verify.ktap import Document, Parser
from bot.verify.log import clean, tail
from bot.verify.machine import Machine, Stopped
from bot.verify.specs import Seen, Spec, SpecCheck

PASS, FAIL, PANIC = 33, 35, 37
ABORTED = {126: "the boot command can't be run", 127: "a program is missing",
           132: "QEMU died: illegal instruction", 134: "QEMU aborted", 135: "QEMU died: bus error",
           136: "QEMU died: arithmetic error", 137: "the machine was killed (out of memory?)",
           139: "QEMU died: segmentation fault"}

BANNER = re.compile(r"^auton (\S+) (\S+) nonce=(\S+)$", re.M)
READY = re.compile(rb"(?:^|\n)console ready\r?\n")
PROMPT = re.compile(rb"(?:^|\n)auton> ")
FIGURE = re.compile(r"^figure: ([A-Za-z0-9_.-]{1,64}) ([-+]?\d[\d.]*(?:[eE][-+]?\d{1,3})?) (\S{1,16})$", re.M)
PANIC_LINE = re.compile(r"^(?:auton> )*(panic: .*)$", re.M)
MAX_FIGURES = 200


@dataclass
class Booted:
    """What one boot gave: its checks in order, its figures, its whole console log."""

    checks: list[Check]
    figures: dict[str, float]
    log: str


def boot(argv: list[str], cwd: Path, env: dict[str, str], *, arch: str, image: Path, specs: list[Spec], silence: float,
         limit: float, measured: dict[str, float], wrap: Callable[[list[str]], list[str]] = list,
         on: Callable[[Check], None] = lambda check: None) -> Booted:
    """Boot `image` with `argv` plus the command line, run every check for `arch`, and judge. `measured` are figures
    known before the boot; `wrap` makes the command a sandboxed one; `on` hears of each check when judged."""
    nonce = secrets.token_hex(8)
    checks: list[Check] = []

    def judged(check: Check) -> None:
        checks.append(check)
        on(check)

    stub = image.parent / f"gdb-{nonce}"
    try:
        command = ["/usr/bin/env", f"GDB={os.path.relpath(stub, cwd)}", *argv, f"nonce={nonce} test"]
        machine = Machine(wrap(command), cwd, env, silence, limit)
    except OSError as error:
        judged(Check(name="boot", verdict="INFRA", detail=f"the boot command can't be started: {error}"))
        return Booted(checks, dict(measured), "")
    seen = Seen(Document(), dict(measured))
    wanted = [(spec, check) for spec in specs for check in spec.for_arch(arch)]
    spent: dict[str, float] = {}
    with machine:
        stopped: Stopped | None = None
        code: int | None = None
        try:
            ready = machine.wait_for(READY)
            seen.figures["boot_ms"] = round(machine.seconds * 1000, 1)
            machine.wait_for(PROMPT, ready.end() - 1)
            for _, check in wanted:
                if check.line is not None:
                    begun = time.monotonic()
                    seen.answers[check.at] = _ask(machine, check.line)
                    spent[check.at] = time.monotonic() - begun
            machine.send("poweroff")
            code = machine.wait()
        except Stopped as error:
            stopped = error
            code = machine.left()
        seconds, log, errors = machine.seconds, machine.text, machine.errors
        died = _crash(machine, code, log, stub, image, cwd, wrap)
    stub.unlink(missing_ok=True)
    seen.tests = _tests(log)
    _read_figures(log, seen.figures)
    again = crash.replay(argv, "test", machine.typed)
    fate = _fate(log, errors, code, stopped, nonce, arch, seen.tests, died and replace(died, replay=again))
    judged(Check(name="boot", verdict=fate.verdict, seconds=seconds, where=fate.where, detail=fate.detail))
    for case in seen.tests.cases:
        detail = f"skipped: {case.detail}" if case.skipped else case.detail
        judged(Check(name=f"ktap:{case.name}", verdict="PASS" if case.ok else "FAIL", where=case.where,
                     detail=detail or ("" if case.ok else "not ok")))
    for spec, check in wanted:
        judged(_spec_check(spec, check, seen, fate, spent.get(check.at, 0.0)))
    return Booted(checks, seen.figures, log + (f"\n[standard error]\n{errors}" if errors else ""))


def _crash(machine: Machine, code: int | None, log: str, stub: Path, image: Path, repo: Path,
           wrap: Callable[[list[str]], list[str]]) -> crash.Crash | None:
    """What the machine died of, or where it hangs; None when it did neither, or nothing is known."""
    if panic := PANIC_LINE.search(log):
        return crash.from_panic(log, panic[1], image, repo, wrap)
    if code is not None or not stub.exists():
        return None
    try:
        return crash.from_hang(gdb.backtrace(stub, repo, image), image, repo, wrap)
    except (gdb.NoAnswer, OSError):
        return None


def _ask(machine: Machine, line: str) -> str:
    """Type `line`; what was printed until the next prompt, without the echo of the line."""
    begin = machine.send(line)
    prompt = machine.wait_for(PROMPT, begin)
    answer = clean(bytes(machine.output[begin:prompt.start()]))
    first, _, rest = answer.partition("\n")
    return rest if first.strip() == line.strip() else answer


@dataclass(frozen=True)
class Fate:
    """How a boot ended, judged as a whole."""

    verdict: Verdict
    detail: str = ""
    where: str = ""


def _fate(log: str, errors: str, code: int | None, stopped: Stopped | None, nonce: str, arch: str,
          tests: Document, died: crash.Crash | None) -> Fate:
    said = tail(log) + (f"\n[standard error]\n{tail(errors, 10, 1000)}" if errors.strip() else "")
    panic = PANIC_LINE.search(log)
    if panic or code == PANIC:
        if died:
            return Fate("PANIC", f"{died.story}\n{said}", died.where)
        return Fate("PANIC", f"exit code {PANIC} without a panic line\n{said}")
    if code is None:
        why = stopped.text if stopped else "it did not leave"
        return Fate("HANG", f"{died.story}\n{why}\n{said}" if died else f"{why}\n{said}", died.where if died else "")
    if infra := _infra(code, errors):
        return Fate("INFRA", f"{infra}\n{said}")
    banners = BANNER.findall(log.partition("\nconsole ready\n")[0])
    wrong = []
    if len(banners) != 1:
        wrong.append(f"expected one line 'auton <version> {arch} nonce={nonce}' before the console, "
                     f"found {len(banners) or 'none'}")
    elif banners[0][1:] != (arch, nonce):
        found = f"{banners[0][1]} nonce={banners[0][2]}"[:200]
        wrong.append(f"expected {arch} nonce={nonce}, found {found}: a stale image?")
    wrong += [f"tests: {error}" for error in tests.errors[:5]]
    failed = [case for case in tests.cases if not case.ok]
    if failed:
        wrong.append(f"{len(failed)} of {len(tests.cases)} tests are not ok, the first {failed[0].name}")
    if stopped:
        wrong.append(f"expected the console and its prompt, but {stopped.text}")
    if code != PASS:
        wrong.append(f"expected exit code {PASS}, found {code}{' (0 never means pass)' if code == 0 else ''}")
    if wrong:
        return Fate("FAIL", "\n".join([*wrong, said]), failed[0].where if failed else "")
    return Fate("PASS")


def _infra(code: int, errors: str) -> str:
    """What kept the machine from running, when that is this host's fault."""
    if code in (PASS, FAIL, 0):
        return ""
    if name := tools.missing(errors):
        return f"expected {name}, found none: {tools.install(name)}"
    return f"{ABORTED[code]} (exit code {code})" if code in ABORTED else tools.broken_machine(errors) or ""


def _spec_check(spec: Spec, check: SpecCheck, seen: Seen, fate: Fate, seconds: float) -> Check:
    name = f"spec:{spec.name}: {check.title}"
    if check.line is not None and check.at not in seen.answers:
        verdict = fate.verdict if fate.verdict != "PASS" else "FAIL"
        return Check(name=name, verdict=verdict, where=check.at,
                     detail=f"not answered: {fate.detail.partition(chr(10))[0] or 'the machine had left'}")
    complaint = check.judge(seen)
    return Check(name=name, verdict="FAIL" if complaint else "PASS", seconds=seconds, where=check.at,
                 detail=complaint)


def _tests(log: str) -> Document:
    """The in-kernel tests: everything up to the console, since what is typed there may print anything."""
    parser = Parser()
    for line in log.split("\n"):
        if line == "console ready":
            break
        parser.feed(line)
    return parser.finish()


def _read_figures(log: str, figures: dict[str, float]) -> None:
    for name, number, _ in FIGURE.findall(log):
        if len(figures) < MAX_FIGURES and name not in ("boot_ms", "image_bytes"):
            try:
                figures[name] = float(number)
            except ValueError:
                continue  # digits and dots that are no number: not a figure line
