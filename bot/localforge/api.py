"""The REST API as an ASGI application: one request in, one transaction, one JSON answer out.

Headers that GitHub puts around every answer (ETag and 304, rate limits, media type, API version), faults
before and after the write, and a loud 501 for an operation that is not emulated. Routes live in routes/,
manners in wire.py.
"""

import asyncio
import hashlib
import json
import re
import sqlite3
import sys
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

from bot.hostile import read_json
from bot.localforge.faults import SECONDARY
from bot.localforge.git import GitError
from bot.localforge.people import ANONYMOUS
from bot.localforge.wire import Answer, Call, Refusal, match, not_found

MOST_BODY = 48 << 20
VERSIONS = ("2022-11-28", "2026-03-10")
ANONYMOUS_HOURLY = 60


class Api:
    """Mounted at /api/v3. `fallback` is the application of the runner's routes, tried for what is not ours.

    Calls from within this process (the pages) are not metered; a reset, which has no connection there, is a 502 to them.
    """

    def __init__(self, forge, fallback=None):
        self.forge = forge
        self.fallback = fallback
        self.pool = ThreadPoolExecutor(4, thread_name_prefix="forge-api")
        self.used: dict[str, list] = {}
        self.calls = 0

    async def __call__(self, scope, receive, send):
        outside = "auton.transport" in scope.get("extensions", {})
        method, path = scope["method"], scope["path"][len("/api/v3") :].rstrip("/") or "/"
        if path.startswith("/repositories/"):
            path = await self._run(self._by_name, path)
        body = await read_body(receive)
        if body is None:
            return await self._send(send, Refusal(413, "Payload too large"), {})
        self.calls += outside
        fault = self.forge.faults.pick(method, path)
        if fault and not fault.after:
            return await self._fail(scope, send, fault)
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        found = match("GET" if method == "HEAD" else method, path)
        if found is None and self.fallback is not None:
            answer, out = await self._theirs(scope, body, path, headers, outside)
        else:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            request = (method, path, query, headers, body, found, outside)
            answer, out = await self._run(self.answer, *request)
        if fault:
            return await self._fail(scope, send, fault)
        await self._send(send, answer, out, method, headers.get("if-none-match"))

    async def _run(self, work, *args):
        """Do something that may wait for the store, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *args)

    def _by_name(self, path: str) -> str:
        """/repositories/{id}/… turned into /repos/{owner}/{name}/…"""
        by_id = re.match(r"^/repositories/([0-9]{1,18})(/.*)?$", path)
        if by_id:
            with self.forge.store.lock:
                row = self.forge.store.one("select owner, name from repos where id = ?", int(by_id[1]))
            if row:
                return f"/repos/{row['owner']}/{row['name']}{by_id[2] or ''}"
        return path

    def _admit(self, path: str, headers, metered: bool):
        """Who is calling, and the headers that say what is left of their hour."""
        actor = self.forge.people.identify(headers.get("authorization", ""))
        out = self._limits(actor, path) if metered else {}
        check_version(headers, out)
        return actor, out

    def answer(self, method, path, query, headers, body, found, metered) -> tuple[Answer | Refusal, dict]:
        """Answer one request of ours; runs in a worker thread."""
        out: dict[str, str] = {}
        try:
            with self.forge.store.transaction():
                actor, out = self._admit(path, headers, metered)
                if "\0" in path or any("\0" in value for value in query.values()):
                    raise Refusal(400, "Bad Request")
                if found is None:
                    raise Refusal(501, f"The local forge (an emulator) has no operation {method} {path}")
                return self._answer(
                    found, Call(self.forge, method, path, query, headers, {}, found[1], actor, out=out), body
                ), out
        except Refusal as refusal:
            return refusal, out
        except Exception as error:  # noqa: BLE001 the client gets an answer, the person at the server the reason
            if disk_is_full(error):
                print(f"forge: {method} {path}: the disk is full; free some space, nothing is lost", file=sys.stderr)
                return Refusal(500, "The local forge's disk is full"), out
            print(f"forge: {method} {path} failed:", file=sys.stderr)
            traceback.print_exc()
            return Refusal(500, "Server Error"), out

    def _answer(self, found, call: Call, body: bytes) -> Answer:
        call.route, call.params = found
        call.body = parse_body(body, call.method)
        owner = call.params.get("owner")
        if owner is not None:
            call.repo = self.forge.find(f"{owner}/{call.params['repo']}")
            if call.repo is None:
                raise not_found()
            self.forge.people.check(
                call.actor, call.repo, call.route.role, call.route.scope, call.method in ("GET", "HEAD")
            )
        elif call.actor is ANONYMOUS and call.route.role != "none":
            raise Refusal(401, "Requires authentication")
        value = call.route.handler(call)
        if isinstance(value, Answer):
            return value
        return Answer(value, 204 if value is None and call.route.status == 200 else call.route.status)

    def _limits(self, actor, path: str) -> dict[str, str]:
        """Count this request against its caller's hour; the headers that say what is left."""
        key = actor.login if actor.kind != "job" else f"repo {actor.repo_id}"
        limit = ANONYMOUS_HOURLY if actor is ANONYMOUS else self.forge.hourly
        spent = self.used.get(key)
        if spent is None or spent[1] <= time.time():
            spent = self.used[key] = [0, int(time.time()) + 3600]
        if path != "/rate_limit":
            spent[0] += 1
        left = max(0, limit - spent[0])
        out = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Used": str(spent[0]),
            "X-RateLimit-Reset": str(spent[1]),
            "X-RateLimit-Resource": "core",
        }
        if spent[0] > limit:
            who = f"user ID {actor.login}" if actor.login else "127.0.0.1"
            raise Refusal(403, f"API rate limit exceeded for {who}.", headers=out)
        return out

    async def _theirs(self, scope, body: bytes, path: str, headers, metered: bool) -> tuple[Answer | Refusal, dict]:
        """Let the runner's routes answer; their answer gets the same headers around it."""

        def admit():
            with self.forge.store.transaction():
                return self._admit(path, headers, metered)[1]

        out: dict[str, str] = {}
        try:
            out = await self._run(admit)
            status, theirs, content = await collect(
                self.fallback, {**scope, "path": path, "root_path": "", "raw_path": path.encode()}, body
            )
        except Refusal as refusal:
            return refusal, out
        if status in (404, 405) and not content.startswith(b"{"):
            return Refusal(501, f"The local forge (an emulator) has no operation {scope['method']} {path}"), out
        return Answer(None, status, theirs, raw=content), out

    async def _fail(self, scope, send, fault) -> None:
        """Do to the client what the fault says."""
        transport = scope.get("extensions", {}).get("auton.transport")
        if fault.kind == "reset" and transport:
            transport.abort()
            return
        code, _, seconds = fault.kind.replace("reset", "502").partition(":")
        headers = {"Retry-After": seconds} if seconds else {}
        message = SECONDARY if code in ("403", "429") else "Server Error"
        await self._send(send, Refusal(int(code), message, headers=headers), {})

    async def _send(
        self, send, answer: Answer | Refusal, out: dict, method: str = "", known: str | None = None
    ) -> None:
        status, headers = answer.status, {**out, **answer.headers}
        if isinstance(answer, Answer) and answer.raw is not None:
            content = answer.raw
        else:
            value = answer.body() if isinstance(answer, Refusal) else answer.body
            content = b"" if value is None else json.dumps(value, separators=(",", ":")).encode()
            if content:
                headers.setdefault("Content-Type", "application/json; charset=utf-8")
        headers = {key.lower(): value for key, value in headers.items() if key.lower() != "content-length"}
        if method in ("GET", "HEAD") and status == 200:
            tag = f'W/"{hashlib.sha256(content).hexdigest()}"'
            headers |= {
                "etag": tag,
                "cache-control": "private, max-age=60, s-maxage=60",
                "vary": "Accept, Authorization",
            }
            if known and tag.removeprefix("W/") in [t.strip().removeprefix("W/") for t in known.split(",")]:
                status, content = 304, b""
                headers.pop("content-type", None)
        headers |= {
            "x-github-media-type": "github.v3; format=json",
            "server": "auton local forge (emulator)",
            "x-github-request-id": uuid.uuid4().hex[:20].upper(),
            "x-content-type-options": "nosniff",
        }
        if status not in (204, 304):
            headers["content-length"] = str(len(content))
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else content})


def disk_is_full(error: Exception) -> bool:
    """Whether SQLite, git or the system says so."""
    return isinstance(error, sqlite3.OperationalError | GitError | OSError) and bool(
        re.search(r"(?i)disk is full|no space left", str(error))
    )


def check_version(headers, out) -> None:
    version = headers.get("x-github-api-version")
    if version is not None and version not in VERSIONS:
        raise Refusal(400, f'"{version}" is not a supported version. The supported versions are {", ".join(VERSIONS)}.')
    out["X-GitHub-Api-Version-Selected"] = version or VERSIONS[0]


def parse_body(body: bytes, method: str):
    if not body or method in ("GET", "HEAD"):
        return {}
    try:
        value = read_json(body)
        if b"\\ud" in body.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    if value is None:
        return {}
    if not isinstance(value, dict | list):
        raise Refusal(400, "Body should be a JSON object")
    return value


async def read_body(receive) -> bytes | None:
    """The whole body, or None when it is larger than the forge takes."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(chunks)
        size += len(message.get("body", b""))
        if size <= MOST_BODY:
            chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks) if size <= MOST_BODY else None


async def collect(app, scope, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Run an ASGI application on one request and gather its answer."""
    sent, chunks = {}, []
    told = False

    async def receive():
        nonlocal told
        if told:  # nothing more comes, and nobody hangs up: an application that listens for that beside its answer waits
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            sent.update(message)
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in sent.get("headers", [])}
    return sent["status"], headers, b"".join(chunks)
