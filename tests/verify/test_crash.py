"""How a crash is told: the title, the source line, the frames, the command that shows it again. With real kernels."""

import re
import subprocess
from pathlib import Path

import pytest

from bot.verify import crash
from bot.verify.boot import boot
from bot.verify.specs import parse
from tests.kernels.guest import ARCHITECTURES, ROOT, built


@pytest.fixture(scope="module", autouse=True)
def kernels():
    built()


def died(arch: str, line: str, silence: float = 20):
    """The boot check of a kernel at whose console `line` was typed."""
    spec = parse(f"+++\nname = 'x'\n[[check]]\ntype = '{line}'\nexpect = 'x'\n+++\n", "specs/x.md")
    booted = boot(["kernels/boot", arch], ROOT, {"PATH": "/usr/bin:/bin"}, arch=arch, specs=[spec], silence=silence, limit=60,
                  image=ROOT / f"kernels/build/{arch}/kernel.elf", measured={})
    return booted.checks[0]


def line_of(text: str) -> str:
    path = ROOT / "kernels/core/boot/panic_command.c"
    [number] = [n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return f"kernels/core/boot/panic_command.c:{number}"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_trap_has_title_source_line_frames_and_a_replay(arch):
    check = died(arch, "panic trap")
    title, first, second, *rest = check.detail.split("\n")
    assert check.verdict == "PANIC" and check.where == line_of("__builtin_trap")
    assert re.fullmatch(r"trap: [a-z ]+ in panic_command", title)
    assert re.fullmatch(rf"  0x[0-9a-f]+ panic_command  {line_of('__builtin_trap')}", first)
    assert re.fullmatch(r"  0x[0-9a-f]+ run_command  kernels/core/console/console.c:\d+", second)
    again = next(line for line in rest if line.startswith("again: ")).removeprefix("again: ")
    shown = subprocess.run(again, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60, executable="/bin/sh")
    assert f"panic: {title.partition(' in ')[0]}" in shown.stdout


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_hang_is_caught_where_it_loops(arch):
    check = died(arch, "panic hang", silence=8)
    assert check.verdict == "HANG"
    assert check.detail.split("\n")[0] == "hang in hang_here"
    assert check.where.startswith("kernels/core/boot/panic_command.c:")
    assert not list((ROOT / f"kernels/build/{arch}").glob("gdb-*"))


def test_a_title_is_the_same_from_run_to_run(tmp_path):
    def title(log: str) -> str:
        line = next(line for line in log.split("\n") if line.startswith("panic: "))
        return crash.from_panic(log, line, tmp_path / "no.elf", tmp_path, list).title

    first = title("panic: page 0x8123000 freed twice, 3 left at core/mm/page.c:88\nbacktrace:\n"
                  "  0x0000000000103a4e memcpy+0x1e\n  0x0000000000103b00 page_free+0x80\n")
    assert first == "page N freed twice, N left in page_free"
    assert first == title("panic: page 0x7000 freed twice, 12 left at core/mm/page.c:90\nbacktrace:\n"
                          "  0x0000000000203a4e memcpy+0x2e\n  0x0000000000203b00 page_free+0x84\n")


def test_an_image_that_is_no_elf_keeps_the_kernels_own_names(tmp_path):
    (tmp_path / "no.elf").write_bytes(b"\x7fELF" + b"\xff" * 60)
    frames = [crash.Frame(0x1000, "console_run")]
    assert crash.symbolised(frames, tmp_path / "no.elf", Path(tmp_path), list) == frames
