"""The API's manners: who may do what, ETags, limits, versions, faults, and 501 for what is not there."""

import json
import time

import github
import httpx
import pytest

from bot.errors import ConfigError, ForgeError
from bot.localforge.faults import Faults, parse
from bot.localforge.serve import bind, locked, read_record, serve_in_thread, write_record


@pytest.fixture
def repo(forge):
    return forge.repository()


def call(forge, method, path, login="you", token=None, **options):
    token = token or forge.tokens.get(login)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(
        method, forge.api + path, headers=headers | options.pop("headers", {}), trust_env=False, **options
    )


def test_a_guest_reads_and_comments_but_does_not_steer(forge, repo):
    theirs = forge.github("guest").get_repo("you/demo")
    issue = theirs.create_issue("a wish", labels=["auton:goal"], assignee="you")
    assert (issue.labels, issue.assignees) == ([], [])
    issue.create_comment("please")
    issue.edit(body="mine to edit")
    for refused in (
        lambda: issue.add_to_labels("auton:goal"),
        lambda: repo.get_issue(issue.number).user and theirs.create_label("x", "ffffff"),
        lambda: theirs.create_git_ref("refs/heads/x", repo.get_branch("main").commit.sha),
        lambda: theirs.get_collaborator_permission("you"),
        lambda: theirs.get_hooks().totalCount,
    ):
        with pytest.raises(github.GithubException) as error:
            refused()
        assert error.value.status == 403
    assert repo.get_collaborator_permission("guest") == "read"
    repo.add_to_collaborators("guest", "push")
    assert (repo.get_collaborator_permission("guest"), repo.get_collaborator_permission("you")) == (
        "write",
        "admin",
    )
    issue.add_to_labels("auton:goal")
    assert [u.login for u in repo.get_collaborators()] == ["you", "guest"]
    with pytest.raises(github.GithubException, match="is not a user"):
        repo.get_collaborator_permission("github-actions[bot]")


def test_a_job_token_holds_exactly_its_permissions(forge, repo):
    issue = repo.create_issue("x")
    narrow = forge.github(token=forge.job(issues="write")).get_repo("you/demo")
    comment = narrow.get_issue(issue.number).create_comment("by a job")
    assert comment.user.login == "github-actions[bot]" and comment.user.type == "Bot"
    for refused in (
        lambda: narrow.create_git_ref("refs/heads/x", "0" * 40),
        lambda: narrow.get_pulls().totalCount,
        lambda: narrow.get_commit("main").create_status("success"),
        lambda: narrow.get_branch("main"),
        lambda: forge.github(token=forge.job(issues="write")).get_user().login,
        lambda: (
            repo.get_issue(1)
            and forge.github(token=forge.job(issues="read")).get_repo("you/demo").get_issue(1).create_comment("x")
        ),
    ):
        with pytest.raises(github.GithubException) as error:
            refused()
        assert (error.value.status, error.value.data["message"]) == (
            403,
            "Resource not accessible by integration",
        )
    forge.repository("other", private=True)
    with pytest.raises(github.GithubException) as error:
        forge.github(token=forge.job(issues="write")).get_repo("you/other")
    assert error.value.status == 404


def test_without_a_token_public_things_are_read_sixty_times_an_hour(forge, repo):
    answers = [call(forge, "GET", "/repos/you/demo", login="").status_code for _ in range(61)]
    assert answers == [200] * 60 + [403]
    assert call(forge, "POST", "/repos/you/demo/issues", login="", json={"title": "x"}).status_code == 403


def test_bad_credentials_are_refused(forge):
    assert call(forge, "GET", "/user", token="ghp_wrong").status_code == 401


def test_what_did_not_change_is_not_sent_again(forge, repo):
    first = call(forge, "GET", "/repos/you/demo/issues")
    again = call(forge, "GET", "/repos/you/demo/issues", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    repo.create_issue("x")
    assert (
        call(forge, "GET", "/repos/you/demo/issues", headers={"If-None-Match": first.headers["etag"]}).status_code
        == 200
    )


def test_links_lead_on_by_the_repository_s_id(forge, repo):
    for number in range(3):
        repo.create_issue(str(number))
    first = call(forge, "GET", "/repos/you/demo/issues?per_page=2&state=all")
    assert f"/repositories/{repo.id}/issues" in first.links["next"]["url"] and "last" in first.links
    token = {"Authorization": f"token {forge.tokens['you']}"}
    assert len(httpx.get(first.links["next"]["url"], headers=token, trust_env=False).json()) == 1


def test_an_unknown_operation_is_a_loud_501(forge, repo):
    answer = call(forge, "POST", "/repos/you/demo/forks")
    assert answer.status_code == 501 and "emulator" in answer.json()["message"]


def test_versions_and_bodies_are_checked(forge, repo):
    assert call(forge, "GET", "/user", headers={"X-GitHub-Api-Version": "1999-01-01"}).status_code == 400
    assert call(forge, "GET", "/user").headers["x-github-api-version-selected"] == "2022-11-28"
    assert call(forge, "POST", "/repos/you/demo/issues", content=b"{").json()["message"] == "Problems parsing JSON"
    assert call(forge, "POST", "/repos/you/demo/issues", json={"title": ["x"]}).status_code == 422
    assert call(forge, "POST", "/repos/you/demo/issues", json={}).json()["errors"][0]["code"] == "missing_field"


def test_other_sites_and_other_names_are_refused(forge):
    for headers in ({"Host": "forge.example"}, {"Origin": "http://forge.example"}):
        assert call(forge, "GET", "/user", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        ("POST /repos/*/issues nth=1 before reset", 0),
        ("POST /repos/*/issues nth=1 after reset", 1),
        ("POST /repos/*/issues nth=1 after 502", 1),
        ("POST /repos/*/issues nth=1 500", 0),
    ],
)
def test_a_fault_strikes_before_or_after_the_write(forge, repo, spec, written):
    forge.host.faults.add(spec)
    with pytest.raises((github.GithubException, Exception)) as error:
        repo.create_issue("x")
    assert not isinstance(error.value, AssertionError)
    assert repo.get_issues().totalCount == written
    repo.create_issue("y")
    assert repo.get_issues().totalCount == written + 1


@pytest.mark.parametrize(
    ("kind", "status", "after"),
    [("403:1", 403, "1"), ("429:7", 429, "7"), ("429", 429, None), ("403", 403, None)],
)
def test_secondary_limits_with_and_without_retry_after(forge, repo, kind, status, after):
    forge.host.faults.add(f"GET /repos/you/demo nth=1 {kind}")
    answer = call(forge, "GET", "/repos/you/demo")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, after)
    assert "secondary rate limit" in answer.json()["message"]
    assert call(forge, "GET", "/repos/you/demo").status_code == 200


def test_faults_are_the_same_for_the_same_seed():
    def strikes(seed):
        faults = Faults(["* * p=0.3 500"], seed)
        return [faults.pick("GET", "/x") is not None for _ in range(50)]

    assert strikes(1) == strikes(1) != strikes(2)
    with pytest.raises(ConfigError, match="'explode'"):
        parse("GET /x explode")
    with pytest.raises(ConfigError, match="'nth=0'"):
        parse("GET /x nth=0 500")


def test_a_port_in_use_is_one_clear_line():
    sock = bind(0)
    with pytest.raises(ForgeError, match="is in use .choose another with --port"):
        bind(sock.getsockname()[1])
    sock.close()


def test_the_record_is_private_and_the_folder_is_locked(tmp_path):
    path = write_record(tmp_path, "http://127.0.0.1:1", {"you": "t"})
    assert path.stat().st_mode & 0o777 == 0o600 and read_record(tmp_path)["tokens"] == {"you": "t"}
    with locked(tmp_path), pytest.raises(ForgeError, match="another local forge"):
        with locked(tmp_path):
            pass


def test_everything_is_there_after_a_restart(tmp_path):
    with serve_in_thread(tmp_path) as running:
        first = github.Github(base_url=running.api, auth=github.Auth.Token(running.tokens["you"]))
        first.get_user().create_repo("demo", auto_init=True).create_issue("kept", labels=["x"])
        tokens = running.tokens
    with serve_in_thread(tmp_path) as running:
        assert running.tokens == tokens
        again = github.Github(base_url=running.api, auth=github.Auth.Token(tokens["you"])).get_repo("you/demo")
        assert [(i.title, i.labels[0].name) for i in again.get_issues()] == [("kept", "x")]


def test_secrets_and_variables_reach_the_host(forge, repo):
    repo.create_secret("MODEL_KEY", "sk-1")
    repo.create_variable("MODE", "dual")
    assert forge.host.secrets("you/demo") == {"MODEL_KEY": "sk-1"}
    assert forge.host.variables("you/demo") == {"MODE": "dual"}
    repo.get_variable("MODE").edit("kernel_build")
    assert [s.name for s in repo.get_secrets()] == ["MODEL_KEY"]
    repo.delete_secret("MODEL_KEY")


def test_a_read_is_quick(forge, repo):
    """Not a timed test: a bound generous enough for a loaded machine that still catches a subprocess per
    read.
    """
    issue = repo.create_issue("x", labels=["a", "b"])
    token = {"Authorization": f"Bearer {forge.tokens['you']}"}
    with httpx.Client(headers=token, trust_env=False) as client:
        started = time.monotonic()
        for _ in range(50):
            json.loads(client.get(f"{forge.api}/repos/you/demo/issues/{issue.number}").content)
    assert (time.monotonic() - started) / 50 < 0.05
