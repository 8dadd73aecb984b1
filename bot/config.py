"""auton.toml as typed, strict values: the one configuration of everything the bot does.

An unknown key, a wrong type or a value out of range is a ConfigError that names the file, the key, what was
expected and what was found. Nothing here reads the environment.
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot import hostile
from bot.errors import ConfigError

Mode = Literal["kernel_build", "slm_training", "dual"]


class Section(BaseModel):
    """The docstring under a field is what `auton config` prints about it (it reads this file)."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Workflow(Section):
    mode: Mode = "kernel_build"
    """Which specs a goal may touch, and so which roles a plan may use."""
    approve: Literal["auto", "comment"] = "auto"
    """auto: a valid plan starts at once; comment: a person with write permission types /auton approve."""
    max_tasks: int = Field(12, ge=1, le=64)
    """A plan with more tasks is refused."""
    max_attempts: int = Field(3, ge=1, le=20)
    """Agent runs that a task may take before it is handed to a person."""


class Forge(Section):
    bot: str = "github-actions[bot]"
    """The login under which the bot writes; hidden state by anybody else is ignored."""


class Models(BaseModel):
    """A litellm model per role; `default` serves every role without one of its own."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    __pydantic_extra__: dict[str, str] = Field(init=False)
    default: str = "replay/uptime"
    """The model of every role that has no key of its own here; replay/NAME plays a recorded run."""

    def of(self, role: str) -> str:
        return (self.model_extra or {}).get(role, self.default)

    def all(self) -> set[str]:
        return {self.default, *(self.model_extra or {}).values()}


class Price(Section):
    """US dollars per million tokens."""

    input: float = Field(ge=0)
    """A million tokens of prompt."""
    output: float = Field(ge=0)
    """A million tokens of answer."""
    cached_input: float | None = Field(None, ge=0)
    """A million tokens of prompt that the provider had cached; the price of `input` when absent."""
    free: bool = False
    """Say true for a model that really costs nothing (one of your own); a zero price is refused otherwise."""


class Agents(Section):
    cost_usd: float = Field(2.0, gt=0)
    """Hard cap of one agent run."""
    steps: int = Field(60, ge=1)
    """Model calls that one agent run may make."""
    seconds: int = Field(1800, ge=1)
    """Wall time that one agent run may take."""
    api_base: str | None = None
    """An OpenAI-compatible endpoint of your own."""
    models: Models = Models()
    """A litellm model per role."""
    prices: dict[str, Price] = {}
    """Prices by model name, for models that litellm's table does not know."""


class Budget(Section):
    goal_usd: float = Field(20.0, gt=0)
    """Hard cap of one goal, all its runs together."""
    day_usd: float = Field(100.0, gt=0)
    """Hard cap of one day (UTC), all goals together."""
    warn_at: float = Field(0.8, gt=0, le=1)
    """The part of a cap at which the goal's comment begins to warn."""


class Queue(Section):
    bad_probability: float = Field(0.1, gt=0, lt=1)
    """How often a queued change turns out bad: the p of the group-testing rule."""
    max_batch: int = Field(8, ge=1, le=64)
    """Changes that are tested together at most, whatever the rule says."""
    larger: float = Field(0.1, gt=0)
    """Changes that are green together, but larger by more than this part than each of them alone predicts, are red."""
    slower: float = Field(2.0, gt=0)
    """The same of their times (and rates), which other work on the machine moves: 2.0 is three times as long, twice in a row."""


class Screen(Section):
    max_files: int = Field(60, ge=1)
    """A patch that touches more files is refused."""
    max_lines: int = Field(6000, ge=1)
    """A patch with more added and removed lines is refused."""
    protected: list[str] = [".github/**", "auton.toml", "bot/**"]
    """Glob patterns of paths that only a person may change. Name what starts your machine, too: a script that a change may
    rewrite can play the part of a kernel."""


class Target(Section):
    """One architecture: how to build it, how to boot it, where the image lies."""

    build: str
    """The command that builds the image, run in the checkout's root."""
    boot: str
    """A command that becomes the machine: console on its standard input and output, exit code the verdict's.
    The kernel's command line is appended to it as one argument."""
    image: str
    """The file that the build leaves, as seen from the checkout's root."""
    timeout: float = Field(60.0, gt=0)
    """Seconds without any output after which a boot is a HANG."""


class Config(Section):
    workflow: Workflow = Workflow()
    """What goals may do and how far they go by themselves."""
    forge: Forge = Forge()
    """The forge that holds the issues, branches and pull requests."""
    agents: Agents = Agents()
    """What one agent run may use, and which model answers."""
    budget: Budget = Budget()
    """Money, in US dollars."""
    queue: Queue = Queue()
    """How changes are tested together before they land."""
    screen: Screen = Screen()
    """What a patch may touch."""
    targets: dict[str, Target] = {}
    """The architectures, by name: how each is built, booted and found."""


def load(path: Path | str = "auton.toml") -> Config:
    """Read and check the configuration at `path`; ConfigError on anything that is not exactly right."""
    path = Path(path)
    try:
        raw = hostile.read_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", "run this in a checkout with an auton.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}", "mend that line and run again") from None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}", "expected a plain text file") from None
    return check(raw, str(path))


def check(raw: dict, where: str) -> Config:
    """Validate already parsed TOML; `where` names its source in the error."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{where}: unknown key '{key}'{more}",
                              "`auton config` prints the keys there are") from None
        raise ConfigError(f"{where}: {key}: {first['msg'].lower()}, found {first['input']!r}{more}",
                          "see `auton config` for what each key means") from None
