"""Other builds and other boot loaders: kernels that check undefined behaviour and their stacks, GRUB under BIOS and UEFI."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kernels.guest import ARCHITECTURES, KERNELS, Guest
from tests.kernels.test_files import newc

FAULTS = """/* fault: do what no code may do, on request. */
#include "console.h"
#include "string.h"

static void fault(int argc, char **argv)
{
    volatile int most = 0x7fffffff;
    volatile size_t far = 64;
    volatile char small[16];
    if (argc > 1 && !strcmp(argv[1], "overflow")) most = most + 1;
    for (size_t i = 0; argc > 1 && !strcmp(argv[1], "stack") && i < far; i++) *(&small[0] + i) = 'A';
}
COMMAND(fault, "do what no code may do", fault);
"""


def make(kernels: Path, *words: str) -> None:
    done = subprocess.run(["make", "-s", "-C", kernels, *words], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_no_case_meets_undefined_behaviour(arch, tmp_path):
    make(KERNELS, "UBSAN=1", f"ARCH={arch}", f"BUILD={tmp_path}")
    done = subprocess.run([KERNELS / "boot", arch, "test once"], env=os.environ | {"BUILD": f"{tmp_path}/ubsan"}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 33, done.stdout[-3000:]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize(("build", "fault", "says"), [("UBSAN=1", "overflow", "signed addition overflows"),
                                                      ("UBSAN=", "stack", "stack smashed")])
def test_a_planted_fault_is_a_panic(arch, build, fault, says, tmp_path):
    kernels = tmp_path / "kernels"
    shutil.copytree(KERNELS, kernels, ignore=shutil.ignore_patterns("build", "host"))
    (kernels / "core" / "console" / "commands" / "fault.c").write_text(FAULTS)
    make(kernels, build, f"ARCH={arch}", "CFLAGS=-O0")
    with Guest(arch, IMAGE=str(image(kernels, build, arch))) as guest:
        guest.machine.send(f"fault {fault}")
        assert guest.machine.wait() == 37 and says in bytes(guest.machine.output).decode(errors="replace")


def image(kernels: Path, build: str, arch: str) -> Path:
    made = kernels / "build" / ("ubsan" if build == "UBSAN=1" else ".") / arch
    return next(path for path in (made / "kernel.img", made / "kernel.elf") if path.exists())


@pytest.mark.parametrize("machine", ["iso", "iso-uefi"])
def test_grub_boots_it_and_hands_over_a_module(machine, tmp_path):
    (tmp_path / "initrd").write_bytes(newc({"note": b"handed over by GRUB\n"}))
    make(KERNELS, "iso", f"BUILD={tmp_path}", f"INITRD={tmp_path}/initrd")
    with Guest("x86_64", BUILD=str(tmp_path), MACHINE=machine, QEMU_MEMORY="256") as guest:
        guest.expect(guest.ask("modules"), "cpio$")
        assert "handed over by GRUB" in guest.ask("cat /note")
        assert "not ok" not in guest.ask("test") and guest.off() == 33
