"""Facts and changes of one bare repository, by plain git.

Objects are read through one long-lived `git cat-file`, commits are kept once read (they never change);
whatever needs git's judgement (merges, diffs, ancestry, ref updates) runs git itself.
"""

import os
import re
import subprocess
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import MissingTool

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SHA = re.compile(r"[0-9a-f]{40}")
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    # The repositories are the forge's own, whoever owns the folder (a mount in a container, say).
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "LC_ALL": "C.UTF-8",
}
SETTINGS = {
    "http.receivepack": "true",
    "receive.autogc": "false",
    "gc.auto": "0",
    "receive.fsckObjects": "true",
    "receive.hideRefs": "refs/pull",
    "receive.maxInputSize": str(1 << 30),
    "core.quotePath": "false",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
}
KEPT = 20_000


class GitError(Exception):
    """git refused; the message is its own last words."""


@dataclass(frozen=True)
class Person:
    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class Entry:
    mode: str
    kind: str  # blob, tree, commit
    sha: str
    path: str


def check_version() -> None:
    """MissingTool unless git can merge trees without a worktree (2.38)."""
    try:
        words = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingTool(f"git: expected to run, found {error}", "install git, then run this again") from None
    numbers = tuple(int(part) for part in re.findall(r"\d+", words[2])[:2])
    if numbers < (2, 38):
        raise MissingTool(f"git: expected version 2.38 or newer, found {words[2]}", "install a newer git")


class Git:
    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self._reader: subprocess.Popen | None = None
        self._commits: OrderedDict[str, Commit] = OrderedDict()
        self._answers: OrderedDict[tuple, object] = OrderedDict()

    @classmethod
    def create(cls, path: Path, branch: str) -> "Git":
        path.mkdir(parents=True, exist_ok=True)
        git = cls(path)
        git.run("init", "-q", "--bare", "-b", branch)
        git.configure()
        return git

    def configure(self) -> None:
        config = (self.path / "config").read_text()
        section = "# settings of the local forge\n"
        if section in config:
            config = config[: config.index(section)]
        lines = [
            f"[{key.rpartition('.')[0]}]\n\t{key.rpartition('.')[2]} = {value}\n" for key, value in SETTINGS.items()
        ]
        (self.path / "config").write_text(config + section + "".join(lines))

    def run(self, *args: str, input: bytes | None = None, ok=(0,), env: dict | None = None) -> str:
        return self.raw(*args, input=input, ok=ok, env=env)[1].decode("utf-8", "replace").strip("\n")

    def raw(self, *args: str, input: bytes | None = None, ok=(0,), env: dict | None = None) -> tuple[int, bytes]:
        """Exit status and output of one git command; GitError when the status is not in `ok`."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            capture_output=True,
            input=input,
            env={**ENVIRONMENT, "GIT_DIR": str(self.path), **(env or {})},
        )
        if done.returncode not in ok:
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitError(f"git {args[0]}: {words[-1] if words else f'exit {done.returncode}'}")
        return done.returncode, done.stdout

    # Reading objects.

    def _ask(self, line: str, body: bool) -> tuple[str, str, bytes] | None:
        if "\n" in line or len(line) > 4000:
            return None
        with self._lock:
            reader = self._reader
            if reader is None or reader.poll() is not None:
                reader = self._reader = subprocess.Popen(
                    ["git", "cat-file", "--batch-command"],
                    cwd=self.path,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**ENVIRONMENT, "GIT_DIR": str(self.path)},
                )
            reader.stdin.write(f"{'contents' if body else 'info'} {line}\n".encode())
            reader.stdin.flush()
            head = reader.stdout.readline().decode("utf-8", "replace").rstrip("\n")
            words = head.split(" ")
            if len(words) != 3 or not SHA.fullmatch(words[0]):
                return None
            data = reader.stdout.read(int(words[2]) + 1)[:-1] if body else b""
            return words[0], words[1], data if body else words[2].encode()

    def info(self, name: str) -> tuple[str, str, int] | None:
        """SHA, type and size of the object that `name` says, if there is one."""
        found = self._ask(name, body=False)
        return (found[0], found[1], int(found[2])) if found else None

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        return self._ask(name, body=True)

    def resolve(self, rev: str) -> str | None:
        """The commit that a branch, tag, ref or (abbreviated) SHA names; no other revision syntax is
        accepted.
        """
        if not rev or re.search(r"[\x00-\x20~^:?*\[\\]|\.\.|@\{|^-|//|^/|/$", rev):
            return None
        names = [rev] if re.fullmatch(r"[0-9a-f]{40}", rev) else []
        names += [f"refs/heads/{rev}", f"refs/tags/{rev}"]
        names += [rev] if rev.startswith("refs/") or rev == "HEAD" else [f"refs/{rev}"]
        names += [rev] if re.fullmatch(r"[0-9a-f]{7,39}", rev) else []
        for name in names:
            found = self.info(name + "^{commit}")
            if found:
                return found[0]
        return None

    def ref(self, name: str) -> str | None:
        """The object a full ref name points at."""
        found = self.info(name) if valid_ref(name) else None
        return found[0] if found else None

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        out = self.run("for-each-ref", "--format=%(objectname) %(refname)")
        pairs = (line.split(" ", 1) for line in out.split("\n") if line)
        return {name: sha for sha, name in pairs if name.startswith(prefix)}

    def commit(self, sha: str) -> Commit | None:
        found = self._commits.get(sha)
        if found is None:
            read = self.read(sha)
            if read is None or read[1] != "commit":
                return None
            found = _parse_commit(sha, read[2])
            self._commits[sha] = found
            if len(self._commits) > KEPT:
                self._commits.popitem(last=False)
        return found

    def tree(self, sha: str) -> list[Entry] | None:
        """The entries of one tree, in git's order; `sha` may be a commit's."""
        read = self.read(sha + "^{tree}")
        if read is None:
            return None
        entries, data, at = [], read[2], 0
        while at < len(data):
            space = data.index(b" ", at)
            zero = data.index(b"\0", space)
            mode = data[at:space].decode().zfill(6)
            kind = {"040000": "tree", "160000": "commit"}.get(mode, "blob")
            entries.append(
                Entry(
                    mode,
                    kind,
                    data[zero + 1 : zero + 21].hex(),
                    data[space + 1 : zero].decode("utf-8", "replace"),
                )
            )
            at = zero + 21
        return entries

    def tree_sha(self, name: str) -> str | None:
        found = self.info(name + "^{tree}")
        return found[0] if found else None

    def walk(self, sha: str) -> list[Entry]:
        """Every entry below a tree, subtrees included, with full paths."""
        out = []
        for entry in self.tree(sha) or []:
            out.append(entry)
            if entry.kind == "tree":
                out += [Entry(e.mode, e.kind, e.sha, f"{entry.path}/{e.path}") for e in self.walk(entry.sha)]
        return out

    def entry(self, rev: str, path: str) -> Entry | None:
        """What lies at `path` in the tree of `rev`."""
        here = self.tree_sha(rev)
        parts = [part for part in path.split("/") if part]
        if here is None or any(part in (".", "..") for part in parts):
            return None
        found = Entry("040000", "tree", here, "")
        for part in parts:
            if found.kind != "tree":
                return None
            found = next((e for e in self.tree(found.sha) or [] if e.path == part), None)
            if found is None:
                return None
        return Entry(found.mode, found.kind, found.sha, "/".join(parts))

    # History. Answers about commits never change, so they are kept.

    def _kept(self, *key):
        """Output of a read-only git command whose arguments are all SHAs or options."""
        if key not in self._answers:
            self._answers[key] = self.raw(*key, ok=(0, 1))
            if len(self._answers) > 500:
                self._answers.popitem(last=False)
        return self._answers[key]

    def merge_base(self, a: str, b: str) -> str | None:
        status, out = self._kept("merge-base", a, b)
        return out.decode().strip() if status == 0 else None

    def is_ancestor(self, old: str, new: str) -> bool:
        return old == new or self._kept("merge-base", "--is-ancestor", old, new)[0] == 0

    def ahead_behind(self, base: str, head: str) -> tuple[int, int]:
        out = self._kept("rev-list", "--left-right", "--count", f"{base}...{head}")[1].split()
        return int(out[1]), int(out[0])

    def between(self, old: str, new: str) -> list[str]:
        """The commits of `new` that `old` has not, oldest first."""
        return self._kept("rev-list", "--reverse", "--topo-order", f"{old}..{new}")[1].decode().split()

    def touched(self, *span: str) -> dict[str, dict[str, list[str]]]:
        """Which paths each commit of a span added, removed and modified; a merge touches none."""
        out = self._kept("log", "-z", "--format=%x01%H", "--name-status", "--no-renames", *span)[1]
        words = iter(out.decode("utf-8", "replace").split("\0"))
        found: dict[str, dict[str, list[str]]] = {}
        files: dict[str, list[str]] = {}
        for word in words:
            word = word.lstrip("\n")
            if word.startswith("\1"):
                files = found[word[1:]] = {"added": [], "removed": [], "modified": []}
            elif word:
                files[{"A": "added", "D": "removed"}.get(word, "modified")].append(next(words))
        return found

    def log(self, *args: str) -> list[str]:
        return self.run("rev-list", *args).split()

    def diff(self, old: str, new: str) -> bytes:
        """`git diff` of two commits or trees: raw entries, counts and patches in one output; see diffs.py."""
        return self._kept(
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "-M",
            "--raw",
            "--numstat",
            "-p",
            "-z",
            "--full-index",
            "--abbrev=40",
            old,
            new,
        )[1]

    # Writing.

    def write_blob(self, data: bytes) -> str:
        return self.run("hash-object", "-w", "--stdin", input=data)

    def edit_tree(self, base: str | None, edits: list[tuple[str, str | None, str]]) -> str:
        """A new tree: `base` with each (mode, sha or None to delete, path) applied."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if base:
                self.run("read-tree", base, env=env)
            lines = "".join(f"{mode if sha else 0} {sha or ZERO}\t{path}\0" for mode, sha, path in edits)
            self.run("update-index", "-z", "--index-info", input=lines.encode(), env=env)
            return self.run("write-tree", env=env)

    def write_commit(self, tree: str, parents, message: str, author: Person, committer: Person | None = None) -> str:
        committer = committer or author
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            "GIT_COMMITTER_DATE": committer.date,
        }
        heads = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *heads, "-F", "-", input=message.encode(), env=env)

    def write_tag(self, text: str) -> str:
        return self.run("mktag", input=text.encode())

    def merge_tree(self, ours: str, theirs: str) -> str | None:
        """The merged tree, or None where the two conflict (or share no history)."""
        status, out = (
            self._kept("merge-tree", "--write-tree", "--no-messages", ours, theirs)
            if self.merge_base(ours, theirs)
            else (1, b"")
        )
        return out.decode().split("\n")[0] if status == 0 else None

    def update_ref(self, name: str, new: str, old: str | None = None) -> bool:
        """Point a ref at `new` (ZERO deletes) if it still is at `old`; whether it was."""
        words = ["-d", name] if new == ZERO else [name, new]
        status, _ = self.raw("update-ref", *words, *([old] if old is not None else []), ok=(0, 1, 128))
        return status == 0

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.stdin.close()
                self._reader.stdout.close()
                self._reader.wait()
                self._reader = None


def valid_ref(name: str) -> bool:
    """git's rules for a ref name (git-check-ref-format), for names below refs/."""
    return (
        name.startswith("refs/")
        and not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|\.$|/$", name)
        and len(name) <= 250
    )


def _person(line: bytes) -> Person:
    found = re.fullmatch(rb"(.*?) ?<(.*)> (-?\d+)(?: ([+-]\d{4}))?", line)
    if not found:
        return Person(line.decode("utf-8", "replace"), "", "1970-01-01T00:00:00Z")
    when = datetime.fromtimestamp(max(0, min(int(found[3]), 253402300799)), UTC)
    return Person(
        found[1].decode("utf-8", "replace"),
        found[2].decode("utf-8", "replace"),
        when.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _parse_commit(sha: str, data: bytes) -> Commit:
    head, _, message = data.partition(b"\n\n")
    tree, parents, author, committer = "", [], None, None
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode()
        elif key == b"parent":
            parents.append(value.decode())
        elif key == b"author":
            author = _person(value)
        elif key == b"committer":
            committer = _person(value)
    unknown = Person("", "", "1970-01-01T00:00:00Z")
    return Commit(
        sha,
        tree,
        tuple(parents),
        author or unknown,
        committer or unknown,
        message.decode("utf-8", "replace").rstrip("\n"),
    )
