"""Which events start a workflow: types, filters, skips, tokens; and when a schedule is due."""

from datetime import UTC, datetime

import pytest

from bot.localforge.ports import Event
from bot.runner.cron import CronError, Schedule
from bot.runner.triggers import matches, starts
from bot.runner.workflow import parse_workflow

JOBS = "\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: x}]}}\n"


def on(text):
    workflow = parse_workflow("w.yml", f"on: {text}{JOBS}")
    assert not workflow.problems
    return workflow


def event(name, action=None, payload=None, **more):
    return Event(name, action, "you/os", "you", payload or {}, **more)


def started(text, told, paths=()):
    return starts(on(text), told, lambda: list(paths))


def pull(base="main"):
    return {"pull_request": {"base": {"ref": base}}}


def test_types():
    assert started("issues", event("issues", "opened"))
    assert not started("{issues: {types: [labeled]}}", event("issues", "opened"))
    assert started("{issues: {types: labeled}}", event("issues", "labeled"))
    assert started("pull_request", event("pull_request", "synchronize", pull()))
    assert not started("pull_request", event("pull_request", "closed", pull()))
    assert started("{pull_request: {types: [closed]}}", event("pull_request", "closed", pull()))
    assert not started("[push]", event("issues", "opened"))


@pytest.mark.parametrize(("filters", "ref", "expected"), [
    ("{branches: [main]}", "refs/heads/main", True), ("{branches: [main]}", "refs/heads/dev", False),
    ("{branches: ['rel/*']}", "refs/heads/rel/1", True), ("{branches: ['rel/*']}", "refs/heads/rel/1/2", False),
    ("{branches: ['rel/**', '!rel/old**']}", "refs/heads/rel/old-1", False),
    ("{branches-ignore: [wip]}", "refs/heads/wip", False), ("{branches-ignore: [wip]}", "refs/heads/main", True),
    ("{branches: [main]}", "refs/tags/v1", False), ("{tags: ['v*']}", "refs/tags/v1", True),
    ("{tags: ['v*']}", "refs/heads/v1", False), ("{}", "refs/tags/v1", True),
    ("{paths: [src/**]}", "refs/heads/x", True),
    ("{paths: [doc/**]}", "refs/heads/x", False), ("{paths-ignore: [src/**]}", "refs/heads/x", False),
    ("{paths: [src/**, '!src/**.md']}", "refs/heads/x", True), ("{paths: ['**.c']}", "refs/heads/x", True),
])
def test_push_filters(filters, ref, expected):
    assert started(f"{{push: {filters}}}", event("push", payload={"ref": ref}, ref=ref),
                   ["src/a.c", "src/b.md"]) is expected


@pytest.mark.parametrize(("pattern", "name", "expected"), [
    ("**", "a/b", True), ("*", "a/b", False), ("a?b", "b", True), ("v[12].[0-9]+", "v1.10", True),
    ("[!a]x", "ax", False), ("**/docs/**", "docs/x", True), ("**/docs/**", "a/b/docs/x", True), ("a.c", "abc", False),
    ("mona/**/x", "mona/x", True), ("\\*", "*", True), ("[", "[", True), ("(a)", "(a)", True), ("+", "+", True)])
def test_patterns(pattern, name, expected):
    assert matches([pattern], name) is expected


def test_a_job_token_starts_nothing_but_dispatches():
    assert not started("issues", event("issues", "opened", by_job=True))
    assert not started("push", event("push", payload={"ref": "refs/heads/x"}, by_job=True))
    assert started("workflow_dispatch", event("workflow_dispatch", by_job=True))
    assert started("repository_dispatch", event("repository_dispatch", "go", by_job=True))


def test_pull_request_branches_are_those_of_its_base():
    assert started("{pull_request: {branches: [main]}}", event("pull_request", "opened", pull("main")))
    assert not started("{pull_request: {branches: [main]}}", event("pull_request", "opened", pull("dev")))


def test_workflow_run_by_name_and_branch():
    told = event("workflow_run", "completed", {"workflow_run": {"name": "ci", "head_branch": "main"}})
    assert started("{workflow_run: {workflows: [ci], types: [completed]}}", told)
    assert not started("{workflow_run: {workflows: [other]}}", told)
    assert not started("{workflow_run: {workflows: [ci], branches: [dev]}}", told)


@pytest.mark.parametrize("message", ["x [skip ci]", "[no ci] y", "x\n\nskip-checks: true"])
def test_commits_that_ask_to_be_skipped(message):
    payload = {"ref": "refs/heads/main", "head_commit": {"message": message}}
    assert not started("push", event("push", payload=payload, ref="refs/heads/main"))


def test_a_deleted_branch_starts_nothing():
    assert not started("push", event("push", payload={"deleted": True}, ref="refs/heads/main"))


@pytest.mark.parametrize(("cron", "when", "expected"), [
    ("* * * * *", "2024-05-06 07:08", True), ("*/15 * * * *", "2024-05-06 07:45", True),
    ("*/15 * * * *", "2024-05-06 07:46", False), ("5-10/5 7 * * *", "2024-05-06 07:10", True),
    ("0 0 * * SUN", "2024-05-05 00:00", True), ("0 0 * * 0", "2024-05-06 00:00", False),
    ("0 0 13 * FRI", "2024-05-13 00:00", True), ("0 0 13 * 5", "2024-05-17 00:00", True),
    ("0 0 13 * 5", "2024-05-16 00:00", False), ("0 0 1 JAN-MAR *", "2024-02-01 00:00", True),
    ("1,2,3 4 * * *", "2024-05-06 04:02", True), ("30/10 * * * *", "2024-05-06 04:50", True)])
def test_schedules(cron, when, expected):
    assert Schedule.parse(cron).matches(datetime.fromisoformat(when).replace(tzinfo=UTC)) is expected


@pytest.mark.parametrize("cron", ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
                                  "a * * * *", "5-1 * * * *", "*/0 * * * *", "@daily", "-1 * * * *", "１ * * * *"])
def test_bad_schedules(cron):
    with pytest.raises(CronError):
        Schedule.parse(cron)
