"""git over HTTP: each request is handed to `git http-backend`, behind the forge's own tokens.

Pushes to one repository go one after another, so that what each changed is known; their consequences are
carried out before the answer ends, so that a client which has pushed sees the events' traces at once.
"""

import asyncio
import re
import sys
import traceback

from bot.localforge import pushes
from bot.localforge.git import ENVIRONMENT
from bot.localforge.people import ANONYMOUS
from bot.localforge.wire import Refusal

GIT_PATH = re.compile(
    r"^/(?P<owner>[^/]+)/(?P<name>[^/]+?)(?:\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack)$"
)


class GitHttp:
    def __init__(self, forge):
        self.forge = forge
        self._pushing: dict[int, asyncio.Lock] = {}

    async def __call__(self, scope, receive, send):
        found = GIT_PATH.match(scope["path"])
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        writing = found["rest"] == "git-receive-pack" or "service=git-receive-pack" in query
        try:
            loop = asyncio.get_running_loop()
            actor, repo = await loop.run_in_executor(None, self._admit, headers, found["owner"], found["name"], writing)
        except Refusal as refusal:
            await _drain(receive)
            extra = {"WWW-Authenticate": 'Basic realm="GitHub"'} if refusal.status == 401 else {}
            return await _plain(send, refusal.status, refusal.message, extra)
        fault = self.forge.faults.pick(scope["method"], scope["path"])
        pushing = found["rest"] == "git-receive-pack"
        if fault and not (fault.after and pushing):
            await _drain(receive)
            return await _fail(scope, send, fault)
        if pushing:
            async with self._pushing.setdefault(repo["id"], asyncio.Lock()):
                await self._backend(scope, receive, send, headers, repo, found["rest"], actor, fault)
        else:
            await self._backend(scope, receive, send, headers, repo, found["rest"])

    def _admit(self, headers, owner: str, name: str, writing: bool):
        with self.forge.store.transaction():
            try:
                actor = self.forge.people.identify(headers.get("authorization", ""))
            except Refusal:
                raise Refusal(401, "Invalid username or token.") from None
            repo = self.forge.find(f"{owner}/{name}")
            allowed = repo is not None and self.forge.people.may(actor, repo, "read")
            if not allowed and actor is ANONYMOUS:
                raise Refusal(401, "Authentication is required for this repository.")
            if not allowed:
                raise Refusal(404, "Repository not found.")
            if writing and actor is ANONYMOUS:
                raise Refusal(401, "Authentication is required to push.")
            level = "write" if writing else "read"
            holds = self.forge.people.may(actor, repo, level)
            if actor.kind == "job":
                holds = (holds and actor.holds("contents", level)) or (not writing and not repo["private"])
            if not holds:
                raise Refusal(403, f"Permission to {owner}/{name}.git denied to {actor.login}.")
            if writing and repo["archived"]:
                raise Refusal(403, "This repository was archived so it is read-only.")
            return actor, repo

    async def _backend(self, scope, receive, send, headers, repo, rest, pusher=None, fault=None) -> None:
        git = self.forge.git(repo)
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(git.path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{rest}",
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "REQUEST_METHOD": scope["method"],
            "CONTENT_TYPE": headers.get("content-type", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": pusher.login if pusher else "",
            "GIT_HTTP_MAX_REQUEST_BUFFER": "100M",
        }
        for header, name in (
            ("git-protocol", "GIT_PROTOCOL"),
            ("content-encoding", "HTTP_CONTENT_ENCODING"),
            ("content-length", "CONTENT_LENGTH"),
        ):
            if header in headers:
                environment[name] = headers[header]
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 20,
        )
        feeding = asyncio.create_task(_feed(receive, process.stdin))
        try:
            status, out = 200, []
            while line := (await process.stdout.readline()).strip():
                key, _, value = line.decode("latin-1").partition(":")
                if key.lower() == "status":
                    status = int(value.split()[0])
                else:
                    out.append((key.lower().encode("latin-1"), value.strip().encode("latin-1")))
            if pusher is None:
                await send({"type": "http.response.start", "status": status, "headers": out})
                while chunk := await process.stdout.read(1 << 16):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            else:
                report = await process.stdout.read()
                await process.wait()
                await asyncio.get_running_loop().run_in_executor(None, self._moved, repo["id"], pusher)
                if fault:  # the push took effect; only its answer is spoilt
                    return await _fail(scope, send, fault)
                await send({"type": "http.response.start", "status": status, "headers": out})
                await send({"type": "http.response.body", "body": report})
        finally:
            feeding.cancel()
            if process.returncode is None:
                try:
                    await asyncio.wait_for(process.wait(), 5)
                except TimeoutError:
                    process.kill()

    def _moved(self, repo_id: int, pusher) -> None:
        try:
            with self.forge.store.transaction() as store:
                repo = store.one("select * from repos where id = ?", repo_id)
                if repo:
                    pushes.catch_up(self.forge, repo, pusher)
        except Exception:  # noqa: BLE001 the push is done; its consequences are caught up with at the next one
            print("forge: the consequences of a push failed:", file=sys.stderr)
            traceback.print_exc()


async def _feed(receive, pipe) -> None:
    """Copy the request's body, however it was framed, into the backend."""
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            if message.get("body"):
                pipe.write(message["body"])
                await pipe.drain()
            if not message.get("more_body"):
                break
    except (BrokenPipeError, ConnectionResetError):
        await _drain(receive)
    finally:
        pipe.close()


async def _drain(receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return


async def _fail(scope, send, fault) -> None:
    """Do to the client what the fault says."""
    if fault.kind == "reset":
        scope["extensions"]["auton.transport"].abort()
    else:
        await _plain(send, int(fault.kind.partition(":")[0]), "Server Error")


async def _plain(send, status: int, message: str, headers=None) -> None:
    body = (message + "\n").encode()
    out = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **(headers or {})}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(key.lower().encode(), value.encode("latin-1")) for key, value in out.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
