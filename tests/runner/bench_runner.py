"""What the runner itself costs: seconds per job and per run that are neither a step's processes nor an action's.

Run by `make bench`, or `python tests/runner/bench_runner.py [runs]`. Figures on a busy machine mean little.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.runner.host import CHECKOUT, Forge

WORKFLOW = f"""
on: workflow_dispatch
jobs:
  one: {{runs-on: ubuntu-latest, timeout-minutes: 5, steps: [{{uses: {CHECKOUT}}}, {{run: 'true'}}]}}
  two: {{needs: one, runs-on: ubuntu-latest, timeout-minutes: 5, steps: [{{run: 'true'}}]}}
"""


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        forge = Forge(Path(folder))
        forge.commit(WORKFLOW, {f"src/{n}.c": "int x;\n" * 50 for n in range(300)})
        overheads, latencies, cpus = [], [], []
        for _ in range(count):
            cpu, started = time.process_time(), time.monotonic()
            run = forge.done(forge.dispatch())
            whole = time.monotonic() - started
            cpus.append(time.process_time() - cpu)
            rows = forge.jobs(run).values()
            overheads += [row["overhead"] for row in rows]
            latencies.append(whole - sum(row["wall"] for row in rows))
        forge.close()
    for name, values in (("a job's overhead", overheads), ("a two-job run's time outside its jobs", latencies),
                         ("the runner's CPU for such a run", cpus)):
        print(f"{name}: median {1000 * statistics.median(values):.1f} ms, worst {1000 * max(values):.1f} ms "
              f"({len(values)} measured)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
