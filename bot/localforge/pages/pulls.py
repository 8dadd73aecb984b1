"""Pull requests: the list, and one with its conversation, its commits and its changed files."""

import asyncio

from starlette.responses import Response

from bot.localforge.pages import diff, words
from bot.localforge.pages.frame import View, page
from bot.localforge.pages.source import said_of, verdicts_of, with_verdicts


@page("/{owner}/{repo}/pulls")
async def listing(view: View) -> Response:
    await view.open_repo()
    state = view.query("state") if view.query("state") in ("open", "closed", "all") else "open"
    found = await view.api.page("repos", view.name, "pulls", state=state, per_page=30, page=view.page)
    states = await verdicts_of(view, [pull["head"]["sha"] for pull in found.items])
    rows = [(pull, states[pull["head"]["sha"]]) for pull in found.items]
    return await view.render("pulls.html", tab="pulls", found=found, rows=rows, state=state, refresh=5,
                             colors=words.colors(*found.items))


async def _read(view: View) -> dict:
    """What all three tabs of a pull request show."""
    number = view.arg("number")
    _, pull = await asyncio.gather(view.open_repo(), view.api.get("repos", view.name, "pulls", number))
    said = await said_of(view, pull["head"]["sha"])
    return {"tab": "pulls", "pull": pull, "colors": words.colors(pull), **said}


@page("/{owner}/{repo}/pull/{number:int}")
async def conversation(view: View) -> Response:
    number = view.arg("number")
    data, comments, reviews, remarks, commits = await asyncio.gather(
        _read(view), view.api.all("repos", view.name, "issues", number, "comments"),
        view.api.all("repos", view.name, "pulls", number, "reviews"),
        view.api.all("repos", view.name, "pulls", number, "comments"),
        view.api.all("repos", view.name, "pulls", number, "commits", pages=3))
    return await view.render("pull.html", part="conversation", refresh=4,
                             timeline=_timeline(comments, reviews, remarks, commits), **data)


@page("/{owner}/{repo}/pull/{number:int}/commits")
async def commits(view: View) -> Response:
    data, found = await asyncio.gather(
        _read(view), view.api.page("repos", view.name, "pulls", view.arg("number"), "commits", per_page=50,
                                   page=view.page))
    return await view.render("pull_commits.html", part="commits", commits=await with_verdicts(view, found), **data)


@page("/{owner}/{repo}/pull/{number:int}/files")
async def files(view: View) -> Response:
    data, entries, remarks = await asyncio.gather(
        _read(view), view.api.page("repos", view.name, "pulls", view.arg("number"), "files", per_page=50,
                                   page=view.page),
        view.api.all("repos", view.name, "pulls", view.arg("number"), "comments"))
    return await view.render("pull_files.html", part="files", entries=entries, remarks=place(remarks),
                             files=diff.files(entries.items, view.query("file")), **data)


def place(remarks: list[dict]) -> dict[str, dict]:
    """Inline comments by file: those at a line, by (side, line), and those whose line has changed since."""
    found: dict[str, dict] = {}
    for remark in remarks:
        here = found.setdefault(remark["path"], {"lines": {}, "outdated": []})
        if remark.get("line"):
            here["lines"].setdefault((remark.get("side") or "RIGHT", remark["line"]), []).append(remark)
        else:
            here["outdated"].append(remark)
    return found


def _timeline(comments: list, reviews: list, remarks: list, commits: list) -> list[tuple[str, dict]]:
    """The conversation in order of time: comments, reviews with their inline comments, commits."""
    by_review: dict[int | None, list] = {}
    for remark in remarks:
        by_review.setdefault(remark.get("pull_request_review_id"), []).append(remark)
    items = [(c["commit"]["committer"]["date"], "commit", c) for c in commits]
    items += [(c["created_at"], "comment", c) for c in comments]
    for review in reviews:
        inline = by_review.pop(review["id"], [])
        if review.get("body") or inline or review["state"] != "COMMENTED":
            items.append((review.get("submitted_at") or "", "review", {**review, "inline": inline}))
    for alone in by_review.values():
        items += [(r["created_at"], "remark", r) for r in alone]
    return [(kind, thing) for _, kind, thing in sorted(items, key=lambda item: (words.when(item[0]) is None, item[0]))]
