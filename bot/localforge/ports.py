"""Where the local forge and the workflow runner meet: two protocols and one event.

The forge owns repositories, issues, people and tokens; the runner owns runs, jobs, artifacts and logs, with
the REST routes of GitHub Actions. Neither imports the other's modules; `bot/commands/forge.py` joins them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bot.localforge.codes import Codes

Payload = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened in a repository, as GitHub's webhook of that name would tell it."""

    name: str  # issues, issue_comment, push, pull_request, workflow_dispatch, schedule, …
    action: str | None
    repo: str  # owner/name
    actor: str  # login
    payload: Payload
    by_job: bool = False
    """Caused by a job's GITHUB_TOKEN: starts no workflow unless workflow_dispatch or repository_dispatch."""
    ref: str = ""
    """Full ref the event is about; the default branch's where GitHub says so."""
    sha: str = ""
    extra: dict[str, str] = field(default_factory=dict)


class Host(Protocol):
    """What the runner needs of the forge."""

    url: str  # http://127.0.0.1:PORT, no trailing slash
    data: Path  # the forge's folder; the runner keeps its own below data/actions
    codes: Codes  # of the links that sign a browser in; for the pages alone

    def bare(self, repo: str) -> Path:
        """The bare git repository of `owner/name`; KeyError if there is none."""

    def default_branch(self, repo: str) -> str: ...

    def repositories(self) -> list[str]: ...

    def mint(self, repo: str, permissions: dict[str, str], run_id: int) -> str:
        """A token for one job, acting as github-actions[bot] with exactly `permissions` on `repo`."""

    def revoke(self, token: str) -> None: ...

    def secrets(self, repo: str) -> dict[str, str]: ...

    def variables(self, repo: str) -> dict[str, str]: ...

    def repo_payload(self, repo: str) -> Payload: ...

    def user_payload(self, login: str) -> Payload: ...

    def publish(self, event: Event) -> None:
        """Deliver an event that the runner caused (workflow_run, workflow_job) to webhooks and runner."""

    def authorize(self, request: Any, repo: str, permission: str, level: str) -> str:
        """The acting login of a REST request, or raise the forge's own HTTP error (401, 403, 404)."""


class Workflows(Protocol):
    """What the forge needs of the runner."""

    def on_event(self, event: Event) -> None:
        """Start the runs that this event triggers. Returns at once."""

    def routes(self) -> list[Any]:
        """Starlette routes of the Actions REST API, to be mounted under /api/v3."""

    def runs_for(self, repo: str, sha: str) -> list[Payload]:
        """Runs of a commit, newest first, for the pages."""

    def start(self) -> None: ...

    def stop(self) -> None: ...
