"""The roles: each is data, a file `<role>.toml` in this folder, and adding one is adding a file.

`prompt` is a jinja2 template over the brief; after it come common.md, the same for every role, with the repository's
own conventions, and task.md, in which what people wrote (goal, task, feedback) is shown fenced, as data.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.agents.tools import Tool
from bot.agents.tools import load as load_tools
from bot.errors import ConfigError

FOLDER = Path(__file__).parent
CONVENTIONS = 8000
"""Bytes of the repository's own AGENTS.md, as it stands on main, that a role is shown."""


class Role(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str
    title: str
    """What the role does, in a few words, for plans and tables."""
    modes: list[Literal["kernel_build", "slm_training", "dual"]]
    """The workflow modes whose plans may use it."""
    plannable: bool = True
    """A plan may give it a task. The manager and the reviewer are called by the workflow instead."""
    read_only: bool = False
    """It reads the worktree and changes nothing."""
    tools: list[str]
    submit: Literal["submit_plan", "submit_review", "submit_work"]
    steps: int | None = Field(None, ge=1)
    """Limits below those of auton.toml, for a role that needs less."""
    prompt: str

    def toolset(self) -> dict[str, Tool]:
        """The tools that this role has, by the name that the model sees."""
        known = load_tools()
        chosen = [known[name] for name in [*self.tools, self.submit]]
        return {tool.name: tool for tool in chosen}

    @property
    def trains(self) -> bool:
        """Whether it has tools of the SLM's pipeline."""
        return any(tool.function.__module__.endswith(".slm") for tool in self.toolset().values())

    def opening(self, work: Any) -> list[dict[str, str]]:
        """The two messages that every run begins with."""
        import jinja2

        env = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                 keep_trailing_newline=False)
        page = work.run(["git", "show", f"{work.brief.base_sha}:AGENTS.md"], keep=CONVENTIONS)
        values = {"whole": _whole, "brief": work.brief, "config": work.config, "role": self, "roles": everyone(),
                  "workers": workers(work.brief.mode),
                  "conventions": page.output.strip() if page.code == 0 else ""}
        rules = env.from_string((FOLDER / "common.md").read_text(encoding="utf-8")).render(values)
        task = env.from_string((FOLDER / "task.md").read_text(encoding="utf-8")).render(values)
        return [{"role": "system", "content": env.from_string(self.prompt).render(values) + "\n\n" + rules},
                {"role": "user", "content": task}]


def _whole(title: str, body: str) -> str:
    """A title and its text; the text alone where the title is only its beginning, cut off."""
    began = title.removesuffix("…")
    return body if began != title and " ".join(body.split()).startswith(" ".join(began.split())) else f"{title}\n\n{body}"


@cache
def load(name: str) -> Role:
    """The role called `name`; ConfigError if there is none, or its file is wrong."""
    path = FOLDER / f"{name}.toml"
    if not name.isidentifier() or not path.is_file():
        raise ConfigError(f"expected a role among {', '.join(names())}; found '{name}'",
                          "a role is a file in bot/agents/roles/")
    try:
        role = Role.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ConfigError(f"{path.name}: {error}", "mend the role's file") from None
    unknown = sorted(set(role.tools) - set(load_tools()))
    if role.name != name or unknown:
        raise ConfigError(f"{path.name}: expected name = \"{name}\" and known tools; found {role.name}, "
                          f"{', '.join(unknown) or 'all known'}", "see `auton tools`")
    return role


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def everyone() -> dict[str, Role]:
    return {name: load(name) for name in names()}


def plannable() -> dict[str, set[str]]:
    """The roles that a plan may give tasks to, each with its modes, as bot/reconcile/plan.py wants them."""
    return {name: set(role.modes) for name, role in everyone().items() if role.plannable}


def workers(mode: str) -> list[str]:
    """The roles that a plan in this mode may give tasks to."""
    return [name for name, modes in plannable().items() if mode == "dual" or mode in modes]
