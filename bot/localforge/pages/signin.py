"""Signing in and out: by a link that is good once, by token, or by one click for who runs the forge.

`auton run`, `auton forge serve` and `auton forge sign-in` print such links. Whoever holds a token gets one by POST.
"""

import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.localforge.pages import session
from bot.localforge.pages.api import ApiError
from bot.localforge.pages.frame import Site, Stop, View, page

SPENT = ("This link was used already, or is older than a quarter of an hour: each signs one browser in. "
         "`auton forge sign-in` prints a new one.")


@page("/-/sign-in", signed_in=False)
@page("/login", signed_in=False)
async def form(view: View) -> Response:
    code = view.query("code")
    if not code or view.request.method != "GET":
        return await _form(view)
    if token := view.site.host.codes.redeem(code):
        return await _enter(view, token)
    if view.session:  # the link again, in the browser that it has signed in
        return view.go(_local(view.query("next")))
    return await _form(view, 403, SPENT)


def links(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """POST with a token in the Authorization header gives `{"url": …}`, a link that signs its person in once."""

    async def link(request: Request) -> Response:
        token = request.headers.get("authorization", "").partition(" ")[2]
        try:
            await site.api(token).get("user")
        except (ApiError, UnicodeError):
            return JSONResponse({"message": "expected the token of one of this forge's people"}, 401)
        return JSONResponse({"url": f"{site.host.url}/-/sign-in?code={site.host.codes.mint(token)}"})

    return link


@page("/login", "POST", signed_in=False)
async def sign_in(view: View) -> Response:
    login, token = view.form.get("as", ""), view.form.get("token", "").strip()
    if login:
        if not session.same_user(view.request.client):
            raise Stop(403, "One click is only for the user who runs this forge on this machine.",
                       "Use the link that `auton forge sign-in` prints, or paste a token.")
        token = session.people(view.site.host.data).get(login, "")
    return await _enter(view, token)


@page("/logout", "POST")
async def sign_out(view: View) -> Response:
    view.site.sessions.close(view.request.cookies.get(view.site.cookie))
    return view.go("/login")


async def _form(view: View, status: int = 200, wrong: str = "") -> Response:
    known = session.people(view.site.host.data) if session.same_user(view.request.client) else {}
    ticket = view.request.cookies.get(view.site.cookie + "_form") or secrets.token_urlsafe(24)
    response = await view.render("login.html", status, people=list(known), wrong=wrong, next=_local(view.query("next")),
                                 csrf=view.session.csrf if view.session else ticket)
    response.set_cookie(view.site.cookie + "_form", ticket, httponly=True, samesite="strict", path="/login")
    return response


async def _enter(view: View, token: str) -> Response:
    """Open a session for whoever `token` belongs to. The page that says so then moves on by itself: a redirect would
    not carry the new cookie when the link was clicked on another site's page."""
    try:
        if not token.isascii() or not token:
            raise ApiError(401, "", "GET /user")
        user = await view.site.api(token).get("user")
    except ApiError as error:
        if error.status not in (401, 403):
            raise
        return await _form(view, 403, "The forge knows no such token.")
    old = view.request.cookies.get(view.site.cookie)
    view.site.sessions.close(old)
    name = view.site.sessions.open(token, user["login"])
    response = await view.render("welcome.html", login=user["login"], viewer=user["login"],
                                 next=_local(view.form.get("next", "") or view.query("next")))
    response.set_cookie(view.site.cookie, name, max_age=session.KEEP, httponly=True, samesite="strict")
    return response


def _local(url: str) -> str:
    """`url` if it is a path on this server, else the first page."""
    safe = url.startswith("/") and not url.startswith(("//", "/login")) and "\\" not in url and url.isprintable()
    return url if safe else "/"


