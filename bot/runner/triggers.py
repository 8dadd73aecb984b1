"""Does an event start a workflow? Event names, types, and the branch, tag and path filters.

Source: GitHub's "Events that trigger workflows" and "Workflow syntax: filter pattern cheat sheet". Pure but for the
list of changed paths, which the caller looks up when a filter asks for it.
"""

import functools
import re
from collections.abc import Callable

from bot.localforge.ports import Event
from bot.runner.workflow import Workflow

DEFAULT_TYPES = {"pull_request": ("opened", "synchronize", "reopened")}
SKIP_WORDS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
DISPATCHES = ("workflow_dispatch", "repository_dispatch")
MAX_CHAIN = 3  # workflow_run can't start a chain of more than three levels of workflows


@functools.lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    """A filter pattern as a regular expression over the whole name."""
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            out.append("(?:.*/)?")
            at += 3
            continue
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if char == "*":
            out.append("[^/]*")
        elif char in "?+":
            out.append(char if out and not out[-1].endswith(("*", "?", "+")) else re.escape(char))
        elif char == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1:end]
            negated = "^" if inner[0] in "!^" else ""
            inner = re.sub(r"[\\\[\]^&~|]", lambda match: "\\" + match[0], inner[1:] if negated else inner)
            out.append(f"[{negated}{inner}]")
            at = end
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        else:
            out.append(re.escape(char))
        at += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def matches(patterns: list[str], name: str) -> bool:
    """Whether `name` passes `patterns`: the last one that fits decides, a leading `!` takes away."""
    taken = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _pattern(pattern.removeprefix("!")).fullmatch(name):
            taken = not negated
    return taken


def _list(value) -> list[str]:
    return [] if value is None else [str(each) for each in (value if isinstance(value, list) else [value])]


def _passes(options: dict, key: str, name: str) -> bool:
    """The filter pair `key` / `key`-ignore over one name."""
    if key in options:
        return matches(_list(options[key]), name)
    return not (f"{key}-ignore" in options and matches(_list(options[f"{key}-ignore"]), name))


def _paths(options: dict, changed: Callable[[], list[str]]) -> bool:
    if "paths" in options:
        return any(matches(_list(options["paths"]), path) for path in changed())
    if "paths-ignore" in options:
        return any(not matches(_list(options["paths-ignore"]), path) for path in changed())
    return True


def _push(options: dict, event: Event, changed: Callable[[], list[str]]) -> bool:
    ref = event.ref or event.payload.get("ref", "")
    if event.payload.get("deleted"):
        return False
    branch_filters = "branches" in options or "branches-ignore" in options
    tag_filters = "tags" in options or "tags-ignore" in options
    if ref.startswith("refs/heads/"):
        if tag_filters and not branch_filters:
            return False
        return _passes(options, "branches", ref.removeprefix("refs/heads/")) and _paths(options, changed)
    if ref.startswith("refs/tags/"):
        if branch_filters and not tag_filters:
            return False
        return _passes(options, "tags", ref.removeprefix("refs/tags/"))
    return False


def _workflow_run(options: dict, event: Event) -> bool:
    run = event.payload.get("workflow_run") or {}
    if "workflows" in options and not matches(_list(options["workflows"]), run.get("name") or ""):
        return False
    return _passes(options, "branches", run.get("head_branch") or "")


def starts(workflow: Workflow, event: Event, changed: Callable[[], list[str]]) -> bool:
    """Whether `event` starts `workflow`; `changed` gives the paths that the event changed."""
    if event.name not in workflow.on or (event.by_job and event.name not in DISPATCHES):
        return False
    options = workflow.on[event.name]
    if event.name == "schedule":
        return any(entry.get("cron") == event.payload.get("schedule") for entry in options)
    types = _list(options.get("types")) or DEFAULT_TYPES.get(event.name, ())
    if types and event.action not in types:
        return False
    if event.name in ("push", "pull_request") and skipped(event):
        return False
    if event.name == "push":
        return _push(options, event, changed)
    if event.name == "pull_request":
        base = event.payload.get("pull_request", {}).get("base", {}).get("ref", "")
        return _passes(options, "branches", base) and _paths(options, changed)
    if event.name == "workflow_run":
        return _workflow_run(options, event)
    return True


def skipped(event: Event) -> bool:
    """The head commit's message asks for no runs."""
    message = ((event.payload.get("head_commit") or {}).get("message") or event.extra.get("head_message") or "")
    return any(word in message for word in SKIP_WORDS) or bool(
        re.search(r"^skip-checks:\s*true\s*$", message, re.MULTILINE))
