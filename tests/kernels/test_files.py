"""Files, seen from outside: e2fsprogs makes the disks, looks at what the kernel left on them, also after a power cut."""

import hashlib
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.kernels.guest import ARCHITECTURES, KERNELS, Guest, built

SBIN = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}


def tool(*argv: str, expect: int = 0) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", env=SBIN)
    assert done.returncode == expect, f"{argv} left with {done.returncode}, expected {expect}:\n{done.stdout}{done.stderr}"
    return done.stdout


def make_disk(path: Path, *options: str, mib: int = 8) -> Path:
    with path.open("wb") as image:
        image.truncate(mib << 20)
    tool("mke2fs", "-q", "-F", *options, str(path))
    return path


def check(image: Path) -> None:
    """e2fsck finds nothing wrong."""
    tool("e2fsck", "-fn", str(image))


def recover(image: Path) -> None:
    """What any system does with a disk whose power was cut: replay the journal. Nothing else is mended."""
    subprocess.run(["e2fsck", "-y", "-E", "journal_only", str(image)], capture_output=True, check=False, env=SBIN)
    check(image)


def newc(files: dict[str, bytes]) -> bytes:
    """A cpio archive; a name that ends with a slash is a folder."""
    out = b""
    for name, data in [*files.items(), ("TRAILER!!!", b"")]:
        mode = 0o40755 if name.endswith("/") else 0o100644
        fields = [1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name.rstrip("/")) + 1, 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.rstrip("/").encode() + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_an_archive_is_the_root_and_lies_in_place(arch, tmp_path):
    built()
    initrd = tmp_path / "initrd"
    initrd.write_bytes(newc({"etc/": b"", "etc/motd": b"good morning\n", "big": bytes(3 << 20) + b"end"}))
    with Guest(arch, INITRD=str(initrd)) as guest:
        assert guest.ask("cat /etc/motd") == "good morning\n"
        guest.expect(guest.ask("ls /"), r"^-644 +3145731 big$")
        guest.expect(guest.ask("modules"), r"^- +\d+ bytes at 0x[0-9a-f]+ cpio$")
        assert guest.ask("write /etc/motd x") == "/etc/motd: read-only\n"
        guest.expect(guest.ask("test vm.modules*"), r"^ok 1 vm$")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_disk_is_right_after_a_power_cut_at_rest(arch, tmp_path):
    built()
    image = make_disk(tmp_path / "disk", "-t", "ext2")
    with Guest(arch, DISK=str(image)) as guest:
        for line in ("mkdir /disk0/a /disk0/b", "write /disk0/a/one first line", "write -a /disk0/a/one second line",
                     "write /disk0/b/two gone", "rm /disk0/b/two", "mv /disk0/b /disk0/a/c", "write /disk0/top x",
                     "mv /disk0/top /disk0/a/c/moved"):
            assert guest.ask(line) == ""
    check(image)
    assert tool("debugfs", "-R", "cat /a/one", str(image)) == "first line\nsecond line\n"
    assert tool("debugfs", "-R", "cat /a/c/moved", str(image)) == "x\n"
    with Guest(arch, DISK=str(image)) as guest:
        assert guest.ask("cat /disk0/a/one") == "first line\nsecond line\n"
        assert guest.ask("rm /disk0/a") == "/disk0/a: the folder is not empty\n"
        assert guest.off() == 33
    check(image)
    assert "needs_recovery" not in tool("dumpe2fs", "-h", str(image))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_disk_is_right_after_a_power_cut_in_the_midst_of_writing(arch, tmp_path):
    built()
    image = make_disk(tmp_path / "disk", "-t", "ext2")
    for cut in range(4):
        with Guest(arch, DISK=str(image)) as guest:
            for i in range(3 * cut):
                assert guest.ask(f"write /disk0/f{cut} {'word ' * i}") == ""
            guest.machine.send(f"mv /disk0/f{cut} /disk0/g{cut}" if cut % 2 else f"mkdir /disk0/d{cut}")
            time.sleep(random.random() / 100)
        copy = tmp_path / "copy"
        copy.write_bytes(image.read_bytes())
        recover(copy)
    with Guest(arch, DISK=str(image)) as guest:  # our own recovery, without e2fsck's help
        guest.expect(guest.ask("mount"), r"^/disk0 +ext2 +disk0 +rw$")
        assert guest.off() == 33
    check(image)


def test_what_others_wrote_is_read(tmp_path):
    built()
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "er" / "file").write_text("found\n")
    (tree / "link").symlink_to("deep/er/file")
    (tree / "long link").symlink_to("deep/" + "./" * 40 + "er/file")
    for i in range(300):
        (tree / "deep" / f"name-{i}").write_text(f"{i}\n")
    for block in ("1024", "2048", "4096"):
        image = make_disk(tmp_path / f"disk{block}", "-t", "ext3", "-b", block, "-d", str(tree), mib=24)
        tool("e2fsck", "-fyD", str(image))  # indexes the big folder
        with Guest("x86_64", DISK=str(image)) as guest:
            assert guest.ask("cat /disk0/link '/disk0/long link' /disk0/deep/name-299") == "found\nfound\n299\n"
            assert guest.ask("rm /disk0/deep/name-7") == ""
            assert guest.ask("write /disk0/deep/new-one written") == ""
            assert guest.off() == 33
        check(image)
        assert tool("debugfs", "-R", "cat /deep/new-one", str(image)) == "written\n"


def test_what_it_formats_is_right(tmp_path):
    built()
    for block in ("1024", "4096"):
        image = tmp_path / f"disk{block}"
        with image.open("wb") as file:
            file.truncate(20 << 20)
        with Guest("x86_64", DISK=str(image)) as guest:
            assert guest.ask(f"mkfs disk0 {block}") == ""
            assert guest.ask("mount ext2 disk0 /d") == ""
            assert guest.ask("write /d/file hello") == ""
            assert guest.off() == 33
        check(image)


def test_features_it_does_not_know_keep_it_from_writing(tmp_path):
    built()
    image = make_disk(tmp_path / "disk", "-t", "ext2", "-O", "uninit_bg")
    with Guest("x86_64", DISK=str(image)) as guest:
        guest.expect(guest.ask("mount"), r"^/disk0 +ext2 +disk0 +ro$")
        assert guest.ask("write /disk0/file x") == "/disk0/file: read-only\n"
    image = make_disk(tmp_path / "disk4", "-t", "ext4")
    with Guest("x86_64", DISK=str(image)) as guest:
        assert guest.ask("mount ext2 disk0 /d") == "/d: not supported\n"


@pytest.mark.parametrize("options", [("-t", "ext2"), ("-t", "ext3"), ("-t", "ext2", "-b", "4096")], ids=" ".join)
def test_every_power_cut_is_recovered_from(options, tmp_path):
    """All cuts are mounted by our own code in there; of some, e2fsck recovers the raw image."""
    made = subprocess.run(["make", "-s", "-C", KERNELS, "power-cut"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    image = make_disk(tmp_path / "disk", *options)
    tool(str(KERNELS / "build/host/power_cut"), str(image), "7", "50", "37", str(tmp_path))
    cuts = sorted(tmp_path.glob("cut-*.img"))
    assert len(cuts) > 8
    for cut in cuts:
        recover(cut)


def make_package(folder: Path, name: str, files: dict[str, str], depends: str = "") -> None:
    """NAME.tar as anybody's tar makes it."""
    tree = folder / f"tree-{name}"
    lines = [f"name {name}", "version 1.0", f"depends {depends}"]
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
        lines.append(f"file {hashlib.sha256(text.encode()).hexdigest()} {path}")
    (tree / "MANIFEST").write_text("\n".join(lines) + "\n")
    tool("tar", "--format=ustar", "-C", str(tree), "-cf", str(folder / f"{name}.tar"), "MANIFEST", *files)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_packages_are_installed_from_the_initrd_onto_the_disk(arch, tmp_path):
    built()
    make_package(tmp_path, "base", {"etc/base.conf": "base\n"})
    make_package(tmp_path, "site", {"www/index.html": "<p>hello\n", "www/deep/page.html": "deep\n"}, "base")
    initrd, image = tmp_path / "initrd", make_disk(tmp_path / "disk", "-t", "ext2")
    tars = {f"packages/{name}.tar": (tmp_path / f"{name}.tar").read_bytes() for name in ("base", "site")}
    initrd.write_bytes(newc({"packages/": b"", **tars}))
    with Guest(arch, INITRD=str(initrd), DISK=str(image)) as guest:
        assert guest.ask("pkg install site") == "site is installed\n"
        assert sorted(guest.ask("pkg list").split("\n")) == ["", "base 1.0", "site 1.0"]
        assert guest.ask("cat /disk0/www/deep/page.html") == "deep\n"
        assert guest.ask("pkg remove base") == "base is needed by site\n"
    check(image)
    with Guest(arch, DISK=str(image)) as guest:
        assert guest.ask("pkg verify site") == "site is as it was\n"
        assert guest.ask("pkg remove site") == "site is removed\n"
        guest.expect(guest.ask("cat /disk0/www/index.html"), "no such file")
        assert guest.off() == 33
    check(image)
