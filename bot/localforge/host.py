"""The forge itself: repositories on disk, everything else in SQLite, and what the runner may ask of it
(`ports.Host`).
"""

import os
import shutil
import threading
from pathlib import Path

from bot.localforge import pushes
from bot.localforge.codes import Codes
from bot.localforge.events import Outbox
from bot.localforge.faults import Faults
from bot.localforge.git import Git, check_version
from bot.localforge.payloads.repos import full_name, repository
from bot.localforge.payloads.users import user
from bot.localforge.people import OWNER, People
from bot.localforge.ports import Event, Payload, Workflows
from bot.localforge.store import Store, now
from bot.localforge.webhooks import Webhooks
from bot.localforge.wire import not_found


class NoWorkflows:
    """A forge without a runner: events start nothing and there are no runs."""

    def on_event(self, event: Event) -> None:
        pass

    def routes(self) -> list:
        return []

    def runs_for(self, repo: str, sha: str) -> list[Payload]:
        return []

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Forge:
    """Implements `ports.Host`. One per data folder; `url` is where it is served."""

    def __init__(
        self,
        data: Path,
        url: str,
        faults: Faults | None = None,
        secrets: dict[str, str] | None = None,
        hourly: int = 15_000,
    ):
        check_version()
        self.data = Path(data).absolute()  # git is run in folders of its own
        self.data.mkdir(parents=True, exist_ok=True)
        os.chmod(self.data, 0o700)
        self.url = url.rstrip("/")
        self.api = self.url + "/api/v3"
        self.host = self.url.split("//", 1)[1]
        self.faults = faults or Faults()
        self.hourly = hourly
        self.given_secrets = dict(secrets or {})
        self.store = Store(self.data / "forge.db")
        self.people = People(self.store)
        self.workflows: Workflows = NoWorkflows()
        self.codes = Codes()
        self.cache: dict = {}
        self._gits: dict[int, Git] = {}
        self._gits_lock = threading.Lock()
        self.webhooks = Webhooks(self)
        self.outbox = Outbox(self)

    def start(self) -> None:
        """Catch up with what git holds and what was not delivered, then begin delivering."""
        with self.store.transaction():
            for repo in self.store.all("select * from repos"):
                self.git(repo).configure()
                pushes.catch_up(self, repo)
        self.webhooks.start()
        self.outbox.start()
        self.workflows.start()

    def stop(self) -> None:
        self.workflows.stop()
        self.outbox.stop()
        self.webhooks.stop()
        for git in self._gits.values():
            git.close()
        self.store.close()

    # Repositories.

    def find(self, repo: str):
        """The row of `owner/name`, or None."""
        owner, _, name = repo.partition("/")
        return self.store.one("select * from repos where owner = ? and name = ?", owner, name)

    def row(self, repo: str):
        with self.store.lock:
            found = self.find(repo)
        if found is None:
            raise KeyError(f"no repository {repo!r} on this forge")
        return found

    def git(self, repo) -> Git:
        with self._gits_lock:
            git = self._gits.get(repo["id"])
            if git is None:
                git = self._gits[repo["id"]] = Git(self.path(repo))
            return git

    def path(self, repo) -> Path:
        return self.data / "repos" / repo["owner"] / f"{repo['name']}.git"

    def create_repository(
        self,
        owner: str,
        name: str,
        description: str | None = None,
        private: bool = False,
        branch: str = "main",
    ):
        """A new empty repository and its row. The folder comes first: a row without one is never seen."""
        from bot.localforge.payloads.issues import DEFAULT_LABELS

        path = self.data / "repos" / owner / f"{name}.git"
        if path.exists():  # left by a creation that was killed before its row was committed
            shutil.rmtree(path)
        Git.create(path, branch)
        when = now()
        id = self.store.insert(
            "repos",
            owner=owner,
            name=name,
            description=description,
            private=private,
            default_branch=branch,
            created_at=when,
            updated_at=when,
            pushed_at=when,
        )
        for label, (color, text) in DEFAULT_LABELS.items():
            self.store.insert("labels", repo_id=id, name=label, color=color, description=text)
        return self.store.one("select * from repos where id = ?", id)

    def delete_repository(self, repo) -> None:
        id = repo["id"]
        for table in (
            "comments",
            "review_comments",
            "commit_comments",
            "statuses",
            "check_runs",
            "check_suites",
            "labels",
            "issue_events",
            "collaborators",
            "refs",
            "secrets",
            "variables",
            "tokens",
        ):
            self.store.run(f"delete from {table} where repo_id = ?", id)
        self.store.run("delete from deliveries where hook_id in (select id from hooks where repo_id = ?)", id)
        for table in ("pulls", "issue_labels", "assignees", "requested_reviewers", "reviews", "dependencies"):
            self.store.run(f"delete from {table} where issue_id in (select id from issues where repo_id = ?)", id)
        self.store.run("delete from sub_issues where child_id in (select id from issues where repo_id = ?)", id)
        for table in ("hooks", "issues"):
            self.store.run(f"delete from {table} where repo_id = ?", id)
        self.store.run("delete from repos where id = ?", id)
        self.people.forget()
        with self._gits_lock:
            git = self._gits.pop(id, None)
        if git:
            git.close()
        self.store.after_commit(lambda: shutil.rmtree(self.path(repo), ignore_errors=True))

    # What the runner needs (ports.Host).

    def bare(self, repo: str) -> Path:
        return self.path(self.row(repo))

    def default_branch(self, repo: str) -> str:
        return self.row(repo)["default_branch"]

    def repositories(self) -> list[str]:
        with self.store.lock:
            return [full_name(row) for row in self.store.all("select * from repos order by id")]

    def mint(self, repo: str, permissions: dict[str, str], run_id: int) -> str:
        return self.people.mint(self.row(repo)["id"], permissions, run_id)

    def revoke(self, token: str) -> None:
        self.people.revoke(token)

    def secrets(self, repo: str) -> dict[str, str]:
        """Those stored through the API, over those that the forge was started with."""
        with self.store.lock:
            rows = self.store.all("select name, value from secrets where repo_id = ?", self.row(repo)["id"])
        return self.given_secrets | {row["name"]: row["value"] for row in rows}

    def variables(self, repo: str) -> dict[str, str]:
        with self.store.lock:
            rows = self.store.all("select name, value from variables where repo_id = ?", self.row(repo)["id"])
        return {row["name"]: row["value"] for row in rows}

    def repo_payload(self, repo: str) -> Payload:
        with self.store.transaction():
            return repository(self, self.row(repo))

    def user_payload(self, login: str) -> Payload:
        with self.store.transaction():
            return user(self, login)

    def publish(self, event: Event) -> None:
        with self.store.transaction():
            self.outbox.add(event)

    def authorize(self, request, repo: str, permission: str, level: str) -> str:
        """The acting login of a REST request, or the refusal that GitHub would give."""
        with self.store.transaction():
            actor = self.people.identify(request.headers.get("authorization", ""))
            found = self.find(repo)
            if found is None:
                raise not_found()
            role = {"read": "read", "write": "write", "admin": "admin"}[level]
            scope = (permission.replace("-", "_"), "write" if level == "admin" else level)
            self.people.check(actor, found, role, [scope], level == "read")
            return actor.login

    # People.

    def sign_in_url(self, login: str) -> str:
        """A link that signs one browser in as one of the forge's people, once and soon."""
        return f"{self.url}/-/sign-in?code={self.codes.mint(self.people.person_token(login))}"

    def tokens(self) -> dict[str, str]:
        from bot.localforge.people import GUEST

        return {login: self.people.person_token(login) for login in (OWNER, GUEST)}
