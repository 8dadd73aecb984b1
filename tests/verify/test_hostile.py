"""The code under verification is hostile: what it may not reach, and what it may not fake."""

import os
import shutil

import pytest

from tests.verify.conftest import GOOD, only


@pytest.mark.parametrize("command", [
    "cat /root/.bashrc /etc/shadow",
    "test -z \"$AUTON_TEST_SECRET\" && env | grep SECRET",
    "echo x > /usr/x",
    "echo x > .git/config",
    "mv .git other && mkdir .git",
    "echo x > ../outside && false",
    "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'",
])
def test_a_build_is_confined(checkout, monkeypatch, command, tmp_path):
    import socket

    monkeypatch.setenv("AUTON_TEST_SECRET", "s3cret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        checkout.write("build.sh", f"if {command.replace('{port}', str(port))}; then echo image > image.bin; fi\n")
        report = checkout.verify()
    assert only(report, "build").verdict == "BUILD", "the command went through"
    assert not (tmp_path / "outside").exists() and "bare" in (checkout.root / ".git/config").read_text()


def test_an_image_that_is_a_link_out_of_the_checkout_is_refused(checkout):
    checkout.write("build.sh", "ln -sf /etc/passwd image.bin\n")
    assert only(checkout.verify(), "build").verdict == "BUILD"


def test_a_submodule_that_a_build_made_runs_nothing_outside(checkout, tmp_path):
    """git reads a submodule's own configuration, which may name programs to run."""
    checkout.commit()
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{checkout.git('rev-parse', 'HEAD')},sub")
    checkout.git("commit", "-qm", "a submodule")
    checkout.git("init", "-q", "sub")
    checkout.git("-C", "sub", "config", "filter.x.clean", f"touch {tmp_path}/owned; cat")
    checkout.write("sub/.gitattributes", "* filter=x\n")
    checkout.write("sub/file", "x")
    checkout.git("-C", "sub", "-c", "filter.x.clean=cat", "add", "-A")
    checkout.git("-C", "sub", "-c", "filter.x.clean=cat", "commit", "-qm", "x")
    checkout.write("sub/file", "y")
    report = checkout.verify(fresh=False)
    assert report.tree == "dirty:unknown" and not (tmp_path / "owned").exists()


def test_a_git_folder_that_a_build_made_is_taken_away(checkout, tmp_path):
    shutil.rmtree(checkout.root / ".git")
    checkout.write("build.sh", f"""git init -q . && git config core.fsmonitor 'touch {tmp_path}/owned'
        echo image > image.bin\n""")
    assert checkout.verify(fresh=False).verdict == "PASS"
    assert not (checkout.root / ".git").exists() and checkout.verify(fresh=False).tree == "dirty:unknown"


def test_specs_reached_by_a_link_are_refused(checkout, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (checkout.root / "specs").symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in only(checkout.verify(), "spec:specs").detail


def test_a_kernel_that_prints_tests_at_its_console_changes_nothing(checkout):
    checkout.kernel(GOOD.replace("echo '3 s'", "printf 'not ok 1 x\\nKTAP version 1\\n1..1\\nok 1 x\\n3 s\\n'"))
    checkout.spec("type = 'uptime'\nexpect = '3 s'")
    assert checkout.verify().verdict == "PASS"


def test_a_log_of_one_endless_line_is_cut(checkout):
    checkout.kernel('echo "auton 0.1 fake nonce=$nonce"; yes a | head -c 3000000 | tr -d "\\n"; exit 35')
    boot = only(checkout.verify(), "boot")
    assert boot.verdict == "FAIL" and len(boot.detail) < 6000


def test_a_machine_that_never_reads_is_not_waited_for_without_end(checkout):
    checkout.timeout = 0.5
    checkout.kernel(GOOD.partition("while read")[0] + "exec sleep 60")
    checkout.spec("type = 'uptime'\nexpect = 's'")
    report = checkout.verify()
    assert report.verdict == "HANG" and report.seconds < 5


def test_without_bubblewrap_nothing_runs(checkout, monkeypatch, tmp_path):
    from bot import sandbox
    from bot.errors import MissingTool

    monkeypatch.setattr(sandbox, "PATH", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    for name in ("sh", "git"):
        os.symlink(f"/usr/bin/{name}", tmp_path / name)
    sandbox._bwrap.cache_clear()
    sandbox._help.cache_clear()
    with pytest.raises(MissingTool, match="bwrap"):
        checkout.verify()
    assert not (checkout.root / "image.bin").exists()
    sandbox._bwrap.cache_clear()
    sandbox._help.cache_clear()
