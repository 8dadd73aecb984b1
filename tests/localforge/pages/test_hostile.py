"""Hostile text everywhere a stranger can put some: it shows as text, and no page breaks or runs it."""

import time
from urllib.parse import quote

import pytest

from tests.localforge.pages.markup import read
from tests.localforge.pages.sample import Tree, client

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}</textarea></details></title>"
BODY = f"""{EVIL}

</details></article><!-- hidden --><iframe src="javascript:alert(3)"></iframe>

[click](javascript:alert(4)) ![x](javascript:alert(5)) <a href="javascript:alert(6)" onclick="alert(7)">x</a>

<details open ontoggle=alert(8)><summary>s</summary>

> <details>

\u202egnp.exe

```<script>
{EVIL}
```
"""


def ended_runs(you, seconds: float = 20) -> list[dict]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        runs = you("GET", "/actions/runs")["workflow_runs"]
        if runs and all(run["status"] == "completed" for run in runs):
            return runs
        time.sleep(0.1)
    raise AssertionError(f"expected ended runs, found {[run['status'] for run in runs]}")


@pytest.fixture(scope="module")
def evil(forge, tmp_path_factory):
    """A repository whose every name, text, diff and log is hostile; returns the pages to look at."""
    token = forge.tokens["you"]
    you = client(forge.url, token, "you/evil")
    you.http.post("/user/repos", json={"name": "evil", "description": EVIL}).raise_for_status()
    tree = Tree(tmp_path_factory.mktemp("evil") / "tree", f"{forge.url}/you/evil.git", token)
    workflow = (
        f"name: {EVIL!r}\non: push\njobs:\n  a:\n    name: {EVIL!r}\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - name: '<b>step'\n        env:\n          E: " + repr("\x1b]0;<i>\x07" + EVIL) + "\n"
        '        run: printf \'%s\\n::group::%s\\n::error::%s\' "$E" "$E" "$E"\n'
    )
    tree.commit({"README.md": BODY, ".github/workflows/a.yml": workflow, "a<b>&\"'.c": "int a;\n"}, "start")
    tree.push("main")
    branch = "x<script>alert(1)</script>&\"'"
    tree.commit(
        {"a<b>&\"'.c": f"/* {EVIL} \u202e */\r\n\x00\n", "d#?%2e/b<i>.md": BODY, "c.c": f"{EVIL}\n" * 3},
        f"{EVIL}\n\n{EVIL}",
    )
    tree.push(branch)
    head = tree.git("rev-parse", "HEAD")
    you("POST", "/labels", {"name": "<b>\"'label", "color": "d73a4a", "description": EVIL})
    issue = you("POST", "/issues", {"title": EVIL, "body": BODY, "labels": ["<b>\"'label"]})
    you("POST", f"/issues/{issue['number']}/comments", {"body": BODY})
    pull = you("POST", "/pulls", {"title": EVIL, "head": branch, "base": "main", "body": BODY})
    you(
        "POST",
        f"/statuses/{head}",
        {
            "state": "failure",
            "context": f"auton/{EVIL}",
            "description": EVIL,
            "target_url": 'http://example.org/?"><script>',
        },
    )
    you(
        "POST",
        f"/pulls/{pull['number']}/reviews",
        {
            "commit_id": head,
            "event": "COMMENT",
            "body": BODY,
            "comments": [{"path": "c.c", "line": 1, "side": "RIGHT", "body": BODY}],
        },
    )
    run = ended_runs(you)
    ref = quote(branch)
    return [
        "/",
        "/you/evil",
        "/you/evil/issues",
        f"/you/evil/issues/{issue['number']}",
        "/you/evil/pulls",
        f"/you/evil/pull/{pull['number']}",
        f"/you/evil/pull/{pull['number']}/files",
        f"/you/evil/pull/{pull['number']}/commits",
        f"/you/evil/commit/{head}",
        f"/you/evil/commits/{ref}",
        "/you/evil/branches",
        f"/you/evil/tree/{ref}",
        f"/you/evil/tree/{ref}/d%23%3F%252e",
        f"/you/evil/blob/{ref}/d%23%3F%252e/b%3Ci%3E.md",
        f"/you/evil/blob/{ref}/a%3Cb%3E%26%22%27.c",
        "/you/evil/actions",
        *(f"/you/evil/actions/runs/{one['id']}" for one in run),
        "/you/evil/issues?label=" + quote("<b>\"'label"),
        "/you/evil/issues?label=%3Cscript%3E",
        "/you/evil/issues/new?title=" + quote(EVIL) + "&body=" + quote(EVIL),
    ]


def test_every_page_shows_it_as_text(evil, you):
    for path in evil:
        read(you.get(path))


def test_hostile_addresses_are_answered_with_a_harmless_page(you, evil):
    for path in (
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/you/evil/tree/%3Cscript%3E",
        "/you/evil/blob/main/%00",
        "/you/evil/issues?page=99999999999999999999",
        "/you/evil/issues?page=-1&state=%3Cb%3E",
        "/login?next=javascript:alert(1)",
        "/-/sign-in?code=%3Cscript%3E",
        "/you/evil/commits/%0d%0aSet-Cookie:x",
    ):
        answer = you.http.get(path)
        assert answer.status_code in (200, 400, 403, 404, 422, 303), (path, answer.status_code)
        if answer.status_code != 303:
            read(answer.text)


def test_a_real_browser_runs_none_of_it(evil, forge, chromium):
    window = chromium.window
    window.delete_all_cookies()
    window.get(forge.forge.sign_in_url("you"))
    for path in evil:
        window.get(forge.url + path)  # an alert would make the next command fail
        assert (
            window.execute_script(
                "return document.querySelectorAll('iframe, object, [onerror], main script').length"
            )
            == 0
        )
    assert chromium.errors() == []
