"""`/auton` commands in a comment: what a person may type, and how it is read.

A command stands at the start of a line, in any case (`/Auton Help`), outside quotes (`> …`), fenced or indented code and
HTML comments, so that quoting the bot's advice never runs it. Parsing is pure; whether the writer may steer is the
caller's question.
Adding a command is adding one row to COMMANDS (and what it does to bot/reconcile/decide.py).
"""

import difflib
import re
import shlex
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spec:
    help: str
    args: str = ""
    """How its arguments are written, for the help and for complaints."""
    positional: tuple[int, int] = (0, 0)
    options: dict[str, str] = field(default_factory=dict)
    """Name → pattern its value must match in full."""
    pattern: str = ""
    """What each positional argument must match in full."""
    steers: bool = True
    """Needs write permission; the others only answer."""


MODEL = r"[\w./:@+-]{1,120}"
MONEY = r"\$?\d{1,6}(\.\d{1,4})?"

COMMANDS: dict[str, Spec] = {
    "plan": Spec("plan the goal (again)", "[mode=…] [model=…] [budget=…]",
                 options={"mode": "kernel_build|slm_training|dual", "model": MODEL, "budget": MONEY}),
    "approve": Spec("let the plan start", "[sha]", (0, 1), pattern=r"[0-9a-f]{7,64}"),
    "retry": Spec("run a task again, or every failed task of a goal", "[from=build|review] [model=…] [budget=…]",
                  options={"from": "build|review", "model": MODEL, "budget": MONEY}),
    "stop": Spec("start no more agent runs for this goal, and cancel those that run"),
    "cancel": Spec("give the goal or task up and close what it opened"),
    "hold": Spec("finish what runs, start nothing new"),
    "unhold": Spec("go on after a hold or a stop"),
    "priority": Spec("order among goals and in the queue; higher goes first", "N", (1, 1), pattern=r"-?\d{1,4}"),
    "budget": Spec("the most that this goal may cost", "$N", (1, 1), pattern=MONEY),
    "status": Spec("say where everything stands", steers=False),
    "explain": Spec("say why nothing is happening, or what happens next", steers=False),
    "help": Spec("list the commands", steers=False),
}

FENCE = re.compile(r" {0,3}(```+|~~~+)")
LINE = re.compile(r"/auton(?:\s+(.*))?$", re.IGNORECASE)
MOST = 20  # commands read from one comment


@dataclass(frozen=True)
class Command:
    """One command as typed. `problem` says in one sentence why it can't be carried out."""

    name: str
    """As it was typed; empty when nothing was."""
    args: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def lines(body: str) -> list[str]:
    """The lines of `body` that stand for themselves: no quotes, no code, no HTML comments.

    Lines end as in CommonMark (2.1): other characters that Python takes for line ends would make a quote's end a command.
    """
    kept, fence, comment = [], "", False
    for line in re.split(r"\r\n|\n|\r", body):
        if comment or not (fence or line.startswith(("    ", "\t"))):  # `<!--` in code is code
            line, comment = _uncommented(line, comment)
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif mark:
            fence = mark[1]
        elif not line.startswith((" ", "\t", ">")):
            kept.append(line.rstrip())
    return kept


def _uncommented(line: str, inside: bool) -> tuple[str, bool]:
    """The line without what HTML comments hide of it, blanks in its place; whether a comment is open at its end."""
    shown, at = "", 0
    while at < len(line):
        if inside:
            end = line.find("-->", at)
            end, inside = (len(line), True) if end < 0 else (end + 3, False)
            shown += " " * (end - at)
        else:
            end = _next_comment(line, at)
            shown += line[at:end]
            inside = end < len(line)
        at = end
    return shown, inside


def _next_comment(line: str, at: int) -> int:
    """Where the next `<!--` outside code spans begins; the line's length if there is none (CommonMark 6.1)."""
    for found in re.finditer(r"(`+).*?(?<!`)\1(?!`)|<!--", line[at:]):
        if found[0] == "<!--":
            return at + found.start()
    return len(line)


def parse(body: str) -> list[Command]:
    """The commands in `body`, in order; one that can't be carried out carries its `problem`."""
    found = []
    for line in lines(body):
        if (match := LINE.fullmatch(line)) is not None:
            found.append(_command(match[1] or ""))
    return found[:MOST]


def _command(text: str) -> Command:
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    if not words:
        return Command("", problem="expected a command after it, found none")
    name = words[0].lower()
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        shown = re.sub(r"[^\w-]", "", name)[:40]
        guess = f"; did you mean `/auton {near[0]}`?" if near else ""
        return Command(shown, problem=(f"there is no command `{shown}`" if shown else "that is no command's name") + guess)
    return _check(name, words[1:])


def _check(name: str, words: list[str]) -> Command:
    spec, args, options = COMMANDS[name], [], {}
    usage = f"`/auton {name} {spec.args}`" if spec.args else f"`/auton {name}` alone"
    for word in words:
        key, sign, value = word.partition("=")
        if not sign:
            args.append(word)
        elif key not in spec.options:
            return Command(name, problem=f"expected {usage}, found an unknown option")
        elif not re.fullmatch(spec.options[key], value):
            return Command(name, problem=f"expected {usage}, but the value of `{key}` is not one it can be")
        else:
            options[key] = value.lstrip("$") if spec.options[key] == MONEY else value
    least, most = spec.positional
    if not least <= len(args) <= most or any(not re.fullmatch(spec.pattern, arg) for arg in args):
        return Command(name, problem=f"expected {usage}")
    return Command(name, tuple(arg.lstrip("$") for arg in args), options)


def help_table() -> str:
    """The commands as a Markdown table."""
    rows = [f"| `/auton {name}{' ' + s.args if s.args else ''}` | {s.help} |".replace("build|review", "build\\|review")
            for name, s in COMMANDS.items()]
    return "\n".join(["| type | to |", "| --- | --- |", *rows])
