"""auton.toml: strict when read, complete when printed."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot import config
from bot.commands.config import meanings
from bot.errors import ConfigError

ROOT = Path(__file__).parent.parent


def printed(*args: str, cwd: Path = ROOT) -> str:
    return subprocess.run([sys.executable, "-m", "bot", "config", *args], cwd=cwd, check=True, text=True,
                          capture_output=True, env={"PYTHONPATH": str(ROOT), "PATH": ""}).stdout


def test_what_is_printed_is_the_configuration_itself():
    assert config.check(tomllib.loads(printed()), "printed") == config.load(ROOT / "auton.toml")


def test_without_a_file_the_defaults_are_printed(tmp_path):
    assert config.check(tomllib.loads(printed(cwd=tmp_path)), "printed") == config.Config()


def test_json_tells_value_default_and_meaning():
    rows = {row["key"]: row for row in json.loads(printed("--json"))}
    row = rows["queue.max_batch"]
    assert (row["default"], row["meaning"]) == (8, "Changes that are tested together at most, whatever the rule says.")
    assert rows["targets.riscv64.timeout"]["value"] == 60.0


@pytest.mark.parametrize("model", [kind for kind in vars(config).values()
                                   if isinstance(kind, type) and issubclass(kind, BaseModel)])
def test_every_key_says_what_it_means(model):
    assert [name for name in model.model_fields if name not in meanings(model.__name__)] == []


@pytest.mark.parametrize(("text", "says"), [
    ("[queue]\nmax_batch = 0", "queue.max_batch"),
    ("[queue]\nmax_bach = 1", "unknown key 'queue.max_bach'"),
    ("[queue", "not valid TOML"),
    ("[workflow]\nmode = 'x'", "found 'x'"),
])
def test_a_wrong_file_is_one_error_that_names_the_key(tmp_path, text, says):
    (tmp_path / "auton.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "auton.toml")
    assert says in caught.value.message and str(tmp_path) in caught.value.message and caught.value.hint


def test_a_folder_in_its_place_is_said_plainly(tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        config.load(tmp_path)
