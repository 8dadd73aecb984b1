"""Sentences at the console, from outside: answered from live state, over serial and TCP, with and without the model."""

import contextlib
import os
import re
import socket
import subprocess
import time

import pytest

from bot.verify.machine import Machine
from tests.kernels.guest import ARCHITECTURES, PROMPT, ROOT, Guest, built, free_port
from tests.kernels.test_files import check, make_disk, make_package, newc, tool

MODEL = ROOT / "SLM" / "models" / "slm.gguf"


@pytest.fixture(scope="module", autouse=True)
def kernels():
    built()


class Line(contextlib.AbstractContextManager):
    """The console over TCP, as somebody with a terminal sees it."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self._until_prompt()

    def __exit__(self, *error) -> None:
        self.socket.close()

    def _until_prompt(self) -> str:
        heard = b""
        while not (heard == b"auton> " or heard.endswith(b"\nauton> ")):
            chunk = self.socket.recv(4096)
            assert chunk, f"the line was closed after {heard}"
            heard += chunk
        return heard.decode().removesuffix("auton> ")

    def ask(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        return self._until_prompt()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_tcp_answers_as_serial_does_and_each_line_has_its_own_question(arch):
    with Guest(arch, forward=[("tcp", 23)]) as guest:
        guest.address()
        guest.ask("remote serve 23")
        with Line(guest.ports[23]) as one, Line(guest.ports[23]) as two:
            for sentence in ("what hardware is in here", "which driver for 8086:100e", "show the logs", "what are you made of"):
                assert one.ask(sentence) == guest.ask(sentence)
            guest.expect(one.ask("power off"), "^This stops everything, and switches the machine off.\nType yes to go on")
            assert two.ask("yes") == guest.ask("yes") == "There is no question to say yes to.\n"
            one.ask("what is my ip")  # another line: the question has expired
            assert one.ask("yes") == "There is no question to say yes to.\n"
            one.ask("power off")
            one.socket.sendall(b"yes\n")
            assert guest.machine.wait() == 33


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_disks_and_packages_by_sentences(arch, tmp_path):
    make_package(tmp_path, "hello", {"etc/hello": "hello\n"})
    initrd, image = tmp_path / "initrd", make_disk(tmp_path / "disk", "-t", "ext2")
    initrd.write_bytes(newc({"packages/": b"", "packages/hello.tar": (tmp_path / "hello.tar").read_bytes()}))
    with Guest(arch, INITRD=str(initrd), DISK=str(image)) as guest:
        guest.expect(guest.ask("unmount disk0"), "^This takes disk0 away from /disk0")
        assert guest.ask("yes") == "/disk0 is unmounted.\n"
        assert guest.ask("mount vda on /mnt") == "vda is called disk0 here.\ndisk0 is mounted at /mnt.\n"
        assert guest.ask("what can I install").splitlines()[0] == "hello can be installed."
        assert guest.ask("install hello") == "hello is installed below /mnt.\n"
        assert guest.ask("cat /mnt/etc/hello") == "hello\n"
        guest.expect(guest.ask("remove hello"), "^This removes the package hello 1.0 and its files")
        guest.ask("how full is the disk")
        guest.expect(guest.ask("yes"), "no question")
        guest.expect(guest.ask("what can I install"), "^hello 1.0 is installed.$")
        guest.ask("remove hello")
        assert guest.ask("yes") == "hello is removed.\n"
        guest.expect(guest.ask("format disk0 with ext2"), "^disk0 is in use at /mnt. Type first: unmount /mnt$")
        assert guest.off() == 33
    check(image)


def test_a_full_disk_is_found(tmp_path):
    options = ("-t", "ext2", "-j", "-b", "1024", "-N", "16")  # a journal: without one and without room for it nothing changes
    free = int(re.search(r"Free blocks: +(\d+)", tool("dumpe2fs", "-h", str(make_disk(tmp_path / "empty", *options, mib=4))))[1])
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "big").write_bytes(b"x" * (free - 30) * 1024)
    image = make_disk(tmp_path / "disk", *options, "-d", str(tmp_path / "tree"), mib=4)
    with Guest("x86_64", DISK=str(image)) as guest:
        said = guest.ask("the disk is full")
        guest.expect(said, r"^disk0 at /disk0: \d+ of \d+ KiB are free.\nIt is full. To see what is there, type: ls /disk0$")
        guest.expect(guest.ask("rm /disk0/big"), "")
        guest.expect(guest.ask("why is the disk full"), r"^disk0 at /disk0: \d{4} of \d+ KiB are free.\nNothing is broken")
        assert guest.off() == 33


def test_a_pulled_plug_and_a_silent_network_are_named(tmp_path):
    monitor = tmp_path / "monitor"
    with Guest("x86_64", QEMU_EXTRA=f"-monitor unix:{monitor},server=on,wait=off") as guest:
        guest.address()
        with socket.socket(socket.AF_UNIX) as qemu:
            qemu.connect(str(monitor))
            qemu.sendall(b"set_link net off\n")
            time.sleep(0.5)
            guest.expect(guest.ask("why is the network down"), "^net0 has no link: .*\nPlug it in, then type: use dhcp$")
            qemu.sendall(b"set_link net on\n")
            time.sleep(0.5)
        guest.expect(guest.ask("why is the network down"), "^net0 has a link.$")
        guest.expect(guest.ask("set the ip address to 10.7.7.7/24 with gateway 10.7.7.1"), "^Its gateway is 10.7.7.1.$")
        guest.expect(guest.ask("why is the network down"), "^The gateway 10.7.7.1 does not answer, not even to ARP")
        assert guest.off() == 33


def test_a_network_card_without_a_driver_is_named():
    with Guest("aarch64", NIC="rtl8139,romfile=") as guest:
        guest.expect(guest.ask("what is my ip"), "^There is no network card here")
        guest.expect(guest.ask("why is the network down"), "^There is no network card here, or no driver for it.$")
        guest.expect(guest.ask("what hardware is in here"), r"^00:\S+ is a network card \(pci:10ec:8139\), without a driver.$")
        guest.expect(guest.ask("which driver for 10ec:8139"),
                     "^No driver of this kernel is for 10ec:8139.\nSuch a device is in this machine.$")
        assert guest.off() == 33


@pytest.mark.parametrize("how", ["missing", "damaged", "slow"])
def test_the_rules_answer_when_the_model_does_not(how, tmp_path):
    damaged = tmp_path / "slm.gguf"
    damaged.write_bytes(MODEL.read_bytes()[:5000])
    env = {"missing": {}, "damaged": {"INITRD": str(damaged)}, "slow": {"INITRD": str(MODEL)}}[how]
    with Guest("riscv64", "slm_ms=0" if how == "slow" else "", **env) as guest:
        guest.address()
        guest.expect(guest.ask("slm what is my ip"), "^rules 1000 SYSTEM_MANAGE address$")
        guest.expect(guest.ask("what is my ip"), "^net0 has the address 10.0.2.15/24, by DHCP")
        guest.expect(guest.ask("be a web server on port 8080"), "^The web server is running on port 8080.$")
        guest.expect(guest.ask("who wrote hamlet"), "^I did not understand that")
        assert guest.off() == 33


def test_a_web_server_of_a_sentence_serves():
    with Guest("x86_64", forward=[("tcp", 8080)], INITRD=str(MODEL)) as guest:
        guest.address()
        guest.expect(guest.ask("be a web server on port 8080"), "^The web server is running on port 8080.$")
        said = subprocess.run(["curl", "-s", f"http://127.0.0.1:{guest.ports[8080]}/"], capture_output=True, text=True, timeout=20)
        assert "auton" in said.stdout
        guest.expect(guest.ask("show open connections"), "^Port 8080 is open to everybody.$")
        guest.expect(guest.ask("stop the web server"), "^The web server on port 8080 is stopped.$")
        assert guest.off() == 33


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_readmes_lines_lead_to_the_web_server(arch):
    row = re.search(r"^\| reach its web server \| `(.*)`, there `(.*)`, then `(.*)` \|$", (ROOT / "README.md").read_text(), re.M)
    port = free_port()
    boot, sentence, fetch = (text.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("aarch64", arch) for text in row.groups())
    with Machine(boot.split(), ROOT, dict(os.environ), 60, 600) as machine:
        machine.wait_for(PROMPT)
        machine.wait_for(re.compile(rb"10\.0\.2\.15 port 8080"), machine.send(sentence))
        assert "auton" in subprocess.run(fetch.split(), capture_output=True, text=True, timeout=20).stdout
        machine.send("poweroff")
        assert machine.wait() == 0


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_slips_and_first_guesses_are_understood_with_the_model_too(arch):
    with Guest(arch, INITRD=str(MODEL)) as guest:
        guest.expect(guest.ask("?"), "^echo +print its arguments$")
        guest.expect(guest.ask("helpp"), "^There is no such command. Did you mean: help ")
        guest.expect(guest.ask("yes"), "^echo +print its arguments$")
        guest.expect(guest.ask("ps"), "^There are [0-9]+ threads.$")
        guest.expect(guest.ask("powerof"), "^There is no such command. Did you mean: poweroff ")
        guest.machine.send("yes")
        assert guest.machine.wait() == 33


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_ping_says_what_answers_and_what_is_missing(arch):
    with Guest(arch) as guest:
        guest.expect(guest.ask("ping 10.0.2.2"), r"^10\.0\.2\.2 answered after \d+ us$")
        guest.expect(guest.ask("ping 10.0.2.77"), r"^10\.0\.2\.77 did not answer within 2 s$")
        guest.expect(guest.ask("ping example.com"), "^The name example.com has no address that I can find out.")
        guest.ask("dns serve")
        guest.ask("dns host gate 10.0.2.2")
        guest.ask("rules: use dns server 127.0.0.1")
        guest.expect(guest.ask("ping gate"), r"^10\.0\.2\.2 answered after \d+ us$")
        assert guest.off() == 33


def test_ping_without_a_network_card_says_so():
    with Guest("riscv64", NIC="rtl8139,romfile=") as guest:
        guest.expect(guest.ask("ping 10.0.2.2"), r"^No route leads to 10\.0\.2\.2\.")
        guest.expect(guest.ask("ping 127.0.0.1"), r"^127\.0\.0\.1 answered after")
        assert guest.off() == 33
