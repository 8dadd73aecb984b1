"""Verdicts that need no second run: PASS reports by everything that could change them.

The key is the content of the checkout, the target's table, the programs that build and boot, and this
package's own source. Entries lie in the user's cache folder and not in the checkout, since the code that is
verified may write there. Only PASS is kept: a failure is always looked at anew.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from bot import handoff
from bot.config import Target
from bot.errors import MissingTool, Refused
from bot.handoff import ArchReport
from bot.verify import tools

KEPT = 200
"""Verdicts kept; the oldest make room."""
UNKNOWN = "dirty:unknown"
"""The tree of a folder whose content git can't tell: nothing is reused there."""
GIT = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]


def folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "auton" / "verify"


def tree_of(repo: Path) -> str:
    """What is verified: the tree SHA of a clean checkout, else `dirty:` and a hash of its content."""
    head = _git(repo, "rev-parse", "--verify", "--quiet", "HEAD^{tree}")
    if head is None:
        return UNKNOWN
    entries = _git(repo, "ls-files", "--stage", "-z") or b""
    if any(entry.startswith(b"160000 ") for entry in entries.split(b"\0")):
        return UNKNOWN  # a submodule: its own configuration, which a build may have written, would steer git
    status = _git(repo, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames",
                  "--ignore-submodules=all") or b""
    if not status:
        return head.decode().strip()
    top = Path((_git(repo, "rev-parse", "--show-toplevel") or b".").decode().rstrip("\n"))
    digest = hashlib.sha256(head)
    for entry in sorted(filter(None, status.split(b"\0"))):
        path = top / os.fsdecode(entry[3:])
        digest.update(entry + b"\0")
        if path.is_symlink():
            digest.update(os.fsencode(os.readlink(path)))
        elif path.is_file():
            digest.update(b"x" if os.access(path, os.X_OK) else b"-")
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"dirty:{digest.hexdigest()[:40]}"


def key(tree: str, arch: str, target: Target) -> str:
    """Names the verdict; empty when it can't be known to hold a second time."""
    if tree == UNKNOWN:
        return ""
    programs = []
    for name in sorted(tools.PACKAGES):
        if found := shutil.which(name):
            stat = os.stat(found)
            programs.append([os.path.realpath(found), stat.st_size, stat.st_mtime_ns])
    judge = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        judge.update(source.read_bytes())
    whole = json.dumps([tree, arch, target.model_dump(), programs, judge.hexdigest()])
    return hashlib.sha256(whole.encode()).hexdigest()


def get(name: str) -> ArchReport | None:
    path = folder() / f"{name}.json"
    if not name or not path.is_file():
        return None
    try:
        report = handoff.read(ArchReport, path)
    except Refused:
        return None  # written by another version: look anew
    return report.model_copy(update={"cached": True, "waited": []}) if report.verdict == "PASS" else None


def put(name: str, report: ArchReport) -> None:
    if not name or report.verdict != "PASS":
        return
    folder().mkdir(parents=True, exist_ok=True)
    handoff.write(folder() / f"{name}.json", report)
    for old in sorted(folder().glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def _git(repo: Path, *args: str) -> bytes | None:
    try:
        done = subprocess.run([*GIT, "-C", str(repo), *args], capture_output=True, check=False)
    except FileNotFoundError:
        raise MissingTool("expected the program git, found none", tools.install("git")) from None
    return done.stdout if done.returncode == 0 else None
