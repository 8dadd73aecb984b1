"""The kernels' own rules: the core runs on the host, and knows no architecture."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

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


def build(folder: Path, *more: str, kernels: Path = KERNELS, target: str = "everything") -> list[str]:
    """Build into `folder`, quickly; what was compiled, as make named it."""
    done = subprocess.run(["make", "-s", "-C", kernels, target, "CFLAGS=-O0", f"BUILD={folder}", *more],
                          capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return re.findall(r"^ +CC +(\S+)$", done.stdout, re.M)


@pytest.fixture(scope="module")
def split(tmp_path_factory) -> Path:
    """All architectures compiled file by file: no file may live on what its neighbours include."""
    folder = tmp_path_factory.mktemp("split")
    assert not [unit for unit in build(folder, "SPLIT=1") if unit.startswith("/")]
    return folder / "split"


def symbols(objects: list[Path], kinds: str) -> dict[str, set[str]]:
    """Of each object, the names of its symbols of these kinds (nm's letters), as a compiler sees them."""
    listed = subprocess.run(["llvm-nm", "-A", *objects], capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = {}
    for path, kind, name in re.findall(rf"^(\S+): +[0-9a-f]* ([{kinds}]) ([A-Za-z_]\w*)$", listed, re.M):
        found.setdefault(path, set()).add(name)
    return found


def test_every_file_compiles_alone(split):
    for arch in ARCHITECTURES:
        assert (split / arch / "core" / "net" / "arp.o").is_file()


def test_what_is_compiled_as_one_has_no_name_twice(split, tmp_path):
    """Two files' `static unsigned count;` would be one variable, and no compiler says so."""
    build(tmp_path)
    inline = {name for header in KERNELS.glob("**/*.h")
              for name in re.findall(r"^(?:static inline|INLINE) [^;({]*?(\w+)\(", header.read_text(), re.M)}
    for arch in ARCHITECTURES:
        units = [re.findall(r'"(.+)\.c"', unit.read_text()) for unit in (tmp_path / arch).glob("*.c")]
        together = [source for unit in units for source in unit]
        assert len(together) == len(set(together)) > 100
        local = symbols([split / arch / f"{source}.o" for source in together], "tdbr")
        for unit in units:
            owner: dict[str, str] = {}
            for source in unit:
                for name in local.get(str(split / arch / f"{source}.o"), set()) - inline:
                    assert owner.setdefault(name, source) == source, f"{name} of {owner[name]}.c meets that of {source}.c"


@pytest.mark.parametrize("declaration", [
    "static char text[32];", "static char text[32], more;", "static unsigned more, text = 4;", "static void text(void) { }",
    "static struct { int a; struct { int b; } c; } text = {1, {2}};", "static int (*text)(int at);", "enum { OTHER, text };",
    "enum { OTHER = 1, text = 2, };", "typedef int text;", "#define text 1", "static const char *const text[] = {\"a;\", \"{\"};",
    "static __attribute__((noinline)) int text(int (*call)(void))\n{\n    return '{' + call();\n}",
    "/* \" */ static char *text; /* ' */", "struct text { int a; };"])
def test_a_name_that_is_there_twice_costs_one_unit_more(tmp_path, declaration):
    tag = "struct text { char b; };" if "struct text" in declaration else "static char text[64];"
    for name, holds in {"a": declaration, "b": tag, "c": "static int c;", "d": "static int d(int text) { return text; }"}.items():
        (tmp_path / f"{name}.c").write_text(holds + "\n")
    done = subprocess.run(["awk", "-f", KERNELS / "units.awk", "-v", f"out={tmp_path}", "unit", *(f"{n}.c" for n in "abcd")],
                          cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["unit1", "unit2"] and not done.stderr
    assert re.findall(r'"(.)\.c"', (tmp_path / "unit1.c").read_text()) == ["a", "c", "d"]
    assert (tmp_path / "unit2.c").read_text() == '#include "b.c"\n'


def test_make_compiles_again_what_a_change_touches_and_no_more(tmp_path):
    kernels, folder, names = tmp_path / "kernels", tmp_path / "build", ("ARCH=x86_64",)
    shutil.copytree(KERNELS, kernels, ignore=shutil.ignore_patterns("build", "host", "corpus"))

    def again() -> list[str]:
        return [Path(name).stem for name in build(folder, *names, kernels=kernels, target="all")]

    assert len(again()) > 10
    assert again() == []
    os.utime(kernels / "include" / "pkg.h")
    assert sorted(again()) == sorted({unit.stem for unit in (folder / "x86_64").glob("*.c") if '"core/pkg/' in unit.read_text()})
    fresh = kernels / "core" / "lib" / "fresh.c"
    fresh.write_text('#include "base.h"\nint fresh_name(void);\nint fresh_name(void) { return 1; }\n')
    assert len(again()) == 1 and any("fresh_name" in names for names in symbols([folder / "x86_64" / "kernel.elf"], "T").values())
    fresh.unlink()
    assert len(again()) == 1 and not any("fresh_name" in names for names in symbols([folder / "x86_64" / "kernel.elf"], "T").values())
    (kernels / "core" / "console" / "commands" / "echo.c").unlink()
    assert again() == [] and not any("commands_echo" in names for names in symbols([folder / "x86_64" / "kernel.elf"], "rdRD").values())


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    for command in (["make", "-C", str(KERNELS), "ARCH=vax"], [str(KERNELS / "boot"), "vax"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        for name in [*ARCHITECTURES, "vax"]:
            assert name in done.stderr
