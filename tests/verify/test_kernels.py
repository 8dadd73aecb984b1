"""The real kernels: built from a copy of this checkout, booted in QEMU, and broken on purpose."""

import shutil
from pathlib import Path

import pytest

from bot import config
from bot.verify.run import verify
from tests.verify.conftest import only

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """kernels/, specs/, the SLM's model and auton.toml, away from the checkout's own build."""
    root = tmp_path_factory.mktemp("kernels")
    shutil.copytree(ROOT / "kernels", root / "kernels", ignore=shutil.ignore_patterns("build"))
    if (ROOT / "specs").is_dir():
        shutil.copytree(ROOT / "specs", root / "specs")
    shutil.copytree(ROOT / "SLM" / "models", root / "SLM" / "models")
    shutil.copy(ROOT / "auton.toml", root)
    return root


def run(copy: Path, *archs: str):
    return verify(config.load(copy / "auton.toml"), copy, list(archs), fresh=True)


def test_every_architecture_passes(copy):
    report = run(copy)
    failed = [(arch.arch, check) for arch in report.archs for check in arch.checks if check.verdict != "PASS"]
    assert failed == [] and report.verdict == "PASS" and len(report.archs) == 3
    assert all(arch.figures["boot_ms"] < 60_000 for arch in report.archs)


def test_a_line_typed_at_the_console_is_answered(copy):
    (copy / "specs/kernel").mkdir(parents=True, exist_ok=True)
    spec = copy / "specs/kernel/zz-test.md"
    spec.write_text("+++\nname = 'zz-test'\n[[check]]\ntype = 'help'\nexpect = '^ *help'\n"
                    "[[check]]\ntype = 'no-such-command'\nexpect = 'no-such-command'\n+++\n")
    try:
        report = run(copy, "riscv64")
    finally:
        spec.unlink()
    assert only(report, "spec:zz-test: type 'help'").verdict == "PASS", only(report, "spec:zz-test: type 'help'")
    assert report.verdict == "PASS"


def test_an_error_in_the_source_is_named_by_its_line(copy):
    source = min((copy / "kernels/core").rglob("*.c"))
    text = source.read_text()
    source.write_text(text + "\nint broken(void)\n{\n    return undeclared;\n}\n")
    try:
        build = only(run(copy, "x86_64"), "build")
    finally:
        source.write_text(text)
    line = text.count("\n") + 4
    assert (build.verdict, build.where) == ("BUILD", f"{source.relative_to(copy)}:{line}")
