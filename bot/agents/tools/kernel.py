"""Building and booting the kernel by the commands of auton.toml, inside the sandbox, with a compact verdict.

The commands are the project's own (`[targets.<arch>]`) and the judge is that of `auton verify`, so what an agent
sees here is what will decide about its branch.
"""

import fnmatch
import os
import re
import secrets
import shlex
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from pydantic import Field

from bot.agents.tools import ToolError, clip, git, tool
from bot.agents.workplace import Workplace
from bot.config import Target
from bot.handoff import Check
from bot.slm.boots import with_model
from bot.slm.recipe import MODELS
from bot.verify import specs
from bot.verify.boot import BANNER, PROMPT, READY
from bot.verify.boot import boot as judged_boot
from bot.verify.build import build as judged_build
from bot.verify.log import tail
from bot.verify.machine import Machine, Stopped
from bot.verify.run import worst

Archs = Annotated[list[str], Field(max_length=16, description=(
    'architectures, such as ["x86_64"]; empty means all of the brief'))]
Arch = Annotated[str, Field(description="one architecture, such as riscv64")]
EXIT = {33: "exit code 33: pass", 35: "exit code 35: a test failed", 37: "exit code 37: panic"}
WORD = re.compile(r"\w+")
LISTED = 30
"""Names of passed checks that are shown."""
WARNING = re.compile(r"^.*\bwarning: .*$", re.M)


@tool(writes=True)
def build_kernel(at: Workplace, archs: Archs = []) -> str:  # noqa: B006
    """Build the kernel for some or all architectures. Answers PASS or BUILD for each, with the first error and
    the end of the log. Warnings are shown too: leave none."""
    return _each(at, archs, lambda arch, target: _build(at, arch, target)[1])


@tool(writes=True)
def run_test(at: Workplace, archs: Archs = [],  # noqa: B006
             show: Annotated[str, Field(max_length=200, description=(
                 "a glob of tests (suite.case) or checks to name though they pass; those that your branch adds are named "
                 "anyway"))] = "") -> str:
    """Build, boot, and run every in-kernel KTAP test and every check of every spec, for some or all architectures: the
    same judgement that decides about your branch. Answers the verdict, the counts, and each failure in full; then what
    the screen, which refuses a patch whole, would say of the worktree as it is."""
    added = _added(at)
    said, reasons = _each(at, archs, lambda arch, target: _test(at, arch, target, added, show)), git.preview(at)
    if reasons is None:
        return said
    verdict = "FAIL: with this the whole patch would be refused, whatever the tests say" if reasons else "PASS"
    return "\n".join([said, f"screen: {verdict}", *(f"- {reason}" for reason in reasons[:20])])


@tool(writes=True)
def boot_kernel(at: Workplace, arch: Arch,
                type_lines: Annotated[list[str], Field(max_length=20, description=(
                    "lines typed one after the other, each at the prompt; poweroff is added"))] = [],  # noqa: B006
                command_line: Annotated[str, Field(max_length=200, description=(
                    "words for the kernel, such as test=uptime"))] = "",
                model: Annotated[str, Field(max_length=200, description=(
                    "a GGUF below the repository's top to boot with, instead of the model that ships"))] = "") -> str:
    """Boot the kernel that was built last, type lines at its console, and show everything that it printed (what the
    firmware printed before it is left out)."""
    target = _targets(at, [arch])[arch]
    if not (at.worktree / target.image).is_file():
        raise ToolError(f"expected the image {target.image}, found none; call build_kernel first")
    words = f"nonce={secrets.token_hex(8)} {command_line}".strip()
    if model and not (at.worktree / model).is_file():
        raise ToolError(f"expected a model at {model}, found none")
    boot = with_model(target.boot, model) if model else shlex.split(target.boot)
    with Machine(at.wrap([*boot, words]), at.worktree, {}, target.timeout,
                 5 * target.timeout) as machine:
        try:
            begin = machine.wait_for(READY).end() - 1
            for line in [*(line for line in type_lines if line.strip() != "poweroff"), "poweroff"]:
                machine.wait_for(PROMPT, begin)
                begin = machine.send(line)
            machine.wait()
            ended = ""
        except Stopped as stopped:
            ended = stopped.text
        code = machine.left()
        if code is not None:
            ended = EXIT.get(code, f"exit code {code}; expected 33 (pass), 35 (fail) or 37 (panic)")
        console, errors = _without_firmware(machine.text, words), machine.errors.strip()
    return f"{arch}: {ended}, after {machine.seconds:.1f} s\n{clip(console)}{clip(errors, 1000)}"


def _without_firmware(console: str, words: str) -> str:
    """The console from the kernel's own first line on; all of it where that did not come."""
    first = next((line for line in BANNER.finditer(console) if f"nonce={line[3]}" == words.split()[0]), None)
    lines = console.count("\n", 0, first.start()) if first else 0
    return f"[{lines} lines of the firmware]\n{console[first.start():]}" if lines else console


def _build(at: Workplace, arch: str, target: Target) -> tuple[bool, str]:
    jobs = {"MAKEFLAGS": f"-j{len(os.sched_getaffinity(0))}"}
    built = judged_build(at.wrap(shlex.split(target.build), env=jobs), at.worktree, {}, at.worktree / target.image)
    if built.verdict != "PASS":
        where = f" at {built.where}" if built.where else ""
        return False, f"{arch}: {built.verdict}{where} ({built.seconds:.1f} s)\n{built.detail}"
    warnings = list(dict.fromkeys(WARNING.findall(built.log)))[:10]
    return True, "\n".join([f"{arch}: PASS ({built.seconds:.1f} s)", *warnings])


def _added(at: Workplace) -> list[str]:
    """The lines that this branch has beyond its base, new files included."""
    base = at.git("merge-base", at.brief.base_sha, "HEAD").strip()
    shown = at.git("diff", "-U0", "--no-ext-diff", "--no-textconv", base, "--", ".", f":(exclude){MODELS}")
    new = [name for name in at.git("ls-files", "-o", "--exclude-standard", "-z").split("\0") if name]
    for name in new[:git.NEW]:
        shown += at.run(["git", "diff", "-U0", "--no-index", "--no-ext-diff", "--", "/dev/null", name]).output
    return [line[1:] for line in shown.split("\n") if line.startswith("+")]


def _listed(checks: list[Check], found: list[specs.Spec], added: list[str], show: str) -> str:
    """Of the checks that passed, by name, those of the branch (a line that it adds names the test, or the spec's key) and
    those that `show` matches."""
    keys = {check.at: (check.KEY, str(getattr(check, check.KEY))) for spec in found for check in spec.checks}
    pairs = {(key.strip(), value.strip()[1:-1]) for key, _, value in (line.partition("=") for line in added)}
    words = [set(WORD.findall(line)) for line in added]

    def wanted(check: Check) -> bool:
        kind, _, name = check.name.partition(":")
        if show and fnmatch.fnmatchcase(name, show):
            return True
        if kind == "spec":
            return keys.get(check.where) in pairs
        return kind == "ktap" and any(set(WORD.findall(name)) <= line for line in words)

    names = [check.name for check in checks if check.verdict == "PASS" and wanted(check)]
    more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"  new here{' or like ' + show if show else ''}, and passed: {', '.join(names[:LISTED]) or 'none'}{more}"


def _test(at: Workplace, arch: str, target: Target, added: list[str], show: str) -> str:
    ok, said = _build(at, arch, target)
    if not ok:
        return said
    if (at.worktree / "specs").is_symlink():
        raise ToolError("specs: expected a folder, found a symbolic link")
    found, broken = specs.read_all(at.worktree)
    size = {"image_bytes": float((at.worktree / target.image).stat().st_size)}
    booted = judged_boot(shlex.split(target.boot), at.worktree, {}, arch=arch,
                         image=at.worktree / target.image, specs=found, silence=target.timeout,
                         limit=10 * target.timeout, measured=size, wrap=at.wrap)
    checks = [Check(name=bad.where, verdict="FAIL", where=bad.where, detail=bad.detail) for bad in broken]
    checks += booted.checks
    failed = [check for check in checks if check.verdict != "PASS"]
    passed = ", ".join(f"{sum(c.name.startswith(kind) and c.verdict == 'PASS' for c in checks)} {what}"
                       for kind, what in (("ktap:", "tests"), ("spec:", "spec checks")))
    figures = ", ".join(f"{name} {value:g}" for name, value in booted.figures.items())
    lines = [f"{arch}: {worst([check.verdict for check in checks])} ({passed} passed, {len(failed)} failed; {figures})"]
    lines += [_listed(checks, found, added, show)] if added or show else []
    for check in failed[:12]:
        lines.append(f"- {check.name}: {check.verdict} {check.where}\n  {clip(check.detail, 2500)}")
    if failed and failed[0].name != "boot":  # a failed boot's detail ends with it already
        lines.append(f"--- end of the console\n{tail(booted.log, 25, 2000)}")
    return "\n".join(lines)


def _each(at: Workplace, archs: list[str], work: Callable[[str, Target], str]) -> str:
    chosen = _targets(at, archs)
    with ThreadPoolExecutor(len(chosen)) as pool:
        return "\n".join(pool.map(work, chosen.keys(), chosen.values()))


def _targets(at: Workplace, archs: list[str]) -> dict[str, Target]:
    wanted = archs or at.brief.targets
    unknown = [arch for arch in wanted if arch not in at.config.targets]
    if unknown or not wanted:
        raise ToolError(f"expected architectures among {', '.join(at.config.targets)}; "
                        f"found {', '.join(unknown) or 'none'}")
    return {arch: at.config.targets[arch] for arch in wanted}
