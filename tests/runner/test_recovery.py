"""A server that is killed: what ran is lost and fails, what waited goes on, nothing stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.runner.host import Forge, wait

ROOT = Path(__file__).parents[2]
SERVER = """
import sys, time
from pathlib import Path
from tests.runner.host import Forge
forge = Forge(Path(sys.argv[1]), jobs=2)
print("ready", flush=True)
time.sleep(600)
"""
WORKFLOW = """
on: {{workflow_dispatch: {{inputs: {{n: {{type: string}}}}}}}}
run-name: r${{{{ inputs.n }}}}
jobs:
  first:
    runs-on: ubuntu-latest
    steps:
      - name: work
        run: |
          setsid sh -c 'while true; do date > {0}/alive-${{{{ inputs.n }}}}; sleep 0.05; done' &
          touch {0}/started-${{{{ inputs.n }}}}
          while [ ! -f {0}/go ]; do sleep 0.02; done
  second: {{needs: first, runs-on: ubuntu-latest, steps: [{{run: echo}}]}}
  always:
    needs: first
    if: always()
    runs-on: ubuntu-latest
    steps: [{{run: 'echo saw ${{{{ needs.first.result }}}}'}}]
"""


def test_after_a_kill_lost_jobs_have_failed_and_queued_runs_go_on(tmp_path):
    forge = Forge(tmp_path, jobs=2, start=False)
    forge.commit(WORKFLOW.format(tmp_path))
    runs = [forge.dispatch({"n": str(n)}) for n in range(3)]
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    signs = [tmp_path / name for name in ("started-0", "started-1", "alive-0", "alive-1")]
    wait(lambda: all(sign.exists() for sign in signs), "two jobs to run", 30)
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    (tmp_path / "go").touch()  # what is left of the lost jobs must not go on from here
    again = Forge(tmp_path, jobs=2)
    try:
        done = [again.done(run) for run in runs]
        assert [run["conclusion"] for run in done] == ["failure", "failure", "success"]
        assert {name: row["conclusion"] for name, row in again.jobs(done[0]).items()} == {
            "first": "failure", "second": "skipped", "always": "success"}
        assert "The runner was lost" in again.notes(done[0]) and "saw failure" in again.log(done[0], "always")
        assert [step["conclusion"] for step in again.runner.jobs(runs[0])[0]["steps"]] == ["success", "cancelled"]
        (tmp_path / "alive-0").unlink()
        time.sleep(0.2)
        assert not (tmp_path / "alive-0").exists()
        assert not list((tmp_path / "data/actions/work").glob("*"))
    finally:
        again.close()


def test_an_event_told_before_a_kill_is_not_lost(tmp_path):
    forge = Forge(tmp_path, start=False)
    sha = forge.commit("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}")
    forge.event("push", {"ref": "refs/heads/main"}, sha=sha)
    again = Forge(tmp_path)
    try:
        assert again.finish(0)["conclusion"] == "success"
    finally:
        again.close()


def test_a_stop_loses_what_runs_at_once(tmp_path):
    forge = Forge(tmp_path)
    forge.commit("on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: sleep 60}]}}")
    run = forge.dispatch()
    wait(lambda: forge.scheduler.store.run(run)["status"] == "in_progress", "the job to run")
    started = time.monotonic()
    forge.close()
    assert time.monotonic() - started < 5
    again = Forge(tmp_path)
    try:
        assert again.done(run)["conclusion"] == "failure" and "runner was lost" in again.notes({"id": run})
    finally:
        again.close()


def test_a_full_disk_delays_and_loses_nothing(forge, tmp_path):
    forge.commit(f"""
on: workflow_dispatch
jobs:
  a:
    runs-on: ubuntu-latest
    outputs: {{big: "${{{{ steps.s.outputs.big }}}}"}}
    steps:
      - id: s
        run: |
          while [ ! -f {tmp_path}/go ]; do sleep 0.02; done
          printf 'big=' >> "$GITHUB_OUTPUT"; head -c 200000 /dev/zero | tr '\\0' x >> "$GITHUB_OUTPUT"
""")
    run = forge.dispatch()
    wait(lambda: forge.scheduler.store.run(run)["status"] == "in_progress", "the job to run")
    pages = forge.scheduler.store.query("PRAGMA page_count")[0]["page_count"]
    forge.scheduler.store.query(f"PRAGMA max_page_count = {pages}")  # SQLite's own "database or disk is full"
    (tmp_path / "go").touch()
    time.sleep(0.5)
    assert forge.scheduler.store.run(run)["status"] == "in_progress"
    forge.scheduler.store.query("PRAGMA max_page_count = 1000000")
    assert forge.done(run)["conclusion"] == "success"
    assert len(forge.scheduler.store.jobs(run)[0]["outputs"]["big"]) == 200_000
