"""Commands in errors and hints are such as the person at the terminal can type, whatever is on PATH."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
NO_FORGE = ["forge", "status", "--data", "nowhere"]


def hint(*program: str, cwd: Path = ROOT, path: str = "/usr/bin:/bin", args=NO_FORGE) -> str:
    """The command that the program's hint names."""
    done = subprocess.run([*program, *args], cwd=cwd, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)})
    return re.search(r"→ `(.*) forge serve --data nowhere` starts one", done.stderr)[1]


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "my os").mkdir()
    (tmp_path / "my os" / ".venv").symlink_to(BIN.parent)
    return tmp_path / "my os"


def test_not_on_path_it_is_what_was_typed(checkout):
    assert hint(".venv/bin/auton", cwd=checkout) == ".venv/bin/auton"
    assert hint(str(checkout / ".venv/bin/auton"), cwd=checkout) == ".venv/bin/auton"
    assert hint(str(checkout / ".venv/bin/auton"), cwd=checkout.parent) == "'my os/.venv/bin/auton'"
    assert hint("../my os/.venv/bin/auton", cwd=checkout) == "'../my os/.venv/bin/auton'"
    assert hint("./auton", cwd=BIN) == "./auton"


def test_on_path_it_is_its_name(checkout):
    path = f"{BIN}:/usr/bin:/bin"
    assert {hint("auton", path=path), hint(str(BIN / "auton"), path=path)} == {"auton"}
    assert hint(".venv/bin/auton", cwd=checkout, path=path) == "auton", "another name of the same file"


def test_another_one_on_path_is_not_meant(tmp_path):
    (tmp_path / "auton").write_text("#!/bin/sh\n")
    (tmp_path / "auton").chmod(0o755)
    assert hint(str(BIN / "auton"), cwd=tmp_path, path=f"{tmp_path}:/usr/bin:/bin") == str(BIN / "auton")


def test_as_a_module_it_is_the_program_beside_the_interpreter(tmp_path):
    assert hint(sys.executable, "-m", "bot", cwd=tmp_path) == str(BIN / "auton")
    assert hint(sys.executable, "-m", "bot", path=f"{BIN}:/usr/bin") == "auton"


def test_usage_errors_too(checkout):
    done = subprocess.run([".venv/bin/auton", "verfy"], cwd=checkout, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": "/usr/bin:/bin"})
    assert "Try '.venv/bin/auton --help' for help." in done.stderr


def test_only_commands_are_changed(monkeypatch):
    from bot import typed

    monkeypatch.setattr(typed, "program", lambda: r"\1/auton")
    assert typed.typed("`auton run` lands; `/auton retry`, auton run, `auton`, `auton.toml`, `autonomy`, .auton/forge") == (
        r"`\1/auton run` lands; `/auton retry`, auton run, `\1/auton`, `auton.toml`, `autonomy`, .auton/forge")
