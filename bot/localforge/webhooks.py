"""Webhook deliveries: signed, answered within ten seconds or dropped, never sent again by themselves.

Faults may lose, double or reorder them, as happens between GitHub and a receiver.
"""

import hashlib
import hmac
import json
import threading
import time
import traceback
import uuid

import httpx

from bot.localforge.store import now


class Webhooks:
    def __init__(self, forge):
        self.forge = forge
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="forge-webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=12)

    def settle(self, seconds: float = 15) -> bool:
        return self.forge.outbox.settle(seconds) and self._idle.wait(seconds)

    def enqueue(self, event) -> None:
        """Write one pending delivery per hook that subscribed to `event`."""
        store = self.forge.store
        with store.transaction():
            repo = self.forge.find(event.repo)
            if repo is None:
                return
            for hook in store.all("select * from hooks where repo_id = ? and active order by id", repo["id"]):
                wanted = json.loads(hook["events"])
                if event.name in wanted or "*" in wanted:
                    for _ in range(self.forge.faults.copies(event.name)):
                        self.deliver(hook, event.name, event.action, event.payload)

    def deliver(self, hook, name: str, action: str | None, payload, guid: str | None = None) -> int:
        """Queue one delivery; a `guid` marks the redelivery of an earlier one. Its id."""
        id = self.forge.store.insert(
            "deliveries",
            hook_id=hook["id"],
            guid=guid or str(uuid.uuid4()),
            event=name,
            action=action,
            redelivery=guid is not None,
            payload=json.dumps(payload),
        )
        self._idle.clear()
        self.forge.store.after_commit(self._wake.set)
        return id

    def _run(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._stopping:
                self._wake.wait()
                self._wake.clear()
                try:
                    while not self._stopping and self._step(client):
                        pass
                except Exception:  # noqa: BLE001 a full disk, say: what is undelivered is tried again
                    traceback.print_exc()
                    time.sleep(1)
                    self._wake.set()

    def _step(self, client: httpx.Client) -> bool:
        store = self.forge.store
        with store.transaction():
            waiting = store.all(
                "select deliveries.*, config from deliveries join hooks on hook_id = hooks.id "
                "where delivered_at is null order by deliveries.id limit 2"
            )
            if not waiting:
                self._idle.set()
                return False
        row = waiting[-1] if len(waiting) > 1 and self.forge.faults.reorders(waiting[0]["event"]) else waiting[0]
        config = json.loads(row["config"])
        body = row["payload"].encode()
        headers = {
            "Accept": "*/*",
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/local-forge-emulator",
            "X-GitHub-Delivery": row["guid"],
            "X-GitHub-Event": row["event"],
            "X-GitHub-Hook-ID": str(row["hook_id"]),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }
        if config.get("content_type") == "form":
            from urllib.parse import urlencode

            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({"payload": row["payload"]}).encode()
        if config.get("secret"):
            key = config["secret"].encode()
            headers["X-Hub-Signature"] = "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()
            headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        started = time.monotonic()
        try:
            response = client.post(config["url"], content=body, headers=headers)
            code, status, answer, back = (
                response.status_code,
                response.reason_phrase or "OK",
                response.text[:10_000],
                dict(response.headers),
            )
        except httpx.TimeoutException:
            code, status, answer, back = 504, "timed out", "", {}
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            code, status, answer, back = 502, f"failed to connect to host: {error}"[:200], "", {}
        with store.transaction():
            store.update(
                "deliveries",
                row["id"],
                request_headers=json.dumps(headers),
                response_headers=json.dumps(back),
                response_body=answer,
                status=status,
                status_code=code,
                delivered_at=now(),
                duration=round(time.monotonic() - started, 2),
            )
            store.update(
                "hooks",
                row["hook_id"],
                last_code=code,
                last_message=status,
                last_status="active" if code < 400 else "failed",
            )
        return True
