"""Verify a checkout: every architecture side by side, each built, booted and judged. What fails
is booted once more, since a busy host alone can make a test of time fail.

The code that is verified is hostile: what it brings along (its Makefile, its boot script, its kernel) runs in the
sandbox, without network, secrets or environment, and only its own checkout may be written, less its .git.
"""

import errno
import functools
import os
import shlex
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bot import sandbox, scratch
from bot.config import Config, Target
from bot.errors import ConfigError, MissingTool
from bot.handoff import ArchReport, Check, Report, Verdict
from bot.spans import Span, noted
from bot.verify import cache, specs, tools
from bot.verify.boot import Booted, boot
from bot.verify.build import build
from bot.verify.machine import Machine

WORST: list[Verdict] = ["PASS", "INFRA", "FAIL", "HANG", "PANIC", "BUILD"]
"""Verdicts, each outweighing those before it: INFRA is nobody's fault, so any real fault outweighs it."""
HARD_LIMIT = 10
"""A boot may take this many times its target's timeout, however much it prints."""

PROTECTED = [".git", ".venv", ".auton"]
"""Of the checkout, what a build may not write: it steers what runs outside of the sandbox later."""

Listener = Callable[[str, Check], None]
Wrap = Callable[[list[str]], list[str]]


def worst(verdicts: list[Verdict]) -> Verdict:
    return max(verdicts, key=WORST.index, default="FAIL")


def choose(config: Config, archs: list[str]) -> dict[str, Target]:
    """The targets asked for (all when none is named); ConfigError names those there are."""
    if not config.targets:
        raise ConfigError("expected at least one [targets.<arch>] table, found none",
                          "add one with build, boot and image to auton.toml")
    for arch in archs:
        if arch not in config.targets:
            raise ConfigError(f"unknown architecture '{arch}'", f"known: {', '.join(config.targets)}")
    return {arch: config.targets[arch] for arch in dict.fromkeys(archs or config.targets)}


def verify(config: Config, repo: Path, archs: list[str] | None = None, *, fresh: bool = False,
           sandboxed: bool = True, on: Listener = lambda arch, check: None) -> Report:
    """Build and boot `archs` of the checkout at `repo`. `on` hears of every check, from several threads.

    `fresh` ignores earlier verdicts; `sandboxed=False` is for code that one would run by hand anyway."""
    start = time.monotonic()
    repo = repo.resolve()
    targets = choose(config, archs or [])
    for target in targets.values():
        present(target, repo)
    tree = cache.tree_of(repo)
    found, broken = specs.read_all(repo)
    wrap = in_sandbox(repo) if sandboxed else list
    probe = functools.cache(sandbox.probe) if sandboxed else lambda: None

    def one(arch: str, target: Target, jobs: int) -> ArchReport:
        key = cache.key(tree, arch, target)
        if not fresh and (known := cache.get(key)):
            for check in known.checks:
                on(arch, check)
            return known
        probe()
        report = _verify_one(arch, target, jobs, repo, found, broken, wrap, lambda check: on(arch, check))
        if key and report.verdict == "PASS" and cache.tree_of(repo) == tree:  # not edited meanwhile
            cache.put(key, report)
        return report

    planted = None if os.path.lexists(repo / ".git") else repo / ".git"
    with ThreadPoolExecutor(len(targets)) as pool:
        try:
            shares = jobs(len(targets), len(os.sched_getaffinity(0)))
            reports = list(pool.map(one, targets.keys(), targets.values(), shares))
        except BaseException:
            for machine in list(Machine.running):  # Ctrl-C, or a fault of ours: leave nothing behind
                machine.kill()
            raise
        finally:
            if planted and sandboxed and os.path.lexists(planted):
                _remove(planted)
    return Report(tree=tree, verdict=worst([report.verdict for report in reports]), archs=reports,
                  seconds=time.monotonic() - start)


def _verify_one(arch: str, target: Target, jobs: int, repo: Path, found: list[specs.Spec], broken: list[specs.Broken],
                wrap: Wrap, on: Callable[[Check], None]) -> ArchReport:
    start = time.monotonic()
    checks: list[Check] = []
    figures: dict[str, float] = {}
    waited: list[Span] = []

    def judged(check: Check) -> None:
        checks.append(check)
        on(check)

    for bad in broken:
        name = f"spec:{bad.where.rpartition(':')[0]}"
        judged(Check(name=name, verdict="FAIL", where=bad.where, detail=bad.detail))
    image = repo / target.image
    with noted(waited):
        command = ["/usr/bin/env", f"MAKEFLAGS=-j{jobs}", "/bin/sh", "-c", target.build]
        built = build(wrap(command), repo, environment(), image)
    judged(Check(name="build", verdict=built.verdict, seconds=built.seconds, where=built.where,
                 detail=built.detail))
    if built.verdict == "PASS":
        figures["image_bytes"] = image.stat().st_size
        start_machine = functools.partial(
            boot, shlex.split(target.boot), repo, environment(), arch=arch, image=image, specs=found, measured=figures,
            silence=target.timeout, limit=HARD_LIMIT * target.timeout, wrap=wrap)
        with noted(waited):
            booted = start_machine()
            if _worst_of(booted.checks) == "FAIL":
                booted = _flaky(booted, start_machine())
        for check in booted.checks:
            judged(check)
        figures = booted.figures
    return ArchReport(arch=arch, verdict=_worst_of(checks), checks=checks,
                      figures=figures, seconds=time.monotonic() - start, waited=waited)


def _worst_of(checks: list[Check]) -> Verdict:
    return worst([check.verdict for check in checks])


def _flaky(first: Booted, second: Booted) -> Booted:
    """The second boot if it passed, with a word on what failed in the first; else the first."""
    if _worst_of(second.checks) != "PASS":
        return first
    failed = ", ".join(check.name for check in first.checks if check.verdict != "PASS")
    checks = [check.model_copy(update={"detail": f"passed when booted again; at first failed: {failed}"[:2000]})
              if check.name == "boot" else check for check in second.checks]
    return replace(second, checks=checks)


def environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LANG": "C.UTF-8",
            "TERM": "dumb", "MAKEFLAGS": f"-j{os.cpu_count() or 1}"}


def jobs(targets: int, cpus: int) -> list[int]:
    """How many jobs each of these builds, which run side by side, may have: together about as many as there are processors, since
    more cost time. What is left over goes to the first, so that its machine waits for its clock while others still compile."""
    share = max(1, cpus // targets)
    return [max(min(cpus, 2), cpus - share * (targets - 1)), *[share] * (targets - 1)]


def in_sandbox(repo: Path) -> Wrap:
    """How a candidate's build and its kernels are run: only the checkout may be written, less its .git."""
    inside = {name: value for name, value in environment().items() if name not in ("PATH", "HOME")}
    kept = [repo / name for name in PROTECTED if (repo / name).exists()]
    return lambda argv: sandbox.wrap(argv, root=repo, writable=[repo], readonly=kept, env=inside, cwd=repo)


def _remove(planted: Path) -> None:
    """Take away a .git that a build has made: its configuration would name programs for the next git to run."""
    if planted.is_dir() and not planted.is_symlink():
        if not scratch.remove(planted):
            raise OSError(errno.ENOTEMPTY, "can't be removed", str(planted))
    else:
        planted.unlink()


def present(target: Target, repo: Path) -> None:
    """MissingTool when a program that the target calls is neither on PATH nor in the checkout."""
    for command in (target.build, target.boot):
        try:
            name = shlex.split(command)[0]
        except (ValueError, IndexError):
            raise ConfigError(f"[targets]: not a command line: {command!r}", "mend it in auton.toml") from None
        if "/" in name:
            if not (repo / name).is_file():
                raise ConfigError(f"{repo / name}: no such file, but a target calls it", "see [targets] of auton.toml")
        elif shutil.which(name) is None:
            raise MissingTool(f"expected the program {name}, found none", tools.install(name))
