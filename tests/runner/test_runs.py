"""Runs: needs, conditions, matrices, outputs, dispatches, cancelling, reruns, concurrency."""

import pytest

from bot.runner.intake import DispatchError
from bot.runner.requests import Refusal, cancel, rerun
from tests.runner.host import wait

RUN = "runs-on: ubuntu-latest, steps: "


def results(forge, run):
    return {name: row["conclusion"] for name, row in forge.jobs(run).items()}


def test_needs_outputs_and_results(forge):
    run = forge.push("""
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    outputs: {v: "${{ steps.s.outputs.v }}", hidden: "${{ secrets.KEY }}"}
    steps: [{id: s, run: 'echo v=42 >> "$GITHUB_OUTPUT"'}]
  two:
    needs: one
    runs-on: ubuntu-latest
    steps: [{run: 'echo "got ${{ needs.one.outputs.v }} ${{ needs.one.result }} [${{ needs.one.outputs.hidden }}]"'}]
""")
    assert run["conclusion"] == "success" and "got 42 success []" in forge.log(run, "two")
    assert "may contain secret" in forge.notes(run)


def test_conditions_look_at_all_that_a_job_rests_on(forge):
    run = forge.push(f"""
on: push
jobs:
  bad: {{ {RUN}[{{run: exit 1}}]}}
  skipped: {{needs: bad, {RUN}[{{run: echo}}]}}
  after_skipped: {{needs: skipped, {RUN}[{{run: echo}}]}}
  always: {{needs: skipped, if: always(), {RUN}[{{run: 'echo ${{{{ needs.skipped.result }}}}'}}]}}
  after_always: {{needs: always, {RUN}[{{run: echo}}]}}
  failed: {{needs: [bad, skipped], if: failure(), {RUN}[{{run: echo}}]}}
  other: {{if: "github.ref == 'refs/heads/x'", {RUN}[{{run: echo}}]}}
""")
    assert results(forge, run) == {"bad": "failure", "skipped": "skipped", "after_skipped": "skipped",
                                   "always": "success", "after_always": "skipped", "failed": "success",
                                   "other": "skipped"}
    assert run["conclusion"] == "failure"


def test_a_job_that_may_fail_fails_nothing(forge):
    run = forge.push(f"""
on: push
jobs:
  bad: {{continue-on-error: true, {RUN}[{{run: exit 1}}]}}
  next: {{needs: bad, {RUN}[{{run: 'echo ${{{{ needs.bad.result }}}}'}}]}}
""")
    assert results(forge, run) == {"bad": "failure", "next": "success"} and run["conclusion"] == "success"


def test_a_matrix_with_include_exclude_and_names(forge):
    run = forge.push("""
on: push
jobs:
  b:
    strategy:
      matrix:
        arch: [x86, arm]
        mode: [fast, small]
        exclude: [{arch: arm, mode: small}]
        include: [{arch: x86, extra: y}, {arch: riscv, mode: slow}]
    runs-on: ubuntu-latest
    steps: [{run: "echo '${{ toJSON(matrix) }} ${{ strategy.job-index }}/${{ strategy.job-total }}'"}]
""")
    assert set(results(forge, run)) == {"b (x86, fast, y)", "b (x86, small, y)", "b (arm, fast)", "b (riscv, slow)"}
    assert "3/4" in forge.log(run, "b (riscv, slow)")


def test_a_matrix_from_json_and_a_named_job(forge):
    forge.commit("""
on: {workflow_dispatch: {inputs: {archs: {type: string, default: '["a", "b"]'}}}}
jobs:
  v:
    name: verify ${{ matrix.arch }}
    strategy: {fail-fast: false, matrix: {arch: "${{ fromJSON(inputs.archs) }}"}}
    outputs: {last: "${{ matrix.arch }}"}
    runs-on: ubuntu-latest
    steps: [{run: 'test "${{ matrix.arch }}" != b'}]
  r: {needs: v, if: "${{ !cancelled() }}", runs-on: ubuntu-latest, steps: [{run: "echo ${{ needs.v.result }}"}]}
""")
    run = forge.done(forge.dispatch())
    assert results(forge, run) == {"verify a": "success", "verify b": "failure", "r": "success"}
    assert "failure" in forge.log(run, "r")
    run = forge.done(forge.dispatch({"archs": "[]"}))
    assert run["conclusion"] == "failure" and "does not contain any values" in forge.notes(run)
    run = forge.done(forge.dispatch({"archs": "not json"}))
    assert run["conclusion"] == "failure" and "Error parsing JSON" in forge.notes(run)


def test_fail_fast_stops_the_others(forge):
    run = forge.push("""
on: push
jobs:
  b:
    strategy: {matrix: {n: [0, 1, 2, 3, 4]}}
    runs-on: ubuntu-latest
    steps: [{run: 'if [ ${{ matrix.n }} = 0 ]; then sleep 0.2; exit 1; fi; exec sleep 20'}]
""")
    found = results(forge, run)
    assert run["conclusion"] == "failure" and found["b (0)"] == "failure"
    assert all(found[f"b ({n})"] == "cancelled" for n in range(1, 5))


def test_max_parallel(forge, tmp_path):
    run = forge.push(f"""
on: push
jobs:
  b:
    strategy: {{max-parallel: 1, matrix: {{n: [0, 1, 2]}}}}
    runs-on: ubuntu-latest
    steps: [{{run: 'mkdir {tmp_path}/only && sleep 0.1 && rmdir {tmp_path}/only'}}]
""")
    assert run["conclusion"] == "success"


def test_run_names_and_titles(forge):
    assert forge.push(f"run-name: 'by ${{{{ github.actor }}}}'\non: push\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}")[
        "title"] == "by you"
    assert forge.push(f"on: push\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}")["title"] == "Change"


DISPATCH = f"""
name: d
run-name: "${{{{ inputs.key }}}}"
on:
  workflow_dispatch:
    inputs:
      key: {{required: true, type: string}}
      flag: {{type: boolean, default: true}}
      count: {{type: number, default: 3}}
      pick: {{type: choice, options: [a, b], default: a}}
jobs:
  j: {{ {RUN}[{{run: 'echo "${{{{ toJSON(inputs) }}}}" "${{{{ github.event.inputs.flag }}}}"'}}]}}
"""


def test_dispatch_inputs_are_typed_and_checked(forge):
    forge.commit(DISPATCH)
    run = forge.done(forge.dispatch({"key": "g1-t2", "flag": "false"}))
    assert run["title"] == "g1-t2" and run["event"] == "workflow_dispatch"
    assert run["inputs"] == {"key": "g1-t2", "flag": False, "count": 3.0, "pick": "a"}
    for inputs, message in (({}, "Required input 'key' not provided"),
                            ({"key": "x", "y": 1}, "Unexpected inputs provided"),
                            ({"key": "x", "pick": "c"}, "not in the list"),
                            ({"key": "x", "count": "many"}, "not a number"),
                            ({"key": "x" * 70_000}, "at most"), ({"key": ["x"]}, "expected string")):
        with pytest.raises(DispatchError, match=message):
            forge.dispatch(inputs)
    with pytest.raises(DispatchError, match="No ref found for: nowhere"):
        forge.dispatch({"key": "x"}, ref="nowhere")


def test_a_job_may_dispatch_but_its_other_events_start_nothing(forge):
    forge.commit(f"on: [workflow_dispatch, issues, push]\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}")
    run = forge.dispatch(by_job=True)
    assert forge.done(run)["conclusion"] == "success"
    forge.event("issues", {"issue": {"title": "x"}}, action="opened", by_job=True)
    forge.event("push", {"ref": "refs/heads/main"}, by_job=True)
    last = forge.event("issues", {"issue": {"title": "from a person"}}, action="opened")
    assert forge.finish(last)["title"] == "from a person"
    assert len(forge.scheduler.store.query("SELECT id FROM runs")) == 2


def test_the_workflow_file_is_read_where_github_reads_it(forge):
    forge.commit(f"on: [issues, push]\nname: main\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}")
    sha = forge.host.commit({".github/workflows/w.yml": f"on: [issues, push]\nname: side\njobs: "
                             f"{{a: {{ {RUN}[{{run: echo}}]}}}}"}, branch="side")
    side = forge.finish(forge.event("push", {"ref": "refs/heads/side"}, ref="refs/heads/side", sha=sha))
    issue = forge.finish(forge.event("issues", {"issue": {"title": "t"}}, action="opened", ref="refs/heads/side",
                                     sha=sha))
    assert "name: side" in side["source"] and side["head_branch"] == "side" and side["head_sha"] == sha
    assert "name: main" in issue["source"] and issue["ref"] == "refs/heads/main"


def test_cancel(forge):
    after = forge.event("push", {"ref": "refs/heads/main"}, sha=forge.commit(f"""
on: push
jobs:
  long: {{ {RUN}[{{run: 'sh -c "sleep 60" & sleep 60'}}, {{if: cancelled(), run: echo cleaning}}, {{run: echo no}}]}}
  next: {{needs: long, {RUN}[{{run: echo}}]}}
  last: {{needs: long, if: always(), {RUN}[{{run: echo}}]}}
"""))
    run = forge.new_runs(after)[0]
    wait(lambda: forge.jobs(run).get("long", {}).get("status") == "in_progress", "the job to run")
    forge.scheduler.request(cancel, forge.scheduler, run["id"])
    run = forge.done(run["id"])
    assert run["conclusion"] == "cancelled"
    assert results(forge, run) == {"long": "cancelled", "next": "skipped", "last": "success"}
    assert "cleaning" in forge.log(run, "long") and "\nno" not in forge.log(run, "long")
    with pytest.raises(Refusal, match="completed"):
        forge.scheduler.request(cancel, forge.scheduler, run["id"])


def test_reruns(forge, tmp_path):
    run = forge.push(f"""
on: push
jobs:
  good: {{outputs: {{v: "${{{{ github.run_attempt }}}}"}}, {RUN}[{{run: echo}}]}}
  flaky:
    strategy: {{fail-fast: false, matrix: {{n: [1, 2]}}}}
    runs-on: ubuntu-latest
    steps: [{{run: 'test ${{{{ matrix.n }}}} = 1 || test -f {tmp_path}/mended'}}]
  end: {{needs: [good, flaky], {RUN}[{{run: 'echo v=${{{{ needs.good.outputs.v }}}} attempt=$GITHUB_RUN_ATTEMPT'}}]}}
""")
    assert run["conclusion"] == "failure"
    (tmp_path / "mended").touch()
    forge.scheduler.request(lambda: rerun(forge.scheduler, run["id"], "you", failed_only=True))
    again = forge.done(run["id"])
    assert (again["conclusion"], again["attempt"]) == ("success", 2)
    assert "v=1 attempt=2" in forge.log(again, "end")
    assert len(forge.scheduler.store.jobs(run["id"], 1)) == len(forge.scheduler.store.jobs(run["id"], 2)) == 4
    forge.scheduler.request(lambda: rerun(forge.scheduler, run["id"], "guest"))
    third = forge.done(run["id"])
    assert third["attempt"] == 3 and third["triggering_actor"] == "guest" and "v=3" in forge.log(third, "end")
    one = forge.jobs(third)["flaky (1)"]
    forge.scheduler.request(lambda: rerun(forge.scheduler, run["id"], "you", job_id=one["id"]))
    fourth = forge.done(run["id"])
    ran = {name for name, row in forge.jobs(fourth).items() if row["log_id"] == row["id"]}
    assert fourth["conclusion"] == "success" and ran == {"flaky (1)", "end"} and "v=3" in forge.log(fourth, "end")


CONCURRENT = """
on: workflow_dispatch
concurrency: {group: "G-${{ github.ref }}", cancel-in-progress: CANCEL}
jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'while [ ! -f FOLDER/go ]; do sleep 0.02; done'}]}}
"""


def test_concurrency_one_runs_one_waits_the_newest_takes_its_place(forge, tmp_path):
    forge.commit(CONCURRENT.replace("CANCEL", "false").replace("FOLDER", str(tmp_path)))
    runs = [forge.dispatch() for _ in range(4)]
    wait(lambda: forge.scheduler.store.run(runs[0])["status"] == "in_progress", "the first to run")
    assert [forge.done(run)["conclusion"] for run in runs[1:3]] == ["cancelled", "cancelled"]
    assert forge.scheduler.store.run(runs[3])["status"] == "pending"
    (tmp_path / "go").touch()
    assert [forge.done(run)["conclusion"] for run in (runs[0], runs[3])] == ["success", "success"]


def test_concurrency_cancel_in_progress(forge, tmp_path):
    forge.commit(CONCURRENT.replace("CANCEL", "true").replace("FOLDER", str(tmp_path)))
    first = forge.dispatch()
    wait(lambda: forge.scheduler.store.run(first)["status"] == "in_progress", "the first to run")
    second = forge.dispatch()
    assert forge.done(first)["conclusion"] == "cancelled"
    (tmp_path / "go").touch()
    assert forge.done(second)["conclusion"] == "success"


def test_concurrency_of_jobs(forge, tmp_path):
    forge.commit(f"""
on: workflow_dispatch
jobs:
  free: {{ {RUN}[{{run: echo}}]}}
  alone: {{concurrency: one, {RUN}[{{run: 'mkdir {tmp_path}/only && sleep 0.15 && rmdir {tmp_path}/only'}}]}}
""")
    runs = [forge.done(run) for run in [forge.dispatch(), forge.dispatch()]]
    assert [run["conclusion"] for run in runs] == ["success", "success"]


def test_short_jobs_do_not_wait_behind_long_ones(forge, tmp_path):
    until = f"while [ ! -f {tmp_path}/go ]; do sleep 0.05; done"
    forge.commit(f"on: workflow_dispatch\njobs: {{a: {{ {RUN}[{{run: '{until}'}}]}}}}")
    long = [forge.dispatch() for _ in range(5)]
    short = forge.push(f"on: push\njobs: {{s: {{timeout-minutes: 5, {RUN}[{{run: echo}}]}}}}")
    assert short["conclusion"] == "success"
    states = [forge.scheduler.store.run(run)["status"] for run in long]
    assert states.count("in_progress") == 3 and states.count("queued") == 2
    (tmp_path / "go").touch()
    assert all(forge.done(run)["conclusion"] == "success" for run in long)


def test_events_of_runs_and_jobs_are_published(forge):
    forge.host.commit({".github/workflows/after.yml": f"""
on: {{workflow_run: {{workflows: [first], types: [completed]}}}}
jobs: {{b: {{ {RUN}[{{run: 'echo saw ${{{{ github.event.workflow_run.conclusion }}}}'}}]}}}}
"""})
    run = forge.push(f"name: first\non: push\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}")
    after = forge.finish(run["id"])
    assert "saw success" in forge.log(after) and after["event"] == "workflow_run"
    forge.settled()
    told = [(event.name, event.action) for event in forge.host.published]
    assert told[:6] == [("workflow_run", "requested"), ("workflow_job", "queued"), ("workflow_run", "in_progress"),
                        ("workflow_job", "in_progress"), ("workflow_job", "completed"), ("workflow_run", "completed")]


def test_a_chain_of_workflow_runs_ends(forge):
    forge.host.commit({".github/workflows/loop.yml": f"""
name: loop
on: {{push: , workflow_run: {{workflows: [loop], types: [requested]}}}}
jobs: {{b: {{ {RUN}[{{run: echo}}]}}}}
"""})
    last = forge.event("push", {"ref": "refs/heads/main"}, ref="refs/heads/main")
    forge.new_runs(last, 3)
    wait(lambda: not forge.scheduler.store.open_runs(), "all runs to end")
    forge.settled()
    assert len(forge.scheduler.store.query("SELECT id FROM runs")) == 3


def test_repository_dispatch_and_schedule(forge):
    forge.commit(f"""
on: {{repository_dispatch: {{types: [go]}}, schedule: [{{cron: '* * * * *'}}]}}
jobs: {{a: {{ {RUN}[{{run: 'echo "${{{{ github.event.client_payload.x }}}}${{{{ github.event.schedule }}}}"'}}]}}}}
""")
    last = forge.event("repository_dispatch", {"client_payload": {"x": "xyz"}}, action="go")
    assert "xyz" in forge.log(forge.finish(last))
    forge.settled()
    wait(lambda: not forge.scheduler.store.open_runs(), "all to end")
    with forge.scheduler.lock:
        last = forge.scheduler.store.one("SELECT max(id) AS id FROM runs")["id"]
        forge.scheduler.store.execute("UPDATE cron SET minute = minute - 90")  # as if it had been down that long
        forge.scheduler._minute = 0
    forge.scheduler.wake()
    assert "* * * * *" in forge.log(forge.finish(last))
    forge.settled()
    assert len(forge.scheduler.store.query("SELECT id FROM runs WHERE id > ?", last)) == 1


def test_paths_filters_ask_git(forge):
    workflow = f"on: {{push: {{paths: ['src/**']}}}}\njobs: {{a: {{ {RUN}[{{run: echo}}]}}}}"
    first = forge.commit(workflow)
    second = forge.host.commit({"doc/x": "1"})
    third = forge.host.commit({"src/x": "1"})
    last = forge.event("push", {"ref": "refs/heads/main", "before": first}, ref="refs/heads/main", sha=second)
    forge.event("push", {"ref": "refs/heads/main", "before": second}, ref="refs/heads/main", sha=third)
    assert forge.finish(last)["sha"] == third


def test_a_fork_gets_no_secrets_and_a_read_only_token(forge):
    sha = forge.commit(f"""
on: pull_request
permissions: {{contents: write}}
jobs: {{a: {{ {RUN}[{{run: 'echo "[${{{{ secrets.KEY }}}}]"'}}]}}}}
""")
    for repo, shown, level in (("else/os", "[]", "read"), ("you/os", "[***]", "write")):
        pull = {"number": 1, "title": "x", "base": {"ref": "main", "sha": sha},
                "head": {"ref": "main", "sha": sha, "repo": {"full_name": repo}}}
        run = forge.finish(forge.event("pull_request", {"pull_request": pull}, action="opened", sha=sha))
        assert shown in forge.log(run) and forge.host.minted[-1][0] == {"contents": level}
