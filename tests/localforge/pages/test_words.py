"""States, verdicts, times and logs as a person reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.localforge.pages import words
from bot.localforge.pages.runs import read_log


def status(context, state, **more):
    return {"context": context, "state": state, "description": None, "target_url": None, **more}


def test_verdicts_stand_by_architecture():
    found = words.verdicts(
        [
            status("auton/boot-riscv64", "failure", description="1 failed"),
            status("auton/build-riscv64", "success"),
            status("auton/build-x86_64", "pending"),
            status("auton/review", "success"),
            status("lint", "error"),
        ]
    )
    assert found.steps == ["build", "boot"]
    assert list(found.archs) == ["x86_64", "riscv64"]
    assert found.archs["riscv64"]["boot"].word == "failed" and found.archs["riscv64"]["boot"].tone == "bad"
    assert [name for name, _ in found.others] == ["lint", "review"]


def test_an_address_that_is_not_of_the_web_is_no_link():
    found = words.verdicts(
        [
            status("a", "success", target_url="javascript:alert(1)"),
            status("b", "success", target_url="http://127.0.0.1/x"),
        ]
    )
    assert [chip.url for _, chip in found.others] == ["", "http://127.0.0.1/x"]


@pytest.mark.parametrize(
    "labels, state, expected",
    [
        (["auton:task", "auton:needs-human"], "open", "needs human"),
        (["auton:goal", "auton:done"], "closed", "done"),
        (["bug"], "open", "open"),
        ([], "closed", "closed"),
        (["auton:goal"], "open", "open"),
    ],
)
def test_standing_of_an_issue(labels, state, expected):
    assert words.standing({"labels": [{"name": n} for n in labels], "state": state}).word == expected


@pytest.mark.parametrize(
    "delta, expected",
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(seconds=70), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(seconds=-50), "just now"),
    ],
)
def test_how_long_ago(delta, expected):
    assert words.ago((datetime.now(UTC) - delta).strftime("%Y-%m-%dT%H:%M:%SZ")) == expected


@pytest.mark.parametrize(
    "end, expected", [("10:00:07", "7 s"), ("10:03:07", "3 min 07 s"), ("12:03:07", "2 h 03 min")]
)
def test_how_long_it_took(end, expected):
    assert words.clock("2026-01-01T10:00:00Z", f"2026-01-01T{end}Z") == expected


def test_times_that_are_none_are_nothing():
    assert words.ago(None) == words.clock(None, None) == words.ago("yesterday") == ""


def test_log_loses_colours_and_stamps_and_keeps_groups():
    parts, left_out = read_log(
        "2026-01-01T10:00:00.1234567Z \x1b[1;32mok\x1b[0m\n2026-01-01T10:00:00Z ##[group]Build\ncc a.c\n"
        "##[endgroup]\n##[error]broken\n\x1b]0;title\x07plain\rover\n",
        100,
    )
    assert left_out == 0
    assert [(part.title, [(mark, str(line)) for _, mark, line in part.lines]) for part in parts] == [
        ("", [("", "ok")]),
        ("Build", [("", "cc a.c")]),
        ("", [("bad", "broken"), ("", "over")]),
    ]


def test_long_log_keeps_its_end():
    parts, left_out = read_log("\n".join(map(str, range(1000))), 10)
    assert left_out == 990 and [str(line) for _, _, line in parts[0].lines] == [
        str(n) for n in range(990, 1000)
    ]
    assert parts[0].lines[0][0] == 991
