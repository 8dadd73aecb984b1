"""Where a local run's time went: to compilers, QEMU and the model, or to the bot, its forge and its runner.

The agents' results and the verify reports say when others worked (`waited`); whatever else a job did, checkouts and
the runner's own work included, is the bot's. Time in which no job ran at all is the bot's, too.
"""

import json
import os
import resource
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bot.errors import Refused
from bot.handoff import MAX_BYTES, Report, Result, SlmReport, parse
from bot.spans import Span, covered


@dataclass(frozen=True)
class Shares:
    """Seconds."""

    total: float
    """From the goal's filing, the forge's start included, to its end."""
    alone: float
    """Of these: while neither a compiler nor QEMU nor a model worked. The bot's own share."""
    work: float
    """What all jobs took, less what they waited for: counts twice what ran side by side, and on a busy machine also what
    the compilers beside it held up."""
    cpu: float
    """Of the bot's own processes, the forge and `auton run` included, without what ran in a sandbox."""
    agents: float
    """Builds, boots and models that agents waited for, added up."""
    verify: float
    """Builds and boots of verify, added up where several architectures were not at it together."""
    each: float
    """The median of these: from a clean checkout, as every verify run begins."""

    def lines(self) -> list[str]:
        return [f"time: {self.total:.0f} s, of which {self.alone:.1f} s are the bot's own share (no compiler, QEMU or "
                "model was at work)",
                f"  all its jobs' own work, also beside builds and boots: {self.work:.1f} s, {self.cpu:.1f} s of CPU",
                f"  agents' builds, boots and model {self.agents:.1f} s; verify's builds and boots {self.verify:.1f} s, "
                f"{self.each:.1f} s each (median, from clean)"]


class Meter:
    """Measures one run on the local forge at `data`; to be made before the forge is started."""

    def __init__(self, data: Path):
        self.data, self.begin, self.before = data, time.time(), _server_cpu(data)

    def read(self, repo: str) -> Shares | None:
        """The shares of what `repo` did until now; None when the runner has kept nothing."""
        path, end = self.data / "actions" / "runner.db", time.time()
        if not path.exists():
            return None
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            wall, cpu = db.execute("SELECT TOTAL(wall), TOTAL(cpu) FROM jobs JOIN runs ON runs.id = jobs.run_id "
                                   "WHERE runs.repo = ?", (repo,)).fetchone()
            kept = db.execute("SELECT id, name FROM artifacts WHERE repo = ? ORDER BY id", (repo,)).fetchall()
        agents, verify = [], []
        for number, name in kept:
            spans = list(_waited(self.data / "actions" / "artifacts" / f"{number}.zip"))
            if name == "agent":
                agents.append(spans)
            elif name.startswith("report-") or name == "slm-report":
                verify.append(spans)
        theirs, judged = sum(map(covered, agents)), sum(map(covered, verify))
        alone = end - self.begin - covered([span for job in [*agents, *verify] for span in job], self.begin, end)
        pid, seconds = _server_cpu(self.data)
        seconds -= self.before[1] if pid == self.before[0] else 0.0
        return Shares(*(round(value, 1) for value in (end - self.begin, alone, wall - theirs - judged,
                                                      cpu + seconds + _own_cpu(), theirs, judged,
                                                      median([took for took in map(covered, verify) if took] or [0.0]))))


def _waited(artifact: Path) -> Iterator[Span]:
    """The spans in an artifact's result.json or report.json; none of one that can't be read."""
    try:
        with zipfile.ZipFile(artifact) as archive:
            for item in archive.infolist():
                if item.file_size > MAX_BYTES:
                    continue
                if item.filename == "result.json":
                    yield from parse(Result, archive.read(item), item.filename).waited
                elif item.filename == "report.json":
                    for arch in parse(Report, archive.read(item), item.filename).archs:
                        yield from arch.waited
                elif item.filename == "slm.json":
                    yield from parse(SlmReport, archive.read(item), item.filename).waited
    except (OSError, zipfile.BadZipFile, Refused):
        return


def _server_cpu(data: Path) -> tuple[int, float]:
    """The forge's process and its CPU seconds so far, without its children; zeros when there is none."""
    try:
        pid = int(json.loads((data / "forge.json").read_text())["pid"])
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError, KeyError):
        return 0, 0.0
    return pid, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _own_cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
