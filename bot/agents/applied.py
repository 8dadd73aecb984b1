"""What git itself makes of a patch: applied to a scratch index, it must do exactly what the screen has read.

Nothing is checked out and no hook, filter or configuration of the repository runs: `git mailsplit`, `git mailinfo`
and `git apply --cached` with an index and an object folder of their own. It reads the checkout and never writes it.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bot import hostile, sandbox, scratch
from bot.agents import mbox
from bot.handoff import Result

CPU_SECONDS = 60


def check(repo: Path, result: Result, patch: bytes, lent: Sequence[Path] | None = None) -> list[str]:
    """The reasons to refuse that only git can tell; the patch must be one that bot/agents/screen.py found clean.

    With `lent`, the object stores that `repo` borrows from (there may be none), git runs in the sandbox: the
    repository is then one that an agent has worked in."""
    with scratch.folder("screen") as folder:
        try:
            return _check(_Scratch(repo, folder, lent), result, patch)
        except _Failed as failed:
            return [f"change.patch: {failed}"]


class _Failed(Exception):
    pass


class _Scratch:
    """Git with an index and objects of its own beside those of `repo`."""

    def __init__(self, repo: Path, folder: Path, lent: Sequence[Path] | None):
        self.repo, self.folder, self.lent = repo, folder, lent
        (folder / "objects").mkdir()
        base = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8"}
        self.env = base
        common = Path(self.git("rev-parse", "--path-format=absolute", "--git-common-dir", cwd=repo).strip())
        # A bare stand-in for the repository: its objects, and none of its configuration.
        self.git("init", "--quiet", "--bare", "--template=", str(folder / "git"))
        (folder / "git" / "objects" / "info").mkdir(exist_ok=True)
        (folder / "git" / "objects" / "info" / "alternates").write_text(f"{common / 'objects'}\n")
        self.env = {**base, "GIT_DIR": str(folder / "git"), "GIT_INDEX_FILE": str(folder / "index")}

    def git(self, *arguments: str, data: bytes | None = None, cwd: Path | None = None) -> str:
        argv, cwd = ["git", *arguments], cwd or self.folder
        if self.lent is not None:
            argv = sandbox.wrap(argv, root=self.repo, visible=list(self.lent), writable=[self.folder], cwd=cwd,
                                env=self.env, cpu_seconds=CPU_SECONDS)
        done = subprocess.run(argv, input=data if data is not None else b"", capture_output=True, env=self.env, cwd=cwd,
                              check=False)
        if done.returncode:
            raise _Failed(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[:500]}")
        return done.stdout.decode("utf-8", "surrogateescape")


def _check(git: _Scratch, result: Result, patch: bytes) -> list[str]:
    (git.folder / "mbox").write_bytes(patch)
    (git.folder / "mails").mkdir()
    mails = mbox.parse(patch)
    count = int(git.git("mailsplit", f"-o{git.folder / 'mails'}", "--", str(git.folder / "mbox")))
    if count != len(mails):
        return [f"change.patch: read as {len(mails)} commits, but git reads {count}"]
    git.git("read-tree", result.head_sha)
    reasons: list[str] = []
    before = git.git("write-tree").strip()
    for number, mail in enumerate(mails, 1):
        one = (git.folder / "mails" / f"{number:04}").read_bytes()
        info = git.git("mailinfo", "--no-scissors", "msg", "patch", data=one)
        author = " ".join(line.partition(": ")[2] for line in info.splitlines() if line.startswith(("Author", "Email")))
        if author != mail.author.replace("<", "").replace(">", ""):
            reasons.append(f"commit {number}: read the author {mail.author}, but git reads {author}")
        git.git("apply", "--cached", "--whitespace=nowarn", "patch")
        after = git.git("write-tree").strip()
        reasons += _compare(git, number, mail, before, after)
        before = after
    reasons += _specs(git, result.head_sha, before)
    return reasons


def _compare(git: _Scratch, number: int, mail: mbox.Mail, before: str, after: str) -> list[str]:
    """The tree's change as git sees it against the one that was read."""
    reasons = []
    raw = git.git("diff-tree", "-r", "-z", "--no-renames", before, after).split("\0")
    seen = {}
    for meta, path in zip(raw[::2], raw[1::2], strict=False):
        old, new, _, blob, status = meta[1:].split(" ")
        seen[path] = status
        if new not in ("000000", "100644", "100755"):
            reasons.append(f"{path}: expected a plain file, found mode {new}")
        if new == "100755" and old != "100755" and not git.git("cat-file", "blob", blob).startswith("#!"):
            reasons.append(f"{path}: only a script that begins with #! may become executable")
    kinds = {"new": "A", "deleted": "D", "changed": "M"}
    read = {change.path: kinds[change.kind] for change in mail.files}
    if seen != read:
        odd = sorted(set(seen.items()) ^ set(read.items()))
        reasons.append(f"commit {number}: git changes other files than were read: {odd[:5]}")
    stat = git.git("diff-tree", "-r", "-z", "--no-renames", "--numstat", before, after).split("\0")
    counts = {path: (added, removed) for added, removed, path in (line.split("\t", 2) for line in stat if line)}
    for change in mail.files:
        found = counts.get(change.path, ("0", "0"))
        if found[0] == "-":
            reasons.append(f"{change.path}: git takes it for binary")
    return reasons


def _specs(git: _Scratch, head: str, tree: str) -> list[str]:
    """An existing spec's name, architectures and checks must all be there still, unchanged, and so must what it
    depends on. More of the latter asks for more: `auton verify` wants each of them to exist, and reads them for
    nothing else."""
    reasons = []
    listed = git.git("diff-tree", "-r", "-z", "--no-renames", head, tree, "--", "specs").split("\0")
    for meta, path in zip(listed[::2], listed[1::2], strict=False):
        if meta[1:].split(" ")[4] == "A" or not path.endswith(".md"):
            continue
        try:
            old = front_matter(git.git("cat-file", "blob", f"{head}:{path}"))
        except ValueError:
            continue
        try:
            new = front_matter("" if meta[1:].split(" ")[4] == "D" else git.git("cat-file", "blob", f"{tree}:{path}"))
        except ValueError as error:
            reasons.append(f"{path}: its front matter can't be read any more: {error}")
            continue
        gone = [check for check in old.get("check", []) if check not in new.get("check", [])]
        for check in gone[:3]:
            reasons.append(f"{path}: changing or removing an acceptance check needs a person: {check}")
        for key in ("name", "archs"):
            if old.get(key) != new.get(key):
                reasons.append(f"{path}: changing `{key}` needs a person (was {old.get(key)})")
        if lost := [name for name in _depends(old) if name not in _depends(new)]:
            reasons.append(f"{path}: removing {', '.join(map(str, lost))} from `depends` needs a person; adding does not")
    return reasons


def _depends(spec: dict) -> list:
    found = spec.get("depends", [])
    return found if isinstance(found, list) else [found]


def front_matter(text: str) -> dict:
    """The TOML between the two lines `+++` that a spec opens with; ValueError if there is none."""
    if not text.startswith("+++\n") or "\n+++\n" not in text[3:] + "\n":
        raise ValueError("expected TOML between two lines '+++'")
    return hostile.read_toml(text[4:].partition("\n+++")[0])
