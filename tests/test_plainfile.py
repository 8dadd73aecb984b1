"""Files in folders that somebody else changes: nothing but a plain file below the root is ever read."""

import os
import threading

import pytest

from bot import plainfile


@pytest.fixture
def root(tmp_path):
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "plain").write_text("plain")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "out").symlink_to(tmp_path)
    (root / "device").symlink_to("/dev/zero")
    os.mkfifo(root / "pipe")
    return root


def test_a_plain_file_is_read(root):
    assert plainfile.read(root, "folder/plain", 5) == b"plain"


@pytest.mark.parametrize("name", ["link", "out/secret", "../secret", "device", "pipe", "folder", "none", "", "folder/plain/x",
                                  "/etc/passwd"])
def test_nothing_else_is(root, name):
    with pytest.raises(plainfile.NotPlain):
        plainfile.read(root, name, 1 << 20)


def test_what_is_too_large_is_not(root):
    with pytest.raises(plainfile.NotPlain, match="at most 4 bytes, found 5"):
        plainfile.read(root, "folder/plain", 4)


def test_a_link_put_in_a_files_place_meanwhile_is_never_followed(root):
    """As a build may do while its specs are read."""
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for target in ("plain", "../../secret"):
                os.symlink(target, root / "folder" / "new")
                os.replace(root / "folder" / "new", root / "folder" / "swapped")
            (root / "folder" / "other").write_text("other")
            os.replace(root / "folder" / "other", root / "folder" / "swapped")

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(plainfile.read(root, "folder/swapped", 100))
            except plainfile.NotPlain:
                seen.add(None)
    finally:
        stop.set()
        thread.join()
    assert seen <= {None, b"other", b""}
