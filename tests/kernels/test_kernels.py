"""The kernels' own rules: the core runs on the host, and knows no architecture."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "kernels"
ARCH_WORDS = re.compile(r"x86|amd64|i386|aarch64|arm64|\barm\b|risc-?v|\bsbi\b|\bmsr\b|\bcr[0-4]\b|\bEL[0-3]\b", re.I)
ALLOWED = {'"arm,pl011"'}  # a device tree's name for a device


@pytest.mark.skipif(not shutil.which("clang"), reason="needs clang")
def test_the_core_passes_its_own_cases_under_sanitizers():
    done = subprocess.run(["make", "-s", "-C", KERNELS, "host-test"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "not ok" not in done.stdout


def test_no_file_of_the_core_names_an_architecture():
    for path in sorted([*KERNELS.glob("core/**/*.[chS]"), *KERNELS.glob("include/*.h"), KERNELS / "Makefile"]):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for allowed in ALLOWED:
                line = line.replace(allowed, "")
            if path.name == "Makefile" or re.match(r"\s*(/\*|\*| )", line) and "/*" in line:
                continue
            assert not ARCH_WORDS.search(line), f"{path}:{number}: {line.strip()}"


def test_files_stay_small():
    for path in sorted(KERNELS.glob("**/*.[chS]")):
        lines = path.read_text().count("\n")
        assert lines <= 500, f"{path}: expected at most 500 lines, found {lines}"
