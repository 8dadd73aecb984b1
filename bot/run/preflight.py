"""What would keep a goal from ever landing, told in one line before anything is started or filed.

Each check raises the error that a person must see, with what to do; nothing is written anywhere.
"""

import shutil
import subprocess
import tomllib
from pathlib import Path

from bot import config, hostile
from bot.config import Config
from bot.errors import AgentError, ConfigError, ForgeError, MissingTool
from bot.verify.tools import install

TICK = ".github/workflows/auton-tick.yml"
ROOM = 300
"""Megabytes that the local forge needs: repositories, the jobs' checkouts and builds, logs."""


def check_model(names: set[str], title: str, settings: Config, handed_on: set[str] | None) -> None:
    """Can these models be asked for this goal? `handed_on` are the secrets that the checkout's workflows name; their
    values must be in this environment. None on a forge that keeps its own."""
    for name in sorted(names):
        if name.startswith("replay/"):
            from bot.agents.replay import load

            load(name.removeprefix("replay/")).must_know(name, title)
        else:
            _check_hosted(name, settings, handed_on)


def _check_hosted(name: str, settings: Config, handed_on: set[str] | None) -> None:
    from bot.agents import llm

    litellm = llm.load()
    try:
        provider = litellm.get_llm_provider(name, api_base=settings.agents.api_base)[1]
    except litellm.BadRequestError:
        raise AgentError(f"expected a model that litellm knows how to reach, found '{name}'",
                         "write provider/model, such as openai/gpt-4.1 or ollama_chat/qwen3") from None
    llm.prices(name, settings)
    wanted = litellm.validate_environment(name)["missing_keys"]
    keys = [key for key in wanted if key.endswith(("_KEY", "_TOKEN"))]
    if handed_on is None or settings.agents.api_base or not keys:
        return
    key = next((key for key in keys if key in handed_on), keys[0])
    hint = f"export {key}=… and run this again; without a key there is `--model replay/uptime`, a recorded run"
    if key not in handed_on:
        hint += f". And add `{key}: ${{{{ secrets.{key} }}}}` to the step “auton agent” of auton-agent.yml"
    raise AgentError(f"{name}: expected a key of {provider} in the environment ({key}), found none", hint)


def committed(checkout: Path) -> Config:
    """The configuration in the checkout's HEAD, which is what the forge will go by, with the workflows beside it."""
    if shutil.which("git") is None:
        raise MissingTool("expected the program git on PATH, found none", install("git"))
    head = _git(checkout, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.returncode:
        said = (head.stderr.strip().splitlines() or ["it has no commit yet"])[0]
        raise ForgeError(f"{checkout}: expected a git checkout with a commit, found: {said}",
                         "git clone the repository and run this there, or git commit first")
    text = {}
    for path in ("auton.toml", TICK):
        shown = _git(checkout, "show", f"HEAD:./{path}")
        if shown.returncode:
            raise ConfigError(f"{path}: expected it in the commit that is checked out, found none",
                              "commit auton.toml and AUTON's .github/ folder: the forge knows only what is committed")
        text[path] = shown.stdout
    try:
        return config.check(hostile.read_toml(text["auton.toml"]), "auton.toml, as committed")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"auton.toml, as committed: not valid TOML: {error}", "mend that line and commit it") from None


def _git(checkout: Path, *args: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", "-C", str(checkout), *args], capture_output=True, encoding="utf-8", errors="replace")


def check_machine(checkout: Path, data: Path, settings: Config) -> None:
    """Can this machine run the forge and its jobs?"""
    from bot import doctor, sandbox
    from bot.verify.run import present

    sandbox.probe()
    for target in settings.targets.values():
        present(target, checkout)
    if (checkout / "kernels" / "boot").exists():  # our own kernels; another's Makefile may need anything
        for name in doctor.PROGRAMS:
            if shutil.which(name) is None:
                raise MissingTool(f"expected the program {name} on PATH, found none",
                                  f"{install(name)}; `auton doctor` looks at everything")
    _check_room(data)


def check_pipeline(mode: str) -> None:
    """MissingTool when a goal in this mode needs the SLM's packages, and they are not here."""
    if mode != "kernel_build":
        from bot.commands.slm import needed

        needed()


def _check_room(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / ".probe").touch()
        (data / ".probe").unlink()
    except OSError as error:
        raise ConfigError(f"{data}: expected a folder that can be written, found: {error.strerror}",
                          "choose another with --data DIR") from None
    free = shutil.disk_usage(data).free >> 20
    if free < ROOM:
        raise ConfigError(f"{data}: expected {ROOM} MB of free space for the local forge, found {free} MB",
                          "free some space, or choose another disk with --data DIR")
