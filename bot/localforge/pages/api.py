"""The GitHub REST API as the pages see it: called in-process, with the token of the person who looks.

Nothing here knows that the API is the local forge's own; whatever answers GitHub's shapes at `/api/v3` will do.
Path segments are quoted here and nowhere else, so that a hostile branch or file name stays one segment.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx

ABSENT = (404, 410, 501)
"""Answers that mean "there is nothing of this kind here" where a page can do without."""


class ApiError(Exception):
    """The API's own refusal: its status, its message, and the request that it refused."""

    def __init__(self, status: int, message: str, request: str, retry_after: str = ""):
        super().__init__(f"{request}: {status} {message}")
        self.status, self.message, self.request, self.retry_after = status, message, request, retry_after


@dataclass(frozen=True)
class Paged:
    """One page of a list, and which page of how many it is."""

    items: list
    number: int
    last: int


def connect(api_app: Any) -> httpx.AsyncClient:
    """A client whose every request, redirects included, is answered by `api_app` in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=api_app, raise_app_exceptions=False),
                             follow_redirects=True, timeout=None, headers={"User-Agent": "auton-pages"})


class Api:
    """The API for one person. Paths are given as segments: `api.get("repos", repo, "issues", 7)`."""

    def __init__(self, client: httpx.AsyncClient, url: str, token: str):
        self._client, self._base, self._token = client, url + "/api/v3", token

    async def call(self, method: str, *segments: str | int, body: Any = None, **query: Any) -> httpx.Response:
        path = "/".join(quote(str(segment), safe="/") for segment in segments)
        request = f"{method} /{path}"
        if any(part in (".", "..", "") for part in path.split("/")):
            raise ApiError(404, "Not Found", request)
        response = await self._client.request(
            method, f"{self._base}/{path}", json=body, params={k: v for k, v in query.items() if v not in (None, "")},
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/vnd.github+json"})
        if response.status_code >= 400:
            raise ApiError(response.status_code, _message(response), request, response.headers.get("retry-after", ""))
        return response

    async def get(self, *segments: str | int, **query: Any) -> Any:
        return (await self.call("GET", *segments, **query)).json()

    async def text(self, *segments: str | int) -> str:
        return (await self.call("GET", *segments)).content.decode("utf-8", "replace")

    async def maybe(self, default: Any, *segments: str | int, **query: Any) -> Any:
        """`get`, or `default` where the API has no such thing."""
        try:
            return await self.get(*segments, **query)
        except ApiError as error:
            if error.status not in ABSENT:
                raise
            return default

    async def page(self, *segments: str | int, key: str = "", **query: Any) -> Paged:
        """One page of a list; `key` names the list where GitHub wraps it in an object."""
        response = await self.call("GET", *segments, **query)
        body = response.json()
        number = int(query.get("page") or 1)
        return Paged(body[key] if key else body, number, _last(response.headers.get("link", ""), number))

    async def all(self, *segments: str | int, pages: int = 10, **query: Any) -> list:
        """Every item of a list, up to `pages` pages of a hundred; empty where the API has no such list."""
        items: list = []
        for number in range(1, pages + 1):
            try:
                found = await self.page(*segments, **{**query, "per_page": 100, "page": number})
            except ApiError as error:
                if error.status not in ABSENT:
                    raise
                break
            items += found.items
            if found.last <= number:
                break
        return items


def _message(response: httpx.Response) -> str:
    """What GitHub's error body says, field errors included."""
    try:
        body = response.json()
    except ValueError:
        return response.text[:300] or response.reason_phrase
    if not isinstance(body, dict):
        return response.reason_phrase
    words = [str(body.get("message") or response.reason_phrase)]
    for error in body.get("errors") or []:
        if isinstance(error, dict):
            code = f"{error.get('field', 'a field')}: {error.get('code', 'invalid')}"
            words.append(str(error.get("message") or code))
        else:
            words.append(str(error))
    return f"{words[0]}: {'; '.join(words[1:])}" if len(words) > 1 else words[0]


def _last(link: str, number: int) -> int:
    """The last page's number by a Link header; without one this page is the last."""
    last = number
    for url, rel in re.findall(r'<([^>]*)>;\s*rel="(\w+)"', link):
        if rel in ("last", "next"):
            page = parse_qs(urlsplit(url).query).get("page", ["0"])[0]
            last = max(last, int(page) if page.isdigit() else 0)
    return last
