"""The forge as the bot uses it: one short method per thing that is read or written.

No policy here: what to read is decided in `bot/reconcile/snapshot.py`, what to write in `decide.py`. Every method
is one REST call (or one paged list), and answers in the plain values of `records.py`.
"""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from bot.errors import ConfigError
from bot.forge.records import CheckRun, Comment, Commit, Issue, Pull, WorkflowRun
from bot.forge.wire import Answered, Wire

WRITERS = {"admin", "maintain", "write"}


class Forge:
    """One repository on GitHub, or on the local forge."""

    def __init__(self, api: str, repo: str, token: str, *, server: str = "",
                 after_call: Callable[[str, str], None] | None = None, **wire):
        if repo.count("/") != 1:
            raise ConfigError(f"expected a repository as owner/name, found '{repo}'", "set GITHUB_REPOSITORY")
        self.repo, self.owner, self.token = repo, repo.partition("/")[0], token
        self.server = server or api.rstrip("/").removesuffix("/api/v3").replace("://api.github.com", "://github.com")
        self.wire = Wire(api, token, after_call, **wire)
        self.at = f"/repos/{repo}"
        self._levels: dict[str, str] = {}

    @classmethod
    def from_environment(cls, **more) -> "Forge":
        """The forge that a job's environment names; ConfigError with what to set when it names none."""
        missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name, "").strip()]
        if missing:
            raise ConfigError(f"expected {' and '.join(missing)} in the environment, found nothing",
                              "run this in a workflow, or set them (GITHUB_API_URL too, for any forge but github.com)")
        token = os.environ["GITHUB_TOKEN"].strip()  # a secret that was pasted, or read from a file, ends in a line break
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise ConfigError("expected a token of printable ASCII in GITHUB_TOKEN, found spaces, control or other characters in it",
                              "copy the token again, alone")
        return cls(os.environ.get("GITHUB_API_URL", "https://api.github.com"), os.environ["GITHUB_REPOSITORY"],
                   token, server=os.environ.get("GITHUB_SERVER_URL", ""), **more)

    @property
    def local(self) -> bool:
        return self.wire.local

    # -- the repository, its commits and refs ---------------------------------------------------------------------

    @cached_property
    def default_branch(self) -> str:
        return self.wire.call("GET", self.at)["default_branch"]

    def branch(self, name: str) -> Commit | None:
        data = self.wire.call("GET", f"{self.at}/branches/{quote(name)}", missing=None)
        return Commit.of(data["commit"]) if data else None

    def refs(self, prefix: str) -> dict[str, str]:
        """SHA by full ref name, of the refs that start with `prefix` (such as `heads/auton/`)."""
        return {r["ref"]: r["object"]["sha"] for r in self.wire.pages(f"{self.at}/git/matching-refs/{prefix}")}

    def ref(self, name: str) -> str | None:
        data = self.wire.call("GET", f"{self.at}/git/ref/{name.removeprefix('refs/')}", missing=None)
        return data["object"]["sha"] if data else None

    def commit(self, sha: str) -> Commit | None:
        data = self.wire.call("GET", f"{self.at}/git/commits/{sha}", missing=None)
        return Commit.of(data) if data else None

    def subtree(self, commit: str, name: str) -> str | None:
        """The tree SHA of the folder `name` at the top of a commit or branch."""
        data = self.wire.call("GET", f"{self.at}/git/trees/{quote(commit)}", missing={"tree": []})
        return next((one["sha"] for one in data["tree"] if one["path"] == name and one["type"] == "tree"), None)

    def create_commit(self, message: str, tree: str, parents: list[str]) -> str:
        return self.wire.call("POST", f"{self.at}/git/commits", repeat=True,
                              body={"message": message, "tree": tree, "parents": parents})["sha"]

    def create_ref(self, name: str, sha: str) -> bool:
        """False if a ref of that name is there already."""
        try:
            self.wire.call("POST", f"{self.at}/git/refs", body={"ref": name, "sha": sha})
        except Answered as error:
            if error.status == 422:
                return False
            raise
        return True

    def advance_ref(self, name: str, sha: str) -> bool:
        """Fast-forward a ref; False if `sha` does not descend from what it points at now."""
        try:
            self.wire.call("PATCH", f"{self.at}/git/{name}", body={"sha": sha, "force": False})
        except Answered as error:
            if error.status in (404, 409, 422):
                return False
            raise
        return True

    def delete_ref(self, name: str) -> None:
        try:
            self.wire.call("DELETE", f"{self.at}/git/{name}", missing=None)
        except Answered as error:
            if error.status != 422:  # 422: Reference does not exist
                raise

    def merge_base(self, base: str, head: str) -> str:
        data = self.wire.call("GET", f"{self.at}/compare/{quote(base)}...{quote(head)}", {"per_page": 1})
        return data["merge_base_commit"]["sha"]

    # -- issues, comments, people -------------------------------------------------------------------------------

    def issues(self, label: str, state: str = "open", since: str = "") -> list[Issue]:
        params = {"labels": label, "state": state, "sort": "created", "direction": "asc"}
        found = self.wire.pages(f"{self.at}/issues", {**params, **({"since": since} if since else {})})
        return [Issue.of(data) for data in found if "pull_request" not in data]

    def closed_issues(self, label: str, most: int) -> list[Issue]:
        """The last that were closed (or changed since), newest first; at most `most` of them."""
        params = {"labels": label, "state": "closed", "sort": "updated", "direction": "desc", "per_page": most}
        return [Issue.of(data) for data in self.wire.pages(f"{self.at}/issues", params, limit=most) if "pull_request" not in data]

    def issue(self, number: int) -> Issue:
        return Issue.of(self.wire.call("GET", f"{self.at}/issues/{number}"))

    def comments(self, since: str) -> list[Comment]:
        """Every comment on issues and pull requests that was changed since then, oldest first."""
        params = {"since": since, "sort": "created", "direction": "asc"}
        return [Comment.of(data) for data in self.wire.pages(f"{self.at}/issues/comments", params)]

    def comments_on(self, number: int) -> list[Comment]:
        return [Comment.of(data) for data in self.wire.pages(f"{self.at}/issues/{number}/comments")]

    def may_write(self, login: str) -> bool:
        """Whether this person may push here, by the collaborators API (asked once per person and process)."""
        if login not in self._levels:
            data = self.wire.call("GET", f"{self.at}/collaborators/{quote(login)}/permission", missing={})
            self._levels[login] = data.get("permission", "none")
        return self._levels[login] in WRITERS

    def labeled_by(self, number: int, label: str) -> str | None:
        """Who put `label` on the issue last."""
        who = None
        for event in self.wire.pages(f"{self.at}/issues/{number}/events"):
            if event["event"] == "labeled" and event["label"]["name"] == label:
                who = (event.get("actor") or {}).get("login")
        return who

    def reopened(self, number: int, bot: str) -> tuple[int, str] | None:
        """The event, and whose it was, that opened the issue again after `bot` had closed it; None if there is none."""
        closer, found = "", None
        for event in self.wire.pages(f"{self.at}/issues/{number}/events"):
            who = (event.get("actor") or {}).get("login") or "ghost"
            if event["event"] == "closed":
                closer, found = who, None
            elif event["event"] == "reopened" and closer == bot:
                found = event["id"], who
        return found

    def label_names(self) -> set[str]:
        return {data["name"] for data in self.wire.pages(f"{self.at}/labels")}

    def create_label(self, name: str, color: str, description: str) -> None:
        try:
            self.wire.call("POST", f"{self.at}/labels", repeat=True,
                           body={"name": name, "color": color, "description": description})
        except Answered as error:
            if error.status != 422:  # already there
                raise

    def create_issue(self, title: str, body: str, labels: list[str]) -> Issue:
        body = {"title": title, "body": body, "labels": labels}
        return Issue.of(self.wire.call("POST", f"{self.at}/issues", body=body))

    def close_issue(self, number: int, reason: str) -> None:
        """`reason`: completed or not_planned."""
        self.wire.call("PATCH", f"{self.at}/issues/{number}", body={"state": "closed", "state_reason": reason})

    def reopen_issue(self, number: int) -> None:
        self.wire.call("PATCH", f"{self.at}/issues/{number}", body={"state": "open"})

    def add_labels(self, number: int, labels: list[str]) -> None:
        self.wire.call("POST", f"{self.at}/issues/{number}/labels", body={"labels": labels}, repeat=True)

    def remove_label(self, number: int, label: str) -> None:
        self.wire.call("DELETE", f"{self.at}/issues/{number}/labels/{quote(label)}", missing=None)

    def create_comment(self, number: int, body: str) -> Comment:
        return Comment.of(self.wire.call("POST", f"{self.at}/issues/{number}/comments", body={"body": body}))

    def edit_comment(self, comment: int, body: str) -> None:
        self.wire.call("PATCH", f"{self.at}/issues/comments/{comment}", body={"body": body})

    def delete_comment(self, comment: int) -> None:
        self.wire.call("DELETE", f"{self.at}/issues/comments/{comment}", missing=None)

    def react(self, comment: int, content: str) -> None:
        self.wire.call("POST", f"{self.at}/issues/comments/{comment}/reactions", body={"content": content},
                       repeat=True, missing=None)

    def add_sub_issue(self, parent: int, child_id: int) -> None:
        """Already being its sub-issue is fine."""
        try:
            self.wire.call("POST", f"{self.at}/issues/{parent}/sub_issues", repeat=True,
                           body={"sub_issue_id": child_id})
        except Answered as error:
            if error.status != 422:
                raise

    def sub_issues(self, parent: int) -> list[Issue]:
        return [Issue.of(data) for data in self.wire.pages(f"{self.at}/issues/{parent}/sub_issues")]

    def add_blocked_by(self, number: int, blocker_id: int) -> None:
        """Already being blocked by it is fine."""
        try:
            self.wire.call("POST", f"{self.at}/issues/{number}/dependencies/blocked_by",
                           body={"issue_id": blocker_id}, repeat=True)
        except Answered as error:
            if error.status != 422:
                raise

    def blocked_by(self, number: int) -> list[int]:
        return [data["number"] for data in self.wire.pages(f"{self.at}/issues/{number}/dependencies/blocked_by")]

    # -- pull requests ------------------------------------------------------------------------------------------

    def pulls(self) -> list[Pull]:
        """The open ones."""
        return [Pull.of(data) for data in self.wire.pages(f"{self.at}/pulls", {"state": "open"})]

    def pull_of(self, branch: str) -> Pull | None:
        """The pull request of a branch of this repository, open or not; the newest if there are several."""
        params = {"state": "all", "head": f"{self.owner}:{branch}", "sort": "created", "direction": "desc"}
        found = [Pull.of(data) for data in self.wire.pages(f"{self.at}/pulls", params, limit=10)]
        return next((pull for pull in found if pull.branch == branch), None)

    def create_pull(self, branch: str, title: str, body: str, draft: bool) -> Pull:
        return Pull.of(self.wire.call("POST", f"{self.at}/pulls", body={
            "head": branch, "base": self.default_branch, "title": title, "body": body, "draft": draft}))

    def mark_ready(self, pull: Pull) -> None:
        """No draft any more. GitHub offers this in GraphQL alone."""
        self.wire.graphql("mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
                          "{ pullRequest { isDraft } } }", {"id": pull.node_id})

    def close_pull(self, number: int) -> None:
        self.wire.call("PATCH", f"{self.at}/pulls/{number}", body={"state": "closed"})

    def reviews(self, pull: int) -> list[dict]:
        return list(self.wire.pages(f"{self.at}/pulls/{pull}/reviews"))

    def review_comments(self, pull: int) -> list[dict]:
        return list(self.wire.pages(f"{self.at}/pulls/{pull}/comments"))

    def create_review(self, pull: int, sha: str, body: str, comments: list[dict]) -> None:
        """A review without a vote: GitHub lets nobody approve their own pull request."""
        self.wire.call("POST", f"{self.at}/pulls/{pull}/reviews",
                       body={"commit_id": sha, "event": "COMMENT", "body": body, "comments": comments})

    # -- verdicts and workflows -----------------------------------------------------------------------------------

    def set_status(self, sha: str, context: str, state: str, description: str, url: str = "") -> None:
        """`state`: pending, success, failure or error."""
        body = {"state": state, "context": context, "description": description[:140]}
        self.wire.call("POST", f"{self.at}/statuses/{sha}", body={**body, **({"target_url": url} if url else {})},
                       repeat=True)

    def statuses(self, sha: str) -> dict[str, str]:
        """The latest state by context."""
        data = self.wire.call("GET", f"{self.at}/commits/{sha}/status", {"per_page": 100})
        return {item["context"]: item["state"] for item in data["statuses"]}

    def checks(self, sha: str, name: str) -> list[CheckRun]:
        found = self.wire.pages(f"{self.at}/commits/{sha}/check-runs", {"check_name": name, "filter": "all"},
                                inside="check_runs")
        return [CheckRun.of(data) for data in found]

    def create_check(self, sha: str, name: str, key: str, conclusion: str, title: str, summary: str, text: str) -> None:
        self.wire.call("POST", f"{self.at}/check-runs", body={
            "name": name, "head_sha": sha, "external_id": key, "status": "completed", "conclusion": conclusion,
            "output": {"title": title, "summary": summary, "text": text}})

    def runs(self, workflow: str, since: str) -> list[WorkflowRun]:
        """Runs of a workflow file that were created since then, newest first."""
        path = f"{self.at}/actions/workflows/{workflow}/runs"
        params = {"event": "workflow_dispatch", "created": f">={since}"}
        return [WorkflowRun.of(data) for data in self.wire.pages(path, params, inside="workflow_runs")]

    def run(self, run: int) -> dict | None:
        """A workflow run as the forge tells it: `event`, `path` and so on; None if there is no such run."""
        return self.wire.call("GET", f"{self.at}/actions/runs/{run}", missing=None)

    def artifacts(self, name: str) -> list[dict]:
        """The artifacts of that name in all runs, newest first."""
        found = self.wire.pages(f"{self.at}/actions/artifacts", {"name": name}, inside="artifacts")
        return sorted(found, key=lambda one: one["id"], reverse=True)

    def artifacts_of(self, run: int, name: str) -> list[dict]:
        """The artifacts of that name of one run, newest first."""
        data = self.wire.call("GET", f"{self.at}/actions/runs/{run}/artifacts", {"name": name, "per_page": 100},
                              missing={"artifacts": []})
        return sorted((one for one in data["artifacts"] if one["name"] == name), key=lambda one: one["id"], reverse=True)

    def download_artifact(self, artifact: int, target: Path, most: int) -> None:
        """Its zip file, of at most `most` bytes, into `target`."""
        self.wire.download(f"{self.at}/actions/artifacts/{artifact}/zip", self.token, target, most)

    def run_status(self, run: int) -> str | None:
        """`completed` and so on; None if there is no such run."""
        data = self.wire.call("GET", f"{self.at}/actions/runs/{run}", missing=None)
        return data["status"] if data else None

    def jobs(self, run: int) -> dict[str, str | None]:
        """Conclusions of a run's jobs by name; None while one is not done."""
        path = f"{self.at}/actions/runs/{run}/jobs"
        return {data["name"]: data["conclusion"] for data in self.wire.pages(path, {"filter": "latest"}, inside="jobs")}

    def steps(self, run: int, job: str) -> dict[str, str | None] | None:
        """Conclusions of the steps of a run's job by name, none before it has begun; None if it has not ended as cancelled."""
        data = self.wire.call("GET", f"{self.at}/actions/runs/{run}/jobs", {"filter": "latest", "per_page": 100}, missing={"jobs": []})
        found = next((one for one in data["jobs"] if one["name"] == job and one["conclusion"] == "cancelled"), None)
        return {step["name"]: step["conclusion"] for step in found["steps"]} if found else None

    def rerun_failed_jobs(self, run: int) -> None:
        """Only those that failed; what the others left (artifacts) is used again."""
        self.wire.call("POST", f"{self.at}/actions/runs/{run}/rerun-failed-jobs", body={})

    def dispatch(self, workflow: str, inputs: dict[str, str]) -> None:
        self.wire.call("POST", f"{self.at}/actions/workflows/{workflow}/dispatches",
                       body={"ref": self.default_branch, "inputs": inputs})

    def cancel_run(self, run: int) -> None:
        """A run that has ended already is fine."""
        try:
            self.wire.call("POST", f"{self.at}/actions/runs/{run}/cancel", repeat=True)
        except Answered as error:
            if error.status not in (404, 409):
                raise
