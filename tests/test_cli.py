"""The `auton` command line itself: what it imports, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ["litellm", "torch", "github", "git", "transformers", "onnxruntime", "numpy", "starlette", "uvicorn", "httpx"]


def python(code: str, **options):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, **options)


def test_help_imports_nothing_heavy():
    done = python(f"""
import json, sys
sys.argv = ["auton", "--help"]
from bot.cli import run
assert run() == 0
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
""")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert "verify" in done.stdout and "Build and boot" in done.stdout


@pytest.mark.parametrize(("args", "code", "says"), [
    (["--help"], 0, ""),
    (["--version"], 0, ""),
    (["verfy"], 2, "Did you mean 'verify'?"),
    (["verify", "--no-such-option"], 2, "--no-such-option"),
    (["config", "--config", "pyproject.toml"], 2, "unknown key"),
    (["run", "Add", "a", "command", "--port", "0"], 2, 'found 3: put it in quotes, as in auton run "Add a command"'),
    (["run"], 2, "Missing argument 'GOAL'"),
])
def test_exit_codes(args, code, says):
    done = subprocess.run([sys.executable, "-m", "bot", *args], capture_output=True, text=True, cwd=ROOT, timeout=60,
                          env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    assert done.returncode == code and says in done.stderr


def test_models_say_what_is_the_same_for_all_roles_once(tmp_path):
    def said(models: str) -> list[str]:
        (tmp_path / "auton.toml").write_text(f"[agents.models]\n{models}\n")
        done = subprocess.run([sys.executable, "-m", "bot", "models", "--config", tmp_path / "auton.toml"], capture_output=True,
                              text=True, cwd=ROOT, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    [line] = said('default = "replay/uptime"')
    assert line.startswith("all 9 roles      replay/uptime ") and "a recording of" in line
    lines = said('default = "replay/uptime"\nreviewer = "replay/dual"')
    assert len(lines) == 9 and [line for line in lines if "replay/dual" in line][0].startswith("reviewer ")


def test_help_without_any_command_is_still_help(monkeypatch, tmp_path, capsys):
    from bot import cli

    monkeypatch.setattr(cli, "COMMANDS", tmp_path)
    assert cli.root.main(["--help"], standalone_mode=False) == 0
    assert "--version" in capsys.readouterr().out


def test_interrupted_exits_130(tmp_path):
    (tmp_path / "auton.toml").write_text('[targets.a]\nbuild = "sleep 30"\nboot = "true"\nimage = "x"\n')
    process = subprocess.Popen([sys.executable, "-m", "bot", "verify", "--repo", str(tmp_path)], cwd=ROOT,
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    time.sleep(2)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130 and "Traceback" not in said and "interrupted" in said
