"""Real sources, by Debian package: fetched with apt, read, and cut to the small tables of snapshot/.

    pci.ids, usb.ids   names and numbers of devices          BSD-3-Clause or GPL-2+ (its header): shipped under BSD
    linux-image        which module drives which PCI id      facts (numbers and names); no text of the kernel's is kept
    apt's own lists    names of packages tagged as programs  facts (names)
    GPL text           module descriptions, parameters, printk strings, man pages, package descriptions: may not be
                       shipped with MIT weights' training data; never in the snapshot, see specs/slm/data_preparation.md

snapshot/SOURCES.json records each package's version and SHA-256. `refresh` is the only thing here that uses the network;
the build reads the committed snapshot, so that it is the same bytes everywhere.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from SLM.errors import Missing

SNAPSHOT = Path(__file__).parent / "snapshot"
_ALIAS = re.compile(r"^alias pci:v0000([0-9A-F]{4})d0000([0-9A-F]{4})sv\*sd\*bc\*sc\*i\* (\w+)$")


def _run(argv: list[str], cwd: Path) -> str:
    try:
        return subprocess.run(argv, cwd=cwd, check=True, capture_output=True, text=True, errors="replace").stdout
    except FileNotFoundError:
        raise Missing(f"{argv[0]}: not found; the sources are read with Debian's own tools") from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"{' '.join(argv)}: exit {error.returncode}: {error.stderr.strip()[-200:]}") from None


def refresh(work: Path | None = None) -> dict:
    """Fetch the packages into `work`, rewrite the snapshot, return what SOURCES.json says."""
    with tempfile.TemporaryDirectory() as scratch:
        return _refresh(work or Path(scratch))


def _refresh(work: Path) -> dict:
    depends = _run(["apt-cache", "depends", "linux-image-amd64"], work)
    image = re.search(r"linux-image-[\w.-]+", depends.partition("Depends:")[2]).group()
    names = ["pci.ids", "usb.ids", "kmod", image]
    record = {}
    for name in names:
        for old in work.glob(f"{name}_*.deb"):
            old.unlink()
        print(f"sources: {name}", file=sys.stderr)
        _run(["apt-get", "download", name], work)
        deb = next(work.glob(f"{name}_*.deb"))
        record[name] = {"version": deb.name.split("_")[1].replace("%3a", ":"),
                        "sha256": hashlib.sha256(deb.read_bytes()).hexdigest()}
        shutil.rmtree(work / name, ignore_errors=True)
        _run(["dpkg-deb", "-x", deb.name, name], work)
    pci = _pci_names(_data_file(work / "pci.ids", "pci.ids"))
    usb = _pci_names(_data_file(work / "usb.ids", "usb.ids"))
    drivers = _aliases(work, image)
    tables = {
        "pci": sorted((key, module) for key, module in drivers.items()),
        "modules": sorted({(module,) for module in drivers.values()}),
        "devices": sorted({(name,) for name in _spoken(pci, drivers) + _spoken(usb, usb)}),
        "packages": _packages(work),
    }
    SNAPSHOT.mkdir(exist_ok=True)
    for name, rows in tables.items():
        text = "".join("\t".join(row) + "\n" for row in rows)
        (SNAPSHOT / f"{name}.tsv").write_text(text)
        record[f"{name}.tsv"] = {"rows": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (SNAPSHOT / "SOURCES.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    return record


def _data_file(root: Path, name: str) -> Path:
    """The one regular file called `name` of an unpacked package, wherever that release puts it."""
    return next(p for p in sorted(root.rglob(name)) if p.is_file() and not p.is_symlink())


def _pci_names(path: Path) -> dict[str, tuple[str, str]]:
    """vendor:device → (vendor's name, device's name) from pci.ids or usb.ids (the format is the same)."""
    names, vendor, vendor_name = {}, "", ""
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("C "):
            break
        if match := re.match(r"([0-9a-f]{4})  (.+)", line):
            vendor, vendor_name = match[1], match[2]
        elif match := re.match(r"\t([0-9a-f]{4})  (.+)", line):
            names[f"{vendor}:{match[1]}"] = vendor_name, match[2]
    return names


def _spoken(names: dict, wanted: dict) -> list[str]:
    """Short names as people write them: 'Intel Corporation', '82540EM Gigabit … [X]' → 'intel 82540em gigabit'."""
    out = []
    for key in sorted(wanted):
        if key not in names or hashlib.sha256(key.encode()).digest()[1] % 4:
            continue
        vendor, device = names[key]
        vendor = re.sub(r"[,.(/\[].*", "", vendor).split(" ")[0]
        device = re.sub(r"[\[(].*", "", device).strip()
        words = re.sub(r"[^\w .+-]", " ", f"{vendor} {device}").lower().split()[:5]
        if 2 <= len(words) and len(" ".join(words)) <= 36 and " ".join(words).isascii():
            out.append(" ".join(words))
    return out


def _aliases(work: Path, image: str) -> dict[str, str]:
    """PCI id → module, from `depmod -b` over the unpacked kernel package: the ids that one module claims exactly."""
    root = work / image
    version = next((root / "lib/modules").iterdir()).name
    program = root / "depmod"  # kmod is one program that looks at its name
    if not program.exists():
        program.symlink_to(next(p for p in (work / "kmod").rglob("bin/kmod")).resolve())
    _run([str(program), "-b", ".", version], root)
    claims: dict[str, set[str]] = {}
    for line in (root / "lib/modules" / version / "modules.alias").read_text().splitlines():
        if match := _ALIAS.match(line):
            claims.setdefault(f"{match[1]}:{match[2]}".lower(), set()).add(match[3])
    return {key: modules.pop() for key, modules in claims.items() if len(modules) == 1}


def _packages(work: Path) -> list[tuple[str]]:
    """Names of packages that debtags calls programs: every third, by hash."""
    names = set()
    for entry in _run(["apt-cache", "dumpavail"], work).split("\n\n"):
        name = re.search(r"^Package: (.+)$", entry, re.M)
        if name and "role::program" in entry and re.fullmatch(r"[a-z][a-z0-9+.-]{1,23}", name[1]):
            if hashlib.sha256(name[1].encode()).digest()[1] % 3 == 0:
                names.add((name[1],))
    return sorted(names)
