"""Each verdict, and each way to look like a PASS without being one."""

import time
from pathlib import Path

import pytest

from bot.verify import run
from tests.verify.conftest import GOOD, only

BANNER = 'echo "auton 0.1 fake nonce=$nonce"\n'
CONSOLE = GOOD.partition("echo 'figure")[2].partition("\n")[2]


def printing(*lines: str) -> str:
    return BANNER + "".join(f"echo '{line}'\n" for line in lines) + CONSOLE


def test_a_good_kernel_passes_with_its_cases_and_figures(checkout):
    report = checkout.verify()
    assert report.verdict == "PASS", report
    [arch] = report.archs
    names = [check.name for check in arch.checks]
    assert names == ["build", "boot", "ktap:sums.adds", "ktap:sums.takes away", "ktap:clock.waits"]
    assert arch.figures["ticks"] == 12.5 and arch.figures["image_bytes"] == 6 and arch.figures["boot_ms"] > 0


def test_what_fails_once_and_passes_when_booted_again_is_flaky_and_passes(checkout):
    failing = printing("KTAP version 1", "1..1", "not ok 1 clock").replace("exit 33", "exit 35")
    checkout.kernel(f"if mkdir again 2>/dev/null; then {failing} fi\n{GOOD}")
    report = checkout.verify()
    assert report.verdict == "PASS", report
    assert only(report, "boot").detail == "passed when booted again; at first failed: boot, ktap:clock"


def test_a_failed_case_names_its_line(checkout):
    checkout.kernel(printing("KTAP version 1", "1..1", "  KTAP version 1", "  1..1",
                          "  # core/mm/pmm.c:41: expected 3, found 4", "  not ok 1 frees", "not ok 1 mm")
                    .replace("exit 33", "exit 35"))
    report = checkout.verify()
    assert report.verdict == "FAIL"
    case = only(report, "ktap:mm.frees")
    assert (case.verdict, case.where, case.detail) == ("FAIL", "core/mm/pmm.c:41", "expected 3, found 4")


@pytest.mark.parametrize(("body", "says"), [
    (GOOD.replace("$nonce", "0123456789abcdef"), "a stale image"),
    (GOOD.replace("nonce=$nonce", ""), "expected one line"),
    (GOOD.replace(" fake ", " x86_64 "), "expected fake"),
    (BANNER + GOOD, "expected one line"),
    (GOOD.replace("exit 33", "exit 0"), "0 never means pass"),
    (GOOD.replace("exit 33", "exit 35"), "found 35"),
    (printing("KTAP version 1", "1..2", "ok 1 a"), "truncated: 1 of 2"),
    (printing("KTAP version 1", "ok 1 a"), "where none is expected"),
    (printing("KTAP version 1", "1..1", "ok 1 a", "ok 2 b"), "outside a KTAP document"),
    (printing("KTAP version 1", "1..1", "  KTAP version 1", "  1..1", "  not ok 1 a", "ok 1 s"), "ok over"),
    (printing("KTAP version 1", "1..1", "ok 1 a", "KTAP version 1"), "a second KTAP"),
    (BANNER + CONSOLE, "no 'KTAP version 1' line"),
    (BANNER + "echo 'KTAP version 1'; echo 1..1; echo 'ok 1 a'; exit 33", "expected the console"),
    (BANNER + "exit 0", "0 never means pass"),
])
def test_what_only_looks_like_a_pass_fails(checkout, body, says):
    checkout.kernel(body)
    report = checkout.verify()
    boot = only(report, "boot")
    assert boot.verdict == report.verdict == "FAIL"
    assert says in boot.detail


def test_a_panic_is_told_from_a_failure(checkout):
    checkout.kernel(BANNER + "echo 'panic: page fault at core/mm/vmm.c:88'; exit 37")
    boot = only(checkout.verify(), "boot")
    assert (boot.verdict, boot.where) == ("PANIC", "core/mm/vmm.c:88")


def test_a_panic_line_outweighs_a_passing_exit_code(checkout):
    checkout.kernel(GOOD.replace("echo 'console ready'", "echo 'panic: late at a.c:1'\necho 'console ready'"))
    assert only(checkout.verify(), "boot").verdict == "PANIC"


def test_a_panic_that_does_not_leave_is_ended_soon(checkout):
    checkout.timeout = 60
    checkout.kernel(BANNER + "echo 'panic: stuck at a.c:1'; sleep 100")
    report = checkout.verify()
    assert report.verdict == "PANIC" and report.seconds < 30


@pytest.mark.parametrize("sandboxed", [True, False])
def test_silence_is_a_hang_and_takes_its_children_along(checkout, sandboxed):
    checkout.timeout = 0.3
    checkout.kernel(BANNER + "sleep 271.828 & wait")
    report = checkout.verify(sandboxed=sandboxed)
    boot = only(report, "boot")
    assert boot.verdict == "HANG" and "no output for 0.3 s" in boot.detail and report.seconds < 30
    deadline = time.monotonic() + 5
    while alive("271.828") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive("271.828")


def alive(word: str) -> bool:
    """Whether any process has `word` among its arguments."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"\0{word}\0".encode() in path.read_bytes():
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


def test_endless_output_is_a_hang_with_a_bounded_log(checkout):
    checkout.kernel(BANNER + "exec yes 'not ok 1 again and again and again'")
    report = checkout.verify()
    boot = only(report, "boot")
    assert boot.verdict == "HANG" and "8 MiB" in boot.detail and len(boot.detail) < 5000


def test_slow_endless_output_meets_the_hard_limit(checkout, monkeypatch):
    monkeypatch.setattr(run, "HARD_LIMIT", 1.5)
    checkout.timeout = 2
    checkout.kernel(BANNER + "while sleep 0.1; do echo tick; done")
    assert "not done after 3 s" in only(checkout.verify(), "boot").detail


def test_a_compile_error_is_build_with_its_place(checkout):
    checkout.write("core/main.c", "int main(void)\n{\n    return x;\n}\n")
    checkout.write("build.sh", "clang -c core/main.c -o image.bin\n")
    build = only(checkout.verify(), "build")
    assert build.verdict == "BUILD" and build.where == "core/main.c:3" and "undeclared" in build.detail


def test_places_are_seen_from_the_checkout_when_make_changed_folder(checkout):
    checkout.write("kernels/core/main.c", "int x = ;\n")
    checkout.write("kernels/Makefile", "all:\n\tclang -c core/main.c\n")
    build = only(checkout.verify(build="make -C kernels"), "build")
    assert build.where == "kernels/core/main.c:1"


def test_an_error_inside_a_macro_is_placed_where_the_macro_was_used(checkout):
    checkout.write("a.S", ".macro twice op\n\\op x\n.endm\n\ntwice no_such_instruction\n")
    build = only(checkout.verify(build="clang --target=aarch64-none-elf -c a.S -o image.bin"), "build")
    assert build.where == "a.S:5" and build.detail.startswith("error: ")


def test_a_build_without_image_is_no_build(checkout):
    checkout.write("build.sh", "rm -f image.bin\n")
    assert "left no file image.bin" in only(checkout.verify(), "build").detail


@pytest.mark.parametrize("body", ["echo 'qemu: cannot set up guest memory' >&2; exit 1", "kill -ABRT $$",
                                  "echo 'boot: qemu-system-none is not installed' >&2; exit 134"])
def test_a_machine_that_breaks_is_infra(checkout, body):
    checkout.kernel(body)
    assert checkout.verify().verdict == "INFRA"


def test_a_full_disk_is_infra_and_told_with_what_to_do(checkout):
    checkout.write("build.sh", "echo 'clang: fatal error: No space left on device' >&2; exit 1\n")
    build = only(checkout.verify(), "build")
    assert build.verdict == "INFRA" and build.detail.splitlines()[:2] == [
        "clang: fatal error: No space left on device", "→ the disk is full: free some space, then run it again"]


def test_a_missing_program_is_infra_only_when_it_is_missing(checkout):
    checkout.kernel("echo 'boot.sh: 3: exec: qemu-system-riscv64: not found' >&2; exit 127")
    checkout.write("build.sh", "echo 'sh: not found'; echo 'make: not found' >&2; exit 2\n")
    assert only(checkout.verify(), "build").verdict == "BUILD"  # make is there: a fault of the change


def test_escape_sequences_never_reach_the_report(checkout):
    checkout.kernel(BANNER + r"printf '\033]0;owned\007\033[2Jpanic: \033[31mred\033[0m at a.c:1\n'; exit 37")
    boot = only(checkout.verify(), "boot")
    assert boot.verdict == "PANIC" and "\x1b" not in boot.detail and "panic: red at a.c:1" in boot.detail
