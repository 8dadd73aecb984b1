"""Plain git for what REST cannot do: apply a patch, build merge commits, push.

Runs the `git` program with a cleared configuration; the token goes to it in the environment, never on a command
line. Nothing here runs code of the repository (no hooks, no filters, no submodules).
"""

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bot import scratch
from bot.errors import ForgeError, MissingTool

ZERO = "0" * 40


class GitFailed(ForgeError):
    """git ended with an error; `output` is what it said."""

    def __init__(self, message: str, output: str):
        super().__init__(message, output.strip().splitlines()[-1][:300] if output.strip() else "")
        self.output = output


class Conflict(GitFailed):
    """A patch or a merge does not fit; `paths` are the files that clash."""

    def __init__(self, message: str, output: str, paths: list[str]):
        super().__init__(message, output)
        self.paths = paths


class Git:
    """A bare repository of our own at `path`, fed from and pushing to `url`."""

    def __init__(self, path: Path, url: str, token: str, *, name: str, email: str,
                 after_call: Callable[[str, str], None] | None = None):
        self.path, self.url, self.after_call = path, url, after_call
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        self._env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(path), "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email,
        }
        settings = {f"http.{url}.extraheader": f"Authorization: Basic {basic}", "core.hooksPath": "/dev/null",
                    "protocol.file.allow": "always", "gc.auto": "0", "advice.detachedHead": "false"}
        self._env["GIT_CONFIG_COUNT"] = str(len(settings))
        for n, (key, value) in enumerate(settings.items()):
            self._env |= {f"GIT_CONFIG_KEY_{n}": key, f"GIT_CONFIG_VALUE_{n}": value}
        for variable in ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY"):
            if variable in os.environ:
                self._env[variable] = os.environ[variable]

    def __call__(self, *args: str, stdin: bytes | None = None, env: dict | None = None, cwd: Path | None = None,
                 ok: tuple[int, ...] = (0,)) -> str:
        """Standard output of `git args…`, stripped; GitFailed unless it exits with a code in `ok`."""
        return self._run(args, stdin, env, cwd, ok).stdout.decode("utf-8", "replace").strip()

    def _run(self, args, stdin=None, env=None, cwd=None, ok=(0,)) -> subprocess.CompletedProcess:
        try:
            done = subprocess.run(["git", *args], input=stdin, capture_output=True, cwd=cwd or self.path,
                                  env={**self._env, **(env or {})}, timeout=600, check=False)
        except FileNotFoundError:
            raise MissingTool("git is not installed", "apt-get install git") from None
        if done.returncode not in ok:
            output = (done.stderr + done.stdout).decode("utf-8", "replace")
            raise GitFailed(f"git {args[0]} failed with exit code {done.returncode}", output)
        return done

    def _called(self, what: str) -> None:
        if self.after_call:
            self.after_call("GIT", what)

    # -- the remote -----------------------------------------------------------------------------------------------

    def fetch(self, *refs: str) -> None:
        """Bring these refs (or patterns) into ours, under the same names; a pattern prunes those that are gone."""
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / "HEAD").exists():
            self("init", "--quiet", "--bare", ".")
            self._borrow()
        self("fetch", "--quiet", "--no-tags", "--force", "--prune", "--no-recurse-submodules", self.url,
             *(f"+{ref}:{ref}" for ref in refs))
        self._called("fetch")

    def _borrow(self) -> None:
        """Borrow the objects that the checkout we run in borrows, as a job's does from the local forge itself: none of
        them has to be sent then."""
        lent = Path(".git/objects/info/alternates")
        if lent.is_file():
            stores = [line for line in lent.read_text().splitlines() if os.path.isabs(line)]
            (self.path / "objects" / "info" / "alternates").write_text("".join(f"{store}\n" for store in stores))

    def push(self, sha: str, ref: str) -> bool:
        """Fast-forward `ref` on the forge to `sha`, or create it; False if the forge's has moved elsewhere."""
        done = self._run(["push", "--porcelain", self.url, f"{sha}:{ref}"], ok=(0, 1))
        self._called(f"push {ref}")
        if done.returncode == 0:
            return True
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        if "[rejected]" in said or "[remote rejected]" in said:
            return False
        raise GitFailed(f"git push to {ref} failed", said)

    # -- objects --------------------------------------------------------------------------------------------------

    def sha(self, name: str) -> str | None:
        return self("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", ok=(0, 1, 128)) or None

    def tree(self, name: str) -> str:
        return self("rev-parse", "--verify", f"{name}^{{tree}}")

    def is_ancestor(self, old: str, new: str) -> bool:
        return self._run(["merge-base", "--is-ancestor", old, new], ok=(0, 1)).returncode == 0

    def merged_by(self, head: str, tip: str) -> str:
        """The merge on `tip`'s first-parent line that brought `head`; `head` itself if it came without one."""
        for line in self("log", "--first-parent", "--merges", "--format=%H %P", f"{head}..{tip}").splitlines():
            merge, _, *others = line.split()
            if head in others:
                return merge
        return head

    def begun(self, head: str, tip: str) -> str:
        """Where the branch that ends at `head` left the line of `tip`; the same before and after it was merged there."""
        merge = self.merged_by(head, tip) if self.is_ancestor(head, tip) else ""
        return self("merge-base", head, f"{merge}^1" if merge not in ("", head) else tip)

    def landed(self, base: str, tip: str) -> list[tuple[int, str]]:
        """Number and head of each task that was merged on the first-parent line from `base` to `tip`, oldest first."""
        log = self("log", "--reverse", "--first-parent", "--merges", "--format=%P %(trailers:key=Auton-Task,valueonly)",
                   f"{base}..{tip}")
        rows = [line.split() for line in log.splitlines() if line.strip()]
        return [(int(row[2].removeprefix("#")), row[1]) for row in rows
                if len(row) == 3 and row[2].removeprefix("#").isdigit()]

    def message(self, sha: str) -> str:
        return self("show", "--no-patch", "--format=%B", sha)

    def merge(self, onto: str, head: str, message: str) -> str:
        """A merge commit of `head` into `onto`, the same for the same input for ever; Conflict if they clash."""
        done = self._run(["merge-tree", "--write-tree", "--name-only", "--no-messages", onto, head], ok=(0, 1))
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        if done.returncode == 1:
            raise Conflict(f"{head[:10]} does not merge into {onto[:10]}", "", [line for line in lines[1:] if line])
        dates = self("show", "--no-patch", "--format=%ct", onto, head).split()
        date = f"{max(map(int, dates))} +0000"
        return self("commit-tree", lines[0], "-p", onto, "-p", head, "-F", "-", stdin=message.encode(),
                    env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})

    def join(self, old: str, new: str, message: str) -> str:
        """A commit with the content of `new` that descends from both: `old` is fast-forwarded to it."""
        date = self("show", "--no-patch", "--format=%ct", new) + " +0000"
        return self("commit-tree", self.tree(new), "-p", old, "-p", new, "-F", "-", stdin=message.encode(),
                    env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})

    def apply_mailbox(self, onto: str, patch: bytes, trailers: list[str]) -> str:
        """The commits of a `format-patch` mailbox on top of `onto`, each with `trailers`; the new tip.

        The same input gives the same SHA, so that a job that is run twice pushes the same commits.
        """
        with scratch.folder("am") as tree:
            self("worktree", "add", "--quiet", "--detach", "--no-checkout", str(tree), onto)
            try:
                self._am(tree, onto, patch)
                return self._with_trailers(onto, self("rev-parse", "HEAD", cwd=tree), trailers)
            finally:
                self("worktree", "remove", "--force", str(tree), ok=(0, 128))

    def with_files(self, onto: str, files: dict[str, bytes], message: str) -> str:
        """A commit on top of `onto` in which these files are so; the same for the same input for ever."""
        with scratch.folder("index") as place:
            index = {"GIT_INDEX_FILE": str(place / "index")}
            self("read-tree", onto, env=index)
            for path, content in files.items():
                blob = self("hash-object", "-w", "--stdin", stdin=content)
                self("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
            date = self("show", "--no-patch", "--format=%ct", onto) + " +0000"
            return self("commit-tree", self("write-tree", env=index), "-p", onto, "-F", "-", stdin=message.encode(),
                        env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})

    def _am(self, tree: Path, onto: str, patch: bytes) -> None:
        """`git am` in the empty worktree `tree`. The index is enough for a patch that fits: git takes out of it the
        files that are touched, and no others are written. Only a merge needs them all."""
        am = ("am", "--quiet", "--committer-date-is-author-date", "--no-gpg-sign", "--keep-non-patch")
        self("read-tree", onto, cwd=tree)
        try:
            self(*am, cwd=tree, stdin=patch)
            return
        except GitFailed:
            self("am", "--abort", cwd=tree, ok=(0, 128))
        self("reset", "--quiet", "--hard", onto, cwd=tree)
        try:
            self(*am, "--3way", cwd=tree, stdin=patch)
        except GitFailed as error:
            paths = self("diff", "--name-only", "--diff-filter=U", cwd=tree, ok=(0, 128)).splitlines()
            raise Conflict(f"the patch does not apply to {onto[:10]}", error.output, paths) from None

    def _with_trailers(self, onto: str, tip: str, trailers: list[str]) -> str:
        """Rewrite the commits onto..tip with `trailers` added to each message, and ourselves as their author: a
        patch may claim any name."""
        new = onto
        for sha in self("rev-list", "--reverse", f"{onto}..{tip}").splitlines():
            text = self("interpret-trailers", "--if-exists=replace", *(f"--trailer={line}" for line in trailers),
                        stdin=self.message(sha).encode()) + "\n"
            date = self("show", "--no-patch", "--format=%at", sha) + " +0000"
            new = self("commit-tree", self.tree(sha), "-p", new, "-F", "-", stdin=text.encode(),
                       env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
        return new
