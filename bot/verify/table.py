"""What a person sees of a verification: subsystem × architecture while it runs, then what failed and why."""

import threading
import time

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bot.handoff import ArchReport, Check, Report, Verdict
from bot.verify.log import plain, tail
from bot.verify.run import worst

STYLE = {"PASS": "green", "FAIL": "red", "PANIC": "bold red", "HANG": "magenta", "BUILD": "red",
         "INFRA": "yellow"}
MAX_SHOWN = 8
"""Failing checks shown at length for each architecture; the JSON report has all."""


def subsystem(name: str) -> str:
    """The table's row a check belongs to: `ktap:mm.pages` and `spec:mm: …` are both about mm."""
    kind, _, rest = name.partition(":")
    if kind == "ktap":
        return rest.partition(".")[0]
    return rest.partition(":")[0] if rest else kind


class LiveTable:
    """A live table on a terminal, nothing elsewhere; `heard` may be called from any thread."""

    def __init__(self, console: Console, archs: list[str]):
        self.archs = archs
        self.checks: dict[str, list[Check]] = {arch: [] for arch in archs}
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._live = Live(console=console, get_renderable=self._render, transient=True, refresh_per_second=8,
                          auto_refresh=console.is_terminal)
        self._shown = console.is_terminal

    def __enter__(self) -> "LiveTable":
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *error) -> None:
        if self._shown:
            self._live.stop()

    def heard(self, arch: str, check: Check) -> None:
        with self._lock:
            self.checks[arch].append(check)

    def _render(self) -> Table:
        with self._lock:
            table = grid({arch: list(checks) for arch, checks in self.checks.items()}, {})
        seconds = Text(f"{time.monotonic() - self._started:.0f} s", style="dim")
        stages = (self._stage(checks) for checks in self.checks.values())
        table.add_row(seconds, *(Text(stage, style="dim") for stage in stages))
        return table

    @staticmethod
    def _stage(checks: list[Check]) -> str:
        names = {check.name for check in checks}
        return "" if "boot" in names else "booting…" if "build" in names else "building…"


def grid(checks: dict[str, list[Check]], cached: dict[str, bool]) -> Table:
    """Rows are subsystems, columns architectures; a cell tells verdict, how many of how many, seconds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for arch in checks:
        table.add_column(f"{arch} (cached)" if cached.get(arch) else arch)
    rows = dict.fromkeys(subsystem(check.name) for column in checks.values() for check in column)
    first = [name for name in ("build", "boot") if name in rows]
    for row in first + [name for name in rows if name not in first]:
        table.add_row(plain(row)[:32], *(_cell([c for c in column if subsystem(c.name) == row])
                                         for column in checks.values()))
    return table


def _cell(checks: list[Check]) -> Text:
    if not checks:
        return Text("·", style="dim")
    verdict: Verdict = worst([check.verdict for check in checks])
    bad = sum(check.verdict != "PASS" for check in checks)
    count = "" if len(checks) == 1 else f" {bad}/{len(checks)}" if bad else f" {len(checks)}"
    seconds = sum(check.seconds for check in checks)
    cell = Text(verdict, style=STYLE[verdict])
    cell.append(count, style="dim")
    return cell.append(f" {seconds:.2f} s" if seconds >= 0.005 else "", style="dim")


def summary(report: Report) -> Group:
    """The final table, what failed with the log's tail, the figures, and one closing line."""
    parts: list = [grid({a.arch: a.checks for a in report.archs}, {a.arch: a.cached for a in report.archs})]
    for arch in report.archs:
        parts += _failures(arch)
    if any(arch.figures for arch in report.archs):
        parts.append(Text("figures: " + "; ".join(
            f"{a.arch} " + " ".join(f"{name}={value:g}" for name, value in list(a.figures.items())[:8])
            for a in report.archs if a.figures), style="dim"))
    closing = Text(report.verdict, style=STYLE[report.verdict])
    names = ", ".join(arch.arch for arch in report.archs)
    closing.append(f"  {sum(len(arch.checks) for arch in report.archs)} checks on {names} "
                   f"in {report.seconds:.2f} s, tree {report.tree[:18]}")
    if all(arch.cached for arch in report.archs):
        closing.append(" (cached: nothing changed since it passed; --fresh runs it again)")
    return Group(*parts, closing)


def _failures(arch: ArchReport) -> list[Text]:
    failed = [check for check in arch.checks if check.verdict != "PASS"]
    shown = []
    for check in failed[:MAX_SHOWN]:
        line = Text(f"\n{check.verdict} ", style=STYLE[check.verdict])
        line.append(f"{arch.arch}: {plain(check.name)[:200]}")
        if check.where:
            line.append(f"  {plain(check.where)[:200]}", style="bold")
        shown.append(line)
        if check.detail:
            shown.append(Text("  " + tail(plain(check.detail), 40, 4000).replace("\n", "\n  ")))
    if len(failed) > MAX_SHOWN:
        shown.append(Text(f"\n… and {len(failed) - MAX_SHOWN} more on {arch.arch}: see --json"))
    return [*shown, Text("")] if shown else []
