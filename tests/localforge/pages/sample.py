"""A goal half done, put on a forge through its REST API and git: what the tests of the pages read.

Four tasks: one landed, one whose boot is red on riscv64 with a review, one waiting, one running. The bot's part is
written with a job's token, as the bot itself would.
"""

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx

SOURCE = """\
/* Seconds since boot, from the timer's ticks. */
#include <stdint.h>
#include "hal.h"

static uint64_t boot_ticks;

void uptime_init(void)
{
\tboot_ticks = hal_timer_ticks();
}

uint64_t uptime_seconds(void)
{
\treturn (hal_timer_ticks() - boot_ticks) / 100;
}
"""
README = """\
# Lantern

A small kernel. See [the notes](docs/notes.md#boot), issue #1, and `make`.

| command | does |
| --- | --- |
| `uptime` | seconds since boot |

- [x] boots
- [ ] sleeps

```c
int main(void) { return 33; } /* pass */
```
"""
WORKFLOW = """\
name: CI
on: push
permissions: {}
jobs:
  boot:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix: {arch: [x86_64, riscv64]}
    steps:
      - name: Build
        run: |
          echo "::group::Compiler"
          printf '\\033[1mcc\\033[0m \\033[32mboot.c\\033[0m\\n'
          echo "::endgroup::"
          echo "<script>alert(1)</script>"
      - name: Boot
        run: |
          echo "::error::no console"
          test "${{ matrix.arch }}" = x86_64
"""
EVERYTHING = dict.fromkeys(("issues", "pull-requests", "contents", "statuses", "checks", "actions"), "write")
STATE = '<!-- auton:state {"v": 1, "secret": "not for eyes"} -->'


@dataclass
class Client:
    """A person or the bot at the REST API of one repository."""

    http: httpx.Client
    repo: str

    def __call__(self, method: str, path: str, body=None, expect: int | None = None):
        answer = self.http.request(method, f"/repos/{self.repo}{path}", json=body)
        assert answer.is_success if expect is None else answer.status_code == expect, (
            f"{method} {path}: {answer.text}"
        )
        return answer.json() if answer.content else None


def client(url: str, token: str, repo: str) -> Client:
    return Client(
        httpx.Client(base_url=url + "/api/v3", headers={"Authorization": f"Bearer {token}"}, timeout=30), repo
    )


@dataclass
class Sample:
    repo: str
    goal: int
    tasks: list[int]
    pull: int
    merged: int
    head: str


class Tree:
    """A git checkout that pushes to the forge."""

    def __init__(self, folder: Path, url: str, token: str):
        self.folder = folder
        secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        self.git("init", "-q", "-b", "main", str(folder), at=None)
        self.git("config", "http.extraHeader", f"Authorization: Basic {secret}")
        self.git("config", "user.name", "you")
        self.git("config", "user.email", "you@example.org")
        self.git("remote", "add", "origin", url)

    def git(self, *args: str, at: str | None = "here") -> str:
        where = ["-C", str(self.folder)] if at else []
        return subprocess.run(
            ["git", *where, *args], check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, files: dict[str, str | None], message: str) -> str:
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, branch: str) -> None:
        self.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")


def fill(url: str, token: str, mint, folder: Path, name: str = "lantern") -> Sample:
    """Make the repository you/`name`. `mint(repo, permissions)` gives a job's token."""
    repo = f"you/{name}"
    httpx.post(
        f"{url}/api/v3/user/repos",
        json={"name": name, "description": "A small kernel with a goal under way."},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()
    you = client(url, token, repo)
    tree = Tree(folder, f"{url}/{repo}.git", token)
    tree.commit(
        {
            "README.md": README,
            "kernels/core/uptime.c": SOURCE,
            "docs/notes.md": "# Notes\n\n## Boot\n",
            ".github/workflows/ci.yml": WORKFLOW,
            "Makefile": "all:\n\t$(MAKE) -C kernels\n",
        },
        "A kernel that boots\n\nOn three architectures.",
    )
    tree.push("main")
    bot = client(url, mint(repo, EVERYTHING), repo)
    for label, color in (
        ("auton:goal", "24594a"),
        ("auton:active", "1f6feb"),
        ("auton:task", "8a63d2"),
        ("auton:landed", "1a7f37"),
        ("auton:verify", "d4a72c"),
        ("auton:waiting", "8c959f"),
        ("auton:running", "0969da"),
        ("role:developer", "bf5b04"),
        ("role:tester", "0e8a8a"),
    ):
        you("POST", "/labels", {"name": label, "color": color})

    goal = you(
        "POST",
        "/issues",
        {
            "title": "A console command uptime that answers with the seconds since boot",
            "labels": ["auton:goal"],
            "body": "On **all three** architectures, with KTAP.\n\n- [x] agreed\n- [ ] landed\n\n/auton plan budget=2",
        },
    )
    you("POST", f"/issues/{goal['number']}/labels", {"labels": ["auton:active"]})
    tasks = []
    for title, role, state in (
        ("Read the timer on every architecture", "developer", "landed"),
        ("Add the command `uptime`", "developer", "verify"),
        ("Test uptime from inside", "tester", "running"),
        ("Say it in the specs", "developer", "waiting"),
    ):
        task = bot(
            "POST",
            "/issues",
            {
                "title": title,
                "body": "Do it well.\n\n" + STATE,
                "labels": ["auton:task", f"role:{role}", f"auton:{state}"],
            },
        )
        bot("POST", f"/issues/{goal['number']}/sub_issues", {"sub_issue_id": task["id"]})
        tasks.append(task)
    bot("POST", f"/issues/{tasks[3]['number']}/dependencies/blocked_by", {"issue_id": tasks[1]["id"]})
    bot("POST", f"/issues/{tasks[3]['number']}/dependencies/blocked_by", {"issue_id": tasks[2]["id"]})

    merged = _landed(tree, bot, goal, tasks[0])
    pull, head = _red(tree, bot, goal, tasks[1])
    asked = you("POST", f"/issues/{goal['number']}/comments", {"body": "/auton status"})
    for sign in ("eyes", "rocket"):
        bot("POST", f"/issues/comments/{asked['id']}/reactions", {"content": sign})
    bot("POST", f"/issues/{goal['number']}/comments", {"body": STATUS + STATE})
    return Sample(repo, goal["number"], [task["number"] for task in tasks], pull, merged, head)


STATUS = """\
### Where it stands

| task | state | attempts | cost |
| --- | --- | ---: | ---: |
| #2 Read the timer | landed | 1 | $0.11 |
| #3 Add the command | verify | 2 | $0.31 |

<details><summary>What happens next</summary>

1. `riscv64` is repaired by the agent.
2. The queue lands it.

</details>

"""


def _landed(tree: Tree, bot: Client, goal: dict, task: dict) -> int:
    branch = f"auton/g{goal['number']}/t{task['number']}"
    tree.git("checkout", "-q", "-b", "one", "main")
    tree.commit(
        {"kernels/x86_64/timer.c": "int hal_timer_ticks(void) { return 0; }\n"}, "x86_64: read the timer"
    )
    tree.push(branch)
    pull = bot(
        "POST",
        "/pulls",
        {"title": task["title"], "head": branch, "base": "main", "body": f"Part of #{goal['number']}."},
    )
    tree.git("checkout", "-q", "main")
    tree.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}\n\nAuton-Goal: #{goal['number']}", "one")
    tree.push("main")
    sha = tree.git("rev-parse", "HEAD")
    for context in ("build-x86_64", "boot-x86_64", "queue"):
        bot(
            "POST",
            f"/statuses/{sha}",
            {"state": "success", "context": f"auton/{context}", "description": "12 of 12"},
        )
    bot("PATCH", f"/issues/{task['number']}", {"state": "closed"})
    return pull["number"]


def _red(tree: Tree, bot: Client, goal: dict, task: dict) -> tuple[int, str]:
    branch = f"auton/g{goal['number']}/t{task['number']}"
    tree.git("checkout", "-q", "-b", "two", "main")
    changed = SOURCE.replace("/ 100", "/ hal_timer_hz()").replace(
        "static uint64_t boot_ticks;", "static uint64_t boot_ticks; /* at boot */"
    )
    tree.commit(
        {
            "kernels/core/uptime.c": changed,
            "kernels/core/console.c": '#include "uptime.h"\n\nstatic int cmd_uptime(void)\n{\n'
            '\tprintf("%lu\\n", uptime_seconds());\n\treturn 0;\n}\n',
            "kernels/core/table.inc": "".join(f"0x{i:04x},\n" for i in range(700)),
        },
        "Answer uptime at the console\n\nAuton-Task: #3\nAuton-Attempt: 2",
    )
    tree.push(branch)
    head = tree.git("rev-parse", "HEAD")
    pull = bot(
        "POST",
        "/pulls",
        {
            "title": task["title"],
            "head": branch,
            "base": "main",
            "draft": False,
            "body": f"Part of #{goal['number']}, for #{task['number']}.\n\n{STATE}",
        },
    )
    for context, state, about in (
        ("build-x86_64", "success", "1.2 s"),
        ("boot-x86_64", "success", "14 of 14"),
        ("build-aarch64", "success", "1.3 s"),
        ("boot-aarch64", "pending", ""),
        ("build-riscv64", "success", "1.3 s"),
        ("boot-riscv64", "failure", "uptime.seconds: expected 1, found 0"),
        ("review", "failure", "1 blocker"),
    ):
        bot(
            "POST", f"/statuses/{head}", {"state": state, "context": f"auton/{context}", "description": about}
        )
    bot("POST", "/check-runs", {
        "name": "auton/verify", "head_sha": head, "status": "completed", "conclusion": "failure",
        "external_id": f"v-{head}",
        "output": {"title": "riscv64 FAIL", "summary": "**riscv64**: 1 of 14 failed", "text": FAILURE + STATE}})
    line = changed.split("\n").index("\treturn (hal_timer_ticks() - boot_ticks) / hal_timer_hz();") + 1
    bot(
        "POST",
        f"/pulls/{pull['number']}/reviews",
        {
            "commit_id": head,
            "event": "COMMENT",
            "body": "One blocker: a division that may be by zero.",
            "comments": [
                {
                    "path": "kernels/core/uptime.c",
                    "line": line,
                    "side": "RIGHT",
                    "body": "`hal_timer_hz()` is **0** before `timer_init()` on riscv64.",
                }
            ],
        },
    )
    bot("POST", f"/issues/{pull['number']}/comments", {"body": FAILURE + STATE})
    return pull["number"], head


FAILURE = """\
**Attempt 1 failed** on riscv64 after 41 s and $0.12.

<details><summary>The log's tail</summary>

```
# kernels/core/uptime.c:16: expected 1, found 0
not ok 3 - uptime.seconds
```

</details>

Type `/auton retry` to try again.

"""
