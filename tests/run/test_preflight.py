"""What can't work is said in one line with what to do, before anything is started: exit code, message, no traces."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ("Add a console command `uptime` that answers with the seconds since boot, on all three architectures, "
        "with KTAP tests.")
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")


def git(*args: str, cwd: Path) -> None:
    subprocess.run(["git", "-c", "user.name=You", "-c", "user.email=you@example.org", *args], cwd=cwd, check=True,
                   capture_output=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A commit with AUTON's configuration and workflows, and nothing to build."""
    folder = tmp_path_factory.mktemp("preflight") / "os"
    folder.mkdir()
    shutil.copytree(ROOT / ".github", folder / ".github")
    config = (ROOT / "auton.toml").read_text()
    (folder / "auton.toml").write_text(config.partition("[targets.")[0] + TARGET)
    (folder / "boot.sh").write_text("exit 33\n")
    git("init", "-q", "-b", "main", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-qm", "Begin", cwd=folder)
    return folder


TARGET = '[targets.toy]\nbuild = "true"\nboot = "sh boot.sh"\nimage = "boot.sh"\n'


def refused(folder: Path, *args: str, goal: str = DEMO, path: str | None = None, code: int) -> str:
    """Run the command, which must end with `code` and write nothing; its one line and what to do."""
    env = {name: value for name, value in os.environ.items() if name not in KEYS}
    before = sorted(folder.rglob("*"))
    if "--data" not in args:
        args = (*args, "--data", str(folder.parent / "data"))
    done = subprocess.run([sys.executable, "-m", "bot", "run", *args, "--", goal], cwd=folder, capture_output=True,
                          text=True, timeout=200, env={**env, "PYTHONPATH": str(ROOT), **({"PATH": path} if path else {})})
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr
    error, hint = done.stderr.strip().splitlines()
    assert error.startswith("auton: error: ") and hint.startswith("  → ")
    assert sorted(folder.rglob("*")) == before
    assert not (folder.parent / "data" / "forge.log").exists()
    return error + hint


@pytest.mark.parametrize(("goal", "args", "code", "says"), [
    ("", [], 2, "expected a goal in words"),
    (" \n ", [], 2, "expected a goal in words"),
    (DEMO, ["--budget", "1e9"], 2, "dollars such as 2.50"),
    (DEMO, ["--budget", "nan"], 2, "dollars such as 2.50"),
    (DEMO, ["--model", "a b"], 2, "provider/name without spaces"),
    ("Fly to the moon", [], 5, "replay/uptime knows only the goal"),
    (DEMO, ["--model", "replay/nothing"], 5, "expected a recording among"),
    (DEMO, ["--model", "anthropic/claude-sonnet-4-5"], 5, "export ANTHROPIC_API_KEY="),
    (DEMO, ["--model", "nobody/nothing"], 5, "a model that litellm knows"),
    (DEMO, ["--model", "openai/unheard-of"], 5, 'add [agents.prices."openai/unheard-of"]'),
    (DEMO, ["--data", "/proc/forge"], 2, "a folder that can be written"),
])
def test_an_order_that_cannot_be_carried_out(checkout, goal, args, code, says):
    assert says in refused(checkout, *args, goal=goal, code=code)


@pytest.mark.parametrize("program", ["git", "make"])
def test_a_missing_program(checkout, tmp_path, program):
    (tmp_path / "os").mkdir()
    shutil.copytree(checkout, tmp_path / "os", dirs_exist_ok=True)
    toml = tmp_path / "os" / "auton.toml"
    toml.write_text(toml.read_text().replace('build = "true"', 'build = "make"'))
    git("commit", "-qam", "Make it", cwd=tmp_path / "os")
    (tmp_path / "bin").mkdir()
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for path in Path(folder).iterdir():
            if path.name != program and not (tmp_path / "bin" / path.name).is_symlink():
                (tmp_path / "bin" / path.name).symlink_to(path)
    said = refused(tmp_path / "os", path=str(tmp_path / "bin"), code=3)
    assert f"expected the program {program}" in said and f"apt-get install {program}" in said


def test_outside_of_a_checkout(tmp_path):
    (tmp_path / "os").mkdir()
    assert "run this in a checkout with an auton.toml" in refused(tmp_path / "os", code=2)
    (tmp_path / "os" / "auton.toml").write_text(TARGET)
    assert "not a git repository" in refused(tmp_path / "os", code=4)
    git("init", "-q", cwd=tmp_path / "os")
    assert "it has no commit yet" in refused(tmp_path / "os", code=4)
    git("add", "-A", cwd=tmp_path / "os")
    git("commit", "-qm", "Begin", cwd=tmp_path / "os")
    assert ".github/workflows/auton-tick.yml: expected it in the commit" in refused(tmp_path / "os", code=2)


def test_what_is_committed_counts_and_not_what_is_mended_here(checkout, tmp_path):
    shutil.copytree(checkout, tmp_path / "os")
    toml = tmp_path / "os" / "auton.toml"
    good = toml.read_text()
    toml.write_text("[agents]\nsteps = 'many'\n")
    assert "auton.toml: agents.steps: input should be a valid integer" in refused(tmp_path / "os", code=2)
    git("commit", "-qam", "Break it", cwd=tmp_path / "os")
    toml.write_text(good)
    assert "auton.toml, as committed: agents.steps" in refused(tmp_path / "os", code=2)


def test_a_port_in_use(checkout, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-m", "bot", "run", "--port", port, "--data", str(tmp_path / "d"), DEMO],
                              cwd=checkout, capture_output=True, text=True, timeout=200,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 4 and f"port {port} on 127.0.0.1 is in use" in done.stderr and "--port 0" in done.stderr
