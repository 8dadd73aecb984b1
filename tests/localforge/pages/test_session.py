"""Who may read and post: sign-in, the cookie, the form's token, Origin, Host, and the headers of every page."""

import os
import socket

import httpx
import pytest

from bot.localforge.codes import LIFE, Codes
from bot.localforge.pages.session import Sessions, people, same_user
from bot.localforge.pages.signin import _local
from bot.localforge.serve import write_record
from tests.localforge.pages.conftest import Browser


def test_nobody_sees_anything_without_signing_in(forge, sample):
    answer = httpx.get(f"{forge.url}/{sample.repo}/issues?state=all")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fyou%2Flantern%2Fissues%3Fstate%3Dall"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(forge):
    answer = httpx.get(forge.forge.sign_in_url("you"))
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert forge.tokens["you"] not in cookie


def test_a_wrong_token_is_refused_with_a_reason(forge, says):
    for token in ("ghp_wrong", "\u00e9", "x" * 5000):
        browser = Browser(forge.url)
        answer = browser.http.post("/login", data={"csrf": browser.csrf("/login"), "token": token},
                                   headers={"Origin": forge.url})
        assert answer.status_code == 403
        assert "knows no such token" in says(answer.text)
        assert "auton_forge_" + str(answer.url.port) + "=" not in answer.headers.get("set-cookie", "")


def test_a_link_holds_no_token_and_signs_one_browser_in(forge, says):
    link = forge.forge.sign_in_url("you")
    assert not any(token in link for token in forge.tokens.values())
    first = Browser(forge.url, link)
    assert "Sign out" in first.get("/")
    again = first.http.get(f"{link}&next=/you/lantern")  # the same browser just goes on
    assert (again.status_code, again.headers["location"]) == (303, "/you/lantern")
    other = httpx.get(link)
    assert other.status_code == 403 and "was used already" in says(other.text)
    assert "auton_forge_" + str(other.url.port) + "=" not in other.headers.get("set-cookie", "")


def test_a_look_ahead_at_a_link_does_not_use_it_up(forge):
    link = forge.forge.sign_in_url("you")
    assert httpx.head(link).status_code == 200
    assert "Sign out" in Browser(forge.url, link).get("/")


def test_a_token_in_an_address_signs_nobody_in(forge):
    for path in ("/login", "/-/sign-in"):
        answer = httpx.get(f"{forge.url}{path}", params={"token": forge.tokens["you"]})
        assert "auton_forge_" + str(answer.url.port) + "=" not in answer.headers.get("set-cookie", "")


def test_a_link_is_given_for_a_token_alone(forge):
    asked = httpx.post(f"{forge.url}/-/sign-in", headers={"Authorization": f"token {forge.tokens['guest']}"})
    assert "guest" in Browser(forge.url, asked.json()["url"]).get("/")
    for header in ({}, {"Authorization": "token ghp_wrong"}, {"Authorization": "token"}):
        assert httpx.post(f"{forge.url}/-/sign-in", headers=header).status_code == 401


def test_codes_are_good_once_and_for_a_quarter_of_an_hour():
    now = [0.0]
    codes = Codes(clock=lambda: now[0])
    code, late = codes.mint("a"), codes.mint("b")
    assert (codes.redeem(code), codes.redeem(code), codes.redeem("guess")) == ("a", None, None)
    now[0] = LIFE
    assert codes.redeem(late) is None
    first, *_, last = [codes.mint("c") for _ in range(300)]
    assert codes.redeem(first) is None and codes.redeem(last) == "c"


def test_signing_out_ends_the_session(forge):
    someone = Browser(forge.url, forge.forge.sign_in_url("guest"))
    cookies = dict(someone.http.cookies)
    assert someone.post("/logout", {}).status_code == 303
    assert httpx.get(f"{forge.url}/", cookies=cookies).status_code == 303


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:1", "https://127.0.0.1"]
)
def test_a_form_from_elsewhere_is_refused(you, sample, api, origin):
    before = api("GET", f"/issues/{sample.goal}")["comments"]
    answer = you.post(f"/{sample.repo}/issues/{sample.goal}/comment", {"command": "stop"}, Origin=origin)
    assert answer.status_code == 403
    assert api("GET", f"/issues/{sample.goal}")["comments"] == before


@pytest.mark.parametrize("csrf", ["", "guess", "\u2603"])
def test_a_form_without_its_token_is_refused_and_the_text_kept(you, sample, says, csrf):
    answer = you.post(f"/{sample.repo}/issues/{sample.goal}/comment", {"csrf": csrf, "body": "my words"})
    assert answer.status_code == 403
    assert "older visit" in says(answer.text) and "my words" in answer.text


def test_a_token_of_another_session_is_refused(you, guest, sample):
    answer = you.post(f"/{sample.repo}/issues/{sample.goal}/comment", {"csrf": guest.csrf(), "body": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/login", "/you/lantern/issues/1"])
def test_another_host_name_is_refused(forge, path):
    answer = httpx.get(forge.url + path, headers={"Host": "evil.example"})
    assert answer.status_code in (400, 403)


def test_every_page_forbids_inline_script_and_framing(you, sample):
    for path in ("/", "/login", f"/{sample.repo}", "/nowhere", f"/{sample.repo}/pull/{sample.pull}/files"):
        headers = you.http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_large_and_odd_forms_are_refused(you, sample):
    place = f"/{sample.repo}/issues/{sample.goal}/comment"
    assert you.post(place, {"body": "x" * 700_000}).status_code == 413
    assert you.post(place, {f"f{n}": "" for n in range(60)}).status_code == 400
    multipart = you.http.post(place, files={"body": b"x"}, headers={"Origin": you.url})
    assert multipart.status_code == 415


@pytest.mark.parametrize(
    "url, safe",
    [
        ("/you/lantern?a=b", "/you/lantern?a=b"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/login", "/"),
    ],
)
def test_after_signing_in_one_stays_on_this_forge(url, safe):
    assert _local(url) == safe


def test_one_click_is_for_the_user_who_runs_the_forge():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
    ):
        peer, _ = server.accept()
        with peer:
            assert same_user(ours.getsockname())
            assert not same_user(("127.0.0.1", 1))
    for nobody in (None, ("10.0.0.1", 80), ("testclient", 1)):
        assert not same_user(nobody)


def test_one_click_is_refused_to_another_user(monkeypatch):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
    ):
        monkeypatch.setattr(os, "getuid", lambda: 4242)
        assert not same_user(ours.getsockname())


def test_people_come_from_forge_json(tmp_path):
    assert people(tmp_path) == {}
    write_record(tmp_path, "http://127.0.0.1:1", {"you": "a"})
    assert people(tmp_path) == {"you": "a"}
    (tmp_path / "forge.json").write_text("{")
    assert people(tmp_path) == {}


def test_sessions_are_bounded_and_the_unused_go_first():
    sessions = Sessions()
    first, second = sessions.open("a", "a"), sessions.open("b", "b")
    sessions.find(first)
    for n in range(498):
        sessions.open(str(n), "x")
    sessions.open("last", "x")
    assert sessions.find(second) is None and sessions.find(first).login == "a"
