"""What may stand in the place of a kernel's image when the machine is to be asked for its backtrace."""

import os
import time

import pytest

from bot.verify import gdb


@pytest.mark.parametrize("kind", ["device", "pipe", "link", "folder", "nothing", "outside", "text", "short"])
def test_what_is_no_plain_image_is_not_read(tmp_path, kind):
    root, image = tmp_path / "root", tmp_path / "root" / "kernel.elf"
    root.mkdir()
    match kind:
        case "device":
            image.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(image)
        case "link":
            (tmp_path / "other.elf").write_bytes(b"\x7fELF" + bytes(20))
            image.symlink_to(tmp_path / "other.elf")
        case "folder":
            image.mkdir()
        case "outside":
            image = tmp_path / "other.elf"
            image.write_bytes(b"\x7fELF" + bytes(20))
        case "text":
            image.write_text("not an image, but long enough to be one")
        case "short":
            image.write_bytes(b"\x7fELF")
    began = time.monotonic()
    with pytest.raises(gdb.NoAnswer, match="plain file|ELF image|subpath"):
        gdb.backtrace(tmp_path / "no.socket", root, image)
    assert time.monotonic() - began < 5, "a pipe was waited for"
