"""Events: recorded with the change that caused them, handed on once it is committed.

The outbox is a table, so that an event survives a kill between the change and its consequences. One
thread hands each to the runner and to the webhooks, in order; an event killed halfway is handed on again
(GitHub's own promise is no better than that).
"""

import json
import sys
import threading
import time
import traceback
from dataclasses import replace

from bot.localforge.payloads.repos import full_name, repository
from bot.localforge.payloads.users import user
from bot.localforge.ports import Event


class Outbox:
    def __init__(self, forge):
        self.forge = forge
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="forge-outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def add(self, event: Event) -> None:
        """Inside a transaction: remember `event` and hand it on after the commit."""
        self.forge.store.insert("outbox", event=json.dumps(vars(event)))
        self._idle.clear()
        self.forge.store.after_commit(self._wake.set)

    def settle(self, seconds: float = 10) -> bool:
        """Wait until everything recorded so far was handed on; whether it was."""
        return self._idle.wait(seconds)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            try:
                while not self._stopping and self._step():
                    pass
            except Exception:  # noqa: BLE001 a full disk, say: what is in the outbox is tried again
                traceback.print_exc()
                time.sleep(1)
                self._wake.set()

    def _step(self) -> bool:
        store = self.forge.store
        with store.transaction():
            row = store.one("select * from outbox order by id limit 1")
            if row is None:
                self._idle.set()
                return False
            event = Event(**json.loads(row["event"]))
            event = _with_test_merge(self.forge, event)
        try:
            if event is not None:
                self.forge.workflows.on_event(event)
                self.forge.webhooks.enqueue(event)
        except Exception:  # noqa: BLE001 one event's trouble must not stop the others
            print(f"forge: event {event.name} in {event.repo} was not handled:", file=sys.stderr)
            traceback.print_exc()
        with store.transaction():
            store.run("delete from outbox where id = ?", row["id"])
        return True


def _with_test_merge(forge, event: Event) -> Event | None:
    """A pull request's events are about its test merge, as on GitHub; its SHA stays empty where there is a
    conflict.
    """
    from bot.localforge import merging

    if not event.name.startswith("pull_request") or event.sha or "pull_request" not in event.payload:
        return event
    repo = forge.find(event.repo)
    row = repo and merging.pull(forge, repo, event.payload["pull_request"]["number"])
    if not row:
        return event
    if row["state"] == "open":
        merging.test_merge(forge, repo, row)
        row = merging.pull(forge, repo, row["number"])
        sha = row["test_sha"] or ""
    else:
        sha = row["merge_sha"] or row["test_sha"] or row["head_sha"]
    return replace(event, ref=f"refs/pull/{row['number']}/merge", sha=sha)


def listening(forge, repo) -> bool:
    from bot.localforge.host import NoWorkflows

    return not isinstance(forge.workflows, NoWorkflows) or bool(
        forge.store.value("select 1 from hooks where repo_id = ? and active", repo["id"])
    )


def record(forge, repo, actor, name: str, action: str | None, payload, *, ref: str = "", sha: str = "") -> None:
    """Remember that `name`/`action` happened. `payload()` gives the webhook's own keys; it is only called
    if heard.
    """
    if not listening(forge, repo):
        return
    if not ref and not name.startswith("pull_request"):
        ref = f"refs/heads/{repo['default_branch']}"
        sha = sha or forge.git(repo).ref(ref) or ""
    body = (
        ({"action": action} if action else {})
        | payload()
        | {"repository": repository(forge, repo), "sender": user(forge, actor.login)}
    )
    forge.outbox.add(
        Event(
            name=name,
            action=action,
            repo=full_name(repo),
            actor=actor.login,
            payload=body,
            by_job=actor.kind == "job",
            ref=ref,
            sha=sha,
        )
    )
