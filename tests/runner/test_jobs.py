"""One job at a time: steps, environment, outputs, shells, time limits, secrets, composite actions."""

import re
import textwrap

import pytest

from tests.runner.host import CHECKOUT


def one_job(steps, **extra):
    """A workflow of one job `a` with these steps (YAML) and further lines of the workflow or the job."""
    job = textwrap.indent(textwrap.dedent(extra.pop("job", "")), "    ")
    top = textwrap.dedent(extra.pop("top", ""))
    return f"on: push\n{top}\njobs:\n  a:\n    runs-on: ubuntu-latest\n{job}\n    steps:\n" + \
        textwrap.indent(textwrap.dedent(steps), "      ")


def test_steps_hand_values_on(forge):
    run = forge.push(one_job("""
        - id: first
          run: |
            echo "word=hello" >> "$GITHUB_OUTPUT"
            printf 'text<<EOF\\nline 1\\nline 2\\nEOF\\n' >> "$GITHUB_OUTPUT"
            echo "LATER=from env file" >> "$GITHUB_ENV"
            mkdir -p "$RUNNER_TEMP/bin"; printf '#!/bin/sh\\necho my tool\\n' > "$RUNNER_TEMP/bin/mine"
            chmod +x "$RUNNER_TEMP/bin/mine"; echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
            echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
            test -z "${LATER:-}"
        - run: |
            echo "${{ steps.first.outputs.word }}/$LATER/${{ env.LATER }}/$(mine)/$TEXT"
          env:
            TEXT: ${{ steps.first.outputs.text }}
    """))
    assert run["conclusion"] == "success"
    assert "hello/from env file/from env file/my tool/line 1\nline 2" in forge.log(run)
    assert forge.runner.jobs(run["id"])[0]["steps"][1]["summary"] == "# Summary\n"


def test_env_at_three_levels_and_default_variables(forge):
    run = forge.push(one_job("""
        - run: echo "$A $B $C ${{ env.C }} $CI $GITHUB_ACTIONS $GITHUB_REF_NAME $GITHUB_JOB $RUNNER_OS"
          env: {C: step}
        - run: test "$(cat "$GITHUB_EVENT_PATH")" = '${{ toJSON(github.event) }}' || jq . "$GITHUB_EVENT_PATH" || true
        - run: echo "$GITHUB_REPOSITORY $GITHUB_SHA $GITHUB_WORKFLOW_REF $PWD"
    """, top="env: {A: top, B: top, C: top}", job="env: {B: job, C: job}"))
    log = forge.log(run)
    assert "top job step step true true main a Linux" in log
    assert f"you/os {run['sha']} you/os/.github/workflows/w.yml@refs/heads/main" in log


def test_the_servers_own_environment_does_not_reach_a_job(forge, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "the-key-of-the-server")
    run = forge.push(one_job("- run: env; git config --list --show-origin"))
    assert "the-key-of-the-server" not in forge.log(run) and "OPENAI_API_KEY" not in forge.log(run)


@pytest.mark.parametrize(("shell", "script", "conclusion"), [
    ("bash", "false | true", "failure"), ("", "false | true", "success"), ("bash", "exit 0", "success"),
    ("sh", "false; true", "failure"), ("", "false; true", "failure"), ("python", "import sys; sys.exit(0)", "success"),
    ("python", "raise SystemExit(3)", "failure")])
def test_shells(forge, shell, script, conclusion):
    shell = f"\n  shell: {shell}" if shell else ""
    run = forge.push(one_job(f"- run: {script}{shell}"))
    assert run["conclusion"] == conclusion


def test_a_failed_step_skips_the_next_ones_but_those_that_ask(forge):
    run = forge.push(one_job("""
        - {name: one, run: exit 7}
        - {name: two, run: echo no}
        - {name: three, if: failure(), run: "echo saw ${{ job.status }}"}
        - {name: four, if: always(), run: echo always}
        - {name: five, if: success(), run: echo no}
    """))
    steps = {step["name"]: step["conclusion"] for step in forge.runner.jobs(run["id"])[0]["steps"]}
    assert [steps[name] for name in ("one", "two", "three", "four", "five")] == [
        "failure", "skipped", "success", "success", "skipped"]
    assert "saw failure" in forge.log(run) and "Process completed with exit code 7." in forge.notes(run)
    assert run["conclusion"] == "failure"


def test_continue_on_error_tells_outcome_from_conclusion(forge):
    run = forge.push(one_job("""
        - {id: s, run: exit 1, continue-on-error: true}
        - run: echo "${{ steps.s.outcome }}-${{ steps.s.conclusion }}-${{ job.status }}"
    """))
    assert run["conclusion"] == "success" and "failure-success-success" in forge.log(run)


def test_working_directory_and_defaults(forge):
    run = forge.push(one_job(f"""
        - uses: {CHECKOUT}
        - run: "pwd; false | true; echo $?"
        - run: pwd
          working-directory: sub/deep
          shell: bash
    """, job="defaults: {run: {working-directory: sub, shell: sh}}"), files={"sub/deep/x": "1"})
    assert re.search(r"workspace/sub\n", forge.log(run)) and re.search(r"workspace/sub/deep\n", forge.log(run) + "\n")
    assert run["conclusion"] == "success"


def test_a_step_and_a_job_have_time_limits(forge):
    run = forge.push(one_job("""
        - {name: slow, run: "sleep 60 & sleep 60", timeout-minutes: 0.005}
        - {if: failure(), run: echo after}
    """))
    assert run["conclusion"] == "failure" and "timed out after" in forge.notes(run) and "after" in forge.log(run)
    run = forge.push(one_job("""
        - run: sleep 60
        - {if: always(), run: echo cleanup}
        - run: echo never
    """, job="timeout-minutes: 0.005"))
    assert run["conclusion"] == "cancelled" and "maximum execution time" in forge.notes(run)
    assert "\ncleanup" in forge.log(run) and "\nnever" not in forge.log(run)


def test_secrets_are_there_and_masked(forge):
    run = forge.push(one_job("""
        - run: |
            echo "secret: $KEY, token: ${GITHUB_TOKEN:-none}, ${#TOKEN}"
            echo "::add-mask::found-later"; echo "now found-later"
            echo "plain=$KEY" >> "$GITHUB_OUTPUT"
          env: {KEY: "${{ secrets.KEY }}", TOKEN: "${{ github.token }}"}
        - run: echo "same ${{ github.token == secrets.GITHUB_TOKEN }} ${{ vars.COLOUR }} [${{ secrets.NOTHING }}]"
    """))
    log = forge.log(run)
    assert "secret: ***, token: none, 36" in log and "now ***" in log and "s3cret-value" not in log
    assert "same true blue []" in log


def test_workflow_commands(forge):
    run = forge.push(one_job("""
        - run: |
            echo "::group::things"; echo inside; echo "::endgroup::"
            echo "::warning file=a.c,line=3::careful"
            echo "::stop-commands::tok"; echo "::error::not one"; echo "::tok::"
            echo "::error::this is"
            for i in $(seq 20); do echo "::notice::n$i"; done
    """))
    assert run["conclusion"] == "success"
    notes = forge.scheduler.store.annotations(run["id"])
    assert ("warning", "careful", "a.c", 3) in [(n["level"], n["message"], n["path"], n["line"]) for n in notes]
    assert [n["message"] for n in notes if n["level"] == "failure"] == ["this is"]
    assert len([n for n in notes if n["level"] == "notice"]) == 10
    assert "##[group]things\ninside\n##[endgroup]" in forge.log(run)


def test_default_variables_can_not_be_overwritten(forge):
    run = forge.push(one_job("""
        - run: printf 'GITHUB_SHA=0\\nNODE_OPTIONS=x\\nMINE=1\\n' >> "$GITHUB_ENV"
        - run: echo "$GITHUB_SHA $MINE ${NODE_OPTIONS:-unset}"
    """))
    assert f"{run['sha']} 1 unset" in forge.log(run)


def test_a_background_process_ends_with_its_job(forge, tmp_path):
    run = forge.push(one_job(f"""
        - run: |
            setsid sh -c 'sleep 1; touch {tmp_path}/survived' >/dev/null 2>&1 &
            sh -c 'sleep 30' &
            echo started
    """))
    assert run["conclusion"] == "success" and forge.jobs(run)["a"]["wall"] < 5
    import time

    time.sleep(1.2)
    assert not (tmp_path / "survived").exists()


def test_hash_files(forge):
    run = forge.push(one_job(f"""
        - uses: {CHECKOUT}
        - run: echo "h=${{{{ hashFiles('*.txt') }}}} n=[${{{{ hashFiles('none') }}}}]"
    """), files={"a.txt": "a"})
    import hashlib

    wanted = hashlib.sha256(hashlib.sha256(b"a").digest()).hexdigest()
    assert f"h={wanted} n=[]" in forge.log(run)


COMPOSITE = """
name: greet
description: Greets
inputs:
  who: {description: whom, default: world}
  loud: {description: how, default: "${{ github.repository }}"}
outputs:
  said: {description: what, value: "${{ steps.say.outputs.text }}"}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      run: |
        echo "text=hello ${{ inputs.who }} ${{ inputs.loud }} $OUTER" >> "$GITHUB_OUTPUT"
        echo "EXPORTED=yes" >> "$GITHUB_ENV"
        test -f "$GITHUB_ACTION_PATH/action.yml"
    - if: ${{ inputs.who == 'nobody' }}
      shell: sh
      run: exit 1
"""


def test_composite_actions(forge):
    steps = f"""
        - uses: {CHECKOUT}
        - {{id: g, uses: ./.github/actions/greet, with: {{who: WHO}}, env: {{OUTER: out}}}}
        - run: echo "[${{{{ steps.g.outputs.said }}}}] $EXPORTED"
    """
    files = {".github/actions/greet/action.yml": COMPOSITE}
    run = forge.push(one_job(steps.replace("WHO", "you")), files=files)
    assert run["conclusion"] == "success" and "[hello you you/os out] yes" in forge.log(run)
    run = forge.push(one_job(steps.replace("WHO", "nobody")), files=files)
    assert run["conclusion"] == "failure"


@pytest.mark.parametrize(("action", "expected"), [
    (None, "Can't find 'action.yml'"), ("name: x\nruns: {using: node20, main: x.js}", "composite actions only"),
    ("name: x\nruns: {using: composite, steps: [{run: x}]}", "needs one"),
    ("name: x\nruns: {using: composite, steps: [{uses: other/thing@v1}]}", "the local runner has the actions"),
    ("name: x\nruns: {using: composite, steps: [{run: '${{ secrets.KEY }}', shell: sh}]}", "Unrecognized named-value"),
])
def test_a_bad_composite_action_fails_its_step_and_says_why(forge, action, expected):
    files = {".github/actions/x/action.yml": action} if action else {}
    run = forge.push(one_job(f"- uses: {CHECKOUT}\n- uses: ./.github/actions/x"), files=files)
    assert run["conclusion"] == "failure" and expected in forge.notes(run)


def test_what_the_runner_does_not_have_fails_at_once_and_loudly(forge):
    run = forge.push(one_job("- uses: actions/cache@" + "a" * 40))
    assert (run["status"], run["conclusion"]) == ("completed", "startup_failure")
    assert ".github/workflows/w.yml:8: jobs.a.steps[1]: the local runner has the actions" in forge.notes(run)
    run = forge.push("on: push\n  jobs: [")
    assert run["conclusion"] == "startup_failure" and "not YAML" in forge.notes(run)


def test_an_error_in_an_expression_fails_the_step(forge):
    run = forge.push(one_job("- run: echo ${{ fromJSON('{') }}\n- {if: always(), run: echo still}"))
    assert run["conclusion"] == "failure" and "Error parsing JSON" in forge.notes(run) and "still" in forge.log(run)


def test_the_token_has_exactly_the_permissions_and_is_revoked(forge):
    forge.push(one_job("- run: 'true'", top="permissions: {contents: read, issues: write}"))
    forge.push(one_job("- run: 'true'", top="permissions: {issues: write}", job="permissions: {checks: read}"))
    forge.push(one_job("- run: 'true'", job="permissions: {}"))
    forge.push(one_job("- run: 'true'"))
    assert [permissions for permissions, _ in forge.host.minted] == [
        {"contents": "read", "issues": "write"}, {"checks": "read"}, {}, {"contents": "read", "packages": "read"}]
    assert len(forge.host.revoked) == 4 and set(forge.host.tokens) == {"owner", "reader"}


def test_time_is_accounted_for(forge):
    run = forge.push(one_job("- run: python3 -c 'x = sum(range(4_000_000))'\n- run: sleep 0.3"))
    row = forge.jobs(run)["a"]
    steps = forge.runner.jobs(run["id"])[0]["steps"]
    assert row["cpu"] > 0.02 and steps[1]["cpu"] > 0.02 and steps[2]["cpu"] < 0.05 and steps[2]["wall"] >= 0.3
    assert row["wall"] >= 0.3 and 0 <= row["overhead"] < row["wall"] - 0.3


def test_output_is_kept_within_bounds(forge, monkeypatch):
    monkeypatch.setattr("bot.runner.process.MAX_OUTPUT", 100_000)
    run = forge.push(one_job("- run: |\n    yes | head -c 300000\n    printf 'x%.0s' $(seq 70000)\n"))
    assert run["conclusion"] == "success" and len(forge.runner.log(forge.jobs(run)["a"]["id"])) < 5_000_000
    assert "beyond" in forge.log(run)


def test_bytes_that_are_not_text_do_no_harm(forge):
    run = forge.push(one_job(r"- run: printf '\377\000\033[31mred\r\nnext\n'; printf 'a=\377\n' >> $GITHUB_OUTPUT"))
    assert run["conclusion"] == "success" and "next" in forge.log(run)


def test_a_workflow_that_can_not_run_shows_why_where_logs_are_read(forge):
    run = forge.push(one_job("- {run: x, shell: pwsh}"))
    assert "##[error].github/workflows/w.yml:8: jobs.a.steps[1]: the local runner has the shells" in forge.log(run)
