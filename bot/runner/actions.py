"""The actions that this runner has, by name: checkout, and artifacts up and down.

Each takes its inputs as text and returns its outputs; an input that it does not have is an error, never ignored.
Their inputs and defaults are those of actions/checkout v4, actions/upload-artifact v4 and download-artifact v4.
"""

import base64
import fnmatch
import glob
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot import scratch
from bot.localforge.ports import Host
from bot.runner.artifacts import ArtifactError, Artifacts
from bot.runner.store import Row

MAX_FILES = 20_000


class ActionError(Exception):
    """An action failed; the message is for the job's log."""


@dataclass
class Here:
    """What an action may know and do: its job's place, rights, and a way to run git."""

    host: Host
    run: Row
    token: str
    permissions: dict[str, str]
    workspace: Path
    log: Callable[[str], None]
    git: Callable[..., str]
    """Runs git in a folder, logs it, gives its output; ActionError if it fails."""
    artifacts: Artifacts


def _inputs(given: dict[str, str], known: dict[str, str], action: str) -> dict[str, str]:
    """`given` over the defaults in `known`."""
    for name in given:
        if name.lower() not in known:
            raise ActionError(f"{action}: the local runner's action does not have the input '{name}', "
                              f"it has {', '.join(known)}")
    return known | {name.lower(): value for name, value in given.items()}


def _flag(value: str, name: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ActionError(f"{name}: expected true or false, found {value!r}")
    return value.lower() == "true"


def _inside(root: Path, path: str) -> Path:
    """`path` below `root`; neither `..` nor a link leads out."""
    target = (root / path).resolve()
    if target != root.resolve() and root.resolve() not in target.parents:
        raise ActionError(f"path '{path}' is not under '{root}'")
    return target


# actions/checkout

def checkout(here: Here, given: dict[str, str]) -> dict[str, str]:
    inputs = _inputs(given, {"repository": here.run["repo"], "ref": "", "token": here.token, "path": ".",
                             "persist-credentials": "true", "fetch-depth": "1", "clean": "true", "fetch-tags": "false",
                             "submodules": "false", "lfs": "false", "show-progress": "true",
                             "sparse-checkout": "", "sparse-checkout-cone-mode": "true",
                             "set-safe-directory": "true"}, "actions/checkout")
    for name in ("submodules", "lfs", "fetch-tags"):
        if inputs[name] != "false":
            raise ActionError(f"actions/checkout: the local runner does not have {name}: {inputs[name]}")
    if not inputs["fetch-depth"].isdigit():
        raise ActionError(f"fetch-depth: expected a number, found {inputs['fetch-depth']!r}")
    depth = int(inputs["fetch-depth"])
    target = _inside(here.workspace, inputs["path"])
    target.mkdir(parents=True, exist_ok=True)
    if (target / ".git").exists():
        _empty(target)
    local = inputs["repository"].lower() == here.run["repo"].lower() and inputs["token"] == here.token and depth < 2
    fetch = _from_bare if local else _over_http
    ref, sha = fetch(here, inputs, target, depth)
    if wanted := [line.strip() for line in inputs["sparse-checkout"].splitlines() if line.strip()]:
        mode = "--cone" if _flag(inputs["sparse-checkout-cone-mode"], "sparse-checkout-cone-mode") else "--no-cone"
        here.git(target, "sparse-checkout", "set", mode, "--", *wanted)
    if ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
        here.git(target, "checkout", "--quiet", "--force", "-B", branch, f"refs/remotes/origin/{branch}")
    else:
        here.git(target, "checkout", "--quiet", "--force", "--detach", sha)
    here.log(f"{sha} is checked out at '{target}'")
    if not local and not _flag(inputs["persist-credentials"], "persist-credentials"):
        here.git(target, "config", "--unset-all", f"http.{here.host.url}/.extraheader")
    return {"ref": inputs["ref"] or here.run["ref"], "commit": sha}


def _empty(folder: Path) -> None:
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            scratch.remove(child)
        else:
            child.unlink()


def _init(here: Here, inputs: dict[str, str], target: Path, credential: bool) -> None:
    """What `git init` makes, written by hand: a repository whose origin is the forge over HTTP."""
    if not re.fullmatch(r"(?!\.)[\w.-]+/(?!\.\.?$)[\w.-]+", inputs["repository"], re.ASCII):
        raise ActionError(f"repository: expected owner/name, found {inputs['repository']!r}")
    dot_git = target / ".git"
    for folder in ("objects/info", "refs/heads"):
        (dot_git / folder).mkdir(parents=True, exist_ok=True)
    (dot_git / "HEAD").write_text("ref: refs/heads/main\n")
    config = ("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
              f'[remote "origin"]\n\turl = {here.host.url}/{inputs["repository"]}.git\n'
              "\tfetch = +refs/heads/*:refs/remotes/origin/*\n[gc]\n\tauto = 0\n")
    if credential:
        basic = base64.b64encode(f"x-access-token:{inputs['token']}".encode()).decode()
        config += f'[http "{here.host.url}/"]\n\textraheader = AUTHORIZATION: basic {basic}\n'
    (dot_git / "config").write_text(config)


def _resolve(here: Here, bare: Path, wanted: str) -> tuple[str, str]:
    """(full ref or "", commit) for what `ref:` says in the repository at `bare`."""
    if not wanted:
        return here.run["ref"], here.run["sha"]
    if re.fullmatch(r"[0-9a-f]{40}", wanted):
        return "", wanted
    for ref in ((wanted,) if wanted.startswith("refs/") else (f"refs/heads/{wanted}", f"refs/tags/{wanted}")):
        found = here.git(bare, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", ref)
        for line in found.splitlines():
            name, *objects = line.split()
            if name == ref:
                return ref, objects[-1]
    raise ActionError(f"A branch or tag with the name '{wanted}' could not be found")


def _from_bare(here: Here, inputs: dict[str, str], target: Path, depth: int) -> tuple[str, str]:
    """The job's own repository: borrow the objects of the bare one, write the refs. No object is copied."""
    if here.permissions.get("contents") not in ("read", "write"):
        raise ActionError("remote: Repository not found. The job's token lacks 'contents: read': "
                          "add it to the job's permissions")
    bare = here.host.bare(here.run["repo"])
    ref, sha = _resolve(here, bare, inputs["ref"])
    _init(here, inputs, target, credential=_flag(inputs["persist-credentials"], "persist-credentials"))
    dot_git = target / ".git"
    (dot_git / "objects" / "info" / "alternates").write_text(f"{(bare / 'objects').resolve()}\n")
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
    refs = {f"refs/remotes/origin/{branch}": sha} if branch else {ref: sha} if ref.startswith("refs/tags/") else {}
    if depth:
        (dot_git / "shallow").write_text(f"{sha}\n")
    else:
        listed = here.git(bare, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
        for line in listed.splitlines():
            value, name = line.split(" ", 1)
            name = re.sub("^refs/heads/", "refs/remotes/origin/", name)
            refs.setdefault(name, value)
    (dot_git / "packed-refs").write_text("".join(f"{refs[name]} {name}\n" for name in sorted(refs)))
    return ref, sha


def _over_http(here: Here, inputs: dict[str, str], target: Path, depth: int) -> tuple[str, str]:
    """Another repository, another token or a deeper history: plain git over HTTP, with the forge as its judge."""
    _init(here, inputs, target, credential=True)
    own = inputs["repository"].lower() == here.run["repo"].lower()
    wanted = inputs["ref"] or (here.run["sha"] if own else "HEAD")
    shallow = [f"--depth={depth}"] if depth else []
    if re.fullmatch(r"[0-9a-f]{40}", wanted) or wanted == "HEAD":
        here.git(target, "fetch", "--quiet", "--no-tags", *shallow, "origin", wanted)
        sha = here.git(target, "rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
        ref = here.run["ref"] if own and not inputs["ref"] else ""
        if ref.startswith("refs/heads/"):
            here.git(target, "update-ref", f"refs/remotes/origin/{ref.removeprefix('refs/heads/')}", sha)
        return ref, sha
    names = [wanted] if wanted.startswith("refs/") else [f"refs/heads/{wanted}", f"refs/tags/{wanted}"]
    listed = here.git(target, "ls-remote", "origin", *names)
    found = {line.split("\t")[1] for line in listed.splitlines()}
    ref = next((name for name in names if name in found), "")
    if not ref:
        raise ActionError(f"A branch or tag with the name '{wanted}' could not be found")
    local = re.sub("^refs/heads/", "refs/remotes/origin/", ref)
    here.git(target, "fetch", "--quiet", "--no-tags", *shallow, "origin", f"+{ref}:{local}")
    return ref, here.git(target, "rev-parse", "--verify", f"{local}^{{commit}}").strip()


# actions/upload-artifact and actions/download-artifact

def upload(here: Here, given: dict[str, str]) -> dict[str, str]:
    inputs = _inputs(given, {"name": "artifact", "path": "", "if-no-files-found": "warn", "retention-days": "90",
                             "compression-level": "6", "overwrite": "false", "include-hidden-files": "false"},
                     "actions/upload-artifact")
    if not inputs["path"].strip():
        raise ActionError("path: expected at least one path")
    if not re.fullmatch(r"[0-9]", inputs["compression-level"]):
        raise ActionError(f"compression-level: expected 0 to 9, found {inputs['compression-level']!r}")
    root, files = find_files(here.workspace, inputs["path"], hidden=_flag(inputs["include-hidden-files"],
                                                                          "include-hidden-files"))
    if not files:
        message = (f"No files were found with the provided path: {inputs['path'].strip()}. "
                   "No artifacts will be uploaded.")
        if inputs["if-no-files-found"] == "error":
            raise ActionError(message)
        if inputs["if-no-files-found"] == "warn":
            here.log(f"::warning::{message}")
        return {}
    try:
        row = here.artifacts.add(here.run, inputs["name"], root, files,
                                 level=int(inputs["compression-level"]), days=int(inputs["retention-days"] or 90),
                                 overwrite=_flag(inputs["overwrite"], "overwrite"))
    except ArtifactError as error:
        raise ActionError(str(error)) from None
    here.log(f"Artifact {row['name']} has been uploaded: {len(files)} file(s), {row['size']} bytes, id {row['id']}")
    return {"artifact-id": str(row["id"]), "artifact-digest": row["digest"].removeprefix("sha256:"),
            "artifact-url": f"{here.host.url}/{here.run['repo']}/actions/runs/{here.run['id']}/artifacts/{row['id']}"}


def find_files(workspace: Path, patterns: str, *, hidden: bool) -> tuple[Path, list[Path]]:
    """(the folder that names are relative to, the files) for upload-artifact's `path:`."""
    lines = [line.strip() for line in patterns.splitlines() if line.strip() and not line.strip().startswith("#")]
    roots, found, excluded = [], set(), set()
    for line in lines:
        pattern = os.path.normpath(workspace / line.removeprefix("!"))
        names = {Path(name) for name in glob.iglob(pattern, recursive=True, include_hidden=True)}
        if not glob.has_magic(pattern):
            names = {Path(pattern)} if os.path.lexists(pattern) else set()
        files = {file for name in names for file in (_below(name) if name.is_dir() else [name])}
        if len(found) + len(files) > MAX_FILES:
            raise ActionError(f"expected at most {MAX_FILES} files in an artifact")
        if line.startswith("!"):
            excluded |= files
            continue
        found |= files
        roots.append(_search_root(Path(pattern)))
    files = [file for file in sorted(found - excluded)
             if hidden or not any(part.startswith(".") for part in Path(os.path.relpath(file, workspace)).parts
                                  if part != "..")]
    for file in files:
        _inside_any(file, workspace)
    return (Path(os.path.commonpath(roots)) if roots else workspace), files


def _below(folder: Path) -> list[Path]:
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]


def _search_root(pattern: Path) -> Path:
    plain = []
    for part in pattern.parts:
        if glob.has_magic(part):
            return Path(*plain)
        plain.append(part)
    return pattern if pattern.is_dir() else pattern.parent


def _inside_any(file: Path, workspace: Path) -> None:
    """A file of an artifact lies in the job's own folder: a link must not carry the host's files out."""
    job = workspace.parent.resolve()
    if job not in file.resolve().parents:
        raise ActionError(f"'{os.path.relpath(file, workspace)}' leads out of the job's folder: not uploaded")


def download(here: Here, given: dict[str, str]) -> dict[str, str]:
    inputs = _inputs(given, {"name": "", "path": ".", "pattern": "", "merge-multiple": "false"},
                     "actions/download-artifact")
    target = _inside(here.workspace, inputs["path"] or ".")
    rows = here.artifacts.newest(here.run["id"])
    if inputs["name"]:
        rows = [row for row in rows if row["name"] == inputs["name"]]
        if not rows:
            raise ActionError(f"Unable to download artifact(s): Artifact not found for name: {inputs['name']}")
    elif inputs["pattern"]:
        rows = [row for row in rows if fnmatch.fnmatchcase(row["name"], inputs["pattern"])]
    merge = bool(inputs["name"]) or _flag(inputs["merge-multiple"], "merge-multiple")
    for row in rows:
        here.artifacts.extract(row, target if merge else _inside(target, row["name"]))
        here.log(f"Artifact {row['name']} was downloaded to '{target if merge else target / row['name']}'")
    target.mkdir(parents=True, exist_ok=True)
    here.log(f"Total of {len(rows)} artifact(s) downloaded")
    return {"download-path": str(target)}


def hash_files(workspace: Path, *patterns: str) -> str:
    """hashFiles(): SHA-256 over the SHA-256 of each file that matches, "" when none does."""
    outer, any_file = hashlib.sha256(), False
    names = set()
    for pattern in patterns:
        for line in str(pattern).splitlines():
            hits = set(glob.iglob(os.path.normpath(workspace / line.strip().removeprefix("!")), recursive=True))
            names = names - hits if line.strip().startswith("!") else names | hits
    for name in sorted(names):
        if os.path.isfile(name) and workspace.resolve() in Path(name).resolve().parents:
            any_file = True
            with open(name, "rb") as file:
                outer.update(hashlib.file_digest(file, "sha256").digest())
    return outer.hexdigest() if any_file else ""


ACTIONS: dict[str, Callable[[Here, dict[str, str]], dict[str, str]]] = {
    "actions/checkout": checkout, "actions/upload-artifact": upload, "actions/download-artifact": download,
}
