"""Any other command, inside the sandbox."""

from typing import Annotated

from pydantic import Field

from bot.agents.tools import tool, within
from bot.agents.workplace import Workplace


@tool()
def shell(at: Workplace,
          command: Annotated[str, Field(min_length=1, max_length=20_000, description="a line or script for sh")],
          seconds: within(1, 600, "stop it after this time") = 120) -> str:
    """Run a shell command at the top of the repository. There is no network, /tmp is empty each time, and .git can't
    be changed here. Prefer the other tools where one fits. The address space of a process is limited, so sanitizers
    that reserve terabytes of it (address, memory, thread) can't run: `make -C kernels host-test ASAN=no` runs the
    core's cases on this machine under the undefined-behaviour sanitizer alone."""
    done = at.run(["/bin/sh", "-c", command], timeout=seconds)
    if done.timed_out:
        return f"stopped after {seconds} s\n{done.output}"
    return f"exit code {done.code}\n{done.output}"
