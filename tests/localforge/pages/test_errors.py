"""When the API fails, or answers what nobody expected: a page that says so, what to do, and keeps what was typed."""

import re
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from bot.localforge.codes import Codes
from bot.localforge.pages import create


@pytest.fixture
def fault(forge):
    """`fault("GET /user/repos times=1 500")` makes the forge fail so."""
    yield forge.forge.faults.add
    forge.forge.faults.clear()


@pytest.mark.parametrize("kind, status, expected", [
    ("429:7", 429, "try again in 7 seconds"), ("403:9", 403, "try again in 9 seconds"),
    ("502", 502, "Load the page again"), ("500", 500, "Load the page again"), ("503", 503, "Load the page again")])
def test_failures_of_the_api_say_what_to_do(you, fault, says, kind, status, expected):
    fault(f"GET /user/repos times=1 {kind}")
    answer = you.http.get("/")
    assert answer.status_code == status
    assert expected in says(answer.text) and "GET /user/repos" in says(answer.text)
    you.get("/")


def test_a_comment_that_could_not_be_posted_is_not_lost(you, sample, fault):
    fault("POST /repos/*/issues/*/comments times=1 before 502")
    answer = you.post(f"/{sample.repo}/issues/{sample.goal}/comment", {"body": "<my long> thought"})
    assert answer.status_code == 502
    assert "&lt;my long&gt; thought</textarea>" in answer.text


def test_an_optional_part_that_fails_is_not_hidden(you, sample, fault):
    fault("GET /repos/*/issues/*/sub_issues times=1 500")
    assert you.http.get(f"/{sample.repo}/issues/{sample.goal}").status_code == 500


def test_a_page_that_breaks_names_a_mark_in_the_log_and_tells_no_secrets(tmp_path, caplog):
    async def nonsense(scope, receive, send):
        await JSONResponse({"login": "you"})(scope, receive, send)

    pages = create(nonsense, SimpleNamespace(url="http://127.0.0.1:3000", data=tmp_path, codes=Codes()))
    browser = TestClient(Starlette(routes=pages), base_url="http://127.0.0.1:3000")
    link = browser.post("/-/sign-in", headers={"Authorization": "token x"}).json()["url"]
    assert browser.get(link).status_code == 200
    answer = browser.get("/you/lantern")
    assert answer.status_code == 500 and "Traceback" not in answer.text
    mark = re.search(r"at the mark (\w+)", answer.text)[1]
    assert mark in caplog.text and "Traceback" in caplog.text
