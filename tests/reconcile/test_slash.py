"""Commands in comments: read where a person means them, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reconcile import slash


@pytest.mark.parametrize("body", [
    "> /auton stop", "> /Auton stop", "```\n/auton stop\n```", "~~~sh\n/auton stop\n~~~", "    /auton stop", "please /auton stop",
    "<!-- \n/auton stop\n-->", "/autonomous stop", "````\n```\n/auton stop\n```\n````", "`/auton stop`",
    "> fine\u2028/auton stop", "> fine\u0085/auton stop", "> fine\x0c/auton stop", "> fine\x0b/auton stop",
    "```\nlog\u2028```\u2028/auton stop\n```", "<!-- /auton stop", "a <!-- b\n/auton stop",
])
def test_quotes_code_and_other_words_are_no_commands(body):
    assert slash.parse(body) == []


@pytest.mark.parametrize("body", ["look: `<!--`\n/auton stop", "```\n<!--\n```\n/auton stop", "    <!--\n/auton stop",
                                  "<!-- a --> b\r/auton stop", "`` a ` <!-- ``\r\n/auton stop", "<!-- a\n    b -->\n/auton stop"])
def test_what_only_shows_a_comment_hides_nothing(body):
    assert [command.name for command in slash.parse(body)] == ["stop"]


def test_options_and_arguments():
    command, = slash.parse("text\n/auton retry from=review model=anthropic/some-model budget=$1.50\nmore")
    assert command.problem is None
    assert command.options == {"from": "review", "model": "anthropic/some-model", "budget": "1.50"}
    assert slash.parse("/auton budget $3")[0].args == ("3",)
    assert [c.name for c in slash.parse("/auton hold\n/auton status")] == ["hold", "status"]


@given(st.sampled_from(["> ", "    ", "```\n", "<!-- ", "see ", "\\", ""]), st.lists(st.booleans(), min_size=11, max_size=11))
def test_any_case_of_the_words_is_the_same_command_and_nowhere_else_one(before, upper):
    line = "".join(letter.upper() if up else letter for letter, up in zip("/auton help", upper, strict=True))
    assert slash.parse(before + line) == slash.parse(before + "/auton help")
    assert [command.name for command in slash.parse(before + line)] == ([] if before else ["help"])


def test_a_misspelt_command_gets_a_suggestion():
    command, = slash.parse("/auton rety")
    assert "did you mean `/auton retry`" in command.problem


@pytest.mark.parametrize("line", ["/auton", "/auton budget", "/auton budget lots", "/auton retry from=moon",
                                  "/auton stop now", "/auton priority 1 2", "/auton retry color=red",
                                  "/auton approve x"])
def test_what_can_not_be_carried_out_says_why(line):
    assert slash.parse(line)[0].problem


@given(st.text())
def test_any_text_is_read_without_an_error(body):
    for command in slash.parse(body):
        assert command.problem is None or "\n" not in command.problem


def test_help_lists_every_command():
    assert all(f"/auton {name}" in slash.help_table() for name in slash.COMMANDS)
