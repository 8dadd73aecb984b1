"""`auton verify` as a person or a job calls it: exit codes, files written, what a wrong call is told."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from bot.handoff import Report, read
from bot.verify import run
from tests.verify.conftest import GOOD

TOML = """
[targets.fake]
build = "sh build.sh"
boot = "sh boot.sh"
image = "image.bin"
timeout = 5
"""


def auton(checkout, *args, toml=TOML):
    checkout.write("auton.toml", toml)
    return subprocess.run([sys.executable, "-m", "bot", "verify", "--repo", str(checkout.root), *args],
                          capture_output=True, text=True, timeout=60)


def test_pass_exits_0_and_writes_the_reports(checkout, tmp_path):
    done = auton(checkout, "--json", f"{tmp_path}/r.json", "--junit", f"{tmp_path}/r.xml")
    assert done.returncode == 0 and "PASS" in done.stdout and "sums" in done.stdout, done.stderr
    report = read(Report, tmp_path / "r.json")
    assert report.verdict == "PASS" and report.archs[0].figures["ticks"] == 12.5
    [suite] = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert suite.attrib["tests"] == "5" and suite.attrib["failures"] == "0"


def test_a_failure_exits_1_and_shows_the_tail(checkout, tmp_path):
    checkout.kernel(GOOD.replace("1..1", "1..2"))
    done = auton(checkout, "--junit", f"{tmp_path}/r.xml")
    assert done.returncode == 1 and "clock ends after 1 of 2" in done.stdout and "console ready" in done.stdout
    assert ElementTree.parse(tmp_path / "r.xml").getroot()[0].attrib["failures"] == "1"


@pytest.mark.parametrize(("args", "toml", "code", "says"), [
    (["--arch", "m68k"], TOML, 2, "unknown architecture 'm68k'"),
    ([], "", 2, "expected at least one [targets.<arch>] table"),
    ([], "[targets.fake", 2, "not valid TOML"),
    ([], TOML.replace("sh build.sh", "no-such-program"), 3, "expected the program no-such-program"),
    ([], TOML.replace("sh boot.sh", "./no-such-file"), 2, "no such file"),
    ([], TOML.replace("sh boot.sh", "sh 'open"), 2, "not a command line"),
])
def test_a_wrong_call_is_one_clear_line_and_what_to_do(checkout, args, toml, code, says):
    done = auton(checkout, *args, toml=toml)
    assert done.returncode == code and says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2 and "Traceback" not in done.stderr


def test_infra_exits_3_and_names_the_package(checkout):
    checkout.kernel("exec qemu-system-none")
    done = auton(checkout)
    assert done.returncode == 3 and "not judged: a program is missing" in done.stderr


@pytest.mark.parametrize(("cpus", "targets", "jobs"), [(2, 3, [2, 1, 1]), (1, 3, [1, 1, 1]), (2, 1, [2]), (8, 3, [4, 2, 2]),
                                                       (3, 3, [2, 1, 1]), (4, 2, [2, 2])])
def test_builds_side_by_side_share_the_processors(cpus, targets, jobs):
    assert run.jobs(targets, cpus) == jobs
