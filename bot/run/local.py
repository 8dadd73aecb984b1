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
from urllib.parse import quote

from bot.errors import ConfigError, ForgeError, MissingTool
from bot.forge.client import Forge
from bot.forge.wire import Answered, Wire, pygithub

OWNER = "you"


def asked_secrets(checkout: Path) -> set[str]:
    """The secrets that the checkout's workflows ask for, such as a model's key."""
    asked = set()
    for path in sorted((checkout / ".github" / "workflows").glob("*.y*ml")):
        asked.update(re.findall(r"\bsecrets\.([A-Z][A-Z0-9_]*)", path.read_text(encoding="utf-8", errors="replace")))
    return asked


def start(data: Path, port: int | None, checkout: Path, seconds: float = 60.0) -> dict:
    """The running forge's `forge.json`, starting a server in the background when none answers: on `port`, or where it was
    last.

    The environment's values of the secrets that the checkout's workflows name are handed to their jobs.
    ForgeError with the server's own last words when it does not come up within `seconds`.
    """
    if (found := alive(data)) is not None:
        return found
    data.mkdir(parents=True, exist_ok=True)
    log = data / "forge.log"
    options = [] if port is None else ["--port", str(port)]
    options += [word for name in sorted(asked_secrets(checkout)) if os.environ.get(name) for word in ("--secret", name)]
    with log.open("ab") as sink:
        begin = sink.tell()
        server = subprocess.Popen([sys.executable, "-m", "bot", "forge", "serve", "--data", str(data), *options],
                                  stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True)
    pygithub()  # it will be needed, and takes as long to load as the server to start
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # The record of one that has just ended may be there still, and ours answers in its place: not yet then.
        if (found := alive(data)) is not None and (found["pid"] == server.pid or server.poll() is not None):
            return found
        if server.poll() is not None and not _another(_said(log, begin)):
            break
        time.sleep(0.02)
    server.poll() is None and server.terminate()
    said = _said(log, begin)
    last = next((line for line in said if "error:" in line), said[-1] if said else "it said nothing")
    hint = next((line.strip(" →") for line in said if line.lstrip().startswith("→")), f"its log is {log}")
    raise ForgeError(f"the local forge did not start: {last.removeprefix('auton: error: ')}", hint)


def _said(log: Path, begin: int) -> list[str]:
    return log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()


def _another(said: list[str]) -> bool:
    """Whether the server gave way to one that was started at the same time, and will answer soon."""
    return any("another local forge serves this folder" in line for line in said)


def alive(data: Path) -> dict | None:
    """The record of the forge that serves `data`, if one does: the process that wrote it lives, and whoever answers
    there knows its owner's token."""
    try:
        told = record(data)
        os.kill(told["pid"], 0)
        ask = urllib.request.Request(told["api"] + "/user", headers={"Authorization": f"token {told['tokens'][OWNER]}"})
        with urllib.request.urlopen(ask, timeout=5) as answer:
            return told if json.load(answer).get("login") == OWNER else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def record(data: Path) -> dict | None:
    """What the forge that serves `data`, or served it last, wrote of itself; None where nothing like that is."""
    try:
        told = json.loads((data / "forge.json").read_text())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def sign_in(told: dict, login: str = OWNER, then: str = "") -> str:
    """A link that signs one browser in at the forge of this record, once and soon, and leads on to the path `then`.
    ForgeError when the forge gives none."""
    ask = urllib.request.Request(f"{told['url']}/-/sign-in", method="POST",
                                 headers={"Authorization": f"token {told['tokens'][login]}"})
    try:
        with urllib.request.urlopen(ask, timeout=10) as answer:
            link = json.load(answer)["url"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ForgeError(f"{told['url']}: expected a link to sign in with, found {error}",
                         "start the forge again with `auton forge serve`") from None
    return f"{link}&next={quote(then, safe='/')}" if then else link


def repositories(api: str, token: str) -> list[str]:
    """Names of the owner's repositories, the oldest first."""
    return [item["name"] for item in Wire(api, token).pages("/user/repos")]


def named() -> bool:
    """Whether the environment names a forge, if only in part."""
    return any(os.environ.get(name) for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"))


def newest(data: Path) -> Forge:
    """The newest repository of the local forge that serves `data`, as its owner sees it. ConfigError when there is none."""
    told = alive(data)
    if told is None:
        raise ConfigError(f"expected GITHUB_REPOSITORY and GITHUB_TOKEN in the environment, or a local forge at {data}; "
                          "found neither", f"start the forge again with `auton forge serve --data {data}`")
    token = told["tokens"][OWNER]
    names = repositories(told["api"], token)
    if not names:
        raise ConfigError(f"{data}: expected a repository on this forge, found none", "`auton run GOAL` makes one")
    return Forge(told["api"], f"{OWNER}/{names[-1]}", token, server=told["url"])


def create(api: str, token: str, wish: str) -> str:
    """An empty public repository of the owner, called `wish`, or `wish-2`, `wish-3`, … when that is taken; its name."""
    name, number = wish, 1
    while True:
        try:
            Wire(api, token).call("POST", "/user/repos", body={"name": name, "description": "made by auton run"})
            return name
        except Answered as error:
            if error.status != 422:
                raise
            number += 1
            name = f"{wish}-{number}"


def push(checkout: Path, url: str, token: str, branch: str = "main") -> str:
    """Push the checkout's HEAD to `branch` of the repository at `url`; returns the commit's SHA. A shallow clone's
    history can't be pushed: there the branch begins with the files of HEAD.

    The token travels in the environment, never on a command line.
    """
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "1",
           "GIT_CONFIG_KEY_0": "http.extraHeader", "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}"}
    head = _git(checkout, "rev-parse", "--verify", "HEAD^{commit}", env=env)
    if _git(checkout, "rev-parse", "--is-shallow-repository", env=env) == "true":
        head = _git(checkout, "-c", f"user.name={OWNER}", "-c", f"user.email={OWNER}@users.noreply.localhost",
                    "commit-tree", "-m", f"The files of {head}\n\nIts history was not there: a shallow clone.",
                    f"{head}^{{tree}}", env=env)
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
