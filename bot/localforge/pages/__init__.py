"""The local forge in a browser: file a goal, read a pull request with its diff and verdicts, comment `/auton retry`.

The pages are a client of the GitHub REST API and of nothing else: each calls it in-process with the token of the
person who is signed in, so permissions, validation and errors are the API's own. One module per subject (signin,
home, source, issues, pulls, runs), one template per page; `frame.py` holds what they share.
"""

from typing import Any

from starlette.routing import BaseRoute, Route

from bot.localforge.ports import Host


def create(api_app: Any, host: Host) -> list[BaseRoute]:
    """Routes of all pages. `api_app` answers `/api/v3/…`. The last route answers every other path: mount them last."""
    from bot.localforge.pages import frame, home, issues, pulls, runs, signin, source  # noqa: F401  (they register)

    site = frame.Site(api_app, host)
    return [Route("/-/sign-in", signin.links(site), methods=["POST"]), *frame.routes(site)]
