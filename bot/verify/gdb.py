"""Where a machine hangs: a small client of GDB's remote serial protocol (GDB manual, appendix E), as far as a backtrace
needs it: registers and memory, read from the stub that QEMU opens on a Unix socket.

The machine is hostile: every answer is bounded in size and time, and a chain of frames ends where it stops growing.
"""

import os
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from bot import plainfile

FRAMES = 24
MOST_IMAGE = 1 << 30
PATIENCE = 3.0
"""Seconds that all of the conversation may take."""
PACKET = 64 << 10


@dataclass(frozen=True)
class Registers:
    """Where `g` has the program counter and the frame pointer, in 8-byte registers; where a frame keeps its caller's."""

    pc: int
    frame: int
    saved_frame: int
    saved_pc: int


MACHINES = {62: Registers(pc=16, frame=6, saved_frame=0, saved_pc=8),       # EM_X86_64
            183: Registers(pc=32, frame=29, saved_frame=0, saved_pc=8),     # EM_AARCH64
            243: Registers(pc=32, frame=8, saved_frame=-16, saved_pc=-8)}   # EM_RISCV
"""By e_machine of the image's ELF header."""


class NoAnswer(Exception):
    """The stub said nothing, or something that is no answer."""


def backtrace(path: Path, root: Path, image: Path) -> list[int]:
    """The program counter and the return addresses above it, innermost first; the machine is stopped by this.

    `image` lies below `root`; what runs may have put anything in its place. NoAnswer when the machine can't be asked."""
    try:
        with plainfile.opened(root, image.relative_to(root), MOST_IMAGE) as file:
            head = file.read(20)
    except (plainfile.NotPlain, ValueError) as error:
        raise NoAnswer(str(error)) from None
    layout = MACHINES.get(struct.unpack_from("<H", head, 18)[0]) if len(head) == 20 and head[:4] == b"\x7fELF" else None
    if layout is None:
        raise NoAnswer(f"expected an ELF image of a known machine, found none at {image.name}")
    with _Stub(path) as stub:
        registers = stub.ask(b"g")
        if len(registers) < 8 * (max(layout.pc, layout.frame) + 1):
            raise NoAnswer(f"expected the registers, found {len(registers)} bytes")
        pc, frame = (struct.unpack_from("<Q", registers, 8 * n)[0] for n in (layout.pc, layout.frame))
        found = [pc]
        while len(found) < FRAMES and frame and frame % 8 == 0:
            low = frame + min(layout.saved_frame, layout.saved_pc)
            try:
                words = stub.ask(b"m%x,10" % (low % 2**64))
                above, back = (struct.unpack_from("<Q", words, frame + at - low)[0]
                               for at in (layout.saved_frame, layout.saved_pc))
            except (NoAnswer, struct.error):
                break  # not mapped: the chain ends here
            if not back:
                break
            found.append(back)
            frame = above if above > frame else 0
        return found


class _Stub:
    """The conversation. The socket's folder is opened first, since a Unix socket's path has 107 bytes at most."""

    def __init__(self, path: Path):
        self._until = time.monotonic() + PATIENCE
        self._heard = b""
        self._socket = socket.socket(socket.AF_UNIX)
        folder = -1
        try:
            folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            self._socket.settimeout(PATIENCE)
            self._socket.connect(f"/proc/self/fd/{folder}/{path.name}")
        except OSError as error:
            self._socket.close()
            raise NoAnswer(f"no stub at {path.name}: {error.strerror or error}") from None
        finally:
            if folder >= 0:
                os.close(folder)

    def __enter__(self) -> "_Stub":
        return self

    def __exit__(self, *error) -> None:
        self._socket.close()

    def ask(self, question: bytes) -> bytes:
        """One packet there, the answer's bytes back."""
        try:
            self._socket.sendall(b"$%s#%02x" % (question, sum(question) % 256))
            answer = self._packet()
            self._socket.sendall(b"+")
            return bytes.fromhex(answer.decode("ascii"))
        except (OSError, ValueError) as error:
            raise NoAnswer(f"the stub's answer to {question.decode()}: {error}") from None

    def _packet(self) -> bytes:
        """The next `$…#xx`; acknowledgements and what a stopped machine says by itself are skipped."""
        while True:
            begin = self._heard.find(b"$")
            end = self._heard.find(b"#", begin + 1)
            if begin >= 0 and 0 < end <= len(self._heard) - 3:
                packet, self._heard = self._heard[begin + 1:end], self._heard[end + 3:]
                if not packet.startswith((b"T", b"S", b"E")):
                    return packet
                if packet.startswith(b"E"):
                    raise ValueError(packet.decode("ascii", "replace"))
                continue
            left = self._until - time.monotonic()
            if left <= 0 or len(self._heard) > PACKET:
                raise ValueError("it takes too long")
            self._socket.settimeout(left)
            chunk = self._socket.recv(4096)
            if not chunk:
                raise ValueError("it hung up")
            self._heard += chunk
