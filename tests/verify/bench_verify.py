"""Figures of `auton verify` and of the command line itself, on this machine: run by `make bench`."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from bot import config  # noqa: E402

RUNS = 5


def seconds(*args: str) -> float:
    """Wall time of one `auton` command, which must succeed."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "bot", *args], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def best(*args: str) -> float:
    return min(seconds(*args) for _ in range(RUNS))


def side_by_side(command: str, archs: list[str], expected: int, stdin: bytes) -> float:
    """Seconds in which `command`, a line of sh with ARCH set, ends for all of `archs` at once; the best of RUNS."""
    found = []
    for _ in range(RUNS):
        start = time.monotonic()
        started = [subprocess.Popen(["sh", "-c", command], cwd=ROOT, env={**os.environ, "ARCH": arch},
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for arch in archs]
        for process in started:
            process.stdin.write(stdin)
            process.stdin.close()
        codes = [process.wait() for process in started]
        found.append(time.monotonic() - start)
        if set(codes) != {expected}:
            raise SystemExit(f"{command}: expected exit codes {expected}, found {codes}")
    return min(found)


FLOOR = (". kernels/$ARCH/qemu.sh; exec $qemu $machine -accel tcg -m 128 -nodefaults -no-user-config -display none "
         "-S -monitor stdio")
BOOT = 'exec kernels/boot $ARCH "{} once"'


def boots() -> None:
    """QEMU's floor (a paused machine that is told to quit) beside boots that power off after one suite of tests or after all."""
    archs = list(config.load(ROOT / "auton.toml").targets)
    for name in [[arch] for arch in archs] + [archs]:
        floor = side_by_side(FLOOR, name, 0, b"quit\n")
        bare = side_by_side(BOOT.format("test=string"), name, 33, b"")
        tested = side_by_side(BOOT.format("test"), name, 33, b"")
        print(f"{' + '.join(name):32}  QEMU alone {1000 * floor:5.0f} ms, booted with one suite {1000 * bare:5.0f} ms, "
              f"with all tests {1000 * tested:5.0f} ms")


def main() -> None:
    print(f"auton --help                          {best('--help'):6.2f} s   (goal: under 0.5)")
    shutil.rmtree(ROOT / "kernels" / "build", ignore_errors=True)
    print(f"auton verify, from clean              {seconds('verify', '--fresh'):6.2f} s   (goal: under 10)")
    print(f"auton verify, built, boots again      {best('verify', '--fresh'):6.2f} s")
    print(f"auton verify, nothing changed         {best('verify'):6.2f} s   (goal: under 1.5)")
    boots()


if __name__ == "__main__":
    main()
