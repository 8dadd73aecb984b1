"""The style sheet, the one script, and the colours of labels: what a browser may keep.

The pages forbid inline styles, so the colours that people give to labels come as a style sheet of their own, whose
address names them: `/-/labels.css?c=0e8a16,d73a4a`.
"""

import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_STATIC = Path(__file__).parent / "static"
_KINDS = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
_FILES = {name: (_STATIC / name).read_bytes() for name in _KINDS}
VERSION = hashlib.sha256(b"".join(_FILES.values())).hexdigest()[:12]
_KEEP = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
         "Cross-Origin-Resource-Policy": "same-origin"}
HEX = re.compile(r"[0-9a-f]{6}")


def _file(name: str) -> Route:
    async def endpoint(request: Request) -> Response:
        return Response(_FILES[name], headers=_KEEP, media_type=_KINDS[name])

    return Route(f"/-/{name}", endpoint)


async def _labels(request: Request) -> Response:
    colors = [c for c in request.query_params.get("c", "").split(",")[:100] if HEX.fullmatch(c)]
    return Response("".join(f".c-{c}{{--label:#{c}}}" for c in colors), headers=_KEEP, media_type="text/css")


ROUTES = [Route("/-/labels.css", _labels), *map(_file, _KINDS)]
