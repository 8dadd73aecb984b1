"""What the screen lets through and what it refuses: patches made by real git, and hostile ones made by hand."""

import base64
import json
import urllib.parse

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import cli
from bot.agents import applied, mbox, screen, workplace
from bot.agents import secrets as secrets_
from bot.agents.tools import git as git_tool
from bot.handoff import Result, write
from tests.agents.conftest import git

KEY = "sk-ant-api03-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA"


@pytest.fixture
def work(toy, config, brief, tmp_path):
    return workplace.Workplace.at(workplace.prepare(toy, brief, tmp_path / "work"), brief, config, False)


@pytest.fixture
def result(brief):
    return Result(key=brief.key, role=brief.role, goal=7, task=12, attempt=1, model="m", status="submitted",
                  summary="Done.", head_sha=brief.head_sha, patch=True)


def change(work, files, message="Change it"):
    """Commit `files` (path → text, None to delete) as the agent would, and return its whole patch."""
    for path, text in files.items():
        full = work.worktree / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.unlink(missing_ok=True) if text is None else full.write_text(text)
    git_tool.commit(work, message)
    return git_tool.patch(work)


def judged(toy, result, patch, config):
    return screen.check(result, patch, config) or applied.check(toy, result, patch)


def test_an_ordinary_change_of_several_commits_is_clean(work, toy, result, config):
    change(work, {"kernels/kernel.sh": "echo hello\n", "docs/naïve.md".replace("ï", "i"): "Grüße\n"}, "Add a thing")
    patch = change(work, {"kernels/empty.h": "", "kernels/Makefile": None}, "Remove another\n\nBecause — of é.")
    assert judged(toy, result, patch, config) == []
    assert [mail.subject for mail in mbox.parse(patch)] == ["Add a thing", "Remove another"]


def test_a_file_without_a_last_newline_is_clean(work, toy, result, config):
    patch = change(work, {"a.txt": "no newline", "kernels/kernel.sh": "x"})
    assert judged(toy, result, patch, config) == []


def test_a_new_script_may_be_executable_and_nothing_else(work, toy, result, config):
    (work.worktree / "run.sh").write_text("#!/bin/sh\n")
    (work.worktree / "run.sh").chmod(0o755)
    assert judged(toy, result, change(work, {}), config) == []
    (work.worktree / "kernels" / "Makefile").chmod(0o755)
    assert "only a script" in judged(toy, result, change(work, {}), config)[0]


@pytest.mark.parametrize("path, why", [
    (".github/workflows/ci.yml", "git's own files"), ("auton.toml", "protected"), ("AUTON.TOML", "protected"),
    (".gitattributes", "git's own files"), ("a/.gitmodules", "git's own files"), ("a b\tc", "plain"),
])
def test_paths_that_only_a_person_may_change(work, toy, result, config, path, why):
    reasons = screen.check(result, change(work, {path: "x\n"}), config)
    assert any(why in reason or "expected 'diff" in reason for reason in reasons)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a/.git/config", "git~1/x", "a//b", "x.", "ü"])
def test_paths_that_lead_elsewhere(work, result, config, path):
    patch = change(work, {"harmless.txt": "x\n"}).replace(b"harmless.txt", path.encode())
    assert screen.check(result, patch, config)


@pytest.mark.parametrize("path", ["SLM/models/slm.gguf", "SLM/models/debug/manifest.json", "slm/MODELS/x"])
def test_models_come_from_ci_alone(work, result, config, path):
    patch = change(work, {"harmless.txt": "x\n"}).replace(b"harmless.txt", path.encode())
    assert "models come from CI alone" in screen.check(result, patch, config)[0]


def test_symbolic_links_submodules_and_binaries(work, result, config):
    (work.worktree / "link").symlink_to("/etc/passwd")
    assert "symbolic links" in screen.check(result, change(work, {}), config)[0]
    git(work.worktree, "reset", "--hard", "-q", work.brief.head_sha)
    (work.worktree / "blob.bin").write_bytes(bytes(range(256)))
    assert "binary files" in screen.check(result, change(work, {}), config)[0]
    git(work.worktree, "reset", "--hard", "-q", work.brief.head_sha)
    module = change(work, {"sub": "x\n"}).replace(b"100644", b"160000")
    assert any("submodules" in reason for reason in screen.check(result, module, config))


def test_an_existing_acceptance_check_needs_a_person_and_a_new_one_does_not(work, toy, result, config):
    spec = (work.worktree / "specs/kernel/console.md").read_text()
    more = spec.replace("expect = '^unknown command'\n", "expect = '^unknown command'\n[[check]]\nktap = \"sum\"\n")
    patch = change(work, {"specs/kernel/console.md": more, "specs/kernel/new.md": spec})
    assert judged(toy, result, patch, config) == []
    patch = change(work, {"specs/kernel/console.md": spec.replace("unknown", "")})
    assert "changing or removing an acceptance check" in judged(toy, result, patch, config)[0]
    patch = change(work, {"specs/kernel/console.md": spec.replace("[[check]]", 'archs = ["left"]\n[[check]]')})
    assert "changing `archs`" in judged(toy, result, patch, config)[0]
    patch = change(work, {"specs/kernel/console.md": None})
    assert "can't be read any more" in judged(toy, result, patch, config)[0]


def test_a_spec_may_depend_on_more_and_only_a_person_makes_it_depend_on_less(work, toy, config, result):
    path, spec = "specs/kernel/console.md", (work.worktree / "specs/kernel/console.md").read_text()

    def with_depends(text):
        return change(work, {path: spec.replace("[[check]]", f"depends = {text}\n[[check]]")})

    assert judged(toy, result, with_depends('["sched"]'), config) == []
    work.brief.head_sha = result.head_sha = git(work.worktree, "rev-parse", "HEAD")
    for less in ('["timer"]', "[]", '["Sched"]'):
        assert "removing sched from `depends`" in judged(work.worktree, result, with_depends(less), config)[0]
    assert judged(work.worktree, result, with_depends('["timer", "sched"]'), config) == []


def test_git_on_an_agents_clone_sees_nothing_but_the_clone_and_what_it_borrows(work, toy, config, result, tmp_path):
    patch, shared = change(work, {"a.txt": "hello\n"}), tmp_path / "shared"
    git(tmp_path, "clone", "-q", "--shared", str(toy), str(shared))
    assert applied.check(shared, result, patch, [toy / ".git" / "objects"]) == []
    assert applied.check(shared, result, patch) == []
    assert "git read-tree" in applied.check(shared, result, patch, [])[0]


def test_size(work, result, config):
    reasons = screen.check(result, change(work, {f"f{i}": "x\n" for i in range(61)}), config)
    assert reasons == ["expected at most 60 changed files, found 61"]
    reasons = screen.check(result, change(work, {"long": "x\n" * 6001}), config)
    assert any("changed lines" in reason for reason in reasons)
    assert any("characters" in r for r in screen.check(result, change(work, {"wide": "x" * 3000}), config))


DRESSES = {
    "plain": KEY, "base64": base64.b64encode(KEY.encode()).decode(),
    "inside base64": base64.b64encode(f"x{KEY}y".encode()).decode(), "hex": KEY.encode().hex(),
    "bytes": ", ".join(f"0x{b:02x}" for b in KEY.encode()), "url": "".join(f"%{b:02X}" for b in KEY.encode()),
    "partly url": urllib.parse.quote(KEY.replace("-", "%2d"), safe="%"), "backwards": KEY[::-1],
    "cut": f'"{KEY[:12]}"\n    "{KEY[12:30]}" +\n  "{KEY[30:]}"',
    "base64 cut": "\n".join(base64.b64encode(KEY.encode()).decode()[i:i + 11] for i in range(0, 70, 11)),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_secret_is_found_in_every_dress(work, result, config, dress):
    patch = change(work, {"kernels/key.h": f"static const char k[] = {{ {DRESSES[dress]} }};\n"})
    assert any("kernels/key.h: found" in reason for reason in screen.check(result, patch, config)), dress


def test_a_secret_in_words_that_would_be_posted(result, config):
    told = result.model_copy(update={"patch": False, "summary": f"The key is {DRESSES['base64']}."})
    assert "summary: found" in screen.check(told, b"", config)[0]


def test_a_secret_of_the_environment_is_known_by_its_value():
    value = "correct horse battery"
    for dress in (value, base64.b64encode(value.encode()).decode(), value.encode().hex(), value[::-1]):
        assert secrets_.find(f"x = {dress}", [value])


@pytest.mark.parametrize("text", [
    "static const uint8_t sbox[16] = { 0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5 };",
    "index 0123456789abcdef0123456789abcdef01234567",
    "https://example.org/a/very/long/path/that/goes/on/and/on/for/ever",
    "void virtio_mmio_configuration_generation_changed(struct virtio_device *device);",
    "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bd822cd15d6c15b0f00a08",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "git@github.com:owner/repository.git",
])
def test_ordinary_text_is_no_secret(text):
    assert secrets_.find(text) == []


def test_the_repositorys_own_sources_hold_no_secret_by_this_measure(request):
    top = request.config.rootpath
    for path in [*top.glob("bot/**/*.py"), *top.glob("kernels/core/**/*.[ch]"), *top.glob("docs/*.md")]:
        assert secrets_.find(path.read_text()) == [], path


@pytest.mark.parametrize("old, new, why", [
    (b"Subject: [PATCH] Change it", b"Subject: [PATCH] Change it, fixes #3", "close an issue"),
    (b"Subject: [PATCH] Change it", b"Subject: [PATCH] Change it [skip ci]", "skip the checks"),
    (b"From: AUTON developer <auton@users.noreply.github.com>", b"From: Linus <t@example.org>", "expected the author"),
    (b"Auton-Task: #12", b"Auton-Task: #13", "expected the trailers"),
    (b"Auton-Goal: #7", b"Auton-Goal: #7\nAuton-Goal: #8", "expected the trailers"),
    (b"Auton-Goal: #7", b"From: Linus <t@example.org>\n\nAuton-Goal: #7", "git am would take"),
    (b"Auton-Goal: #7", b"-- >8 --\nAuton-Goal: #7", "git am would take"),
    (b"\nAuton-Goal", b"\nFrom " + b"0" * 40 + b" Mon Sep 17 00:00:00 2001\nAuton-Goal", "a diff after"),
    (b"Date: ", b"Content-Transfer-Encoding: base64\nDate: ", "8bit"),
    (b"Date: ", b"X-Other: 1\nDate: ", "a header among"),
    (b"@@ -0,0 +1 @@", b"@@ -0,0 +1,2 @@", "a line of the hunk"),
    (b"+++ b/a.txt", b"+++ b/auton.toml", "+++ b/a.txt"),
    (b"--- /dev/null", b"--- a/auton.toml", "--- /dev/null"),
    (b"new file mode 100644", b"similarity index 100%\nrename from a\nrename to b", "index line"),
    (b"diff --git a/a.txt b/a.txt", b"diff --git a/a.txt b/b.txt", "the same plain name"),
    (b"diff --git a/a.txt b/a.txt", b'diff --git "a/a.txt" "b/a.txt"', "the same plain name"),
    (b"+hello", b"+hel\0lo", "NUL"), (b"+hello", b"+hel\xfflo", "UTF-8"),
    (b"+hello", b"+hel\xe2\x80\xaelo", "invisible"),
    (b"+hello", b"+hel\x1b[2Jlo", "control characters"),
])
def test_a_forged_patch_is_refused(work, result, config, old, new, why):
    patch = change(work, {"a.txt": "hello\n"})
    assert old in patch and judged(work.worktree, result, patch, config) == []
    reasons = screen.check(result, patch.replace(old, new, 1), config)
    assert reasons and any(why in reason for reason in reasons), reasons


def test_a_patch_of_something_else_does_not_apply(work, toy, result, config):
    patch = change(work, {"kernels/kernel.sh": "x\n"}).replace(b"-nonce=none", b"-nonce=some")
    assert "does not apply" in judged(toy, result, patch, config)[0]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mangled_patch_never_passes_with_other_effects_than_were_read(work_patch, data):
    """Whatever bytes are changed: it is refused, or git does exactly what was read."""
    toy, result, patch, config = work_patch
    mangled = bytearray(patch)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mangled) - 1))
        piece = data.draw(st.sampled_from([b"\n", b"From ", b"--- ", b"+++ ", b"@@ ", b"diff --git ", b"..", b"/",
                                           b"0", b"7", b" ", b"\r", b"\t", b'"', b"-- \n", b"GIT binary patch\n"]))
        mangled[at:at + data.draw(st.integers(0, 8))] = piece
    judged(toy, result, bytes(mangled), config)  # must not raise; effects are compared by applied.check


@pytest.fixture(scope="module")
def work_patch(toy, config, tmp_path_factory):
    from bot.handoff import Brief, Limits

    head = git(toy, "rev-parse", "HEAD")
    brief = Brief(key="k", mode="kernel_build", role="developer", attempt=1, goal=7, goal_title="g", goal_body="",
                  task=12, branch="b", base_sha=head, head_sha=head, targets=[], model="m",
                  limits=Limits(cost_usd=1, steps=1, seconds=1))
    folder = tmp_path_factory.mktemp("mangled") / "work"
    work = workplace.Workplace.at(workplace.prepare(toy, brief, folder), brief, config, False)
    result = Result(key="k", role="developer", goal=7, task=12, attempt=1, model="m", status="submitted",
                    head_sha=head, patch=True)
    return toy, result, change(work, {"kernels/kernel.sh": "x\n", "a.txt": "hello\n"}), config


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_looking_for_secrets_never_fails(text):
    secrets_.find(text)
    secrets_.find(text, [text])


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_reading_bytes_gives_mails_or_a_reason(raw):
    try:
        mbox.parse(raw)
    except mbox.Strange:
        return


def test_the_command_copies_what_is_clean_and_refuses_in_the_result(work, toy, result, config, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (tmp_path / "auton.toml").write_text("")
    (folder / "change.patch").write_bytes(change(work, {"a.txt": "hello\n"}))
    (folder / "trajectory.jsonl").write_text("{}\n")
    write(folder / "result.json", result)
    arguments = ["screen", "--in", str(folder), "--out", str(out), "--repo", str(toy), "--config",
                 str(tmp_path / "auton.toml")]
    assert CliRunner().invoke(cli.root, arguments).exit_code == 0
    assert (out / "change.patch").read_bytes() == (folder / "change.patch").read_bytes()
    (folder / "change.patch").write_bytes(change(work, {"auton.toml": "x = 1\n"}))
    done = CliRunner().invoke(cli.root, arguments)
    told = json.loads((out / "result.json").read_text())
    assert done.exit_code == 0 and told["status"] == "error" and told["reason"].startswith("screen: auton.toml: only")
    assert not (out / "change.patch").exists() and not told["patch"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", [
    "sk-", "-sk-aaaa", "-eyJ", "http://", "ab://a", '"+ ', " ", "-----BEGIN A ", "a%41", "0x41, "])
def test_looking_for_secrets_takes_no_longer_for_text_made_to_be_slow(piece):
    assert secrets_.find(piece * (200_000 // len(piece))) == []
