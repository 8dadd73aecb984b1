"""The REST routes of GitHub Actions, mounted by the forge under /api/v3.

Who may do what is the forge's word (`Host.authorize`); what a request does is the scheduler's. Here are only the
paths, the parameters and the status codes.
"""

import hashlib
import hmac
import io
import os
import time
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot import hostile
from bot.localforge.ports import Event
from bot.runner import graph, payloads, repository, requests
from bot.runner.intake import DispatchError
from bot.runner.repository import parsed
from bot.runner.requests import Refusal
from bot.runner.scheduler import Scheduler
from bot.runner.store import Row
from bot.runner.workflow import WorkflowError

BOT = "github-actions[bot]"
MAX_BODY = 1 << 20
LINK_SECONDS = 600
STATUSES = ("queued", "in_progress", "completed", "pending", "waiting", "requested")


class Api:
    def __init__(self, runner: Scheduler):
        self.runner, self.store = runner, runner.store
        self._key = os.urandom(32)

    def routes(self) -> list[Route]:
        """Every route, with the permission on `actions` that it needs."""
        a = "/repos/{owner}/{repo}/actions"
        table: list[tuple[str, str, str, Callable]] = [
            ("GET", f"{a}/workflows", "read", self.workflows),
            ("GET", f"{a}/workflows/{{workflow}}", "read", self.workflow),
            ("PUT", f"{a}/workflows/{{workflow}}/disable", "write", self.disable),
            ("PUT", f"{a}/workflows/{{workflow}}/enable", "write", self.enable),
            ("POST", f"{a}/workflows/{{workflow}}/dispatches", "write", self.dispatch),
            ("GET", f"{a}/workflows/{{workflow}}/runs", "read", self.runs),
            ("GET", f"{a}/runs", "read", self.runs),
            ("GET", f"{a}/runs/{{run:int}}", "read", self.run),
            ("DELETE", f"{a}/runs/{{run:int}}", "write", self.delete_run),
            ("GET", f"{a}/runs/{{run:int}}/attempts/{{attempt:int}}", "read", self.attempt),
            ("GET", f"{a}/runs/{{run:int}}/jobs", "read", self.jobs),
            ("GET", f"{a}/runs/{{run:int}}/attempts/{{attempt:int}}/jobs", "read", self.jobs),
            ("POST", f"{a}/runs/{{run:int}}/cancel", "write", self.cancel),
            ("POST", f"{a}/runs/{{run:int}}/force-cancel", "write", self.cancel),
            ("POST", f"{a}/runs/{{run:int}}/rerun", "write", self.rerun),
            ("POST", f"{a}/runs/{{run:int}}/rerun-failed-jobs", "write", self.rerun_failed),
            ("GET", f"{a}/runs/{{run:int}}/logs", "read", self.run_logs),
            ("GET", f"{a}/runs/{{run:int}}/attempts/{{attempt:int}}/logs", "read", self.run_logs),
            ("DELETE", f"{a}/runs/{{run:int}}/logs", "write", self.delete_logs),
            ("GET", f"{a}/runs/{{run:int}}/timing", "read", self.timing),
            ("GET", f"{a}/runs/{{run:int}}/artifacts", "read", self.artifacts),
            ("GET", f"{a}/jobs/{{job:int}}", "read", self.job),
            ("GET", f"{a}/jobs/{{job:int}}/logs", "read", self.job_logs),
            ("POST", f"{a}/jobs/{{job:int}}/rerun", "write", self.rerun_job),
            ("GET", f"{a}/artifacts", "read", self.artifacts),
            ("GET", f"{a}/artifacts/{{artifact:int}}", "read", self.artifact),
            ("DELETE", f"{a}/artifacts/{{artifact:int}}", "write", self.delete_artifact),
            ("GET", f"{a}/artifacts/{{artifact:int}}/zip", "read", self.artifact_zip),
        ]
        routes = [Route(path, self._endpoint("actions", level, act), methods=[method])
                  for method, path, level, act in table]
        routes.append(Route("/repos/{owner}/{repo}/dispatches",
                            self._endpoint("contents", "write", self.repository_dispatch), methods=["POST"]))
        routes.append(Route("/_blobs/{kind}/{id:int}", self._blob, methods=["GET"]))
        return routes

    def _endpoint(self, permission: str, level: str, act: Callable) -> Callable:
        async def endpoint(request: Request) -> Response:
            body: Any = {}
            if request.method not in ("GET", "DELETE"):
                raw = await request.body()
                if len(raw) > MAX_BODY:
                    return _refusal(413, f"expected at most {MAX_BODY} bytes")
                try:
                    body = hostile.read_json(raw) if raw.strip() else {}
                except ValueError:
                    return _refusal(400, "Problems parsing JSON")
                if not isinstance(body, dict):
                    return _refusal(400, "Body should be a JSON object")
            return await run_in_threadpool(self._answer, request, body, permission, level, act)

        return endpoint

    def _answer(self, request: Request, body: dict, permission: str, level: str, act: Callable) -> Response:
        repo = f"{request.path_params['owner']}/{request.path_params['repo']}"
        actor = self.runner.host.authorize(request, repo, permission, level)
        try:
            return act(Call(request, body, repo, actor, self.runner.host.url))
        except Refusal as refusal:
            return _refusal(refusal.status, refusal.message)
        except DispatchError as error:
            return _refusal(422, str(error))

    # Finding things

    def _run_of(self, call: "Call") -> Row:
        row = self.store.run(call.path["run"])
        if row is None or row["repo"] != call.repo:
            raise Refusal(404, "Not Found")
        if (attempt := call.path.get("attempt")) is not None and not 1 <= attempt <= row["attempt"]:
            raise Refusal(404, "Not Found")
        return row

    def _job_of(self, call: "Call") -> Row:
        row = self.store.job(call.path["job"])
        if row is None or self.store.run(row["run_id"])["repo"] != call.repo:
            raise Refusal(404, "Not Found")
        return row

    def _artifact_of(self, call: "Call") -> Row:
        row = self.runner.artifacts.get(call.path["artifact"])
        if row is None or row["repo"] != call.repo:
            raise Refusal(404, "Not Found")
        return row

    def _workflow_of(self, call: "Call") -> Row:
        """By id or file name."""
        name = call.path["workflow"]
        self._sync(call.repo)
        rows = self.store.query("SELECT * FROM workflows WHERE repo = ?", call.repo)
        for row in rows:
            if name in (str(row["id"]), row["path"].rpartition("/")[2], row["path"]):
                return row
        raise Refusal(404, "Not Found")

    def _sync(self, repo: str) -> list[str]:
        """Know the workflow files on the default branch; their paths."""
        host = self.runner.host
        bare = host.bare(repo)
        sha = repository.commit(bare, f"refs/heads/{host.default_branch(repo)}")
        files = self.runner.intake.files.at(bare, sha) if sha else {}
        for path, source in files.items():
            workflow = parsed(path, source)
            self.store.workflow(repo, path, None if isinstance(workflow, WorkflowError) else workflow.name)
        return list(files)

    # Workflows

    def workflows(self, call: "Call") -> Response:
        paths = self._sync(call.repo)
        rows = [row for row in self.store.query("SELECT * FROM workflows WHERE repo = ? ORDER BY id", call.repo)
                if row["path"] in paths]
        return call.listed("workflows", rows, lambda row: payloads.workflow(self.runner, row))

    def workflow(self, call: "Call") -> Response:
        return JSONResponse(payloads.workflow(self.runner, self._workflow_of(call)))

    def disable(self, call: "Call") -> Response:
        self.store.update("workflows", self._workflow_of(call)["id"], state="disabled_manually")
        return Response(status_code=204)

    def enable(self, call: "Call") -> Response:
        self.store.update("workflows", self._workflow_of(call)["id"], state="active")
        return Response(status_code=204)

    def dispatch(self, call: "Call") -> Response:
        workflow, ref = self._workflow_of(call), call.body.get("ref")
        inputs = call.body.get("inputs") or {}
        if not isinstance(ref, str) or not ref:
            return _refusal(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
        if not isinstance(inputs, dict):
            return _refusal(422, "Invalid request.\n\nFor 'properties/inputs', expected an object.")
        event = Event("workflow_dispatch", None, call.repo, call.actor, self._about(call), call.actor == BOT, ref)
        run_id = self.runner.request(self.runner.dispatch, event, workflow, inputs)
        if call.body.get("return_run_details") is True:
            run = payloads.run(self.runner, self.store.run(run_id))
            return JSONResponse({"workflow_run_id": run_id, "run_url": run["url"], "html_url": run["html_url"]})
        return Response(status_code=204)

    def repository_dispatch(self, call: "Call") -> Response:
        kind, client = call.body.get("event_type"), call.body.get("client_payload", {})
        if not isinstance(kind, str) or not 0 < len(kind) <= 100:
            return _refusal(422, 'Invalid request.\n\n"event_type" wasn\'t supplied.')
        if not isinstance(client, dict) or len(client) > 10:
            return _refusal(422, "Invalid request.\n\nNo more than 10 properties are allowed in client_payload.")
        branch = self.runner.host.default_branch(call.repo)
        payload = {"action": kind, "branch": branch, "client_payload": client, **self._about(call)}
        self.runner.tell(Event("repository_dispatch", kind, call.repo, call.actor, payload, call.actor == BOT,
                               f"refs/heads/{branch}"))
        return Response(status_code=204)

    def _about(self, call: "Call") -> dict[str, Any]:
        return {"repository": self.runner.host.repo_payload(call.repo),
                "sender": self.runner.host.user_payload(call.actor)}

    # Runs

    def runs(self, call: "Call") -> Response:
        sql, args = "repo = ?", [call.repo]
        if "workflow" in call.path:
            sql, args = sql + " AND workflow_id = ?", [*args, self._workflow_of(call)["id"]]
        query = call.request.query_params
        for key, column in (("actor", "actor"), ("branch", "head_branch"), ("event", "event"),
                            ("head_sha", "head_sha"), ("check_suite_id", "id")):
            if query.get(key):
                sql, args = f"{sql} AND {column} = ?", [*args, query[key]]
        if status := query.get("status"):
            sql, args = f"{sql} AND {'status' if status in STATUSES else 'conclusion'} = ?", [*args, status]
        if query.get("created"):
            sql, args = _created(query["created"], sql, args)
        size, page = call.paging()
        total, rows = self.store.page_of_runs(sql, args, size, page)
        return call.page("workflow_runs", total, [payloads.run(self.runner, row) for row in rows])

    def run(self, call: "Call") -> Response:
        return JSONResponse(payloads.run(self.runner, self._run_of(call)))

    def attempt(self, call: "Call") -> Response:
        row = self._run_of(call)
        if call.path["attempt"] != row["attempt"]:
            rows = self.store.jobs(row["id"], call.path["attempt"])
            row |= {"attempt": call.path["attempt"], "status": "completed",
                    "conclusion": graph.conclusion(graph.results(rows), False)}
        return JSONResponse(payloads.run(self.runner, row))

    def delete_run(self, call: "Call") -> Response:
        self.runner.request(requests.delete, self.runner, self._run_of(call)["id"])
        return Response(status_code=204)

    def delete_logs(self, call: "Call") -> Response:
        for row in self.store.jobs(self._run_of(call)["id"]):
            self.runner.logs.remove(row["id"])
        return Response(status_code=204)

    def cancel(self, call: "Call") -> Response:
        self.runner.request(requests.cancel, self.runner, self._run_of(call)["id"])
        return JSONResponse({}, 202)

    def rerun(self, call: "Call") -> Response:
        self._rerun(call, self._run_of(call)["id"])
        return JSONResponse({}, 201)

    def rerun_failed(self, call: "Call") -> Response:
        self._rerun(call, self._run_of(call)["id"], failed_only=True)
        return JSONResponse({}, 201)

    def rerun_job(self, call: "Call") -> Response:
        row = self._job_of(call)
        self._rerun(call, row["run_id"], job_id=row["id"])
        return JSONResponse({}, 201)

    def _rerun(self, call: "Call", run_id: int, **which: Any) -> None:
        self.runner.request(lambda: requests.rerun(self.runner, run_id, call.actor, **which))

    def timing(self, call: "Call") -> Response:
        rows = self.store.jobs(self._run_of(call)["id"])
        return JSONResponse({"billable": {}, "run_duration_ms": int(1000 * sum(row["wall"] for row in rows))})

    # Jobs and logs

    def jobs(self, call: "Call") -> Response:
        run = self._run_of(call)
        wanted = call.path.get("attempt") or run["attempt"]
        every = "attempt" not in call.path and call.request.query_params.get("filter") == "all"
        rows = self.store.jobs(run["id"], None if every else wanted)
        return call.listed("jobs", rows, lambda row: payloads.job(self.runner, row))

    def job(self, call: "Call") -> Response:
        return JSONResponse(payloads.job(self.runner, self._job_of(call)))

    def job_logs(self, call: "Call") -> Response:
        return self._link("job-log", self._job_of(call)["id"])

    def run_logs(self, call: "Call") -> Response:
        run = self._run_of(call)
        attempt = call.path.get("attempt") or run["attempt"]
        return self._link("run-logs", run["id"], attempt=str(attempt))

    # Artifacts

    def artifacts(self, call: "Call") -> Response:
        if "run" in call.path:
            rows = self.runner.artifacts.of_run(self._run_of(call)["id"])
        else:
            rows = self.store.query("SELECT * FROM artifacts WHERE repo = ? ORDER BY id DESC", call.repo)
        if name := call.request.query_params.get("name"):
            rows = [row for row in rows if row["name"] == name]
        return call.listed("artifacts", rows, lambda row: payloads.artifact(self.runner, row))

    def artifact(self, call: "Call") -> Response:
        return JSONResponse(payloads.artifact(self.runner, self._artifact_of(call)))

    def delete_artifact(self, call: "Call") -> Response:
        self.runner.artifacts.remove(self._artifact_of(call)["id"])
        return Response(status_code=204)

    def artifact_zip(self, call: "Call") -> Response:
        return self._link("artifact", self._artifact_of(call)["id"])

    # Downloads: a short-lived signed link, as GitHub redirects to its storage

    def _sign(self, kind: str, number: int, until: str, attempt: str) -> str:
        return hmac.new(self._key, f"{kind}/{number}/{until}/{attempt}".encode(), hashlib.sha256).hexdigest()

    def _link(self, kind: str, number: int, attempt: str = "") -> Response:
        until = str(int(time.time()) + LINK_SECONDS)
        query = urlencode({"until": until, "attempt": attempt, "sig": self._sign(kind, number, until, attempt)})
        return RedirectResponse(f"{self.runner.host.url}/api/v3/_blobs/{kind}/{number}?{query}", 302)

    def _blob(self, request: Request) -> Response:
        kind, number = request.path_params["kind"], request.path_params["id"]
        until, attempt = request.query_params.get("until", ""), request.query_params.get("attempt", "")
        wanted = self._sign(kind, number, until, attempt)
        if not hmac.compare_digest(wanted, request.query_params.get("sig", "")) or int(until) < time.time():
            return _refusal(404, "Not Found")
        if kind == "artifact":
            return FileResponse(self.runner.artifacts.path(number), media_type="application/zip")
        if kind == "job-log":
            row = self.store.job(number)
            return Response(self.runner.logs.job(row["log_id"]), media_type="text/plain; charset=utf-8")
        return Response(self._zip_logs(number, int(attempt)), media_type="application/zip")

    def _zip_logs(self, run_id: int, attempt: int) -> bytes:
        """`<n>_<job>.txt` for each job, `<job>/<n>_<step>.txt` for each step."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, row in enumerate(self.store.jobs(run_id, attempt)):
                name = _file_name(row["name"])
                archive.writestr(f"{number}_{name}.txt", self.runner.logs.job(row["log_id"]))
                for step in self.store.steps(row["id"]):
                    archive.writestr(f"{name}/{step['number']}_{_file_name(step['name'])}.txt",
                                     self.runner.logs.step(row["log_id"], step["number"]))
        return data.getvalue()


class Call:
    """One authorised request."""

    def __init__(self, request: Request, body: dict[str, Any], repo: str, actor: str, url: str):
        self.request, self.body, self.repo, self.actor, self.url = request, body, repo, actor, url
        self.path = request.path_params

    def paging(self) -> tuple[int, int]:
        """(per_page, page), within GitHub's bounds."""
        query = self.request.query_params
        return min(max(_int(query.get("per_page"), 30), 1), 100), max(_int(query.get("page"), 1), 1)

    def listed(self, key: str, rows: list[Row], payload: Callable[[Row], dict]) -> Response:
        """One page of `rows`."""
        size, page = self.paging()
        return self.page(key, len(rows), [payload(row) for row in rows[(page - 1) * size:page * size]])

    def page(self, key: str, total: int, shown: list[dict]) -> Response:
        """The items of one page, with total_count and the Link header."""
        size, page = self.paging()
        last = max(1, -(-total // size))
        links = [("prev", page - 1), ("first", 1)] if page > 1 else []
        links += [("next", page + 1), ("last", last)] if page < last else []
        path = self.request.url.path.removeprefix("/api/v3")
        headers = {"Link": ", ".join(
            f'<{self.url}/api/v3{path}?{urlencode({**self.request.query_params, "page": number})}>; rel="{rel}"'
            for rel, number in links)} if links else {}
        return JSONResponse({"total_count": total, key: shown}, headers=headers)


def _int(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


def _created(text: str, sql: str, args: list) -> tuple[str, list]:
    """GitHub's date search: `2024-01-01`, `>=…`, `<…`, `a..b`, with or without a time."""
    low, dots, high = text.partition("..")
    if dots:
        parts = [(">=", low)] if low not in ("", "*") else []
        parts += [("<=", high)] if high not in ("", "*") else []
    else:
        operator = next((each for each in (">=", "<=", ">", "<") if text.startswith(each)), "")
        parts = [(operator, text.removeprefix(operator))] if operator else [(">=", text), ("<=", text)]
    for operator, date in parts:
        edge = date.strip().replace("+00:00", "Z")
        if len(edge) == 10:
            edge += "T23:59:59Z" if operator in ("<=", ">") else "T00:00:00Z"
        sql, args = f"{sql} AND created_at {operator} ?", [*args, edge]
    return sql, args


def _file_name(name: str) -> str:
    plain = "".join("_" if char in '\\/:*?"<>|' or ord(char) < 32 else char for char in name)
    return plain[:90].strip(". ") or "_"


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "status": str(status),
                         "documentation_url": "https://docs.github.com/rest/actions"}, status)
