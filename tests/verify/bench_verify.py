"""Figures of `auton verify` and of the command line itself, on this machine: run by `make bench`."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUNS = 5


def seconds(*args: str) -> float:
    """Wall time of one `auton` command, which must succeed."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "bot", *args], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def best(*args: str) -> float:
    return min(seconds(*args) for _ in range(RUNS))


def main() -> None:
    print(f"auton --help                          {best('--help'):6.2f} s   (goal: under 0.5)")
    shutil.rmtree(ROOT / "kernels" / "build", ignore_errors=True)
    print(f"auton verify, from clean              {seconds('verify', '--fresh'):6.2f} s   (goal: under 10)")
    print(f"auton verify, built, boots again      {best('verify', '--fresh'):6.2f} s   (goal: under 1.5)")
    print(f"auton verify, verdict cached          {best('verify'):6.2f} s")


if __name__ == "__main__":
    main()
