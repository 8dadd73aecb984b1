"""Bring up the local forge for a run: start or find its server, and make a repository there from this checkout."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from bot.errors import ForgeError, MissingTool
from bot.forge.wire import Wire

OWNER = "you"


def secrets(checkout: Path) -> list[str]:
    """The secrets that the checkout's workflows ask for and this environment has, such as a model's key."""
    asked = set()
    for path in sorted((checkout / ".github" / "workflows").glob("*.y*ml")):
        asked.update(re.findall(r"\bsecrets\.([A-Z][A-Z0-9_]*)", path.read_text(encoding="utf-8", errors="replace")))
    return sorted(name for name in asked if os.environ.get(name))


def start(data: Path, port: int, checkout: Path, seconds: float = 60.0) -> dict:
    """The running forge's `forge.json`, starting a server on `port` in the background when none answers.

    The environment's values of the secrets that the checkout's workflows name are handed to their jobs.
    ForgeError with the server's own last words when it does not come up within `seconds`.
    """
    if (found := _alive(data)) is not None:
        return found
    data.mkdir(parents=True, exist_ok=True)
    (data / "forge.json").unlink(missing_ok=True)
    log = data / "forge.log"
    with log.open("ab") as sink:
        begin = sink.tell()
        server = subprocess.Popen(
            [sys.executable, "-m", "bot", "forge", "serve", "--data", str(data), "--port", str(port),
             *(word for name in secrets(checkout) for word in ("--secret", name))],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := _alive(data)) is not None:
            return found
        if server.poll() is not None:
            break
        time.sleep(0.05)
    server.poll() is None and server.terminate()
    said = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
    last = next((line for line in said if "error:" in line), said[-1] if said else "it said nothing")
    hint = next((line.strip(" →") for line in said if line.lstrip().startswith("→")), f"its log is {log}")
    raise ForgeError(f"the local forge did not start: {last.removeprefix('auton: error: ')}", hint)


def _alive(data: Path) -> dict | None:
    try:
        told = json.loads((data / "forge.json").read_text())
        with urllib.request.urlopen(told["url"] + "/api/v3/rate_limit", timeout=2):
            return told
    except urllib.error.HTTPError:
        return told  # it answers, if only to ask who we are
    except (OSError, ValueError, KeyError):
        return None


def repositories(api: str, token: str) -> list[str]:
    """Names of the owner's repositories."""
    return [item["name"] for item in Wire(api, token).pages("/user/repos")]


def create(api: str, token: str, name: str) -> None:
    """An empty public repository of the owner."""
    Wire(api, token).call("POST", "/user/repos", body={"name": name, "description": "made by auton run"})


def free_name(taken: set[str], wish: str) -> str:
    """`wish`, or `wish-2`, `wish-3`, … when it is taken."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}-{number}"
    return name


def push(checkout: Path, url: str, token: str, branch: str = "main") -> str:
    """Push the checkout's HEAD to `branch` of the repository at `url`; returns the commit's SHA.

    The token travels in the environment, never on a command line.
    """
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "1",
           "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}"}
    head = _git(checkout, "rev-parse", "--verify", "HEAD^{commit}", env=env)
    _git(checkout, "push", "--quiet", url, f"{head}:refs/heads/{branch}", env=env)
    return head


def _git(checkout: Path, *args: str, env: dict[str, str]) -> str:
    try:
        done = subprocess.run(["git", "-C", str(checkout), *args], capture_output=True, text=True, env=env)
    except FileNotFoundError:
        raise MissingTool("git: not installed", "apt-get install git") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ForgeError(f"git {args[0]} failed in {checkout}: {said}", "run this in a git checkout with a commit")
    return done.stdout.strip()
