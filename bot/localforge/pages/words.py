"""What the pages call things: states as a tone, a mark and a word; times; the commands that have a button.

All of it is read off labels and commit statuses, as anybody sees them on GitHub; the bot's hidden state is not used.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.localforge.pages.assets import HEX
from bot.reconcile.slash import COMMANDS, Spec

GOAL = "auton:goal"
TASK = "auton:task"
HOLD = "auton:hold"

# A state's tone (its colour in the style sheet), and the word for it where GitHub's is not plain enough.
TONES = {
    "good": ("landed", "done", "success", "completed", "APPROVED", "merged"),
    "bad": ("failed", "failure", "blocked", "needs-human", "timed_out", "CHANGES_REQUESTED", "startup_failure"),
    "warn": ("error", "hold", "action_required", "stale"),
    "busy": ("planning", "active", "running", "review", "verify", "queued", "pending", "in_progress", "requested"),
    "calm": ("waiting", "ready", "planned", "cancelled", "skipped", "neutral", "closed", "COMMENTED", "DISMISSED"),
}
_TONE = {state: tone for tone, states in TONES.items() for state in states}
MARKS = {"good": "✓", "bad": "✗", "warn": "!", "busy": "●", "calm": "○"}
STATUS = {"success": "passed", "failure": "failed", "error": "could not run", "pending": "running"}
RESULT = {"success": "passed", "failure": "failed", "in_progress": "running", "timed_out": "timed out",
          "startup_failure": "could not start", "action_required": "needs a person"}
REVIEW = {"APPROVED": "approved", "CHANGES_REQUESTED": "asked for changes", "COMMENTED": "commented",
          "DISMISSED": "dismissed", "PENDING": "not sent yet"}
TASK_STATES = ("waiting", "ready", "running", "review", "verify", "queued", "landed", "failed", "needs-human")
GOAL_STATES = ("planning", "planned", "active", "done", "blocked", "cancelled")

BUTTONS = ("retry", "stop", "hold", "unhold", "approve", "status", "explain", "help")
"""Commands that have a button under the comments; the others take arguments and are typed."""

REACTIONS = {
    "eyes": ("👀", "seen"), "rocket": ("🚀", "accepted"), "confused": ("😕", "refused"), "+1": ("👍", "thumbs up"),
    "-1": ("👎", "thumbs down"), "heart": ("❤️", "heart"), "hooray": ("🎉", "hooray"), "laugh": ("😄", "laugh"),
}


@dataclass(frozen=True)
class Chip:
    """A state as a person reads it: its colour, its mark (so that colour is not all), its word."""

    tone: str
    mark: str
    word: str
    about: str = ""
    url: str = ""


def chip(state: str | None, word: str = "", about: str = "", url: str = "") -> Chip:
    tone = _TONE.get(state or "", "calm")
    return Chip(tone, MARKS[tone], word or (state or "unknown").replace("_", " "), about, _web(url))


def _web(url: str | None) -> str:
    return url if url and re.match(r"https?://", url) else ""


# Labels.

def colors(*labelled: dict) -> str:
    """The label colours on a page, for the address of its colour sheet."""
    found = {label["color"].lower() for thing in labelled for label in thing.get("labels", [])}
    return ",".join(sorted(c for c in found if HEX.fullmatch(c))[:100])


def names(issue: dict) -> list[str]:
    return [label["name"] for label in issue.get("labels", [])]


def role(issue: dict) -> str:
    return next((n.removeprefix("role:").replace("_", " ") for n in names(issue) if n.startswith("role:")), "")


def state_label(issue: dict) -> str:
    """Where a goal or task stands by its `auton:` label; empty for any other issue."""
    for name in names(issue):
        state = name.removeprefix("auton:")
        if name != state and state in (*TASK_STATES, *GOAL_STATES):
            return state
    return ""


def standing(issue: dict) -> Chip:
    """An issue's state as a chip: the bot's where it has given one, else open or closed."""
    if state := state_label(issue):
        return chip(state, state.replace("-", " "))
    return chip("done", "closed") if issue["state"] == "closed" else chip("ready", "open")


def pull_chip(pull: dict) -> Chip:
    if pull.get("merged_at"):
        return chip("merged")
    if pull["state"] == "closed":
        return chip("failed", "closed")
    return chip("waiting", "draft") if pull.get("draft") else chip("running", "open")


def run_chip(run: dict) -> Chip:
    """A workflow run, a job, a step, or a check run."""
    state = run.get("conclusion") if run["status"] == "completed" else run["status"]
    return chip(state, RESULT.get(state or "", ""))


# Verdicts.

@dataclass(frozen=True)
class Verdicts:
    """A commit's statuses: those of each architecture as a table, then the bot's others, then everybody else's."""

    steps: list[str]
    archs: dict[str, dict[str, Chip]]
    others: list[tuple[str, Chip]]

    @property
    def any(self) -> bool:
        return bool(self.archs or self.others)


def verdicts(statuses: list[dict]) -> Verdicts:
    steps, archs, others = [], {}, []
    for status in statuses:
        made = chip(status["state"], STATUS.get(status["state"], ""), status.get("description") or "",
                    status.get("target_url") or "")
        if found := re.fullmatch(r"auton/([a-z]+)-(\w+)", status["context"]):
            step, arch = found.groups()
            steps += [step] if step not in steps else []
            archs.setdefault(arch, {})[step] = made
        else:
            others.append((status["context"].removeprefix("auton/"), made))
    steps.sort(key=lambda step: (step != "build", step))
    return Verdicts(steps, dict(sorted(archs.items(), key=lambda item: (item[0] != "x86_64", item[0]))), sorted(others))


def overall(combined: dict) -> Chip | None:
    """The combined status of a commit as one chip; None when nobody gave one."""
    statuses = combined.get("statuses") or []
    if not statuses:
        return None
    bad = [s["context"].removeprefix("auton/") for s in statuses if s["state"] in ("failure", "error")]
    passed = sum(s["state"] == "success" for s in statuses)
    return chip(combined["state"], f"{passed} of {len(statuses)} passed", ", ".join(bad))


def reactions(thing: dict) -> list[tuple[str, str, int]]:
    """Reactions of a comment or issue: sign, meaning here, count."""
    counts = thing.get("reactions") or {}
    return [(sign, meaning, counts[key]) for key, (sign, meaning) in REACTIONS.items() if counts.get(key)]


def buttons(issue: dict) -> list[tuple[str, Spec]]:
    """The commands that make sense on this issue now."""
    labels = names(issue)
    hidden = {"hold"} if HOLD in labels else {"unhold"}
    if "auton:planned" not in labels:
        hidden.add("approve")
    return [(name, COMMANDS[name]) for name in BUTTONS if name not in hidden]


# Time.

def when(stamp: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def ago(stamp: str | None) -> str:
    moment = when(stamp)
    if moment is None:
        return ""
    seconds = max(0, (datetime.now(UTC) - moment).total_seconds())
    if seconds < 45:
        return "just now"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and not (unit == "day" and seconds > 30 * 86400):
            return f"{plural(int(seconds // size), unit)} ago"
    return "1 minute ago" if seconds < 3600 else f"{moment:%-d %b %Y}"


def clock(start: str | None, end: str | None) -> str:
    """How long something took, or has taken so far."""
    began = when(start)
    if began is None:
        return ""
    seconds = max(0, int(((when(end) or datetime.now(UTC)) - began).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def plural(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
