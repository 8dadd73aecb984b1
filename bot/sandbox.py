"""Run a command where it can do no harm: bubblewrap with no network, no secrets and one writable place.

Everything that an agent asks for, reads included, and everything that a candidate change brings along (its
Makefile, its scripts, its kernel) runs through here. Inside there are the system's programs, read-only; the
project at its own path, read-only but for `writable`; a private /proc, /dev and /tmp; and our environment.
bwrap itself is started by `env -i`, since its init process keeps the environment that it was started with,
and anything inside could read that at /proc/1/environ.
"""

import functools
import os
import selectors
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bot.errors import MissingTool, Refused

SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
          "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
          "/etc/qemu", "/etc/clang", "/sys/devices/system/cpu"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TMP_BYTES = 4 << 30

PROCESSES = 1024
# Generous for compilers, QEMU and training; small enough that a runaway is stopped before the machine is.
LIMITS = {"as": max(16 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), "nproc": PROCESSES,
          "fsize": 8 << 30, "core": 0, "nofile": 4096}


def wrap(argv: list[str], *, root: Path, writable: list[Path], env: dict[str, str], cwd: Path,
         visible: list[Path] | None = None, readonly: list[Path] | None = None, cpu_seconds: int = 0) -> list[str]:
    """The command that runs `argv` in the sandbox, to be started with any environment.

    `root` is what is seen of the project and `visible` what else is, both read-only; `writable` are the paths
    below (or beside) them that may be written, which must exist and be reached through no symbolic link;
    `readonly` are paths inside `writable` that may not.
    """
    root = root.resolve(strict=True)
    command = [*_joined(), "/usr/bin/env", "-i", *_tracked(), _bwrap(), "--unshare-all", "--unshare-user", "--die-with-parent",
               "--new-session", "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000",
               "--hostname", "sandbox", "--clearenv"]
    if "--disable-userns" in _help():
        command += ["--disable-userns"]
    for path in SYSTEM:
        command += _system(path)
    command += ["--proc", "/proc", "--dev", "/dev"]
    if "--size" in _help():
        command += ["--size", str(TMP_BYTES)]
    command += ["--tmpfs", "/tmp"]
    for path in [*python_paths(), *(visible or []), root]:
        command += ["--ro-bind", str(path), str(path)]
    for path in writable:
        if path.resolve(strict=True) != Path(os.path.abspath(path)):
            raise Refused(f"{path}: expected a path without symbolic links, found {path.resolve()}")
        command += ["--bind", str(path), str(path)]
    for path in readonly or []:
        command += ["--ro-bind", str(path), str(path)]
    ours = {"PATH": f"{Path(sys.prefix) / 'bin'}:{PATH}", "HOME": "/tmp", "LANG": "C.UTF-8"}
    for name, value in {**ours, **env}.items():
        command += ["--setenv", name, value]
    limits = dict(LIMITS, cpu=cpu_seconds) if cpu_seconds else LIMITS
    return [*command, "--chdir", str(cwd), "--", "/usr/bin/prlimit",
            *(f"--{name}={value}" for name, value in limits.items()), "--", *argv]


@dataclass(frozen=True)
class Finished:
    """What a command in the sandbox left behind; `code` is -9 when the time was up."""

    code: int
    raw: bytes
    timed_out: bool = False
    cut: bool = False
    """More was printed than was kept."""

    @property
    def output(self) -> str:
        return self.raw.decode("utf-8", "replace")


def run(argv: list[str], *, root: Path, writable: list[Path], cwd: Path, env: dict[str, str] | None = None,
        visible: list[Path] | None = None, readonly: list[Path] | None = None,
        timeout: float = 60.0, stdin: bytes = b"", keep: int = 1 << 20) -> Finished:
    """Run `argv` in the sandbox and return its output (standard error included), of which the first and the
    last `keep`/2 bytes are kept. When the time is up every process inside is killed."""
    command = wrap(argv, root=root, writable=writable, env=env or {}, cwd=cwd, visible=visible,
                   readonly=readonly, cpu_seconds=int(timeout) + 60)
    process = subprocess.Popen(command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, env={},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    head, tail, dropped, timed_out = bytearray(), bytearray(), False, False
    deadline = time.monotonic() + timeout
    pending = memoryview(stdin)
    with selectors.DefaultSelector() as selector, process:
        os.set_blocking(process.stdout.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ)
        if stdin:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        try:
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if time.monotonic() >= deadline:
                    timed_out = True
                    break
                for key, _ in ready:
                    if key.fileobj is process.stdin:
                        try:
                            pending = pending[os.write(process.stdin.fileno(), pending[:65536]):]
                        except BrokenPipeError:
                            pending = pending[:0]
                        if not pending:
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    chunk = os.read(process.stdout.fileno(), 65536)
                    if not chunk:
                        selector.unregister(process.stdout)
                        continue
                    room = max(0, keep // 2 - len(head))
                    head += chunk[:room]
                    tail += chunk[room:]
                    if len(tail) > keep // 2:
                        dropped = True
                        del tail[:len(tail) - keep // 2]
            if not timed_out:
                process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            process.kill()  # --die-with-parent takes the whole namespace down with it
    middle = b"\n[...]\n" if dropped else b""
    return Finished(-9 if timed_out else process.returncode, bytes(head) + middle + bytes(tail), timed_out, dropped)


def probe() -> None:
    """Run one command in the sandbox; MissingTool says what to install or set when that can't be done."""
    _bwrap()
    try:
        finished = run(["/bin/true"], root=Path("/usr"), writable=[], cwd=Path("/"), timeout=20)
    except OSError as error:
        raise MissingTool(f"the sandbox can't be started: {error}",
                          "apt-get install bubblewrap util-linux") from None
    if finished.code == 0:
        return
    said = finished.output.strip().splitlines()[-1:] or [f"exit code {finished.code}"]
    switch = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if switch.exists() and switch.read_text().strip() == "1":
        hint = ("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
                "(Ubuntu 24.04 forbids user namespaces)")
    elif "prlimit" in said[0]:
        hint = "apt-get install util-linux"
    else:
        hint = ("allow user namespaces: sysctl -w user.max_user_namespaces=15000; in a container, start it "
                "with --security-opt seccomp=unconfined --security-opt systempaths=unconfined")
    raise MissingTool(f"bubblewrap can't make a sandbox here: {said[0]}", hint)


@functools.cache
def python_paths() -> list[Path]:
    """Where our Python interpreter lies, as far as it is not among the system's folders."""
    packages = [p for p in sys.path if p.endswith(("site-packages", "dist-packages")) and os.path.isdir(p)]
    paths = {Path(p).resolve() for p in [sys.base_prefix, sys.prefix, *packages]}
    return sorted(p for p in paths if not p.is_relative_to("/usr")
                  and not any(p != other and p.is_relative_to(other) for other in paths))


@functools.cache
def _joined() -> tuple[str, ...]:
    """Words that put the command which follows into a control group of limited size. Only root needs them, since
    no RLIMIT_NPROC binds it; where root can't make a control group either, a fork bomb lasts until the timeout."""
    if os.geteuid() != 0:
        return ()
    for top in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/pids")):  # version 2, version 1
        group = top / f"auton-sandbox-{2 * PROCESSES}"
        if not (top / "cgroup.procs").exists():
            continue
        try:
            if (top / "cgroup.subtree_control").exists():
                (top / "cgroup.subtree_control").write_text("+pids")
            group.mkdir(exist_ok=True)
            (group / "pids.max").write_text(str(2 * PROCESSES))
        except OSError:
            continue
        return ("/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(group / "cgroup.procs"))
    return ()


def _tracked() -> list[str]:
    """The mark by which a runner finds what a job left behind (bot/runner/process.py): no secret, and kept, so that
    a sandbox whose job is killed before --die-with-parent took effect is found too."""
    mark = "RUNNER_TRACKING_ID"
    return [f"{mark}={os.environ[mark]}"] if mark in os.environ else []


@functools.cache
def _bwrap() -> str:
    found = shutil.which("bwrap", path=f"{PATH}:{os.environ.get('PATH', '')}")
    if not found:
        raise MissingTool("expected the program bwrap on PATH, found none", "apt-get install bubblewrap")
    return found


@functools.cache
def _help() -> str:
    return subprocess.run([_bwrap(), "--help"], capture_output=True, text=True, env={}, check=False).stdout


@functools.cache
def _system(path: str) -> tuple[str, ...]:
    """One system folder: the same symbolic link when it is one (merged /usr), else a read-only bind."""
    if os.path.islink(path) and path.count("/") == 1:
        return ("--symlink", os.readlink(path), path)
    return ("--ro-bind", os.path.realpath(path), path) if os.path.exists(path) else ()
