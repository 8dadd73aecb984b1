"""Our own workflow files: what the local runner and GitHub both take, with least rights and no text in a shell."""

import re
from pathlib import Path

import pytest

from bot.runner import composite
from bot.runner.workflow import parse_workflow

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def workflow(request):
    return parse_workflow(f".github/workflows/{request.param.name}", request.param.read_text())


def test_the_files_of_the_contract_are_there():
    assert {"auton-tick.yml", "auton-agent.yml", "auton-verify.yml", "ci.yml", "nightly.yml"} == {
        path.name for path in FILES}


def test_no_problems(workflow):
    assert workflow.problems == []


def test_every_action_is_pinned_with_its_version():
    for path in [*FILES, *ROOT.glob(".github/actions/*/action.yml")]:
        for line in path.read_text().splitlines():
            if "- uses:" in line and "./" not in line:
                assert re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_rights_are_named_and_least(workflow):
    assert workflow.permissions is not None and "write" not in workflow.permissions.values()
    for job in workflow.jobs.values():
        assert job.timeout_minutes is not None and job.timeout_minutes != 360


def test_no_expression_reaches_a_shell(workflow):
    for job in workflow.jobs.values():
        assert not [step.run for step in job.steps if step.run and "${{" in step.run]


def test_keys_of_models_reach_the_agents_step_alone(workflow):
    for job in workflow.jobs.values():
        holders = [step.name for step in job.steps if any("_API_KEY" in str(value) for value in step.env.values())]
        assert holders == (["auton agent"] if (workflow.name, job.id) == ("auton-agent", "agent") else [])
        assert "_API_KEY" not in str(job.env) + str(workflow.env)


def test_only_apply_and_its_like_may_write():
    writers = {}
    for path in FILES:
        workflow = parse_workflow(path.name, path.read_text())
        for job in workflow.jobs.values():
            if "write" in workflow.permissions_of(job).values():
                writers[f"{workflow.name}/{job.id}"] = [step.name for step in job.steps if step.run]
    assert writers == {"auton-tick/tick": ["auton tick"], "auton-agent/apply": ["auton apply"],
                       "auton-verify/report": ["auton report"]}


def test_no_checkout_keeps_its_token(workflow):
    for job in workflow.jobs.values():
        for step in job.steps:
            if step.uses and step.uses.startswith("actions/checkout@"):
                assert step.inputs.get("persist-credentials") is False


def test_a_run_that_may_be_skipped_joins_no_group_before_that(workflow):
    if workflow.concurrency:  # a run is skipped when no job of it may begin
        assert workflow.name == "ci" or any(not job.condition for job in workflow.jobs.values() if not job.needs)


def test_the_setup_action_is_whole():
    assert composite.load(ROOT, "./.github/actions/setup").problems == []
