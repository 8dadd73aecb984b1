"""The frame around every page: who asks, whether they may post, how an answer is dressed, what an error says.

A page is a function from a View to a Response, registered with `@page` in the module of its subject. It reads and
writes through `view.api` alone. Host, Origin, the form's CSRF token and the headers are dealt with here, for all.
"""

import asyncio
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.localforge.pages import assets, diff, highlight, markdown, session, words
from bot.localforge.pages.api import Api, ApiError, connect
from bot.localforge.ports import Host

log = logging.getLogger("auton.pages")

POLICY = ("default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
          "form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FORM_BYTES = 600_000  # 65,536 characters of a comment, each at most nine bytes when form-encoded


class Stop(Exception):
    """An answer that is an error page: its status, what happened, and what to do."""

    def __init__(self, status: int, what: str, todo: str = "", kept: str = ""):
        super().__init__(what)
        self.status, self.what, self.todo, self.kept = status, what, todo, kept


class Site:
    """What all pages share: the API behind them, the forge's address, the templates, who is signed in."""

    def __init__(self, api_app: Any, host: Host):
        self.client = connect(api_app)
        self.host = host
        self.sessions = session.Sessions()
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("bot.localforge.pages"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True)
        self.templates.globals.update(words=words, link=link, markdown=markdown.render, diff=diff, code=highlight)
        self.templates.filters.update(ago=words.ago, clock=words.clock, plural=words.plural, seen=highlight.seen,
                                      title=highlight.title, dictitems=lambda found: found.items())

    @property
    def cookie(self) -> str:
        return f"auton_forge_{urlsplit(self.host.url).port or 80}"

    def api(self, token: str) -> Api:
        return Api(self.client, self.host.url, token)

    def own(self, netloc: str) -> bool:
        """Whether `netloc` names this server; anything else is a page of somebody else's that points here."""
        home = urlsplit(self.host.url)
        return netloc in (home.netloc, f"localhost:{home.port}", f"127.0.0.1:{home.port}", f"[::1]:{home.port}")


def link(*segments: str | int, **query: Any) -> str:
    """The address of one of these pages: segments quoted, empty ones left out."""
    path = "/" + "/".join(quote(str(part), safe="/") for part in segments if part != "")
    asked = "&".join(f"{quote(k, safe='')}={quote(str(v), safe='')}" for k, v in query.items() if v not in (None, ""))
    return f"{path}?{asked}" if asked else path


@dataclass
class View:
    """One request on its way to a page."""

    site: Site
    request: Request
    session: session.Session | None
    form: dict[str, str] = field(default_factory=dict)
    repo: dict | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        return self.site.api(self.session.token)

    @property
    def name(self) -> str:
        """`owner/name` of the repository in the address."""
        return f"{self.request.path_params['owner']}/{self.request.path_params['repo']}"

    def arg(self, name: str) -> Any:
        return self.request.path_params[name]

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    @property
    def page(self) -> int:
        asked = self.query("page", "1")
        return min(int(asked), 100_000) if asked.isdecimal() and asked.isascii() and asked != "0" else 1

    @property
    def may_write(self) -> bool:
        return bool((self.repo or {}).get("permissions", {}).get("push"))

    async def open_repo(self) -> dict:
        """Read the repository in the address, and the counts that its tabs show."""
        self.repo, pulls = await asyncio.gather(
            self.api.get("repos", self.name),
            self.api.page("repos", self.name, "pulls", state="open", per_page=1))
        count = pulls.last if pulls.items else 0
        self.counts.update(pull_count=count, issue_count=max(0, self.repo["open_issues_count"] - count))
        return self.repo

    async def render(self, template: str, status: int = 200, **data: Any) -> Response:
        notes = self.session.notes[:] if self.session else []
        if self.session:
            self.session.notes.clear()
        values = {"view": self, "repo": self.repo, "notes": notes, "version": assets.VERSION,
                  "viewer": self.session.login if self.session else "", "tab": "", "colors": "", "refresh": 0, **data}
        body = await run_in_threadpool(self.site.templates.get_template(template).render, values)
        return HTMLResponse(body, status)

    def go(self, url: str, note: str = "") -> Response:
        """After a form: on to `url`, where `note` is said."""
        if note and self.session:
            self.session.notes.append(note)
        return RedirectResponse(url, 303)


Page = Callable[[View], Awaitable[Response]]
PAGES: list[tuple[str, str, Page, bool]] = []


def page(path: str, method: str = "GET", signed_in: bool = True) -> Callable[[Page], Page]:
    """Register a page at `path`. `signed_in=False`: open to a browser that nobody has signed in with."""

    def register(function: Page) -> Page:
        PAGES.append((path, method, function, signed_in))
        return function

    return register


def routes(site: Site) -> list[Route]:
    found = [Route(path, _endpoint(site, function, method, signed_in), methods=[method])
             for path, method, function, signed_in in sorted(PAGES, key=lambda each: each[0].startswith("/{"))]
    nowhere = Route("/{path:path}", _endpoint(site, _nowhere, "GET", True), methods=["GET", "POST"])
    return [*assets.ROUTES, *found, nowhere]


async def _nowhere(view: View) -> Response:
    raise Stop(404, "There is no page at this address.", "Check the address, or start at the list of repositories.")


def _endpoint(site: Site, function: Page, method: str, signed_in: bool) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        view = View(site, request, site.sessions.find(request.cookies.get(site.cookie)))
        try:
            response = await _answer(view, function, method, signed_in)
        except Stop as stop:
            response = await _error(view, stop)
        except ApiError as error:
            response = await _refused(view, error)
        except Exception:
            mark = secrets.token_hex(4)
            log.exception("page %s failed (%s)", request.url.path, mark)
            view.repo = None  # what broke may be in it
            response = await _error(view, Stop(
                500, f"This page broke. The forge's log says why, at the mark {mark}.",
                "Load the page again; if it stays broken, the rest of the forge still works.", _typed(view)))
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return endpoint


async def _answer(view: View, function: Page, method: str, signed_in: bool) -> Response:
    host = view.request.headers.get("host", "")
    if not view.site.own(host):
        raise Stop(400, f"This forge does not answer to the host name “{host[:100]}”.", f"Use {view.site.host.url}/.")
    if method == "POST":
        _same_origin(view)
        view.form = await _form(view.request)
        expected = view.session.csrf if view.session else view.request.cookies.get(view.site.cookie + "_form", "")
        if (view.session or not signed_in) and not (
                expected and hmac.compare_digest(view.form.get("csrf", "").encode(), expected.encode())):
            raise Stop(403, "This form is from an older visit, so it was not accepted.",
                       "Load the page again and send it once more.", _typed(view))
    if signed_in and view.session is None:
        back = view.request.url.path + (f"?{view.request.url.query}" if view.request.url.query else "")
        return RedirectResponse(link("login", next=back if method == "GET" else "/"), 303)
    return await function(view)


def _same_origin(view: View) -> None:
    origin = urlsplit(view.request.headers.get("origin", ""))
    if origin.scheme != "http" or not view.site.own(origin.netloc):
        raise Stop(403, "This form did not come from one of this forge's own pages, so it was not accepted.",
                   f"Open {view.site.host.url}/ and send it from there.")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, newlines as LF; refused when larger than any of our forms can be."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise Stop(415, f"A form was expected, found “{kind[:80]}”.", "Send it from the page.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise Stop(413, f"A form may hold {FORM_BYTES // 1000} kB, this one is larger.", "Shorten the text.")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=40, errors="strict")
    except ValueError:
        raise Stop(400, "The form could not be read: it is not UTF-8, or it has too many fields.",
                   "Send it from the page.") from None
    return {name: value.replace("\r\n", "\n") for name, value in fields}


def _typed(view: View) -> str:
    return view.form.get("body") or view.form.get("command") or ""


ADVICE = {
    403: "Ask an owner of the repository for write permission, or sign in as somebody who has it.",
    404: "It may have been deleted or renamed, or you may not see it. Go back to the repository's first page.",
    422: "Mend what it names, and send it again.",
    501: "This emulator does not have that operation; GitHub does.",
}


async def _refused(view: View, error: ApiError) -> Response:
    """The API said no: say so in its words."""
    if error.status == 401 and view.session:
        view.site.sessions.close(view.request.cookies.get(view.site.cookie))
        return RedirectResponse("/login", 303)
    advice = ADVICE.get(error.status, "Load the page again in a moment; the forge's log has more.")
    if error.retry_after or error.status == 429:
        advice = f"Too many requests for now: try again in {error.retry_after or 'a few'} seconds."
    what = "There is nothing at this address." if error.status == 404 else f"The forge refused: {error.message}"
    return await _error(view, Stop(error.status, what, advice, _typed(view)), error.request)


async def _error(view: View, stop: Stop, request: str = "") -> Response:
    titles = {400: "Bad request", 403: "Not allowed", 404: "Not found", 413: "Too large", 422: "Not accepted",
              429: "Too many requests", 500: "Something broke", 501: "Not in this emulator"}
    return await view.render("error.html", stop.status, title=titles.get(stop.status, "Not possible"),
                             stop=stop, asked=request,
                             place=view.name if "repo" in view.request.path_params else "")

