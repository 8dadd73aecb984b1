"""What the forge tells us, as plain values: the only shapes in which the rest of the bot sees GitHub.

Each `of` takes one JSON object of GitHub's REST API and keeps the fields that AUTON uses. Times stay the
ISO 8601 strings that GitHub sends (they sort as text).
"""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


def _login(user: Json | None) -> str:
    return (user or {}).get("login") or "ghost"


@dataclass(frozen=True)
class Issue:
    id: int
    number: int
    title: str
    body: str
    author: str
    labels: frozenset[str]
    open: bool
    created: str
    updated: str
    url: str = ""

    @classmethod
    def of(cls, data: Json) -> "Issue":
        return cls(id=data["id"], number=data["number"], title=data["title"], body=data.get("body") or "",
                   author=_login(data.get("user")), labels=frozenset(item["name"] for item in data["labels"]),
                   open=data["state"] == "open", created=data["created_at"], updated=data["updated_at"],
                   url=data.get("html_url", ""))


@dataclass(frozen=True)
class Comment:
    id: int
    issue: int
    """Number of the issue or pull request it stands on."""
    author: str
    body: str
    created: str
    eyes: int = 0
    rocket: int = 0
    confused: int = 0
    url: str = ""

    @classmethod
    def of(cls, data: Json) -> "Comment":
        counts = data.get("reactions") or {}
        return cls(id=data["id"], issue=int(data["issue_url"].rpartition("/")[2]), author=_login(data.get("user")),
                   body=data.get("body") or "", created=data["created_at"], eyes=counts.get("eyes", 0),
                   rocket=counts.get("rocket", 0), confused=counts.get("confused", 0), url=data.get("html_url", ""))


@dataclass(frozen=True)
class Pull:
    number: int
    node_id: str
    branch: str
    head: str
    """SHA of the head commit."""
    open: bool
    merged: bool
    draft: bool
    author: str
    body: str
    url: str = ""

    @classmethod
    def of(cls, data: Json) -> "Pull":
        return cls(number=data["number"], node_id=data["node_id"], branch=data["head"]["ref"],
                   head=data["head"]["sha"], open=data["state"] == "open", merged=bool(data.get("merged_at")),
                   draft=bool(data.get("draft")), author=_login(data.get("user")), body=data.get("body") or "",
                   url=data.get("html_url", ""))


@dataclass(frozen=True)
class WorkflowRun:
    id: int
    name: str
    """The run-name; ours are search keys."""
    status: str
    conclusion: str | None
    created: str
    updated: str
    url: str = ""
    attempt: int = 1

    @classmethod
    def of(cls, data: Json) -> "WorkflowRun":
        return cls(id=data["id"], name=data.get("display_title") or data.get("name") or "", status=data["status"],
                   conclusion=data.get("conclusion"), created=data["created_at"], updated=data["updated_at"],
                   url=data.get("html_url", ""), attempt=data.get("run_attempt") or 1)

    @property
    def done(self) -> bool:
        return self.status == "completed"


@dataclass(frozen=True)
class CheckRun:
    id: int
    name: str
    sha: str
    external_id: str
    conclusion: str | None
    app: str
    """Slug of the GitHub App that wrote it (`github-actions` for a job's token)."""
    text: str
    url: str = ""

    @classmethod
    def of(cls, data: Json) -> "CheckRun":
        output = data.get("output") or {}
        return cls(id=data["id"], name=data["name"], sha=data["head_sha"], external_id=data.get("external_id") or "",
                   conclusion=data.get("conclusion"), app=(data.get("app") or {}).get("slug") or "",
                   text=output.get("text") or "", url=data.get("html_url") or "")


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    message: str = ""
    parents: tuple[str, ...] = ()
    date: str = ""

    @classmethod
    def of(cls, data: Json) -> "Commit":
        """From a git commit object (`/git/commits`), or the `commit` part of a branch or repository commit."""
        inner = data.get("commit", data)
        return cls(sha=data["sha"], tree=inner["tree"]["sha"], message=inner.get("message", ""),
                   parents=tuple(parent["sha"] for parent in data.get("parents", ())),
                   date=(inner.get("committer") or {}).get("date", ""))
