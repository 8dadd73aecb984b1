"""What strangers write and name: nesting, long numbers, deep folders, figures and paths end in one clear line."""

import json
import os
import subprocess
import sys
import tomllib

import pytest
from pydantic import ValidationError

from bot import hostile, scratch
from bot.handoff import Usage


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 70 + "]" * 70, "9" * 5000, "{", '{"a": ' * 2000])
def test_json_that_would_kill_later_is_refused_like_any_bad_json(text):
    with pytest.raises(json.JSONDecodeError):
        hostile.read_json(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 1800 + "]" * 1800, "a = " + "9" * 5000, "a ="])
def test_toml_that_would_kill_later_is_refused_like_any_bad_toml(text):
    with pytest.raises(tomllib.TOMLDecodeError):
        hostile.read_toml(text)


def test_what_is_plain_is_read():
    deep = "[" * 60 + "1" + "]" * 60
    assert hostile.read_json(deep) == json.loads(deep) and hostile.read_toml("a = [1]\n[b]\nc = 2") == {"a": [1], "b": {"c": 2}}


@pytest.mark.parametrize("told", [{"cost_usd": -4000.0}, {"cost_usd": float("nan")}, {"input_tokens": -1}, {"calls": -1}])
def test_nobody_is_paid_for_a_run(told):
    with pytest.raises(ValidationError):
        Usage(**told)


def test_a_folder_is_deleted_however_deep_it_is(tmp_path):
    top = tmp_path / "top"
    top.mkdir()
    (tmp_path / "kept").write_text("kept")
    os.symlink(tmp_path, top / "out")
    here = os.getcwd()
    try:
        os.chdir(top)
        for depth in range(1500):  # longer than any path may be
            os.mkdir("d")
            os.chdir("d")
            if depth == 700:
                (open("file", "w")).close()
    finally:
        os.chdir(here)
    assert scratch.remove(top) and not top.exists() and (tmp_path / "kept").read_text() == "kept"


def auton(*words: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "bot", *words], capture_output=True, text=True, timeout=60, env={**os.environ, **env})


@pytest.mark.parametrize(("words", "says"), [
    (("forge", "serve", "--data", "{file}"), "{file}: "), (("forge", "serve", "--data", "/proc/x"), "/proc/x: "),
    (("verify", "--json", "{folder}"), "is a directory"), (("verify", "--json", "{file}/x"), "{file}: "),
    (("agent", "--task", "abc"), "expected an issue's number, found 'abc'")])
def test_a_path_or_number_that_can_not_be_is_one_line(words, says, tmp_path):
    (tmp_path / "file").write_text("")
    places = {"file": str(tmp_path / "file"), "folder": str(tmp_path)}
    done = auton(*(word.format(**places) for word in words))
    assert done.returncode == 2 and says.format(**places) in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("api", ["notaurl", "ftp://x", "http://x:99999"])
def test_a_forge_that_can_not_be_is_one_line(api):
    done = auton("status", GITHUB_API_URL=api, GITHUB_TOKEN="x", GITHUB_REPOSITORY="a/b")
    assert done.returncode == 2 and f"found '{api}'" in done.stderr and "Traceback" not in done.stderr
