"""The first page: the repositories of this forge."""

from starlette.responses import Response

from bot.localforge.pages.frame import View, page


@page("/")
async def home(view: View) -> Response:
    repos = await view.api.page("user", "repos", per_page=50, page=view.page, sort="pushed")
    return await view.render("home.html", repos=repos)
