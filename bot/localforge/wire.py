"""GitHub's REST manners, without any resource: routes, permissions per route, errors, checked fields,
paging.

A route is a plain function from a Call to a JSON value, registered with `@route`. Who may call it is
data beside it: `role` for people (GitHub's repository roles), `scope` for job tokens (the keys of a
workflow's `permissions:`).
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

DOCS = "https://docs.github.com/rest"


class Refusal(Exception):
    """An answer that is not the one asked for: an HTTP status and GitHub's JSON error body."""

    def __init__(self, status: int, message: str, errors: list | None = None, headers: dict | None = None):
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers or {}

    def body(self) -> dict:
        body = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return {**body, "documentation_url": DOCS, "status": str(self.status)}


def not_found(message: str = "Not Found") -> Refusal:
    return Refusal(404, message)


def invalid(resource: str, field: str | None, code: str = "invalid", message: str | None = None) -> Refusal:
    """422 in the shape GitHub gives for one bad field."""
    error = {"resource": resource, "code": code}
    if field:
        error["field"] = field
    if message:
        error["message"] = message
    return Refusal(422, "Validation Failed", [error])


@dataclass
class Answer:
    """A route's answer where the status or a header is not the route's usual one."""

    body: Any = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    raw: bytes | None = None
    """A body that is not JSON; `headers` says its Content-Type."""


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern
    template: str
    handler: Any
    status: int
    role: str
    scope: tuple[tuple[str, str], ...]


ROUTES: dict[str, list[Route]] = {}


def _compile(template: str) -> re.Pattern:
    """`{name}` matches one path segment, `{name:path}` any number, `{name:int}` digits."""
    kinds = {"path": ".+", "int": "[0-9]{1,18}", "": "[^/]+"}

    def group(match):
        return f"(?P<{match[1]}>{kinds[(match[2] or ':')[1:]]})"

    return re.compile("^" + re.sub(r"\{(\w+)(:\w+)?\}", group, template) + "$")


def route(method: str, template: str, *, status: int = 200, role: str = "read", scope: str = "metadata:read"):
    """Register a handler. `role` none|read|triage|write|admin; `scope` "a:write" or "a|b:write" (either
    will do).
    """
    names, _, level = scope.partition(":")
    scopes = tuple((name, level) for name in names.split("|"))

    def register(handler):
        listed = ROUTES.setdefault(method, [])
        listed.append(Route(method, _compile(template), template, handler, status, role, scopes))
        listed.sort(key=lambda one: one.template.endswith(":path}"))  # what takes everything is tried last
        return handler

    return register


def match(method: str, path: str) -> tuple[Route, dict] | None:
    for candidate in ROUTES.get(method, ()):
        found = candidate.pattern.match(path)
        if found:
            return candidate, found.groupdict()
    return None


@dataclass
class Call:
    """One REST request on its way through a route, inside the store's transaction."""

    forge: Any
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    params: dict[str, str]
    actor: Any
    route: Route | None = None
    repo: Any = None
    out: dict[str, str] = field(default_factory=dict)

    @property
    def store(self):
        return self.forge.store

    @property
    def login(self) -> str:
        return self.actor.login

    @property
    def git(self):
        return self.forge.git(self.repo)

    # Fields of the body, checked.

    def text(self, name: str, *, resource: str = "", required: bool = False, limit: int | None = None, default=None):
        """A string field; null is the same as absent. `limit` is in characters, as GitHub counts."""
        if name not in self.body or self.body[name] is None:
            if required:
                raise invalid(resource, name, "missing_field")
            return default
        value = self.body[name]
        if not isinstance(value, str):
            raise wrong_type(name, value, "string")
        if required and not value.strip():
            raise invalid(resource, name, "missing_field")
        if limit is not None and len(value) > limit:
            raise invalid(resource, name, "custom", f"{name} is too long (maximum is {limit} characters)")
        if "\x00" in value:
            raise invalid(resource, name, "custom", f"{name} contains a null byte")
        return value

    def choice(self, name: str, values, *, resource: str = "", required: bool = False, default=None):
        value = self.text(name, resource=resource, required=required, default=default)
        if value is not None and value not in values:
            raise Refusal(
                422, f"Invalid request.\n\n{json.dumps(value)} is not a member of {json.dumps(list(values))}."
            )
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise wrong_type(name, value, "boolean")
        return value

    def number(self, name: str, *, resource: str = "", required: bool = False):
        value = self.body.get(name)
        if value is None:
            if required:
                raise invalid(resource, name, "missing_field")
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(name, value, "integer")
        if not -(2**63) <= value < 2**63:
            raise invalid(resource, name)
        return value

    def strings(self, name: str, body=None) -> list[str]:
        """A list of strings; GitHub also takes objects with a `name` for labels."""
        value = (self.body if body is None else body).get(name, [])
        if not isinstance(value, list):
            raise wrong_type(name, value, "array")
        out = []
        for item in value:
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                item = item["name"]
            if not isinstance(item, str):
                raise wrong_type(f"{name}/items", item, "string")
            out.append(item)
        return out

    # Paging.

    def query_number(self, name: str, default: int = 0) -> int:
        """A positive number of the query; whatever else it is means the default, as on GitHub."""
        value = self.query.get(name, "")
        return int(value) if re.fullmatch(r"[0-9]{1,9}", value) and int(value) > 0 else default

    def window(self) -> tuple[int, int]:
        """The page asked for, and how many items a page has."""
        return self.query_number("page", 1), min(self.query_number("per_page", 30), 100)

    def link(self, total: int, page: int, size: int) -> None:
        last = max(1, -(-total // size))
        path = self.path
        if self.repo is not None:
            path = re.sub(r"^/repos/[^/]+/[^/]+", f"/repositories/{self.repo['id']}", path)

        def to(number, rel):
            return f'<{self.forge.api}{path}?{urlencode({**self.query, "page": number})}>; rel="{rel}"'

        links = [to(page - 1, "prev")] if page > 1 else []
        links += [to(page + 1, "next"), to(last, "last")] if page < last else []
        links += [to(1, "first")] if page > 1 else []
        if links:
            self.out["Link"] = ", ".join(links)

    def page_rows(self, sql: str, *args) -> list:
        """The rows of `sql` that the request's page holds."""
        page, size = self.window()
        self.link(self.store.value(f"select count(*) from ({sql})", *args), page, size)
        return self.store.all(f"{sql} limit ? offset ?", *args, size, (page - 1) * size)

    def page_list(self, items: list) -> list:
        page, size = self.window()
        self.link(len(items), page, size)
        return items[(page - 1) * size : page * size]

    def count(self, sql: str, *args) -> int:
        return self.store.value(f"select count(*) from ({sql})", *args)

    # Things that many routes need.

    def issue(self, name: str = "number"):
        """The issue or pull request that the path names; 404 if there is none."""
        row = self.store.one(
            "select * from issues where repo_id = ? and number = ?", self.repo["id"], int(self.params[name])
        )
        if row is None:
            raise not_found()
        self.check_kind(row)
        return row

    def check_kind(self, row) -> None:
        """A job token that only holds `pull-requests` may not touch an issue, nor the other way round."""
        if self.actor.kind != "job" or self.route is None or len(self.route.scope) < 2:
            return
        level = self.route.scope[0][1]
        if row["is_pull"]:
            kinds = ("pull_requests", "issues")
        else:
            kinds = ("issues",)
        if not any(self.actor.holds(kind, level) for kind in kinds):
            raise Refusal(403, "Resource not accessible by integration")

    def pull(self, name: str = "number"):
        row = self.store.one(
            "select issues.*, pulls.* from issues join pulls on issue_id = id where repo_id = ? and number = ?",
            self.repo["id"],
            int(self.params[name]),
        )
        if row is None:
            raise not_found()
        return row

    def can(self, role: str) -> bool:
        """Whether the actor holds at least `role` on the repository (job tokens: by their scopes, checked
        already).
        """
        return self.forge.people.may(self.actor, self.repo, role)


def wrong_type(name: str, value, wanted: str) -> Refusal:
    return Refusal(
        422,
        f"Invalid request.\n\nFor 'properties/{name}', {json.dumps(value)[:200]} is not "
        f"{'an' if wanted[0] in 'aeio' else 'a'} {wanted}.",
    )
