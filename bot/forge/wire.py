"""One HTTP call to GitHub's REST API: PyGithub's requester underneath, our own table of what is tried again.

What is safe to repeat is repeated; a POST whose fate is unknown is not: it raises `Uncertain`, and the caller
looks on the forge whether it took effect. Rate limits are waited for as GitHub's documentation asks.
"""

import importlib.machinery
import importlib.util
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot import hostile
from bot.errors import ConfigError, ForgeError

API_VERSION = "2022-11-28"
TRIES = 5
LONGEST_WAIT = 120.0  # seconds; a rate limit that asks for more is told to a person instead
SERVER_TROUBLE = {500, 502, 503, 504}
REPEATABLE = {"GET", "HEAD", "PUT", "PATCH", "DELETE"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Uncertain(ForgeError):
    """A write was sent and no answer came, or a server error: it may or may not have taken effect."""


class Answered(ForgeError):
    """The forge answered with an error status; `status` and its `message` say which."""

    def __init__(self, message: str, hint: str, status: int):
        super().__init__(message, hint)
        self.status = status


HINTS = {
    401: "the token is missing, wrong or expired: set GITHUB_TOKEN to one that may write to this repository",
    403: "the token lacks a permission for this: see the README for what it must be allowed to do",
    404: "check GITHUB_REPOSITORY, and that the token may see the repository",
    501: "the local forge emulates only what AUTON uses; this is not part of it",
}


class Wire:
    """Calls below one API address with one token. `after_call(verb, path)` runs after each answered call."""

    def __init__(self, api: str, token: str, after_call: Callable[[str, str], None] | None = None,
                 sleep: Callable[[float], None] = time.sleep):
        _must_be_url(api)
        github = pygithub()
        local = urlsplit(api).hostname in LOOPBACK
        self.api = api.rstrip("/")
        self.local = local
        self.after_call = after_call
        self.sleep = sleep
        self.calls = 0
        self._requester = github.Github(
            base_url=self.api, auth=github.Auth.Token(token), retry=None, timeout=30, per_page=100,
            user_agent="auton", api_version=API_VERSION,
            seconds_between_requests=0 if local else 0.05, seconds_between_writes=0 if local else 1.0,
        ).requester

    def call(self, verb: str, path: str, params: dict | None = None, body: Any = None, *, repeat: bool = False,
             missing: Any = ...) -> Any:
        """The parsed answer. `repeat`: this POST is idempotent. `missing`: returned for 404 (and 410)."""
        return self._send(verb, path, params, body, repeat, missing)[1]

    def graphql(self, query: str, variables: dict) -> dict:
        """The `data` of an answer; what GraphQL calls errors is an Answered like any other."""
        import github
        import requests

        try:
            _, data = self._requester.graphql_query(query, variables)
        except github.GithubException as error:
            raise Answered(f"GraphQL: expected success, found {error}"[:400], "", error.status) from None
        except requests.RequestException as error:
            raise Uncertain(f"GraphQL: no answer from {self.api} ({type(error).__name__})", "run it again") from None
        self.calls += 1
        if self.after_call:
            self.after_call("POST", "/graphql")
        return data["data"]

    def pages(self, path: str, params: dict | None = None, inside: str | None = None, limit: int = 0) -> Iterator:
        """Every item of a list, page after page (Link headers); `inside` names the list within an object."""
        url, query, seen = path, {"per_page": 100, **(params or {})}, 0
        while url:
            headers, data = self._send("GET", url, query, None, False, ...)
            for item in data[inside] if inside else data:
                yield item
                seen += 1
                if limit and seen >= limit:
                    return
            match = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("link", ""))
            url, query = (match.group(1) if match else ""), None

    def download(self, path: str, token: str, target: Path, most: int) -> None:
        """A file that the forge redirects to, of at most `most` bytes. The token goes to the forge alone: requests drops it
        where a redirect leads to another host."""
        import requests

        try:
            with requests.get(self.api + path, headers={"Authorization": f"token {token}", "User-Agent": "auton"},
                              stream=True, timeout=60) as answer:
                if answer.status_code >= 400:
                    raise Answered(f"GET {path}: expected a file, found {answer.status_code}",
                                   HINTS.get(answer.status_code, ""), answer.status_code)
                with target.open("wb") as file:
                    for chunk in answer.iter_content(1 << 20):
                        most -= len(chunk)
                        if most < 0:
                            raise ForgeError(f"GET {path}: the file is larger than it may be", "nothing of it was used")
                        file.write(chunk)
        except requests.RequestException as error:
            raise ForgeError(f"cannot read {path} from {self.api}: {_cause(error)}", "run it again") from None
        self.calls += 1

    def _send(self, verb, path, params, body, repeat, missing):
        import requests

        may_repeat = repeat or verb in REPEATABLE
        for attempt in range(1, TRIES + 1):
            try:
                status, headers, text = self._requester.requestJson(verb, path, parameters=params, input=body)
            except requests.RequestException as error:
                if not may_repeat:
                    raise Uncertain(f"{verb} {path}: no answer from {self.api} ({type(error).__name__})",
                                    "run `auton tick` again: it looks first whether the write took effect") from None
                if attempt == TRIES:
                    raise ForgeError(f"cannot reach the forge at {self.api}: {_cause(error)}",
                                     "check the network, and that the address in GITHUB_API_URL is right") from None
                self.sleep(self._backoff(attempt))
                continue
            self.calls += 1
            if self.after_call:
                self.after_call(verb, path)
            if status < 400:
                return headers, self._value(verb, path, text) if text else None
            if status in (404, 410) and missing is not ...:
                return headers, missing
            message = _message(text)
            if _limited(status, headers, message):
                wait = self._rate_wait(headers, attempt)
                if attempt < TRIES and wait <= LONGEST_WAIT:
                    self.sleep(wait)
                    continue
                raise Answered(f"{verb} {path}: rate limit of the forge reached; it asks to wait {wait:.0f} s",
                               "wait, then run the same command again", status)
            if status in SERVER_TROUBLE:
                if not may_repeat:
                    raise Uncertain(f"{verb} {path}: the forge answered {status} {message}",
                                    "run `auton tick` again: it looks first whether the write took effect")
                if attempt < TRIES:
                    self.sleep(self._backoff(attempt))
                    continue
            raise Answered(f"{verb} {path}: expected success, found {status} {message}", HINTS.get(status, ""), status)
        raise AssertionError("unreachable")

    def _value(self, verb: str, path: str, text: str) -> Any:
        try:
            return hostile.read_json(text)
        except ValueError as error:
            raise ForgeError(f"{verb} {path}: expected JSON from {self.api}, found {text[:60]!r} ({error})",
                             "check that GITHUB_API_URL is the address of a GitHub API") from None

    def _backoff(self, attempt: int) -> float:
        """Seconds before the next try: 1, 2, 4, 8 with jitter; a twentieth of it on loopback."""
        return 2 ** (attempt - 1) * random.uniform(0.75, 1.25) * (0.05 if self.local else 1)

    def _rate_wait(self, headers: dict, attempt: int) -> float:
        """As the documentation says: Retry-After; else until the reset when nothing remains; else a minute and more."""
        if "retry-after" in headers:
            return float(headers["retry-after"])
        if headers.get("x-ratelimit-remaining") == "0" and "x-ratelimit-reset" in headers:
            return max(1.0, float(headers["x-ratelimit-reset"]) - time.time())
        return 60.0 * 2 ** (attempt - 1) * (0.001 if self.local else 1)


def pygithub():
    """PyGithub, but for PyJWT, which it imports together with all of `cryptography`, half as large again as the rest:
    that is for a GitHub App's private key, and is loaded should it ever be used."""
    if "github" not in sys.modules:
        sys.meta_path.insert(0, _Later)
        try:
            import github  # noqa: F401
        finally:
            sys.meta_path.remove(_Later)
    return sys.modules["github"]


class _Later:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name == "jwt" else None
        if spec:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def _must_be_url(api: str) -> None:
    try:
        parts = urlsplit(api)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of a port above 65535
        right = False
    if not right:
        raise ConfigError(f"GITHUB_API_URL: expected an address such as https://api.github.com, found {api[:200]!r}",
                          "set it to the forge's API, http:// or https://")


def _limited(status: int, headers: dict, message: str) -> bool:
    if status == 429:
        return True
    return status == 403 and ("retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
                              or "rate limit" in message.lower())


def _message(text: str) -> str:
    try:
        data = hostile.read_json(text)
    except (ValueError, TypeError):
        return (text or "")[:200]
    if not isinstance(data, dict):
        return str(data)[:200]
    errors = "; ".join(str(e.get("message") or e.get("code") or e) if isinstance(e, dict) else str(e)
                       for e in data.get("errors") or ())
    return f"{data.get('message', '')}{': ' + errors if errors else ''}"[:400]


def _cause(error: Exception) -> str:
    text = str(error)
    for known in ("Connection refused", "Name or service not known", "Temporary failure in name resolution",
                  "timed out", "CERTIFICATE_VERIFY_FAILED", "Network is unreachable"):
        if known.lower() in text.lower():
            return known.lower()
    return type(error).__name__
