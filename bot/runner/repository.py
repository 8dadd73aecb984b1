"""Reading a bare repository: commits, the workflow files at a commit, changed paths. Nothing is written."""

import functools
import os
import subprocess
import threading
from pathlib import Path

from bot.runner.workflow import Workflow, WorkflowError, parse_workflow

FOLDER = ".github/workflows"
MAX_WORKFLOW_FILES = 100
ENV = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}


def git(bare: Path, *args: str, data: bytes | None = None) -> bytes:
    """The output of git in `bare`; empty when git refuses."""
    done = subprocess.run(["git", "-C", str(bare), *args], env=ENV, input=data, capture_output=True, check=False,
                          timeout=120)
    return done.stdout if done.returncode == 0 else b""


def commit(bare: Path, name: str) -> str:
    """The commit that `name` stands for, "" when there is none."""
    return git(bare, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()


def full_ref(bare: Path, name: str) -> str:
    """The full name of a branch or tag, "" when there is none."""
    for ref in ([name] if name.startswith("refs/") else [f"refs/heads/{name}", f"refs/tags/{name}"]):
        if git(bare, "show-ref", "--verify", "--end-of-options", ref):
            return ref
    return ""


def message(bare: Path, sha: str) -> str:
    return git(bare, "log", "-1", "--format=%B", sha, "--").decode("utf-8", "replace").strip()


def commit_details(bare: Path, sha: str) -> dict[str, str]:
    """Author, committer, date, tree and message of a commit, for the API."""
    text = git(bare, "log", "-1", "--format=%T%x00%an%x00%ae%x00%cn%x00%ce%x00%cI%x00%B", sha, "--")
    fields = text.decode("utf-8", "replace").split("\0")
    names = ("tree", "author", "author_email", "committer", "committer_email", "date", "message")
    return dict(zip(names, [field.strip() for field in fields] + [""] * 7, strict=False))


def changed_paths(bare: Path, old: str, new: str, *, merge_base: bool = False) -> list[str]:
    """Paths that differ between two commits; all of them when there is no old one."""
    if not old.strip("0") or not commit(bare, old):
        listed = git(bare, "ls-tree", "-r", "-z", "--name-only", new)
    else:
        span = [f"{old}...{new}"] if merge_base else [old, new]
        listed = git(bare, "diff", "-z", "--name-only", "--no-renames", *span, "--")
    return [path for path in listed.decode("utf-8", "replace").split("\0") if path]


class WorkflowFiles:
    """The workflow files of repositories by commit, each blob parsed once."""

    def __init__(self):
        self._lock = threading.Lock()
        self._at = functools.lru_cache(maxsize=256)(self._read)

    def at(self, bare: Path, sha: str) -> dict[str, str]:
        """path → text of the workflow files at commit `sha`."""
        with self._lock:
            return self._at(bare, sha)

    @staticmethod
    def _read(bare: Path, sha: str) -> dict[str, str]:
        listed = git(bare, "ls-tree", "-z", sha, f"{FOLDER}/").decode("utf-8", "replace").split("\0")
        blobs = {}
        for entry in filter(None, listed):
            about, _, path = entry.partition("\t")
            mode, kind, blob = about.split()
            if kind == "blob" and mode != "120000" and path.endswith((".yml", ".yaml")):
                blobs[path] = blob
        texts = {}
        for path in sorted(blobs)[:MAX_WORKFLOW_FILES]:
            texts[path] = git(bare, "cat-file", "blob", blobs[path]).decode("utf-8", "replace")
        return texts


@functools.lru_cache(maxsize=512)
def parsed(path: str, text: str) -> Workflow | WorkflowError:
    """The workflow in `text`, or why it is none."""
    try:
        return parse_workflow(path, text)
    except WorkflowError as error:
        return error
