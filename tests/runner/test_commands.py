"""What a step says on its output and in the runner's files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.runner.commands import CommandFileError, Mask, parse_line, read_lines, read_pairs


def test_a_command_with_properties():
    command = parse_line("::error file=a.c,line=3,title=Bad%2C worse::it broke%0Ahere")
    assert (command.name, command.message) == ("error", "it broke\nhere")
    assert command.properties == {"file": "a.c", "line": "3", "title": "Bad, worse"}


@pytest.mark.parametrize("line", ["error::x", "a ::error::x", ": :error::x", "", "::", "::error"])
def test_other_lines_are_no_commands(line):
    assert parse_line(line) is None


@given(st.text(max_size=60))
def test_no_line_breaks_the_reader(line):
    parse_line("::" + line)


def test_pairs_and_heredocs(tmp_path):
    file = tmp_path / "output"
    file.write_text("a=1\nb<<END\nx=y\n\nz\nEND\nc=d=e\nf=<<g\n\n")
    assert read_pairs(file) == {"a": "1", "b": "x=y\n\nz", "c": "d=e", "f": "<<g"}


@pytest.mark.parametrize("text", ["b<<END\nx\n", "nothing\n", "=x\n"])
def test_a_malformed_file_is_refused(tmp_path, text):
    (tmp_path / "output").write_text(text)
    with pytest.raises(CommandFileError):
        read_pairs(tmp_path / "output")


def test_a_file_is_bounded_and_a_link_is_not_followed(tmp_path):
    (tmp_path / "big").write_text("a=" + "x" * (1 << 20))
    with pytest.raises(CommandFileError, match="at most"):
        read_pairs(tmp_path / "big")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert read_lines(tmp_path / "link") == []


def test_secrets_and_each_of_their_lines_are_masked():
    mask = Mask(["hunter2", "first line\nsecond line", ""])
    assert mask("my hunter2!") == "my ***!"
    assert mask("second line and first line") == "*** and ***"
    assert mask("aHVudGVyMg==") == "aHVudGVyMg==" and mask("plain") == "plain"


def test_a_long_secret_is_masked_in_base64_too():
    import base64

    mask = Mask(["a-long-secret"])
    assert "***" in mask(base64.b64encode(b"a-long-secret").decode())
    assert "***" in mask(base64.b64encode(b"x-access-token:a-long-secret").decode())
