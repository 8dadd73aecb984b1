"""May this result be applied? Pure: the result and its patch in, the reasons to refuse out.

What a person must decide (workflows, the bot itself, acceptance that exists already) is refused here whoever asks
for it. bot/agents/applied.py then checks with git itself that the patch does what was read here.
"""

import fnmatch
import re

from bot.agents import mbox, secrets
from bot.config import Config
from bot.handoff import Result
from bot.slm.recipe import MODELS

MAX_BYTES = 4 << 20
MAX_LINE = 2000
AUTHOR = re.compile(r"AUTON [a-z ]+ <auton@users\.noreply\.github\.com>")
TRAILER = re.compile(r"^(Auton-[A-Za-z]+): *(.*)$", re.M | re.I)
CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+(?:[\w./-]*#|https?://\S*/)\d+", re.I)
HEADERS = re.compile(r"^(?:From|Subject|Date|Index): |^From |^diff -|^-+ *(?:>8|8<)|^---", re.M | re.I)
"""Lines of a commit message that `git am` would take for a header, a diff or a cut."""
SKIPS = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks:", re.I | re.M)
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029\ufeff]")
PLAIN_PATH = re.compile(r"[A-Za-z0-9_.+@,-]+(?:/[A-Za-z0-9_.+@,-]+)*")
SPEC = "specs/*.md"


def check(result: Result, patch: bytes, config: Config) -> list[str]:
    """The reasons to refuse, each a sentence; empty when the result is clean."""
    reasons = [f"{where}: found {kind}" for where, text in _words(result) for kind in secrets.find(text)]
    if result.patch != bool(patch):
        reasons.append(f"expected {'a' if result.patch else 'no'} change.patch, found {len(patch)} bytes")
    if not patch:
        return reasons
    if result.plan or result.review:
        reasons.append(f"a {result.role} with a plan or a review changes no files, found a patch")
    if len(patch) > MAX_BYTES:
        return [*reasons, f"change.patch: expected at most {MAX_BYTES} bytes, found {len(patch)}"]
    try:
        mails = mbox.parse(patch)
    except mbox.Strange as error:
        return [*reasons, f"change.patch: {error}"]
    files = [change for mail in mails for change in mail.files]
    paths = sorted({change.path for change in files})
    lines = sum(len(change.added) + change.removed for change in files)
    limits = config.screen
    if len(paths) > limits.max_files:
        reasons.append(f"expected at most {limits.max_files} changed files, found {len(paths)}")
    if lines > limits.max_lines:
        reasons.append(f"expected at most {limits.max_lines} changed lines, found {lines}")
    for mail in mails:
        reasons += _message(mail, result)
    for path in paths:
        reasons += _path(path, limits.protected)
    for change in files:
        reasons += _file(change)
    return list(dict.fromkeys(reasons))


def _words(result: Result) -> list[tuple[str, str]]:
    """Everything that the result would have posted on the forge."""
    words = [("summary", result.summary), ("reason", result.reason)]
    if result.plan:
        words.append(("plan", result.plan.model_dump_json()))
    if result.review:
        words.append(("review", result.review.model_dump_json()))
    return words


def _message(mail: mbox.Mail, result: Result) -> list[str]:
    where, text = f"commit “{mail.subject[:60]}”", f"{mail.subject}\n{mail.message}"
    reasons = [f"{where}: {reason}" for reason in message(text)]
    if not AUTHOR.fullmatch(mail.author):
        reasons.append(f"{where}: expected the author AUTON <role>, found {mail.author[:80]}")
    wanted = {"auton-goal": f"#{result.goal}", "auton-attempt": str(result.attempt)}
    if result.task is not None:
        wanted["auton-task"] = f"#{result.task}"
    found = [(name.lower(), value.strip()) for name, value in TRAILER.findall(text)]
    if sorted(found) != sorted(wanted.items()):
        reasons.append(f"{where}: expected the trailers {wanted}, each once; found {found}")
    return reasons


def message(text: str) -> list[str]:
    """What is wrong with a commit message, whoever wrote it."""
    reasons = [f"found {kind}" for kind in secrets.find(text)]
    if closing := CLOSES.search(text):
        reasons.append(f"it would close an issue ({closing[0]}); only the bot does that")
    if SKIPS.search(text):
        reasons.append("it asks to skip the checks")
    if line := HEADERS.search(text):
        reasons.append(f"it has a line that git am would take for a header, a diff or a cut ({line[0]})")
    if BIDI.search(text) or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        reasons.append("it has invisible characters")
    return reasons


def _path(path: str, protected: list[str]) -> list[str]:
    parts = path.split("/")
    if not PLAIN_PATH.fullmatch(path) or len(path) > 200:
        return [f"{path!r}: expected a path of plain characters, relative and at most 200 long"]
    if any(part in (".", "..") for part in parts):
        return [f"{path}: it leads out of the repository or through itself"]
    if any(part.lower().startswith(".git") or re.match(r"git~\d", part, re.I) or part.endswith((".", " "))
           for part in parts):
        return [f"{path}: git's own files need a person"]
    if matches(path, f"{MODELS}/**"):
        return [f"{path}: models come from CI alone, by the table [integration] of a recipe"]
    for pattern in protected:
        if matches(path, pattern):
            return [f"{path}: only a person may change it ({pattern} is protected)"]
    return []


def matches(path: str, pattern: str) -> bool:
    """Does a glob of [screen] protected cover `path`, whatever its letters' case? `**/` also matches nothing."""
    path, pattern = path.lower(), pattern.lower()
    return fnmatch.fnmatchcase(path, pattern) or (
        pattern.startswith("**/") and fnmatch.fnmatchcase(path, pattern[3:])) or (
        pattern.endswith("/**") and path == pattern[:-3])


def _file(change: mbox.FileChange) -> list[str]:
    path, reasons = change.path, []
    if "120000" in (change.mode, change.old_mode):
        reasons.append(f"{path}: symbolic links are not taken")
    elif "160000" in (change.mode, change.old_mode):
        reasons.append(f"{path}: submodules are not taken")
    elif change.mode not in ("", "100644", "100755"):
        reasons.append(f"{path}: expected the mode 100644 or 100755, found {change.mode}")
    elif change.mode == "100755" and change.kind == "new" and not (change.added or [""])[0].startswith("#!"):
        reasons.append(f"{path}: expected a script that begins with #! to be executable, found another file")
    for number, line in enumerate(change.added, 1):
        if len(line) > MAX_LINE:
            reasons.append(f"{path}: expected lines of at most {MAX_LINE} characters, found {len(line)}")
        if BIDI.search(line):
            reasons.append(f"{path}: added line {number} has invisible or direction-changing characters")
        if re.search(r"[\x00-\x08\x0b\x0d-\x1f\x7f]", line):
            reasons.append(f"{path}: added line {number} has control characters")
    reasons += [f"{path}: found {kind}" for kind in secrets.find("\n".join(change.added))]
    return reasons
