"""pytest fixtures: a running local forge whose every answer and webhook is checked against GitHub's
description.

`forge` is a fresh forge in a thread; `forge.github("you")` is PyGithub on it, `forge.repository()` a
repository. A test that uses it fails if any exchange, anybody's, was not what GitHub would have said.
"""

import subprocess
from pathlib import Path

import pytest

from bot.localforge.serve import serve_in_thread
from tests.localforge.contract import Contract


class TestForge:
    """A served forge with what tests need around it."""

    __test__ = False

    def __init__(self, running, contract: Contract):
        self.running, self.contract = running, contract
        self.host = running.forge
        self.url, self.api, self.tokens = running.url, running.api, running.tokens
        self._webhooks = self.host.webhooks.enqueue
        self.host.webhooks.enqueue = self._enqueue

    def _enqueue(self, event) -> None:
        self.contract.webhook(event.name, event.payload)
        self._webhooks(event)

    def github(self, login: str = "you", token: str | None = None):
        """PyGithub as a person, or with any token."""
        import github

        return github.Github(
            base_url=self.api,
            auth=github.Auth.Token(token or self.tokens[login]),
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
            per_page=100,
        )

    def repository(self, name: str = "demo", **options):
        """A PyGithub repository of `you`, with a first commit."""
        return self.github().get_user().create_repo(name, **{"auto_init": True, **options})

    def job(self, repo: str = "you/demo", **permissions) -> str:
        """A job's token with exactly `permissions`."""
        return self.host.mint(repo, permissions, run_id=1)

    def remote(self, repo: str = "you/demo", login: str = "you", token: str | None = None) -> str:
        """A git URL that carries a token."""
        return f"{self.url.replace('//', f'//x-access-token:{token or self.tokens[login]}@', 1)}/{repo}.git"

    def settle(self) -> None:
        """Wait until every event so far was handed on and every webhook delivered."""
        assert self.host.outbox.settle() and self.host.webhooks.settle()


def git(*args: str, cwd: Path | None = None, ok: bool = True) -> str:
    """Run git as a person would, with a name and no configuration of this machine."""
    env = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "you",
        "GIT_AUTHOR_EMAIL": "1001+you@users.noreply.localhost",
        "GIT_COMMITTER_NAME": "you",
        "GIT_COMMITTER_EMAIL": "1001+you@users.noreply.localhost",
    }
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, text=True, env=env)
    assert not ok or done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
    return done.stdout.strip() if ok else done.stderr


@pytest.fixture
def forge(tmp_path):
    contract = Contract()
    with serve_in_thread(tmp_path / "forge", observe=contract.observe) as running:
        served = TestForge(running, contract)
        yield served
        served.settle()
    contract.verify()
