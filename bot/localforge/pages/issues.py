"""Issues: the list, filing a goal, and one issue with its tasks and conversation."""

import asyncio

from starlette.responses import RedirectResponse, Response

from bot.localforge.pages import words
from bot.localforge.pages.api import ApiError
from bot.localforge.pages.frame import Stop, View, link, page
from bot.localforge.pages.source import verdicts_of
from bot.reconcile import slash

MODES = slash.COMMANDS["plan"].options["mode"].split("|")


@page("/{owner}/{repo}/issues")
async def listing(view: View) -> Response:
    await view.open_repo()
    state = view.query("state") if view.query("state") in ("open", "closed", "all") else "open"
    label = view.query("label")
    found, labels = await asyncio.gather(
        view.api.page("repos", view.name, "issues", state=state, labels=label, per_page=50, page=view.page),
        view.api.all("repos", view.name, "labels", pages=2))
    issues = [issue for issue in found.items if "pull_request" not in issue]
    return await view.render("issues.html", tab="issues", issues=issues, found=found, state=state, label=label,
                             labels=labels, colors=words.colors(*issues, {"labels": labels}), refresh=5)


@page("/{owner}/{repo}/issues/new")
async def new(view: View) -> Response:
    await view.open_repo()
    return await _form(view, {"title": view.query("title"), "body": view.query("body")},
                       goal=view.query("plain") != "1")


async def _form(view: View, typed: dict[str, str], goal: bool, wrong: str = "", status: int = 200) -> Response:
    values = {name: typed.get(name, "") for name in ("title", "body", "mode", "model", "budget")}
    return await view.render("new_issue.html", status, tab="issues", values=values, goal=goal, wrong=wrong,
                             modes=MODES)


@page("/{owner}/{repo}/issues/new", "POST")
async def file_issue(view: View) -> Response:
    await view.open_repo()
    goal = view.form.get("goal") == "1"
    title = view.form.get("title", "").strip()
    if not title:
        return await _form(view, view.form, goal, "A title is needed: one sentence that says what should be true.", 422)
    try:
        body = view.form.get("body", "").rstrip()
        plan = _plan_line(view.form) if goal else ""
        issue = (await view.api.call("POST", "repos", view.name, "issues", body={
            "title": title, "body": f"{body}\n\n{plan}".strip() if plan else body,
            "labels": [words.GOAL] if goal else []})).json()
    except (ApiError, ValueError) as error:
        if isinstance(error, ApiError) and error.status not in (403, 422):
            raise
        return await _form(view, view.form, goal, getattr(error, "message", "") or str(error), 422)
    note = ""
    if goal and words.GOAL not in words.names(issue):
        note = (f"Filed, but without the label {words.GOAL}: only people with write permission may set labels. "
                "Ask one of them to label it; nothing starts before.")
    return view.go(link(view.name, "issues", issue["number"]), note)


def _plan_line(form: dict[str, str]) -> str:
    """The goal's options as the one line that the bot reads; ValueError says what is not right with them."""
    said = {name: form.get(name, "").strip() for name in ("mode", "model", "budget")}
    options = {name: value for name, value in said.items() if value}
    line = f"/auton plan {' '.join(f'{name}={value}' for name, value in options.items())}"
    for name, value in options.items():
        if len(value.split()) > 1 or slash.parse(f"/auton plan {name}={value}")[0].problem:
            example = {"mode": " or ".join(MODES), "model": "a litellm name such as openai/gpt-4o-mini",
                       "budget": "US dollars such as 2.50"}[name]
            raise ValueError(f"{name.capitalize()}: expected {example}, found “{value[:80]}”.")
    return line if options else ""


@page("/{owner}/{repo}/issues/{number:int}")
async def issue(view: View) -> Response:
    number = view.arg("number")
    repo, found, comments = await asyncio.gather(
        view.open_repo(), view.api.get("repos", view.name, "issues", number),
        view.api.page("repos", view.name, "issues", number, "comments", per_page=100, page=view.page))
    if "pull_request" in found:
        return RedirectResponse(link(view.name, "pull", number), 303)
    tasks, blockers, parent = await asyncio.gather(
        view.api.all("repos", view.name, "issues", number, "sub_issues"),
        view.api.all("repos", view.name, "issues", number, "dependencies", "blocked_by"),
        view.api.maybe(None, "repos", view.name, "issues", number, "parent"))
    goal = parent["number"] if parent else number
    rows = await _progress(view, goal, tasks)
    pull = (await _pulls_of(view, goal, [number])).get(number) if parent else None
    return await view.render(
        "issue.html", tab="issues", issue=found, comments=comments, tasks=rows, blockers=blockers, parent=parent,
        pull=pull, done=sum(words.state_label(t["issue"]) == "landed" for t in rows),
        colors=words.colors(found, *tasks, *blockers), refresh=4)


async def _pulls_of(view: View, goal: int, tasks: list[int]) -> dict[int, dict]:
    """Pull requests by task, each on the one branch its task has for ever."""
    owner = view.name.partition("/")[0]
    found = await asyncio.gather(*(
        view.api.page("repos", view.name, "pulls", state="all", head=f"{owner}:auton/g{goal}/t{task}", per_page=1)
        for task in tasks))
    return {task: pulls.items[0] for task, pulls in zip(tasks, found, strict=True) if pulls.items}


async def _progress(view: View, goal: int, tasks: list[dict]) -> list[dict]:
    """What the table of a goal shows of each task: its issue, what it waits for, its pull request and verdicts."""
    numbers = [task["number"] for task in tasks]
    pulls, *blockers = await asyncio.gather(_pulls_of(view, goal, numbers), *(
        view.api.all("repos", view.name, "issues", number, "dependencies", "blocked_by") for number in numbers))
    heads = {number: pull["head"]["sha"] for number, pull in pulls.items()}
    states = await verdicts_of(view, list(heads.values()))
    return [{"issue": task, "pull": pulls.get(task["number"]), "verdict": states.get(heads.get(task["number"])),
             "waits": [b for b in waits if b["state"] == "open"]} for task, waits in zip(tasks, blockers, strict=True)]


# What a person does on an issue or a pull request.

@page("/{owner}/{repo}/{kind}/{number:int}/comment", "POST")
async def comment(view: View) -> Response:
    place = _place(view)
    command = view.form.get("command", "")
    body = f"/auton {command}" if command in words.BUTTONS else view.form.get("body", "").strip()
    if not body:
        raise Stop(422, "The comment is empty.", "Go back, write something, and send it again.")
    repo = await view.open_repo()
    made = (await view.api.call("POST", "repos", view.name, "issues", view.arg("number"), "comments",
                                body={"body": body})).json()
    note = ""
    steers = any(slash.COMMANDS[given.name].steers for given in slash.parse(body) if not given.problem)
    if steers and not view.may_write:
        note = (f"Posted, but it will be refused: AUTON takes commands only from people with write permission on "
                f"{repo['full_name']}, and {view.session.login} may only read.")
    return view.go(f"{place}#issuecomment-{made['id']}", note)


@page("/{owner}/{repo}/{kind}/{number:int}/state", "POST")
async def set_state(view: View) -> Response:
    place = _place(view)
    state = "closed" if view.form.get("state") == "closed" else "open"
    kind = "pulls" if view.arg("kind") == "pull" else "issues"
    await view.api.call("PATCH", "repos", view.name, kind, view.arg("number"), body={"state": state})
    return view.go(place)


@page("/{owner}/{repo}/issues/{number:int}/goal", "POST")
async def make_goal(view: View) -> Response:
    await view.api.call("POST", "repos", view.name, "issues", view.arg("number"), "labels",
                        body={"labels": [words.GOAL]})
    return view.go(link(view.name, "issues", view.arg("number")))


def _place(view: View) -> str:
    if view.arg("kind") not in ("issues", "pull"):
        raise Stop(404, "There is no page at this address.", "Go back to the repository's first page.")
    return link(view.name, view.arg("kind"), view.arg("number"))
