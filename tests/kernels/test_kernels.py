"""The kernels' own rules: the core runs on the host, and knows no architecture."""

import re
import subprocess
from pathlib import Path

KERNELS = Path(__file__).parents[2] / "kernels"
ARCHITECTURES = sorted(path.parent.name for path in KERNELS.glob("*/arch.mk"))
ARCH_WORDS = re.compile(r"x86|amd64|i[3-6]86|aarch64|arm64|risc-?v|\bsbi\b|\bmsr\b|__arm__|\bEL[0-3]\b", re.I)


def test_the_core_passes_its_own_cases_under_sanitizers():
    done = subprocess.run(["make", "-s", "-C", KERNELS, "host-test"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "not ok" not in done.stdout


def test_no_file_of_the_core_names_an_architecture():
    found = [f"{path}:{number}: {line.strip()}"
             for path in sorted(KERNELS.glob("core/**/*.*"))
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if ARCH_WORDS.search(line) or any(name in line for name in ARCHITECTURES)]
    assert not found, "\n".join(found)


def test_files_stay_small():
    long = {str(path): count for path in sorted(KERNELS.glob("**/*.[chS]"))
            if (count := path.read_text().count("\n")) > 500}
    assert not long, f"expected at most 500 lines a file, found {long}"


def build(folder: Path, *more: str) -> set[str]:
    """Build all architectures into `folder`, quickly; the objects that were made, as core/net/arp.o."""
    done = subprocess.run(["make", "-s", "-C", KERNELS, "everything", "CFLAGS=-O0", f"BUILD={folder}", *more],
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return {path.relative_to(folder).as_posix().partition("/")[2] for path in folder.glob("**/*.o")}


def test_every_folder_compiles_as_one(tmp_path):
    """File by file takes twice as long: that is for a `static` name that is there twice, and the way out is another name."""
    made = build(tmp_path)
    units = {f"{Path(name).parent}/all{'_test' if name.endswith('_test.o') else ''}.o": name for name in made
             if (KERNELS / name).with_suffix(".c").exists() and not Path(name).name.startswith("slm_")}
    assert "core/net/all.o" in made and "core/net/all_test.o" in made
    assert not made & units.keys(), f"compiled file by file: {sorted(units[name] for name in made & units.keys())}"


def test_every_file_compiles_alone(tmp_path):
    """No file may live on what its neighbours include."""
    build(tmp_path, "SPLIT=1")
    assert not list(tmp_path.glob("**/all.o"))


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    for command in (["make", "-C", str(KERNELS), "ARCH=vax"], [str(KERNELS / "boot"), "vax"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        for name in [*ARCHITECTURES, "vax"]:
            assert name in done.stderr
