"""The programs that builds and boots call, and the Debian package that brings each."""

import re
import shutil

PACKAGES = {
    "make": "make", "clang": "clang", "ld.lld": "lld", "llvm-objcopy": "llvm", "llvm-ar": "llvm",
    "llvm-nm": "llvm", "gcc": "gcc", "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "riscv64-linux-gnu-gcc": "gcc-riscv64-linux-gnu",
    "qemu-system-x86_64": "qemu-system-x86", "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-riscv64": "qemu-system-misc", "git": "git", "bwrap": "bubblewrap", "prlimit": "util-linux",
    "dtc": "device-tree-compiler", "grub-mkrescue": "grub-common", "xorriso": "xorriso", "mformat": "mtools",
    "cargo": "cargo", "nasm": "nasm",
}
COMPLAINTS = re.compile(
    r"(?:^|[\s:/'\"`])(?P<tool>[A-Za-z0-9_.+-]+)['\"`]?: (?:(?:command )?not found|No such file or directory)"
    r"|(?:unable to execute command|not found): ['\"]?(?:[^\s'\"]*/)?(?P<other>[A-Za-z0-9_.+-]+)"
    r"|(?P<third>[A-Za-z0-9_.+-]+) is not installed"
    r"|invalid linker name in argument '-fuse-ld=(?P<linker>\w+)'", re.M)

REMEDIES = {
    "no space left on device": "the disk is full: free some space", "resource temporarily unavailable": "end some processes",
    "cannot allocate memory": "free some memory", "cannot set up guest memory": "free some memory",
    "could not access kvm": "switch KVM off, or give access to /dev/kvm", "failed to initialize kvm": "switch KVM off",
}
MACHINE = re.compile(rf"^.*(?P<fault>{'|'.join(map(re.escape, REMEDIES))}).*$", re.M | re.I)


def missing(log: str) -> str | None:
    """The program a failed command complains about, if it is one of ours and truly is not installed."""
    for match in COMPLAINTS.finditer(log):
        name = f"ld.{match['linker']}" if match["linker"] else match["tool"] or match["other"] or match["third"]
        if name in PACKAGES and shutil.which(name) is None:
            return name
    return None


def broken_machine(log: str) -> str | None:
    """The line in which a compiler or QEMU says that this machine, not its input, is at fault, and what to do."""
    match = MACHINE.search(log)
    return f"{match[0].strip()}\n→ {REMEDIES[match['fault'].lower()]}, then run it again" if match else None


def install(name: str) -> str:
    """What to type to get `name`."""
    return f"apt-get install {PACKAGES[name]}" if name in PACKAGES else f"install {name}"
