"""Checks of specs/**/*.md: what they see in a boot, and what a malformed spec does."""

import pytest

from bot.verify import specs
from bot.verify.specs import Broken
from tests.verify.conftest import GOOD, only


def test_checks_of_every_kind_pass(checkout):
    checkout.spec('ktap = "clock.*"', "type = 'uptime'\nexpect = '^[0-9]+ s$'",
                  'figure = "ticks"\nmax = 13\nmin = 12')
    report = checkout.verify()
    assert report.verdict == "PASS"
    assert only(report, "spec:clock: type 'uptime'").where == "specs/kernel/clock.md:7"


@pytest.mark.parametrize(("check", "says"), [
    ('ktap = "mm.*"', "at least one test case"),
    ("type = 'uptime'\nexpect = '^uptime$'", "found '3 s"),
    ('figure = "ticks"\nmax = 12', "at most 12, found 12.5"),
    ('figure = "none"\nmax = 12', "found none"),
])
def test_checks_that_do_not_hold_say_what_was_found(checkout, check, says):
    checkout.spec(check)
    report = checkout.verify()
    [failed] = [check for check in report.archs[0].checks if check.verdict == "FAIL"]
    assert says in failed.detail and report.verdict == "FAIL"


def test_an_exchange_that_hangs_is_told_from_those_after_it(checkout):
    checkout.timeout = 0.5
    checkout.spec("type = 'sleep'\nexpect = 'x'", "type = 'uptime'\nexpect = 's'")
    report = checkout.verify()
    assert {check.verdict for check in report.archs[0].checks if check.name.startswith("spec:")} == {"HANG"}


def test_a_panic_at_the_console_is_seen(checkout):
    checkout.spec("type = 'panic'\nexpect = 'x'")
    report = checkout.verify()
    assert report.verdict == "PANIC" and only(report, "boot").where == "core/main.c:7"


def test_checks_are_kept_to_their_architectures(checkout):
    checkout.spec('ktap = "none"\narchs = ["other"]', name="one")
    checkout.spec('ktap = "none"', name="two", head='archs = ["other"]')
    assert checkout.verify().verdict == "PASS"


@pytest.mark.parametrize(("text", "where"), [
    ("# no front matter", "s.md:1"),
    ("+++\nname = 'a'\n", "s.md:1"),
    ("+++\nname = 'a'\nx y\n+++", "s.md:3"),
    ("+++\nname = 'a'\ntypo = 1\n+++", "s.md:2"),
    ("+++\nname = 'a'\n[[check]]\nktap = 'a'\ntype = 'b'\n+++", "s.md:3"),
    ("+++\nname = 'a'\n[[check]]\nktap = 'a'\n\n[[check]]\ntype = 'b'\nexpect = '('\n+++", "s.md:6"),
    ("+++\nname = 'a'\n[[check]]\nfigure = 'a'\n+++", "s.md:3"),
    ("+++\nname = 'a'\n[[check]]\ntype = \"a\\nb\"\nexpect = 'x'\n+++", "s.md:3"),
])
def test_a_malformed_spec_is_broken_at_its_line(text, where):
    found = specs.parse(text, "s.md")
    assert isinstance(found, Broken) and found.where == where


def test_an_expression_without_end_fails_in_time(checkout):
    checkout.kernel(GOOD.replace("echo '3 s'", "echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"))
    checkout.spec("type = 'uptime'\nexpect = '(a|aa)+$'")
    report = checkout.verify()
    assert "took more than" in only(report, "spec:clock: type 'uptime'").detail


def test_a_broken_spec_fails_the_run(checkout):
    checkout.write("specs/kernel/mm.md", "# forgot\n")
    assert checkout.verify().verdict == "FAIL"
