"""Building and booting the kernel by the commands of auton.toml, inside the sandbox, with a compact verdict.

The commands are the project's own (`[targets.<arch>]`), so these tools serve any kernel that names them.
"""

import re
import secrets
import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from pydantic import Field

from bot.agents.tools import ToolError, clip, tool
from bot.agents.workplace import Workplace
from bot.config import Target

Archs = Annotated[list[str], Field(description="architectures, such as [\"x86_64\"]; empty means all of the brief's")]
Arch = Annotated[str, Field(description="one architecture, such as riscv64")]
VERDICTS = {33: "PASS", 35: "FAIL", 37: "PANIC"}
ERROR = re.compile(r"^.*(?:error:|undefined reference|\*\*\*|fatal:|multiple definition).*$", re.M)


@tool(writes=True)
def build_kernel(at: Workplace, archs: Archs = []) -> str:  # noqa: B006
    """Build the kernel for some or all architectures, side by side. Answers PASS or BUILD for each, with the first
    errors. Warnings are shown too: leave none."""
    chosen = targets(at, archs)
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        return "\n".join(pool.map(lambda item: build(at, *item), chosen.items()))


def build(at: Workplace, arch: str, target: Target) -> str:
    start = time.monotonic()
    done = at.run(["/bin/sh", "-c", target.build], timeout=600)
    seconds = f"{time.monotonic() - start:.1f} s"
    if done.timed_out:
        return f"{arch}: BUILD: not finished after 600 s\n{done.output[-1500:]}"
    if done.code:
        errors = ERROR.findall(done.output)[:12]
        return (f"{arch}: BUILD: exit code {done.code} after {seconds}\n" + "\n".join(dict.fromkeys(errors))
                + f"\n--- end of the build's output\n{done.output[-2000:].strip()}")
    if not (at.worktree / target.image).is_file():
        return f"{arch}: BUILD: the build command ended well, but {target.image} is not there"
    warnings = [line for line in done.output.splitlines() if "warning:" in line][:10]
    return "\n".join([f"{arch}: PASS ({seconds})", *warnings])


@tool(writes=True)
def run_test(at: Workplace, archs: Archs = [],  # noqa: B006
             suites: Annotated[str, Field(description="glob of the KTAP suites to run, such as uptime or 'mm*'",
                                          pattern=r"^[A-Za-z0-9_.*?\[\]-]*$")] = "") -> str:
    """Boot the built kernel, run its in-kernel tests, and give each architecture's verdict with the failed cases.
    Build first. The verdict is PASS, FAIL, PANIC, HANG or BOOT."""
    chosen = targets(at, archs)
    with ThreadPoolExecutor(max_workers=len(chosen)) as pool:
        return "\n".join(pool.map(lambda item: test(at, suites, *item), chosen.items()))


def test(at: Workplace, suites: str, arch: str, target: Target) -> str:
    nonce = secrets.token_hex(8)
    words = f"nonce={nonce} test{'=' + suites if suites else ''} once"
    verdict, console, seconds = boot(at, target, words, [])
    lines = console.splitlines()
    passed = [line for line in lines if re.match(r"\s*ok \d+", line)]
    failed = [f"{before.strip()}\n{line.strip()}" if before.strip().startswith("#") else line.strip()
              for before, line in zip(["", *lines], lines, strict=False) if re.match(r"\s*not ok \d+", line)]
    if verdict == "PASS" and nonce not in console:
        verdict, failed = "FAIL", ["expected the kernel's first line to repeat its nonce, found none: a stale image?"]
    if verdict == "PASS" and not passed:
        verdict, failed = "FAIL", [f"expected KTAP cases of {suites or 'any suite'}, found none"]
    head = f"{arch}: {verdict} ({len(passed)} ok, {len(failed)} not ok, {seconds:.1f} s)"
    if verdict == "PASS":
        return head
    return "\n".join([head, *failed[:20], "--- end of the console", clip("\n".join(lines[-40:]), 2500)])


@tool(writes=True)
def boot_kernel(at: Workplace, arch: Arch,
                type_lines: Annotated[list[str], Field(max_length=20, description=(
                    "lines typed at the console, one after the other; poweroff is added at the end"))] = [],  # noqa: B006
                command_line: Annotated[str, Field(description="the kernel's command line, such as 'test=uptime'",
                                                   max_length=200)] = "") -> str:
    """Boot the built kernel, type lines at its console, and show everything that it printed. Build first."""
    target = targets(at, [arch])[arch]
    words = f"nonce={secrets.token_hex(8)} {command_line}".strip()
    typed = [line for line in type_lines if line.strip() != "poweroff"]
    verdict, console, seconds = boot(at, target, words, [*typed, "poweroff"])
    return f"{arch}: {verdict} after {seconds:.1f} s\n{clip(console)}"


def boot(at: Workplace, target: Target, words: str, lines: list[str]) -> tuple[str, str, float]:
    """Boot with the command line `words`, type `lines`: the verdict, the console's text, the seconds."""
    if not (at.worktree / target.image).is_file():
        raise ToolError(f"expected the image {target.image}, found none; call build_kernel first")
    start = time.monotonic()
    done = at.run(["/bin/sh", "-c", f"exec {target.boot} {shlex.quote(words)}"],
                  stdin="".join(line + "\n" for line in lines).encode(), timeout=min(target.timeout, 60))
    seconds = time.monotonic() - start
    if done.timed_out:
        verdict = f"HANG (no end after {seconds:.0f} s)"
    else:
        verdict = VERDICTS.get(done.code, f"BOOT (exit code {done.code}; expected 33 pass, 35 fail or 37 panic)")
    return verdict, done.output.replace("\r", ""), seconds


def targets(at: Workplace, archs: list[str]) -> dict[str, Target]:
    wanted = archs or at.brief.targets
    unknown = [arch for arch in wanted if arch not in at.config.targets]
    if unknown or not wanted:
        raise ToolError(f"expected architectures among {', '.join(at.config.targets)}; found {', '.join(unknown)}")
    return {arch: at.config.targets[arch] for arch in wanted}
