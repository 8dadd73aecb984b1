"""Sign-in codes: what stands in a link that signs a browser in. Each opens one session, once, while it is fresh.

So no address holds a token: addresses end up in a terminal's history, a browser's and in screenshots. Codes are kept in
memory, as digests; those of a forge that has ended are worth nothing.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

LIFE = 15 * 60.0
"""Seconds: time enough to watch a demo end and to click on what it printed first."""
MOST = 200


class Codes:
    """Tokens by the digest of the code that stands for each; the oldest go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._lock = clock, threading.Lock()
        self._given: dict[bytes, tuple[str, float]] = {}

    def mint(self, token: str) -> str:
        """A new code for `token`."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._given) >= MOST:
                del self._given[next(iter(self._given))]
            self._given[_digest(code)] = token, self._clock() + LIFE
        return code

    def redeem(self, code: str) -> str | None:
        """The token that `code` stands for, this once; None for one that was used, is too old or was never given."""
        with self._lock:
            token, until = self._given.pop(_digest(code), (None, 0.0))
        return token if self._clock() < until else None


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "replace")).digest()
