"""The forge in a browser: server-rendered pages to file a goal, read a pull request and comment."""


def pages(forge) -> list:
    """Starlette routes of the pages."""
    return []
