"""The secrets of the environment: taken out of it before an agent runs, and lent to the model's library alone.

After `take_keys` no subprocess inherits them, and /proc/<pid>/environ, which shows the memory that the process
was started with, doesn't hold them either.
"""

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator

SECRET = re.compile(r".KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.I)  # KEY alone names a run, not a secret


class Keys:
    """The secrets that the environment held, by name."""

    def __init__(self) -> None:
        named = {name: value for name, value in os.environ.items() if SECRET.search(name)}
        self.values = {name: value for name, value in named.items() if value}  # a secret that isn't set is empty
        getenv = ctypes.CDLL(None).getenv
        getenv.restype, getenv.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        for name, value in named.items():
            if at := getenv(os.fsencode(name)):
                ctypes.memset(at, 0, len(os.fsencode(value)))
            del os.environ[name]

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """The environment with the keys, for the length of one call of the provider's library."""
        os.environ.update(self.values)
        try:
            yield
        finally:
            for name in self.values:
                os.environ.pop(name, None)


_keys: Keys | None = None


def take_keys() -> Keys:
    """Take the keys out of the environment, once per process."""
    global _keys
    if _keys is None:
        _keys = Keys()
    return _keys
