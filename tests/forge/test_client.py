"""The forge that an environment names, or what is wrong with it."""

import pytest

from bot.errors import ConfigError
from bot.forge.client import Forge


def told(monkeypatch, **environment) -> Forge:
    for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Forge.from_environment()


def test_a_line_break_after_the_token_is_not_part_of_it(monkeypatch):
    assert told(monkeypatch, GITHUB_REPOSITORY="you/kernel", GITHUB_TOKEN="ghp_abc\n").token == "ghp_abc"


@pytest.mark.parametrize("token", ["ghp_a\nb", "ghp_a b", "ghp_\u00e9", "ghp_\x7f"])
def test_a_token_that_no_header_can_carry_is_told(monkeypatch, token):
    with pytest.raises(ConfigError, match="printable ASCII in GITHUB_TOKEN"):
        told(monkeypatch, GITHUB_REPOSITORY="you/kernel", GITHUB_TOKEN=token)


@pytest.mark.parametrize("token", ["", " \n"])
def test_what_is_not_set_is_named(monkeypatch, token):
    with pytest.raises(ConfigError, match="expected GITHUB_REPOSITORY and GITHUB_TOKEN"):
        told(monkeypatch, GITHUB_TOKEN=token)
    with pytest.raises(ConfigError, match="expected GITHUB_TOKEN in"):
        told(monkeypatch, GITHUB_REPOSITORY="you/kernel", GITHUB_TOKEN=token)
