"""The demo's figures on this machine: run by `make bench`, or `python tests/bench_demo.py`.

Runs the goal of `make demo` in a forge of its own and prints what `auton run` measured of it, then the steps that took
most. It starts from a warm install: the packages are there and bot/ is compiled.
"""

import compileall
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
GOAL = ("Add a console command `uptime` that answers with the seconds since boot, on all three architectures, with KTAP "
        "tests.")
STEPS = """
SELECT steps.name, COUNT(*), SUM(steps.wall), SUM(steps.cpu) FROM steps JOIN jobs ON jobs.id = steps.job_id
WHERE steps.wall > 0 GROUP BY steps.name ORDER BY SUM(steps.cpu) DESC LIMIT 8"""


def auton(*args: str) -> str:
    return subprocess.run([sys.executable, "-m", "bot", *args], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    compileall.compile_dir(ROOT / "bot", quiet=1)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="auton-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "forge"
        try:
            outcome = json.loads(auton("run", GOAL, "--port", "0", "--data", str(data), "--json"))
            with sqlite3.connect(data / "actions" / "runner.db") as db:
                steps = db.execute(STEPS).fetchall()
        finally:
            auton("forge", "stop", "--data", str(data))
    if not outcome["landed"]:
        print(f"the goal did not land, it is {outcome['state']}: these are no figures of a demo")
    print(f"load average before {load:.1f}, after {os.getloadavg()[0]:.1f}, on {os.cpu_count()} processors")
    for name, (words, goal) in FIGURES.items():
        print(f"{words:66} {outcome['shares'][name]:6.1f} s{goal}")
    for name, count, wall, cpu in steps:
        print(f"  {name.partition('@')[0]:32} {count:3} times, {wall:6.1f} s of wall, {cpu:5.1f} s of CPU")
    return 0 if outcome["landed"] else 1


FIGURES = {
    "total": ("demo, from the start of its forge to the landed goal", "   (goal: under 100)"),
    "alone": ("  the bot's own share: no compiler, QEMU or model at work", "   (goal: at most 12)"),
    "cpu": ("  CPU of the bot's processes, its forge and runner included", "   (goal: under 20)"),
    "work": ("  wall time of all its jobs, less what they waited for", ""),
    "agents": ("  agents' builds, boots and model", ""),
    "verify": ("  verify's builds and boots", ""),
    "each": ("    each, from clean, beside other work (median)", ""),
}

if __name__ == "__main__":
    sys.exit(main())
