"""The whole forge as one ASGI application: REST below /api/v3, GraphQL, git over HTTP, and the pages.

It answers on a loopback address only: a Host header that names anything else (DNS rebinding) and an
Origin that is not the forge's own are refused before anything is read.
"""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Router

from bot.localforge import routes  # noqa: F401 registers every route
from bot.localforge.api import Api
from bot.localforge.githttp import GIT_PATH, GitHttp
from bot.localforge.host import Forge
from bot.localforge.wire import Refusal


class App:
    """ASGI. `observe(scope, status, headers, body)`, when given, sees every REST answer (the tests check
    them).
    """

    def __init__(self, forge: Forge):
        self.forge = forge
        self.git = GitHttp(forge)
        self.api = Api(forge)
        self.pages = None
        self.observe = None

    def mount(self) -> None:
        """Take in the runner's routes and the pages; called once the forge's `workflows` is known."""
        from bot.localforge.pages import create

        theirs = self.forge.workflows.routes()
        if theirs:
            inner = Router(theirs)

            async def fallback(scope, receive, send):
                try:
                    await inner({**scope, "router": inner}, receive, send)
                except Refusal as refusal:
                    await JSONResponse(refusal.body(), refusal.status, refusal.headers)(scope, receive, send)

            self.api.fallback = fallback
        self.pages = Starlette(routes=create(self, self.forge))

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            return
        why = self._foreign(scope)
        if why:
            return await _refuse(send, why)
        path = scope["path"]
        if path.startswith("/api/v3"):
            if self.observe:
                send = _observed(self.observe, scope, send)
            return await self.api(scope, receive, send)
        if path == "/api/graphql":
            from bot.localforge.graphql import answer

            return await answer(self.forge, Request(scope, receive), send)
        if GIT_PATH.match(path):
            return await self.git(scope, receive, send)
        return await self.pages(scope, receive, send)

    def _foreign(self, scope) -> str | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        port = self.forge.host.rpartition(":")[2]
        if host not in (self.forge.host, f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
            return f"expected a Host header that names this forge ({self.forge.host}), found {host!r}"
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and origin not in (self.forge.url, f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
            return f"requests from another site ({origin}) are refused"
        return None


def create_app(data_dir: Path | str, url: str = "http://127.0.0.1:80", **options) -> tuple[App, Forge]:
    """A forge over `data_dir` that believes it is served at `url`, not started; `mount()` the app,
    `start()` the forge.
    """
    forge = Forge(Path(data_dir), url, **options)
    return App(forge), forge


async def _lifespan(receive, send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _refuse(send, why: str) -> None:
    body = json.dumps({"message": f"Local forge: {why}"}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _observed(observe, scope, send):
    seen = {}
    chunks = []

    async def watching(message):
        if message["type"] == "http.response.start":
            seen.update(message)
        else:
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in seen["headers"]}
                observe(scope, seen["status"], headers, b"".join(chunks))
        await send(message)

    return watching
