"""Who is signed in: sessions kept in memory, and who may sign in with one click.

The cookie holds a random name and never a token: browsers send cookies of 127.0.0.1 to every port of it. One click
is for the user who runs the forge: forge.json is theirs alone to read, so another user of the machine gets nothing.
"""

import json
import os
import secrets
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

KEEP = 14 * 86400  # seconds
MOST = 500


@dataclass
class Session:
    token: str
    login: str
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    used: float = field(default_factory=time.monotonic)
    notes: list[str] = field(default_factory=list)
    """Said once, on the next page."""


class Sessions:
    """Sessions by the name in the cookie; the ones unused for longest go first."""

    def __init__(self):
        self._by_name: dict[str, Session] = {}

    def open(self, token: str, login: str) -> str:
        while len(self._by_name) >= MOST:
            del self._by_name[next(iter(self._by_name))]
        name = secrets.token_urlsafe(32)
        self._by_name[name] = Session(token, login)
        return name

    def find(self, name: str | None) -> Session | None:
        session = self._by_name.pop(name, None) if name else None
        if session is None or time.monotonic() - session.used > KEEP:
            return None
        session.used = time.monotonic()
        self._by_name[name] = session
        return session

    def close(self, name: str | None) -> None:
        self._by_name.pop(name, None)


def people(data: Path) -> dict[str, str]:
    """Tokens by login of those whom forge.json lets sign in here: the owner and the guest."""
    try:
        return dict(json.loads((data / "forge.json").read_text())["tokens"])
    except (OSError, ValueError, KeyError):
        return {}


def same_user(client: tuple[str, int] | None) -> bool:
    """Whether the other end of this loopback connection belongs to the user who runs this process.

    Linux lists each socket's owner in /proc/net/tcp (proc_pid_net(5)); where there is none, the answer is no.
    """
    if client is None:
        return False
    try:
        address = ip_address(client[0])
    except ValueError:
        return False
    if not address.is_loopback:
        return False
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            words = row.split()
            if _endpoint(words[1]) == (address, client[1]) and words[3] == "01":  # 01: established
                return int(words[7]) == os.getuid()
    return False


def _endpoint(text: str):
    """An address and port as the kernel prints them: 32-bit words in host byte order, in hex."""
    words, _, port = text.partition(":")
    raw = b"".join(bytes.fromhex(words[i:i + 8])[::-1] for i in range(0, len(words), 8))
    address = ip_address(raw)
    return getattr(address, "ipv4_mapped", None) or address, int(port, 16)
