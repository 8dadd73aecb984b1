"""The kernels' own rules: the core runs on the host, and knows no architecture."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot import sandbox

KERNELS = Path(__file__).parents[2] / "kernels"
ARCHITECTURES = sorted(path.parent.name for path in KERNELS.glob("*/arch.mk"))
ARCH_WORDS = re.compile(r"x86|amd64|i[3-6]86|aarch64|arm64|risc-?v|\bsbi\b|\bmsr\b|__arm__|\bEL[0-3]\b", re.I)


def test_the_core_passes_its_own_cases_under_sanitizers():
    done = subprocess.run(["make", "-s", "-C", KERNELS, "host-test"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "not ok" not in done.stdout


def test_without_asan_the_core_passes_its_own_cases_in_the_agents_sandbox():
    """The address sanitizer reserves more addresses than a process has there."""
    made = subprocess.run(["make", "-s", "-C", KERNELS / "host", "ASAN=no", "../build/host-ubsan/tests"], capture_output=True,
                          text=True)
    assert made.returncode == 0, (made.stdout + made.stderr)[-4000:]
    ran = sandbox.run(["build/host-ubsan/tests"], root=KERNELS, writable=[], cwd=KERNELS)
    assert ran.code == 0 and "not ok" not in ran.output and re.search(r"^ok \d+ wall$", ran.output, re.M), ran.output[-4000:]


def names_an_architecture(line: str) -> bool:
    return bool(ARCH_WORDS.search(line)) or any(name in line for name in ARCHITECTURES)


def test_no_file_of_the_core_names_an_architecture():
    found = [f"{path}:{number}: {line.strip()}"
             for path in sorted(KERNELS.glob("core/**/*.*"))
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if names_an_architecture(line)]
    assert not found, "\n".join(found)


def test_a_planted_word_would_be_found():
    for line in ("#ifdef __x86_64__", "if (arch == RISCV64)", "/* the MSR */", "write_msr(1); /* msr */", "/* at EL1 */", "sbi call"):
        assert names_an_architecture(line), line
    assert not names_an_architecture("the transmission of messages to a shelf")


def functions(path: Path) -> dict[str, int]:
    """Functions of a C file, by their first line, and how many lines each has from there to its closing brace.

    Written for this house's style: both stand in column 0, and so does no other closing brace without more behind it."""
    found, head = {}, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.match(r"[A-Za-z_].*\(", line) and not line.endswith(";"):
            head, start = line, number
        elif line == "}" and head:
            found[f"{start}: {head}"] = number - start + 1
            head = ""
        elif re.match(r"\}.*;|#|[A-Za-z_].*;$", line):
            head = ""
    return found


def test_files_and_functions_stay_small():
    long = [f"{path}: {count} lines" for path in sorted(KERNELS.glob("**/*.[chS]"))
            if (count := path.read_text().count("\n")) > 500]
    long += [f"{path}:{head}: {count} lines" for path in sorted(KERNELS.glob("**/*.[ch]"))
             for head, count in functions(path).items() if count > 40]
    assert not long, "expected at most 500 lines a file and 40 a function, found\n" + "\n".join(long)


def test_functions_are_counted(tmp_path):
    body = "\n".join(["    a();"] * 38)
    (tmp_path / "a.c").write_text(f"static int f(int a,\n    int b)\n{{\n{body}\n}}\n\nstruct s {{\n    int a;\n}} s;\n"
                                  f"enum {{ A }};\nvoid g(void)\n{{\n}}\nTEST(a, b)\n{{\n{body}\n{body}\n}}\n")
    assert list(functions(tmp_path / "a.c").values()) == [42, 3, 79]
    everything = {line.split(": ", 1)[1] for path in KERNELS.glob("core/**/*.c") for line in functions(path)}
    assert len(everything) > 1000 and any(line.startswith("size_t kvsnprintf(") for line in everything)


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
    for path, name in re.findall(rf"^(\S+): +[0-9a-f]* [{kinds}] ([A-Za-z_]\w*)$", listed, re.M):
        found.setdefault(path, set()).add(name)
    return found


def test_every_file_compiles_alone(split):
    for arch in ARCHITECTURES:
        assert (split / arch / "core" / "net" / "arp.o").is_file()


def test_what_is_compiled_as_one_has_no_name_twice(split, tmp_path):
    """Two files' `static unsigned count;` would be one variable, and no compiler says so."""
    build(tmp_path)
    inline = {name for header in KERNELS.glob("**/*.h")  # a header's functions and tables: one for all that include it
              for name in re.findall(r"^(?:(?:static inline|INLINE) [^;({]*?(?=\w+\()|static const [^;({]*?(?=\w+(?:\[[^]]*\])+ = ))(\w+)",
                                     header.read_text(), re.M)}
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


def test_the_readme_lists_what_a_port_must_write(split):
    """Every function of hal.h, every file of the architectures that there are, and how long these are, within a fifth."""
    hal = (KERNELS / "include" / "hal.h").read_text()
    wanted = set(re.findall(r"^[A-Za-z].*?\b(hal_\w+)(?:\(|\[\])", hal, re.M)) | {"hal_boot_stack"}
    for arch in ARCHITECTURES:
        defined = set().union(*symbols([*(split / arch / arch).glob("*.o"), split / arch / "entry.o"], "TRBD").values())
        assert wanted - defined == set(), f"{arch} lacks these functions of hal.h"
    readme = (KERNELS / "README.md").read_text()
    rows = re.findall(r"^\| .+? \| (`.+?`) \| ([\d, ]+) \| (.*?) ?\|$", readme, re.M)
    assert {name for row in rows for name in re.findall(r"`(hal_\w+)`", row[2])} == wanted
    columns = re.search(r"lines \((.+?)\)", readme)[1].split(", ")
    assert sorted(columns) == ARCHITECTURES
    for at, arch in enumerate(columns):
        seen = []
        for globs, counts, _ in rows:
            files = [path for glob in re.findall(r"`(.+?)`", globs) for path in (KERNELS / arch).glob(glob)]
            lines, said = sum(path.read_text().count("\n") for path in files), int(counts.split(", ")[at])
            assert abs(lines - said) <= max(5, said // 5), f"README: {globs} of {arch} has {lines} lines, not {said}"
            seen += [path.name for path in files]
        assert sorted(seen) == sorted(path.name for path in (KERNELS / arch).iterdir()), f"{arch}: each file is in one row"


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    for command in (["make", "-C", str(KERNELS), "ARCH=vax"], [str(KERNELS / "boot"), "vax"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        for name in [*ARCHITECTURES, "vax"]:
            assert name in done.stderr
