"""A repository's code: its first page, folders and files, commits, and one commit with its diff."""

import asyncio
import base64
import binascii
import re

from starlette.responses import RedirectResponse, Response

from bot.localforge.pages import diff, frame, words
from bot.localforge.pages.api import ApiError, Paged
from bot.localforge.pages.frame import Stop, View, link, page

SHOWN = 400_000  # bytes of a file that are shown as text
IMAGES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@page("/{owner}/{repo}")
async def first(view: View) -> Response:
    repo = await view.open_repo()
    return await _folder(view, repo["default_branch"], "", front=True)


@page("/{owner}/{repo}/tree/{path:path}")
async def folder(view: View) -> Response:
    await view.open_repo()
    return await _folder(view, *await _split(view, view.arg("path")))


async def _folder(view: View, ref: str, path: str, front: bool = False) -> Response:
    branches, entries, commits = await asyncio.gather(
        view.api.all("repos", view.name, "branches", pages=3),
        view.api.maybe(None, "repos", view.name, "contents", *_parts(path), ref=ref),
        _commits(view, ref, 1, 8) if front else asyncio.sleep(0, None))
    if entries is None and (path or not front):
        raise Stop(404, f"There is no folder “{path or '/'}” at {ref}.", "Go back to the repository's first page.")
    if isinstance(entries, dict):
        return RedirectResponse(link(view.name, "blob", ref, path), 303)
    entries = sorted(entries or [], key=lambda e: (e["type"] != "dir", e["name"].lower()))
    about = next((e for e in entries if e["name"].lower() in ("readme.md", "readme")), None)
    readme = _text(await view.api.get("repos", view.name, "contents", about["path"], ref=ref)) if about else None
    return await view.render("tree.html", tab="code", ref=ref, path=path, entries=entries, branches=branches,
                             readme=readme, base=f"{ref}/{path}/" if path else f"{ref}/", commits=commits, front=front)


@page("/{owner}/{repo}/branches")
async def branches(view: View) -> Response:
    await view.open_repo()
    found = await view.api.page("repos", view.name, "branches", per_page=50, page=view.page)
    states = await verdicts_of(view, [branch["commit"]["sha"] for branch in found.items])
    return await view.render("branches.html", tab="code", branches=found, states=states)


@page("/{owner}/{repo}/blob/{path:path}")
async def file(view: View) -> Response:
    await view.open_repo()
    ref, path = await _split(view, view.arg("path"))
    entry = await view.api.get("repos", view.name, "contents", *_parts(path), ref=ref)
    if isinstance(entry, list):
        return RedirectResponse(link(view.name, "tree", ref, path), 303)
    return await view.render("blob.html", tab="code", ref=ref, path=path, entry=entry, text=_text(entry),
                             kind=frame.highlight.suffix(path), raw=view.query("plain") == "1")


@page("/{owner}/{repo}/raw/{path:path}")
async def raw(view: View) -> Response:
    """A file's bytes: pictures as such, everything else as plain text, so that no file acts as a page of ours."""
    ref, path = await _split(view, view.arg("path"))
    entry = await view.api.get("repos", view.name, "contents", *_parts(path), ref=ref)
    if isinstance(entry, list):
        raise Stop(404, "This is a folder, not a file.", "Open it from the repository's first page.")
    kind = IMAGES.get(path.rpartition(".")[2].lower(), "text/plain; charset=utf-8")
    return Response(_bytes(entry) or b"", media_type=kind,
                    headers={"Content-Security-Policy": "default-src 'none'; sandbox"})


@page("/{owner}/{repo}/commits/{ref:path}")
async def commits(view: View) -> Response:
    await view.open_repo()
    found = await _commits(view, view.arg("ref"), view.page, 30)
    return await view.render("commits.html", tab="code", ref=view.arg("ref"), commits=found)


@page("/{owner}/{repo}/commit/{sha}")
async def commit(view: View) -> Response:
    sha = view.arg("sha")
    _, found, said = await asyncio.gather(
        view.open_repo(), view.api.get("repos", view.name, "commits", sha), said_of(view, sha))
    return await view.render("commit.html", tab="code", commit=found, **said,
                             files=diff.files(found.get("files") or [], view.query("file")))


@page("/{owner}/{repo}/runs/{check:int}")
async def check(view: View) -> Response:
    """GitHub's address of a check run; here it stands on the page of its commit."""
    found = await view.api.get("repos", view.name, "check-runs", view.arg("check"))
    return RedirectResponse(link(view.name, "commit", found["head_sha"]) + f"#check-{found['id']}", 303)


async def said_of(view: View, sha: str) -> dict:
    """What stands on a commit: its statuses as verdicts, its check runs, its workflow runs."""
    status, checks, runs = await asyncio.gather(
        view.api.maybe({"statuses": []}, "repos", view.name, "commits", sha, "status"),
        view.api.maybe({"check_runs": []}, "repos", view.name, "commits", sha, "check-runs", per_page=50),
        view.api.maybe({"workflow_runs": []}, "repos", view.name, "actions", "runs", head_sha=sha, per_page=20))
    return {"verdicts": words.verdicts(status["statuses"]), "checks": checks["check_runs"],
            "runs": runs["workflow_runs"]}


async def _commits(view: View, ref: str, number: int, size: int) -> Paged | None:
    """One page of commits, each with its combined status; None in an empty repository."""
    try:
        found = await view.api.page("repos", view.name, "commits", sha=ref, per_page=size, page=number)
    except ApiError as error:
        if error.status == 409:  # GitHub's answer for a repository without any commit
            return None
        raise
    return await with_verdicts(view, found)


async def with_verdicts(view: View, commits: Paged) -> Paged:
    """The same commits, each with a `verdict`: its combined status as a chip."""
    states = await verdicts_of(view, [commit["sha"] for commit in commits.items])
    for commit in commits.items:
        commit["verdict"] = states[commit["sha"]]
    return commits


async def verdicts_of(view: View, shas: list[str]) -> dict[str, words.Chip | None]:
    """The combined status of each commit as a chip; None where nobody gave one."""
    wanted = list(dict.fromkeys(shas))
    found = await asyncio.gather(*(
        view.api.maybe({"statuses": []}, "repos", view.name, "commits", sha, "status") for sha in wanted))
    return {sha: words.overall(state) for sha, state in zip(wanted, found, strict=True)}


def _parts(path: str) -> list[str]:
    return [path] if path else []


async def _split(view: View, path: str) -> tuple[str, str]:
    """`ref/path` taken apart. A branch's name may hold slashes: the shortest beginning that is a branch is taken."""
    parts = path.strip("/").split("/")
    if re.fullmatch(r"[0-9a-f]{40}", parts[0]):
        return parts[0], "/".join(parts[1:])
    for count in range(1, min(len(parts), 8) + 1):
        ref = "/".join(parts[:count])
        for kind in ("heads", "tags"):
            if await view.api.maybe(None, "repos", view.name, "git", "ref", kind, ref) is not None:
                return ref, "/".join(parts[count:])
    raise Stop(404, f"No branch or tag of this repository begins “{parts[0][:100]}”.",
               "Pick a branch on the repository's first page.")


def _bytes(entry: dict) -> bytes | None:
    """The content of a file by GitHub's "contents" answer; None where the answer has none (a link, a submodule)."""
    if entry.get("type") != "file" or entry.get("encoding") != "base64":
        return None
    try:
        return base64.b64decode(entry["content"])
    except (binascii.Error, KeyError):
        return None


def _text(entry: dict) -> str | None:
    content = _bytes(entry)
    if content is None or len(content) > SHOWN or b"\0" in content:
        return None
    return content.decode("utf-8", "replace")
