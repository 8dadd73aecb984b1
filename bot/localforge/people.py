"""Who is calling, and what they may do: people with a role on a repository, and jobs with exactly their
scopes.

Two people live here, `you` (owns what you create) and `guest` (reads). A job token acts as
github-actions[bot], on one repository, with the `permissions:` of its workflow job and nothing else.
"""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field

from bot.localforge.store import Store, now
from bot.localforge.wire import Refusal, not_found

OWNER, GUEST, JOBS = "you", "guest", "github-actions[bot]"
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
LEVELS = ("none", "read", "write")


@dataclass(frozen=True)
class Actor:
    login: str
    kind: str  # person, job, anonymous
    repo_id: int | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def holds(self, scope: str, level: str) -> bool:
        """Whether a job token carries `scope` at `level`; metadata:read comes with every token."""
        held = self.permissions.get(scope, "read" if scope == "metadata" else "none")
        return LEVELS.index(held) >= LEVELS.index(level)


ANONYMOUS = Actor("", "anonymous")


class People:
    def __init__(self, store: Store):
        self.store = store
        self._actors: dict[str, Actor] = {}
        with store.transaction():
            for id, login, kind in ((1001, OWNER, "User"), (1002, GUEST, "User"), (41898282, JOBS, "Bot")):
                store.run(
                    "insert or ignore into users (id, login, type, name, email, created_at) values (?,?,?,?,?,?)",
                    id,
                    login,
                    kind,
                    login,
                    f"{id}+{login}@users.noreply.localhost",
                    now(),
                )

    def person_token(self, login: str) -> str:
        """The lasting token of a person; made on first use."""
        with self.store.transaction() as store:
            token = store.value("select token from tokens where login = ? and kind = 'person'", login)
            if token is None:
                token = "ghp_" + secrets.token_hex(18)
                store.insert("tokens", token=token, login=login, kind="person", created_at=now())
            return token

    def mint(self, repo_id: int, permissions: dict[str, str], run_id: int) -> str:
        clean = {}
        for name, level in permissions.items():
            if level not in LEVELS:
                raise ValueError(f"permissions: {name}: expected read, write or none, found {level!r}")
            clean[name.replace("-", "_")] = level
        token = "ghs_" + secrets.token_hex(18)
        with self.store.transaction() as store:
            store.insert(
                "tokens",
                token=token,
                login=JOBS,
                kind="job",
                repo_id=repo_id,
                permissions=json.dumps(clean),
                run_id=run_id,
                created_at=now(),
            )
        return token

    def revoke(self, token: str) -> None:
        with self.store.transaction() as store:
            store.run("delete from tokens where token = ? and kind = 'job'", token)
        self._actors.pop(token, None)

    def by_token(self, token: str) -> Actor | None:
        actor = self._actors.get(token)
        if actor is None:
            row = self.store.one("select * from tokens where token = ?", token)
            if row is None:
                return None
            actor = Actor(row["login"], row["kind"], row["repo_id"], json.loads(row["permissions"]), token)
            self._actors[token] = actor
        return actor

    def identify(self, authorization: str) -> Actor:
        """The actor behind an Authorization header: token, Bearer, or Basic with the token on either side."""
        if not authorization:
            return ANONYMOUS
        kind, _, value = authorization.partition(" ")
        value = value.strip()
        if kind.lower() in ("token", "bearer"):
            actor = self.by_token(value)
        elif kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user = password = ""
            actor = self.by_token(password) or self.by_token(user)
        else:
            actor = None
        if actor is None:
            raise Refusal(401, "Bad credentials")
        return actor

    def role(self, login: str, repo) -> str:
        """The repository role of a person."""
        if login.lower() == repo["owner"].lower():
            return "admin"
        role = self.store.value("select role from collaborators where repo_id = ? and login = ?", repo["id"], login)
        return role or ("none" if repo["private"] else "read")

    def may(self, actor: Actor, repo, role: str) -> bool:
        if actor.kind == "job":
            return actor.repo_id == repo["id"] or (role == "read" and not repo["private"])
        if actor.kind == "anonymous":
            return role == "none" or (role == "read" and not repo["private"])
        return ROLES.index(self.role(actor.login, repo)) >= ROLES.index(role)

    def check(self, actor: Actor, repo, role: str, scopes, reading: bool) -> None:
        """Raise GitHub's refusal unless `actor` may use a route of `role` and `scopes` on `repo`."""
        if not self.may(actor, repo, "read"):
            raise not_found()
        if actor.kind == "job":
            if actor.repo_id != repo["id"]:
                if not reading:
                    raise Refusal(403, "Resource not accessible by integration")
            elif not any(actor.holds(name, level) for name, level in scopes):
                raise Refusal(403, "Resource not accessible by integration")
        elif actor.kind == "anonymous" and not reading:
            raise Refusal(401, "Requires authentication")
        elif not self.may(actor, repo, role):
            raise Refusal(403, "Must have admin rights to Repository.")

    def forget(self) -> None:
        """Read tokens from the store again."""
        self._actors.clear()
