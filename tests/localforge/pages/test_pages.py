"""Every page answers, says what it is about, and says what to do when there is nothing to show."""

import pytest


@pytest.mark.parametrize(
    "path, expected",
    [
        ("", ["git clone", "Latest commits", "3 of 3 passed", "seconds since boot"]),
        ("/branches", ["auton/g1/t3", "default"]),
        ("/commits/main", ["A kernel that boots", "merge"]),
        ("/tree/auton/g1/t3/kernels/core", ["console.c", "uptime.c"]),
        ("/blob/auton/g1/t3/kernels/core/uptime.c", ["hal_timer_hz", "at auton/g1/t3"]),
        ("/blob/main/README.md", ["Lantern", "uptime"]),
        ("/issues", ["auton:goal", "role:tester", "waiting"]),
        ("/issues?state=closed&label=role:tester", ["No closed issues with the label role:tester"]),
        ("/issues?label=role:tester", ["Test uptime from inside"]),
        ("/issues/new", ["File a goal", "What happens then", "auton:goal"]),
        ("/issues/new?plain=1", ["New issue"]),
        ("/pulls", ["Add the command"]),
        ("/pulls?state=all", ["merged", "open"]),
        ("/actions", ["CI"]),
    ],
)
def test_page_of_a_repository(you, sample, says, path, expected):
    page = says(you.get(f"/{sample.repo}{path}"))
    assert "AUTON local forge, a GitHub emulator on this machine" in page
    for words in expected:
        assert words in page


def test_first_page_lists_repositories(you, sample, says):
    assert sample.repo in says(you.get("/"))


def test_goal_shows_its_tasks_with_role_state_pull_request_and_what_they_wait_for(you, sample, says):
    page = says(you.get(f"/{sample.repo}/issues/{sample.goal}"))
    assert "1 of 4 landed" in page
    assert (
        f"#{sample.tasks[0]} Read the timer on every architecture developer ✓ landed #{sample.merged}" in page
    )
    assert f"#{sample.tasks[3]} Say it in the specs developer ○ waiting" in page
    assert f"#{sample.tasks[1]} , #{sample.tasks[2]}" in page
    assert "👀 seen" in page and "🚀 accepted" in page


def test_task_names_its_goal_and_what_blocks_it(you, sample, says):
    page = says(you.get(f"/{sample.repo}/issues/{sample.tasks[3]}"))
    assert f"Part of #{sample.goal}" in page
    assert f"Waits for #{sample.tasks[1]}" in page


def test_hidden_state_of_the_bot_is_not_in_any_page(you, sample):
    for path in (f"issues/{sample.goal}", f"issues/{sample.tasks[0]}", f"pull/{sample.pull}"):
        assert "not for eyes" not in you.get(f"/{sample.repo}/{path}")


def test_commit_shows_message_verdicts_and_diff(you, sample, says):
    page = says(you.get(f"/{sample.repo}/commit/{sample.head}"))
    for words in ("Auton-Attempt: 2", "riscv64", "uptime.seconds: expected 1, found 0", "hal_timer_hz"):
        assert words in page


def test_check_run_is_told_with_its_log(you, sample, says, api):
    check = api("GET", f"/commits/{sample.head}/check-runs")["check_runs"][0]
    answer = you.http.get(f"/{sample.repo}/runs/{check['id']}")
    assert answer.headers["location"] == f"/{sample.repo}/commit/{sample.head}#check-{check['id']}"
    for path in (f"commit/{sample.head}", f"pull/{sample.pull}"):
        page = you.get(f"/{sample.repo}/{path}")
        assert f'id="check-{check["id"]}"' in page and "not for eyes" not in page
        assert "✗ auton/verify failed riscv64 FAIL" in says(page) and "not ok 3 - uptime.seconds" in says(page)


def test_merged_pull_request_says_so(you, sample, says):
    page = says(you.get(f"/{sample.repo}/pull/{sample.merged}"))
    assert "✓ merged" in page and "merges cleanly" not in page


def test_address_of_a_pull_request_as_an_issue_leads_to_it(you, sample):
    answer = you.http.get(f"/{sample.repo}/issues/{sample.pull}")
    assert answer.headers["location"] == f"/{sample.repo}/pull/{sample.pull}"


def test_raw_file_is_plain_text(you, sample):
    answer = you.http.get(f"/{sample.repo}/raw/main/README.md")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/you/missing",
        "/you/lantern/issues/9999",
        "/you/lantern/tree/none",
        "/you/lantern/blob/main/no/such.c",
        "/you/lantern/commit/" + "0" * 40,
        "/you/lantern/actions/runs/9999",
        "/you/lantern/blob/main/../../../etc/passwd",
    ],
)
def test_what_is_not_there_is_a_page_that_says_what_to_do(you, sample, says, path):
    answer = you.http.get(path)
    assert answer.status_code in (404, 422)
    assert "What to do:" in says(answer.text)


def test_refusals_of_the_api_are_shown_in_its_words(guest, sample, says):
    answer = guest.post(f"/{sample.repo}/issues/{sample.goal}/state", {"state": "closed"})
    assert answer.status_code == 403
    assert "The forge refused:" in says(answer.text) and "write permission" in says(answer.text)


def test_an_empty_title_is_asked_for_and_nothing_typed_is_lost(you, sample, says):
    answer = you.post(f"/{sample.repo}/issues/new", {"goal": "1", "title": "  ", "body": "a long thought"})
    assert answer.status_code == 422
    assert "A title is needed" in says(answer.text) and "a long thought</textarea>" in answer.text


@pytest.mark.parametrize(
    "field, value", [("budget", "lots"), ("mode", "fast"), ("model", "a b"), ("budget", "1\n/auton cancel")]
)
def test_options_of_a_goal_are_checked(you, sample, field, value):
    answer = you.post(f"/{sample.repo}/issues/new", {"goal": "1", "title": "A goal", field: value})
    assert answer.status_code == 422


def test_goal_of_a_guest_is_filed_without_the_label_and_says_why(guest, sample, says, api):
    answer = guest.post(f"/{sample.repo}/issues/new", {"goal": "1", "title": "Guests want things"})
    assert answer.status_code == 303
    assert "only people with write permission may set labels" in says(guest.get(answer.headers["location"]))
    assert api("GET", f"/issues/{answer.headers['location'].rpartition('/')[2]}")["labels"] == []


def test_issue_closes_and_opens_again(you, sample, api):
    place = you.post(f"/{sample.repo}/issues/new", {"title": "Plain"}).headers["location"]
    number = place.rpartition("/")[2]
    for state in ("closed", "open"):
        assert you.post(f"{place}/state", {"state": state}).status_code == 303
        assert api("GET", f"/issues/{number}")["state"] == state


def test_plain_issue_becomes_a_goal(you, sample, api):
    place = you.post(f"/{sample.repo}/issues/new", {"title": "Perhaps a goal"}).headers["location"]
    assert you.post(f"{place}/goal", {}).status_code == 303
    assert api("GET", f"/issues/{place.rpartition('/')[2]}")["labels"][0]["name"] == "auton:goal"


def test_lists_are_paged(you, sample, api, says):
    for number in range(52):
        api("POST", "/issues", {"title": f"Filler {number}", "labels": ["filler"]})
    first = you.get(f"/{sample.repo}/issues?label=filler")
    assert "Page 1 of 2" in says(first) and "Filler 51" in first and "Filler 1<" not in first
    assert "Filler 0" in you.get(f"/{sample.repo}/issues?label=filler&page=2")
