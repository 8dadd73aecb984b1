"""Whatever a client sends, every operation answers; nothing is a 500, and nothing of it reaches git's options."""

import random
import re
from urllib.parse import quote

import httpx
import pytest

from bot.localforge import routes
from bot.localforge.wire import ROUTES

WORDS = [
    *("x", "", " ", "main", "HEAD", "refs/heads/main", "../../etc/passwd", "--upload-pack=/bin/true", "-x", "a\nb"),
    *("a\x00b", "é🦀", "%00", "0" * 40, "f" * 39, "z" * 70_000, "main~1", "main^{tree}", "@{-1}", ":/x", "a" * 300),
    *(
        "<script>",
        "you",
        "guest",
        "github-actions[bot]",
        "2026-01-01T00:00:00Z",
        "closed",
        "open",
        "COMMENT",
        "APPROVE",
    ),
    *(
        "+1",
        "completed",
        "success",
        "base64",
        "100644",
        "commit",
        "tree",
        "blob",
        "merge",
        "squash",
        "http://127.0.0.1:9/",
    ),
]
VALUES = [None, True, False, 0, -1, 1, 2**70, 1.5, [], {}, [[]], [None], [{}], {"name": "x"}, {"name": None}, [1, "x"]]


def fields(text: str) -> list[str]:
    """The names of body fields that the routes' sources mention."""
    return sorted(set(re.findall(r'(?:text|choice|flag|number|strings|body\.get|given\.get)\(\s*"(\w+)"', text)))


@pytest.fixture(scope="module")
def names() -> list[str]:
    from pathlib import Path

    sources = (Path(routes.__file__).parent).glob("*.py")
    found = fields("\n".join(path.read_text() for path in sources)) + [
        "labels",
        "tree",
        "content",
        "sha",
        "comments",
        "output",
    ]
    assert len(found) > 40
    return found


def some_value(chance: random.Random, names, depth: int = 0):
    kind = chance.random()
    if kind < 0.5 or depth > 2:
        return chance.choice(WORDS)
    if kind < 0.8:
        return chance.choice(VALUES)
    if kind < 0.9:
        return [some_value(chance, names, depth + 1) for _ in range(chance.randrange(3))]
    return {name: some_value(chance, names, depth + 1) for name in chance.sample(names, 4)}


def path_of(template: str, chance: random.Random) -> str:
    def fill(match):
        name, kind = match[1], match[2]
        if name == "owner":
            return "you"
        if name == "repo":
            return "demo"
        if kind == ":int":
            return str(chance.choice([1, 2, 2, 0, 99, 10**17]))
        return chance.choice(WORDS)[:200]

    return re.sub(r"\{(\w+)(:\w+)?\}", fill, template)


def test_every_operation_answers_any_request(forge, names):
    chance = random.Random(20)
    repo = forge.repository()
    repo.create_issue("one", labels=["x"]).create_comment("hello")
    repo.create_file("a.c", "Add a", "int a;\n", branch="main")
    repo.create_git_ref("refs/heads/side", repo.get_branch("main").commit.sha)
    repo.create_file("b.c", "Add b", "int b;\n", branch="side")
    repo.create_pull("main", "side", title="two")
    every = [
        one
        for listed in ROUTES.values()
        for one in listed
        if (one.method, one.template) != ("DELETE", "/repos/{owner}/{repo}")
    ]
    token = {"Authorization": f"Bearer {forge.tokens['you']}"}
    seen, wrong = set(), []
    with httpx.Client(headers=token, trust_env=False, timeout=30) as client:
        for one in every:
            for _ in range(4):
                url = forge.api + quote(path_of(one.template, chance))
                query = {
                    name: chance.choice(WORDS)[:200]
                    for name in chance.sample(
                        [
                            "page",
                            "per_page",
                            "since",
                            "state",
                            "labels",
                            "sort",
                            "direction",
                            "sha",
                            "ref",
                            "q",
                            "head",
                            "path",
                        ],
                        3,
                    )
                }
                body = {name: some_value(chance, names) for name in chance.sample(names, 12)}
                answer = client.request(
                    one.method, url, params=query, **({} if one.method == "GET" else {"json": body})
                )
                seen.add(answer.status_code)
                if answer.status_code == 500:
                    wrong.append(f"{one.method} {url} {query} {str(body)[:300]}")
    assert not wrong, "\n".join(wrong[:10])
    assert {200, 404, 422} <= seen


DEEP = b'{"title": ' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize("body", [b'{"title": "\\ud800"}', b"[" * 100_000, DEEP, b'"x"', b"\xff\xfe", b'{"title": NaN}'])
def test_a_body_that_is_no_json_object_is_refused(forge, body):
    forge.repository()
    token = {"Authorization": f"Bearer {forge.tokens['you']}"}
    for url in (f"{forge.api}/repos/you/demo/issues", f"{forge.api.removesuffix('/v3')}/graphql"):
        answer = httpx.post(url, content=body, headers=token, trust_env=False)
        assert answer.status_code == 400 or (answer.status_code == 422 and body != DEEP)
