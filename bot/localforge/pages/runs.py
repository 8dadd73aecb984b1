"""Workflow runs: the list, and one run with its jobs, their steps and their logs."""

import asyncio
import re
from dataclasses import dataclass, field

from markupsafe import Markup
from starlette.responses import Response

from bot.localforge.pages import highlight
from bot.localforge.pages.api import ABSENT, ApiError
from bot.localforge.pages.frame import View, link, page

TAIL = 300  # lines of each job's log on the page of its run
MOST = 5_000  # lines of a log on the page of its job

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])")
_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?")
_MARKS = {"error": "bad", "warning": "warn", "notice": "busy", "command": "busy", "debug": "calm"}


@dataclass
class Part:
    """Some lines of a log, perhaps folded under a title (`##[group]`)."""

    title: str = ""
    lines: list[tuple[int, str, Markup]] = field(default_factory=list)


def read_log(text: str, most: int) -> tuple[list[Part], int]:
    """The last `most` lines of a log, without colours and time stamps, in their groups; and how many were left out."""
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    left_out = max(0, len(lines) - most)
    parts = [Part()]
    for number, line in enumerate(lines[left_out:], left_out + 1):
        line = _STAMP.sub("", _ANSI.sub("", line), count=1).rpartition("\r")[2]
        found = re.match(r"(?:##)?\[(\w+)\]|::(\w+)(?: [^:]*)?::", line)
        mark = (found[1] or found[2]) if found else ""
        rest = line[found.end():] if found else line
        if mark == "group":
            parts.append(Part(rest or "…"))
        elif mark == "endgroup":
            parts.append(Part())
        else:
            known = mark in _MARKS
            shown = highlight.html([("", rest if known else line)])
            parts[-1].lines.append((number, _MARKS[mark] if known else "", shown))
    return [part for part in parts if part.lines or part.title], left_out


@page("/{owner}/{repo}/actions")
async def listing(view: View) -> Response:
    await view.open_repo()
    workflow = view.query("workflow")
    try:
        runs = await view.api.page("repos", view.name, "actions", *(["workflows", workflow] if workflow else []),
                                   "runs", key="workflow_runs", per_page=30, page=view.page)
        workflows = (await view.api.maybe({"workflows": []}, "repos", view.name, "actions", "workflows",
                                          per_page=100))["workflows"]
    except ApiError as error:
        if error.status not in ABSENT:
            raise
        runs, workflows = None, []
    return await view.render("runs.html", tab="actions", runs=runs, workflows=workflows, workflow=workflow, refresh=4)


@page("/{owner}/{repo}/actions/runs/{run:int}")
async def run(view: View) -> Response:
    repo, found, jobs = await asyncio.gather(
        view.open_repo(), view.api.get("repos", view.name, "actions", "runs", view.arg("run")),
        view.api.page("repos", view.name, "actions", "runs", view.arg("run"), "jobs", key="jobs", per_page=100))
    logs = await asyncio.gather(*(_log(view, job["id"], TAIL) for job in jobs.items))
    return await view.render("run.html", tab="actions", run=found, jobs=list(zip(jobs.items, logs, strict=True)),
                             one=False, refresh=0 if found["status"] == "completed" else 3)


@page("/{owner}/{repo}/actions/runs/{run:int}/job/{job:int}")
async def job(view: View) -> Response:
    repo, found, one = await asyncio.gather(
        view.open_repo(), view.api.get("repos", view.name, "actions", "runs", view.arg("run")),
        view.api.get("repos", view.name, "actions", "jobs", view.arg("job")))
    log = await _log(view, one["id"], MOST)
    return await view.render("run.html", tab="actions", run=found, jobs=[(one, log)], one=True,
                             refresh=0 if one["status"] == "completed" else 3)


@page("/{owner}/{repo}/actions/runs/{run:int}/{what}", "POST")
async def steer(view: View) -> Response:
    what = "cancel" if view.arg("what") == "cancel" else "rerun"
    await view.api.call("POST", "repos", view.name, "actions", "runs", view.arg("run"), what)
    return view.go(link(view.name, "actions", "runs", view.arg("run")))


async def _log(view: View, job_id: int, most: int) -> tuple[list[Part], int]:
    try:
        return read_log(await view.api.text("repos", view.name, "actions", "jobs", job_id, "logs"), most)
    except ApiError as error:
        if error.status not in ABSENT:
            raise
        return [], 0
