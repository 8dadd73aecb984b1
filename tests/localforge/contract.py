"""Checks what the local forge says against GitHub's own OpenAPI description (openapi/, cut by cut.py).

`Contract.exchange` takes one REST answer, `Contract.webhook` one delivery; both collect what is wrong,
so that a test can fail with all of it. An answer with a status that the description omits is only
allowed where GitHub is known to send it (UNDESCRIBED), and every error must have GitHub's error shape.
"""

import functools
import json
import re
from pathlib import Path

import jsonschema_rs

OPENAPI = Path(__file__).parent / "openapi"
# Statuses that GitHub sends although the description of the operation does not list them.
UNDESCRIBED = {304, 400, 401, 403, 404, 405, 409, 413, 422, 429, 451, 500, 501, 502, 503}
# Where the description is stricter than GitHub: a person's repository has no organization to tell of, a label
# without a description has null for one in every listing, a review comment that is out of date has no line, and the
# address of GitHub's own bot is none by the format.
KNOWN = re.compile(
    r"^webhook .*\"organization\" is a required property$"
    r"|/comments .*/(position|line): null is not of type"
    r"|labels/\d+/description: null is not of type"
    r'|\[bot\]@users\.noreply\.localhost" is not a "email"'
)
ERROR = {
    "type": "object",
    "required": ["message", "documentation_url"],
    "properties": {
        "message": {"type": "string"},
        "documentation_url": {"type": "string"},
        "errors": {"type": "array"},
    },
}


@functools.cache
def description(name: str) -> dict:
    return json.loads((OPENAPI / name).read_text())


@functools.cache
def _validator(file: str, *keys: str):
    spec = description(file)
    schema = functools.reduce(lambda node, key: node[key], keys, spec)
    if schema is None:
        return None
    return jsonschema_rs.Draft202012Validator({**schema, "$defs": spec["$defs"]}, validate_formats=True)


@functools.cache
def _paths() -> list[tuple[re.Pattern, str]]:
    """Path patterns, the longest and then the most literal first: /pulls/comments is not
    /pulls/{pull_number}.
    """
    paths = {line.split(" ")[1] for line in description("api.json")["operations"]}

    def pattern(path):
        many = {"path", "ref", "basehead", "branch", "name", "tree_sha"}
        return re.compile("^" + re.sub(r"\{(\w+)\}", lambda m: ".+" if m[1] in many else "[^/]+", path) + "$")

    ordered = sorted(paths, key=lambda path: (-path.count("/"), [(part[:1] == "{", part) for part in path.split("/")]))
    return [(pattern(path), path) for path in ordered]


def operation(method: str, path: str) -> str | None:
    """The description's name of an operation, as in operations.txt."""
    known = description("api.json")["operations"]
    for pattern, template in _paths():
        if f"{method} {template}" in known and pattern.match(path):
            return f"{method} {template}"
    return None


class Contract:
    def __init__(self):
        self.problems: list[str] = []
        self.checked = 0
        self.operations: set[str] = set()

    def exchange(self, method: str, path: str, status: int, headers: dict, body: bytes) -> None:
        """One REST answer; `path` is below /api/v3, with owner and name."""
        where = f"{method} {path} → {status}"
        if status == 304 or method == "HEAD":
            return
        kind = headers.get("content-type", "")
        value = json.loads(body) if kind.startswith("application/json") and body else None
        if status >= 400:
            self._check(jsonschema_rs.Draft202012Validator(ERROR), value, where)
            if status not in UNDESCRIBED:
                self.problems.append(f"{where}: a status that GitHub does not send")
            return
        name = operation(method, path)
        if name is None:
            if path != "/" and not re.search(r"/git/refs(/|$)|^/_blobs/|/statuses/|/contents$|/events$", path):
                self.problems.append(f"{where}: not in the description (openapi/operations.txt)")
            return
        self.operations.add(name)
        described = description("api.json")["operations"][name]
        if str(status) not in described:
            self.problems.append(f"{where}: the description has {', '.join(sorted(described))}")
            return
        validator = _validator("api.json", "operations", name, str(status))
        if validator is not None and (value is not None or kind.startswith("application/json")):
            self._check(validator, value, where)
            self._declared(described[str(status)], value, where)

    def webhook(self, event: str, payload: dict) -> None:
        """One webhook's payload."""
        action = (payload.get("action") or "").replace("_", "-")
        known = description("webhooks.json")["webhooks"]
        name = event.replace("_", "-")
        name = (
            "repository-dispatch-sample.collected"
            if event == "repository_dispatch"
            else f"{name}-{action}"
            if action
            else name
        )
        if name not in known:
            self.problems.append(f"webhook {event} {action}: not in the description (openapi/webhooks.txt)")
            return
        if event == "repository_dispatch":
            payload = payload | {"action": "sample.collected"}
        self._check(_validator("webhooks.json", "webhooks", name), payload, f"webhook {name}")

    def _check(self, validator, value, where: str) -> None:
        self.checked += 1
        for error in validator.iter_errors(value):
            at = "/".join(map(str, error.instance_path))
            if not KNOWN.search(f"{where}: {at}: {error.message}"):
                self.problems.append(f"{where}: {at or 'the body'}: {str(error.message)[-400:]}")

    def _declared(self, schema, value, where: str) -> None:
        """Keys that the description does not know are inventions. (Of webhooks it is known to leave keys out.)"""
        while isinstance(schema, dict) and "$ref" in schema:
            schema = description("api.json")["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        if not isinstance(schema, dict) or {"anyOf", "oneOf", "allOf"} & schema.keys():
            return
        if isinstance(value, list):
            for item in value:
                self._declared(schema.get("items"), item, where)
        elif isinstance(value, dict) and "properties" in schema and not schema.get("additionalProperties"):
            for key in value.keys() - schema["properties"].keys():
                self.problems.append(f"{where}: {key}: no such key in the description")
            for key in value.keys() & schema["properties"].keys():
                self._declared(schema["properties"][key], value[key], f"{where}: {key}")

    def observe(self, scope, status: int, headers: dict, body: bytes) -> None:
        """The forge's `observe` hook: see App."""
        path = scope["path"].removeprefix("/api/v3").rstrip("/") or "/"
        path = re.sub(r"^/repositories/\d+", "/repos/owner/name", path)
        self.exchange(scope["method"], path, status, headers, body)

    def verify(self) -> None:
        """AssertionError with everything that was wrong so far."""
        if self.problems:
            unique = list(dict.fromkeys(self.problems))
            raise AssertionError(f"{len(unique)} answers differ from GitHub's description:\n" + "\n".join(unique[:40]))
