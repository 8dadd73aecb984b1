"""`auton doctor` on this machine, and on one that lacks things."""

import socket
from pathlib import Path

from bot import doctor

ROOT = Path(__file__).parent.parent


def by_name(folder=ROOT, port=0):
    return {finding.name: finding for finding in doctor.examine(folder, port)}


def test_the_machine_that_runs_the_tests_is_ready():
    findings = by_name()
    assert [f for f in findings.values() if f.needed and not f.ok and not f.name.startswith("disk")] == []
    assert {"python", "sandbox", "kvm", "memory", "auton.toml", *doctor.PROGRAMS} <= set(findings)


def test_a_missing_program_names_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = by_name()["qemu-system-riscv64"]
    assert not finding.ok and finding.hint == "apt-get install qemu-system-misc"


def test_an_old_program_is_told_from_a_new_one(monkeypatch, tmp_path):
    (tmp_path / "clang").write_text("#!/bin/sh\necho clang version 9.0.1\n")
    (tmp_path / "clang").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    finding = by_name()["clang"]
    assert not finding.ok and finding.found == "9.0.1" and "11.0" in finding.hint


def test_a_port_in_use_is_seen():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not by_name(port=port)[f"port {port}"].ok


def test_a_broken_configuration_is_a_finding(tmp_path):
    (tmp_path / "auton.toml").write_text("[queue")
    finding = by_name(folder=tmp_path)["auton.toml"]
    assert not finding.ok and "not valid TOML" in finding.found
