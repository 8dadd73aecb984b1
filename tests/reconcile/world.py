"""A whole world for the reconcile loop: the real local forge in a thread, real git, the real tick, apply and report.

Replaced are only the agents, by prepared results, and the machines of CI, by prepared reports: `Stage` is the workflow
service that the forge talks to, and runs what is dispatched to it when told to, in this process.
"""

import io
import itertools
import json
import re
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot import handoff
from bot.config import Config, check
from bot.forge.client import Forge
from bot.forge.wire import Uncertain
from bot.localforge.serve import serve_in_thread
from bot.reconcile.apply import apply
from bot.reconcile.brief import build
from bot.reconcile.lock import Holder, Lock
from bot.reconcile.report import report
from bot.reconcile.snapshot import CHECK
from bot.reconcile.tick import go_on, tick

BOT = "github-actions[bot]"
TARGETS = {arch: {"build": "make", "boot": "boot", "image": "kernel.elf"} for arch in ("x86_64", "aarch64", "riscv64")}


class Killed(BaseException):
    """The bot's process is gone: raised after a call to the forge, and caught only where a new process begins."""


@dataclass
class Job:
    id: int
    workflow: str
    inputs: dict
    created: str
    status: str = "queued"
    conclusion: str | None = None
    steps: dict[str, str] | None = None
    """Conclusions of the steps of its job `agent`, which was cancelled."""
    files: dict[str, str] = field(default_factory=dict)
    """What that job has uploaded."""
    branch: str = "main"

    @property
    def name(self) -> str:
        return self.inputs.get("key") or f"tick: {self.inputs.get('reason', '')}"


class Stage:
    """Stands where GitHub Actions stands: takes dispatches and lists runs; `World.work` performs them."""

    def __init__(self, host):
        self.host, self.jobs, self.lose = host, [], set()

    def on_event(self, event) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def runs_for(self, repo, sha):
        return []

    def routes(self):
        at = "/repos/{owner}/{repo}/actions"
        return [Route(at + "/workflows/{file}/dispatches", self.dispatch, methods=["POST"]),
                Route(at + "/workflows/{file}/runs", self.list, methods=["GET"]),
                Route(at + "/runs/{id:int}", self.one, methods=["GET"]),
                Route(at + "/runs/{id:int}/artifacts", self.artifacts, methods=["GET"]),
                Route(at + "/artifacts/{id:int}/zip", self.zip, methods=["GET"]),
                Route(at + "/runs/{id:int}/jobs", self.steps, methods=["GET"]),
                Route(at + "/runs/{id:int}/cancel", self.cancel, methods=["POST"])]

    async def dispatch(self, request):
        self.host.authorize(request, "you/demo", "actions", "write")
        body = await request.json()
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.jobs.append(Job(len(self.jobs) + 1, request.path_params["file"], body["inputs"], now))
        return Response(status_code=204)

    async def list(self, request):
        self.host.authorize(request, "you/demo", "actions", "read")
        rows = [self.payload(job) for job in reversed(self.jobs) if job.workflow == request.path_params["file"]]
        return JSONResponse({"total_count": len(rows), "workflow_runs": rows})

    async def one(self, request):
        return JSONResponse(self.payload(self.jobs[request.path_params["id"] - 1]))

    async def artifacts(self, request):
        job = self.jobs[request.path_params["id"] - 1]
        of = {"id": job.id, "head_branch": job.branch, "repository_id": 1, "head_repository_id": 1}
        rows = [{"id": job.id, "name": "agent", "size_in_bytes": 1000, "expired": False, "workflow_run": of}] if job.files else []
        return JSONResponse({"total_count": len(rows), "artifacts": rows})

    async def zip(self, request):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, text in self.jobs[request.path_params["id"] - 1].files.items():
                archive.writestr(name, text)
        return Response(made.getvalue(), media_type="application/zip")

    async def steps(self, request):
        steps = self.jobs[request.path_params["id"] - 1].steps
        rows = [{"name": "agent", "conclusion": "cancelled", "steps": [
            {"name": name, "conclusion": conclusion} for name, conclusion in (steps or {}).items()]}]
        return JSONResponse({"total_count": len(rows), "jobs": rows if steps is not None else []})

    async def cancel(self, request):
        job = self.jobs[request.path_params["id"] - 1]
        job.status, job.conclusion = "completed", "cancelled"
        return JSONResponse({}, status_code=202)

    def payload(self, job: Job) -> dict:
        return {"id": job.id, "name": job.name, "display_title": job.name, "status": job.status,
                "conclusion": job.conclusion, "created_at": job.created, "updated_at": job.created,
                "html_url": f"{self.host.url}/runs/{job.id}", "event": "workflow_dispatch",
                "path": f".github/workflows/{job.workflow}"}


@dataclass
class Script:
    """What the agents and CI are going to say. Plans by attempt; changes by task key and attempt: path → text."""

    plans: list[dict]
    changes: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    red: set[str] = field(default_factory=set)
    """Texts that make CI red when a file of the tree holds one (`A+B`: only when both are there)."""
    slow: set[str] = field(default_factory=set)
    """The same, but CI stays green and the kernel takes thirty times as long to boot."""
    reviews: dict[tuple[str, int], str] = field(default_factory=dict)
    """Verdicts by task key and attempt; approve when absent."""
    endings: dict[str, dict] = field(default_factory=dict)
    """Changes to a result, by run key or role."""
    cost: float = 0.01


class World:
    """One repository with one owner, `you`, and one reader, `guest`."""

    def __init__(self, folder: Path, running, stage: Stage, script: Script, **settings):
        self.folder, self.running, self.stage, self.script = folder, running, stage, script
        self.config: Config = check({"targets": TARGETS, **settings}, "test")
        self.you = Forge(running.api, "you/demo", running.tokens["you"], server=running.url)
        self.guest = Forge(running.api, "you/demo", running.tokens["guest"], server=running.url)
        self.births, self.calls, self.deaths = itertools.count(1), 0, 0
        self.life: dict[Forge, int] = {}
        """Which of the bot's processes has this forge."""
        self.dead: set[int] = set()
        self.briefs: dict[str, handoff.Brief] = {}
        self.kill = lambda number, verb, path: False
        """Whether the bot's process dies right after this call."""
        self.seed()

    def seed(self) -> None:
        self.you.wire.call("POST", "/user/repos", body={"name": "demo"})
        self.tree = self.folder / "seed"
        self.tree.mkdir()
        self.git("init", "-q", "-b", "main")
        (self.tree / "README.md").write_text("A kernel\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "Begin")
        self.git("push", "-q", self.url, "main:main")

    @property
    def url(self) -> str:
        return f"{self.running.url.replace('//', f'//x:{self.you.token}@', 1)}/you/demo.git"

    def git(self, *args: str, cwd: Path | None = None) -> str:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{who}_NAME": "you", f"GIT_{who}_EMAIL": "you@x", f"GIT_{who}_DATE": "1700000000 +0000"}
        done = subprocess.run(["git", *args], cwd=cwd or self.tree, capture_output=True, text=True, env=env)
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def file_goal(self, title: str = "Say uptime", body: str = "A command `uptime`.", who: Forge | None = None) -> int:
        return (who or self.you).create_issue(title, body, ["auton:goal"]).number

    def comment(self, number: int, body: str, who: Forge | None = None) -> int:
        return (who or self.you).create_comment(number, body).id

    # -- the bot's processes ----------------------------------------------------------------------------------------

    def bot(self, **permissions) -> Forge:
        """The forge as a job of the bot sees it, in a new process."""
        life = next(self.births)
        scopes = dict.fromkeys(("actions", "checks", "contents", "issues", "pull-requests", "statuses"), "write")
        token = self.stage.host.mint("you/demo", permissions or scopes, run_id=life)
        dead = []

        def after_call(verb: str, path: str) -> None:
            self.calls += 1
            if dead:
                raise Killed
            if self.kill(self.calls, verb, path):
                dead.append(True)
                self.dead.add(life)
                raise Killed

        forge = Forge(self.running.api, "you/demo", token, server=self.running.url, after_call=after_call)
        self.life[forge] = life
        return forge

    def tick(self, **options) -> int:
        forge = self.bot()
        return tick(forge, self.config, lock=self.lock(forge), **options)

    def ends_with_tick(self, process, key: str) -> None:
        """apply or report as its command runs it."""
        forge = self.bot()
        process(forge)
        go_on(forge, self.config, key, lock=self.lock(forge))

    def lock(self, forge: Forge) -> Lock:
        life = self.life[forge]  # not the last one born: ticks may begin at once
        holder = Holder("world", life, str(life))
        return Lock(forge, holder, alive=lambda other: other.pid not in self.dead)

    def work(self, most: int = 400) -> None:
        """Tick, then perform what was dispatched, until nothing is left; every death is followed by a new life."""
        again = True
        while again:
            most -= 1
            assert most > 0, "the world does not come to rest"
            self.live(self.tick)
            waiting = [job for job in self.stage.jobs if job.status == "queued"]
            again = bool(waiting)
            for job in waiting:
                self.perform(job)

    def live(self, process, *args) -> None:
        """Run a process of the bot until it ends by itself, however often it is killed."""
        for _ in range(2000):
            try:
                process(*args)
                return
            except (Killed, Uncertain):
                self.deaths += 1
        raise AssertionError("killed too often")

    def perform(self, job: Job) -> None:
        job.status = "in_progress"
        if job.name not in self.stage.lose:
            if job.workflow == "auton-agent.yml":
                self.agent(job)
            elif job.workflow == "auton-verify.yml":
                self.verify(job)
        if job.status != "completed":
            job.status, job.conclusion = "completed", "failure" if job.name in self.stage.lose else "success"

    # -- what agents and CI say -------------------------------------------------------------------------------------

    def agent(self, job: Job) -> None:
        i = job.inputs
        task = int(i["task"]) if i["task"] else None
        token = self.stage.host.mint("you/demo", dict.fromkeys(("contents", "issues", "pull-requests"), "read"), 0)
        reader = Forge(self.running.api, "you/demo", token, server=self.running.url)
        brief = build(reader, self.config, i["key"], int(i["goal"]), task, i["role"], int(i["attempt"]))
        self.briefs[brief.key] = brief
        with tempfile.TemporaryDirectory() as out:
            folder = Path(out)
            said = self.say(brief, folder)
            handoff.write(folder / "result.json", said)
            self.live(lambda: self.ends_with_tick(lambda bot: apply(bot, self.config, folder, i["key"]), i["key"]))

    def say(self, brief: handoff.Brief, folder: Path) -> handoff.Result:
        result = handoff.Result(
            key=brief.key, role=brief.role, goal=brief.goal, task=brief.task, attempt=brief.attempt, model=brief.model,
            status="submitted", head_sha=brief.head_sha, summary=f"done by the {brief.role}", seconds=1.5,
            usage=handoff.Usage(calls=3, input_tokens=1000, output_tokens=100, cost_usd=self.script.cost))
        spot = (brief.task_key, brief.attempt)
        if brief.role == "manager":
            result.plan = handoff.Plan.model_validate(self.script.plans[min(brief.attempt, len(self.script.plans)) - 1])
        elif brief.role == "reviewer":
            verdict = self.script.reviews.get(spot, "approve")
            bad = [handoff.Finding(path="README.md", line=1, severity="major", text="Not so.")]
            result.review = handoff.Review(verdict=verdict, summary="Read it.",
                                           findings=[] if verdict == "approve" else bad)
        else:
            files = self.script.changes.get(spot, {f"{brief.task_key}.c": f"{brief.task_key} {brief.attempt}\n"})
            result.patch = self.patch(brief, files, folder / "change.patch")
        for name in (brief.role, brief.key):
            result = result.model_copy(update=self.script.endings.get(name, {}))
        return result

    def patch(self, brief: handoff.Brief, files: dict[str, str], path: Path) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            self.git("clone", "-q", self.url, str(tree))
            self.git("checkout", "-q", brief.head_sha, cwd=tree)
            for name, text in files.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
            self.git("add", "-A", cwd=tree)
            if not self.git("status", "--porcelain", cwd=tree):
                return False
            self.git("commit", "-qm", f"{brief.task_title}, attempt {brief.attempt}", cwd=tree)
            path.write_text(self.git("format-patch", "--stdout", f"{brief.head_sha}..HEAD", cwd=tree) + "\n")
        return True

    def verify(self, job: Job) -> None:
        sha = job.inputs["sha"]
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            self.git("clone", "-q", self.url, str(tree))
            self.git("checkout", "-q", sha, cwd=tree)
            files = [path for path in sorted(tree.rglob("*")) if path.is_file() and ".git" not in path.parts]
            text = "".join(path.read_text() for path in files)
            bad, slow = (next((all_ for all_ in sorted(texts) if all(one in text for one in all_.split("+"))), None)
                         for texts in (self.script.red, self.script.slow))
            out = Path(folder) / "reports"
            out.mkdir()
            for arch in " ".join(json.loads(job.inputs["archs"])).split():
                failed = [handoff.Check(name="uptime.answers", verdict="FAIL", where="t.c:3", detail=f"found {bad}")]
                good = [handoff.Check(name="build", verdict="PASS")]
                one = handoff.ArchReport(arch=arch, verdict="FAIL" if bad else "PASS", checks=failed if bad else good,
                                         figures={"boot_ms": 900.0 if slow else 30.0}, seconds=2.0)
                (out / arch).mkdir()
                handoff.write(out / arch / "report.json", handoff.Report(
                    tree=self.git("rev-parse", "HEAD^{tree}", cwd=tree), verdict=one.verdict, archs=[one], seconds=2.0))
            key = job.inputs["key"]
            self.live(lambda: self.ends_with_tick(lambda bot: report(bot, self.config, out, sha, key), key))

    # -- looking on -------------------------------------------------------------------------------------------------

    def labels(self, number: int) -> set[str]:
        return {name for name in self.you.issue(number).labels}

    def state(self, number: int) -> str:
        states = [name.removeprefix("auton:") for name in self.labels(number) if name.startswith("auton:")]
        return next(name for name in states if name not in ("goal", "task", "hold"))

    def said(self, number: int) -> list[str]:
        return [comment.body for comment in self.you.comments_on(number) if comment.author == BOT]


    def picture(self) -> dict:
        """Everything visible on the forge, without times and without the comings and goings of ticks."""
        def tame(text: str) -> str:
            return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)

        count = len(list(self.you.wire.pages(f"{self.you.at}/issues", {"state": "all"})))
        issues = [self.you.issue(n + 1) for n in range(count)]
        pulls = list(self.you.wire.pages(f"{self.you.at}/pulls", {"state": "all"}))
        main = self.you.branch("main").sha
        self.git("fetch", "-q", self.url, "main")
        return {
            "issues": [(i.number, i.title, i.body, sorted(i.labels), i.open) for i in issues],
            "comments": {i.number: sorted((c.author, tame(c.body), c.eyes, c.rocket, c.confused)
                                          for c in self.you.comments_on(i.number)) for i in issues},
            "sub-issues": {i.number: [s.number for s in self.you.sub_issues(i.number)] for i in issues if i.labels},
            "blocked by": {i.number: self.you.blocked_by(i.number) for i in issues if "auton:task" in i.labels},
            "pulls": [(p["number"], p["head"]["ref"], p["head"]["sha"], p["state"], p["merged_at"] is None)
                      for p in pulls],
            "reviews": {p["number"]: [tame(r["body"]) for r in self.you.reviews(p["number"])] for p in pulls},
            "statuses": {p["number"]: self.you.statuses(p["head"]["sha"]) for p in pulls},
            "checks": {p["number"]: [c.external_id for c in self.you.checks(p["head"]["sha"], CHECK)] for p in pulls},
            "main": (main, self.git("log", "--format=%B", "FETCH_HEAD")),
            "refs": self.git("ls-remote", self.url, "refs/heads/*", "refs/auton/*"),
            "runs": sorted(job.name for job in self.stage.jobs if job.workflow != "auton-tick.yml"),
        }


def serve(folder: Path, script: Script, **settings):
    """A context manager that yields a World."""
    from contextlib import contextmanager

    @contextmanager
    def begin():
        stages = []

        def join(host):
            stages.append(Stage(host))
            return stages[0]

        with serve_in_thread(folder / "forge", join=join) as running:
            yield World(folder, running, stages[0], script, **settings)

    return begin()


def plan(*tasks: tuple) -> dict:
    """A plan from (key, role, dependencies…) rows."""
    return {"summary": "Do it.", "tasks": [
        {"key": key, "title": f"Part {key}", "role": role, "body": f"Do {key}.", "depends_on": list(needs),
         "acceptance": [f"{key} works"]} for key, role, *needs in tasks]}
