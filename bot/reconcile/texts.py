"""Every word that the bot says to a person stands here, and nothing else does (about a model: slmtexts.py; about what has
ended: endtexts.py).

Texts from outside (titles, logs, a model's words) come in through `plain`, `quote` or `block`, so that they cannot ping
people, pose as a command, or break out of a table. The functions are pure.
"""

import math
import re
import textwrap

from bot.reconcile import budget, endtexts, memory
from bot.reconcile import model as m
from bot.reconcile.slash import COMMANDS, help_table

VOIDED = "the goal's text was edited after it was accepted"
PLAN_GONE = "the comment that holds the plan is gone"
NO_CHANGE = "the run was submitted without any change to the code"
NO_REVIEW = "no reviewer run came to a verdict"
CHANGES_WANTED = "the reviewer asked for changes"
NO_REPORT = "CI ended without a verdict, twice"
NEVER_SEEN = "its workflow run was never seen"
CLOSES_LATER = "The issue is closed when that is known."
NO_GOAL = "this is neither a goal nor a task that I work on (open goals carry the label `auton:goal`)"
NOT_STARTED = "this goal was not started; `/auton plan` starts it"
EJECTED = "red on top of main, though green alone: looking for what it does not go with"

HELP = ("Type a command at the start of a line. Steering needs write permission.\n\n" + help_table())

ICONS = {"landed": "✅", "done": "✅", "running": "⏳", "review": "⏳", "verify": "⏳", "queued": "⏳", "ready": "▫️",
         "waiting": "▫️", "failed": "❌", "needs-human": "✋", "cancelled": "⛔", "blocked": "✋", "planning": "⏳",
         "planned": "▫️", "active": "⏳"}


# -- taming what comes from outside -----------------------------------------------------------------------------------


def plain(text: str, limit: int = 200) -> str:
    """One line that is safe anywhere, tables included: no markup of its own, no pings, no references."""
    text = " ".join(text.split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    text = re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)
    return re.sub(r"([@#])(?=\w)", "\\1\u200b", text)


def block(text: str, limit: int = 6000) -> str:
    """A fenced block that the text cannot leave; long text keeps its head and its tail."""
    if len(text) > limit:
        text = text[: limit // 4] + "\n… cut …\n" + text[-(limit * 3 // 4):]
    ticks = max([2, *(len(run) for run in re.findall(r"`+", text))]) + 1
    return f"{'`' * ticks}text\n{text.rstrip()}\n{'`' * ticks}"


def prose(text: str, limit: int = 4000) -> str:
    """A model's words, in a block with lines that a page can show whole."""
    lines = [textwrap.wrap(line, 100, break_long_words=False) or [""] for line in text.splitlines()]
    return block("\n".join(part for line in lines for part in line), limit)


def dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount == 0 or amount >= 0.1 else f"${amount:.4f}"


def short(sha: str) -> str:
    return sha[:9]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


# -- answers to commands ----------------------------------------------------------------------------------------------


def may_not(who: str) -> str:
    return f"@{who} has no write permission here, which this needs; `status`, `explain` and `help` are open to everyone"


def refused(words, why: str) -> str:
    typed = f"/auton {words.name}".rstrip()
    end = "" if why.endswith(("?", ".")) else "."
    return f"`{typed}` is refused: {why}{end}" + ("" if words.name in COMMANDS else " `/auton help` lists the commands.")


def held(how: str, who: str) -> str:
    return f"{how} by @{who}; `/auton unhold` goes on"


def stopping(runs: list[m.Run]) -> str:
    """What a stop does to the runs under way, and what they are going to cost."""
    if not runs:
        return ""
    many = f"{len(runs)} agent runs are" if len(runs) > 1 else "One agent run is"
    aside = dollars(sum(run.reserved for run in runs))
    return (f"{many} being cancelled. Each is charged what its own files say that it has used; where they don't say (a model was "
            f"being asked, or nothing was uploaded), what was set aside for it stays reserved ({aside} at most).")


def not_started(starter: str) -> str:
    return (f"This goal was labelled by @{starter}, who has no write permission here, so nothing was started and "
            "nothing was spent.\n\nSomeone with write permission can start it: type `/auton plan`.")


def goal_report(r, goal: int) -> str:
    mem = r.goals[goal]
    return f"{headline(mem)}\n\n{tasks_table(r, goal)}\n\n{money_line(r, goal)}"


def explain(r, goal: int, task: int | None) -> str:
    mem = r.goals[goal]
    lines = [headline(mem)]
    chosen = {task: r.tasks[task]} if task else r.tasks_of(goal)
    for number, one in chosen.items():
        lines.append(f"- #{number} ({one.key}) is **{one.state}**: {why(r, number, one)}")
    return "\n".join(lines) + f"\n\n{money_line(r, goal)}"


def why(r, number: int, task: m.TaskMemory) -> str:
    """What this task waits for."""
    if task.held:
        return task.reason or "it is on hold"
    goal = r.goals[task.goal]
    if goal.held:
        return "its goal is on hold; `/auton unhold` there goes on"
    if task.state in m.STUCK:
        return f"{task.reason}. Type `/auton retry` to go on"
    run = task.open_run
    if run:
        return f"the {run.role} runs (`{run.key}`, since {run.at})"
    waits = [n for n, t in r.tasks_of(task.goal).items() if t.key in task.depends_on and t.state != "landed"]
    return {"waiting": f"waits for {', '.join(f'#{n}' for n in waits) or 'its goal to start'}",
            "ready": f"an agent starts as soon as its goal is active (it is {goal.state}) and the budget allows",
            "verify": "CI builds and boots its head", "review": "a reviewer is started next",
            "queued": "it waits for its turn to be tested together with what else lands",
            "landed": f"it is on main as {short(task.landed)}"}.get(task.state, task.reason)


# -- stickies ---------------------------------------------------------------------------------------------------------


def headline(mem) -> str:
    held_ = f" · on hold since {mem.held_at}".removesuffix(" since ") if mem.held else ""
    reason = f"\n\n{mem.reason}" if mem.reason else ""
    return f"{ICONS.get(mem.state, '')} **{mem.state}**{held_}{reason}"


def tasks_table(r, goal: int) -> str:
    tasks = r.tasks_of(goal)
    if not tasks:
        return "There is no plan yet."
    rows = []
    for number, task in sorted(tasks.items()):
        runs = task.runs
        rows.append([f"#{number}", plain(r.snap.tasks[number].issue.title, 80), task.role,
                     f"{ICONS.get(task.state, '')} {task.state}", f"#{task.pull}" if task.pull else "",
                     verdicts(task), str(task.attempt), took(sum(run.seconds for run in runs) + verify_seconds(task)),
                     cost(runs)])
    return table(["task", "", "role", "state", "PR", "verdict", "attempts", "time", "cost"], rows)


def verdicts(task: m.TaskMemory) -> str:
    return ", ".join(f"{arch} {verdict}" for arch, verdict in sorted(task.verify.archs.items())) if task.verify else ""


def verify_seconds(task: m.TaskMemory) -> float:
    return task.verify.seconds if task.verify else 0.0


def money_line(r, goal: int) -> str:
    mem = r.goals[goal]
    tasks = r.every_task_of(goal).values()
    purse = budget.purse(mem, tasks, r.config, r.day_left)
    runs = budget.runs_of(mem, tasks)
    calls, read, wrote = (sum(getattr(run.usage, name) for run in runs)
                          for name in ("calls", "input_tokens", "output_tokens"))
    aside = f", {dollars(purse.aside)} set aside for runs under way" if purse.aside else ""
    guessed = f" and {dollars(purse.guessed)} reserved for runs whose use is not known," if purse.guessed else ""
    return (f"Cost: {dollars(purse.spent - purse.guessed)}{guessed} of {dollars(purse.cap)}{aside} · {len(runs)} agent runs, "
            f"{calls} model calls, {read} tokens in, {wrote} out.")


def goal_sticky(r, goal: int) -> str:
    mem = r.goals[goal]
    title = endtexts.TITLE if mem.state in m.OVER else "### AUTON works on this goal\n\n"
    parts = [f"{title}{headline(mem)}"]
    if mem.plan_key:
        parts.append(tasks_table(r, goal))
    if mem.state == "planned" and not mem.approved_by:
        parts.append(f"The plan waits for `/auton approve {mem.plan_digest}` by someone with write permission.")
    parts.append(money_line(r, goal))
    if mem.runs:
        parts.append(runs_table(mem))
    return "\n\n".join(parts)


def task_sticky(r, number: int) -> str:
    mem = r.tasks[number]
    needs = [f"#{n}" for n, t in r.every_task_of(mem.goal).items() if t.key in mem.depends_on]
    after = f", after {', '.join(needs)}" if needs else ""
    facts = [f"Task {mem.key} of goal #{mem.goal}, for the {mem.role}{after}",
             f"branch `{r.snap.tasks[number].branch}`" + (f", pull request #{mem.pull}" if mem.pull else "")]
    parts = [headline(mem), " · ".join(facts) + "."]
    if mem.verify and mem.verify.archs:
        parts.append(f"CI on {short(mem.verify.sha)}: {verdicts(mem)}.")
    if mem.runs:
        parts.append(runs_table(mem))
    return "\n\n".join(parts)


def run_cost(run: m.Run) -> str:
    if run.status == "started":
        return f"{dollars(run.cost)} set aside"
    if not run.guessed:
        return dollars(run.cost)
    asked = " while a model was asked" if run.usage.calls else ""
    return f"{dollars(run.cost)} reserved, not known: {plain(run.conclusion) or 'lost'}{asked}"


def cost(runs: tuple[m.Run, ...]) -> str:
    """Their sum, with what of it is no more than reserved."""
    guessed = sum(run.cost for run in runs if run.guessed)
    return dollars(sum(run.cost for run in runs)) + (f" ({dollars(guessed)} of it not known)" if guessed else "")


def runs_table(mem) -> str:
    rows = [[run.role, str(run.attempt), "under way" if run.status == "started" else run.status, took(run.seconds),
             str(run.usage.calls), f"{run.usage.input_tokens} / {run.usage.output_tokens}",
             run_cost(run)] for run in mem.runs]
    used = [run.usage for run in mem.runs]
    rows.append(["**sum**", "", "", took(sum(run.seconds for run in mem.runs)), str(sum(one.calls for one in used)),
                 f"{sum(one.input_tokens for one in used)} / {sum(one.output_tokens for one in used)}",
                 cost(mem.runs)])
    return table(["run", "attempt", "ended", "time", "calls", "tokens in / out", "cost"], rows)


# -- notices, posted once for their key -------------------------------------------------------------------------------


def goal_notices(r, goal: int) -> list[tuple[str, str]]:
    mem, out = r.goals[goal], []
    name = f"g{goal}"
    if mem.voided:
        out.append((f"{name}-edited-after-{mem.digest}-{mem.attempt}", edited(mem, r.snap.goals[goal].issue)))
    if mem.state == "blocked" and mem.stuck == "budget":
        runs = len(budget.runs_of(mem, r.every_task_of(goal).values()))
        out.append((f"{name}-budget-{budget.cap(mem, r.config):g}-{runs}",
                    f"✋ This goal has stopped: {mem.reason}.\n\n{money_line(r, goal)}\n\nNo other model call is made. "
                    + more_money(r, goal)))
    elif mem.state == "blocked" and mem.stuck == "plan":
        out.append((f"{name}-no-plan-{mem.attempt}",
                    f"✋ There is no plan: {mem.reason}.\n\n{money_line(r, goal)}\n\n{another_plan(r, mem)}"))
    elif mem.state == "blocked":
        attempts = sum(t.attempt for t in r.tasks_of(goal).values())
        out.append((f"{name}-stuck-{attempts}",
                    f"✋ This goal can't go on by itself: {mem.reason}.\n\n{goal_report(r, goal)}\n\n"
                    "Type `/auton retry` here to run those tasks again, or on one of them."))
    elif mem.state == "planned" and not mem.approved_by and not mem.voided:
        out.append((f"{name}-approve-{mem.plan_digest}", "The plan is ready.\n\n" + tasks_table(r, goal)
                    + f"\n\nRead the tasks, then type `/auton approve {mem.plan_digest}` to start."))
    cap, spent = budget.cap(mem, r.config), r.purse(goal).spent
    if spent >= cap * r.config.budget.warn_at and mem.state in ("planning", "planned", "active"):
        out.append((f"{name}-warn-{cap:g}", f"⚠️ {dollars(spent)} of this goal's {dollars(cap)} are spent or reserved. It stops "
                    "when the next run can't be paid for; `/auton budget $N` sets another cap."))
    if not r.settled(goal):
        return out
    if mem.state == "done":
        out.append((f"{name}-done", f"✅ This goal has landed.\n\n{tasks_table(r, goal)}\n\n{money_line(r, goal)}\n\n"
                    f"Planning took {dollars(mem.cost)} of that. Each task is one merge commit on the default branch."))
    elif mem.state == "cancelled":
        given_up = mem.reason or "all its tasks were cancelled"
        out.append((f"{name}-cancelled", f"⛔ This goal was given up: {given_up}.\n\n{money_line(r, goal)}"))
    return out


def more_money(r, goal: int) -> str:
    """What lets a goal go on that can't pay for a run: the smallest cap that pays for one more, and how it comes about."""
    purse = r.purse(goal)
    if purse.day_is_over:
        return ("There is nothing to type: it goes on by itself tomorrow (UTC), or when `[budget] day_usd` in `auton.toml` is "
                "raised. `/auton cancel` gives it up.")
    used = purse.spent + purse.aside
    run = max([r.config.agents.cost_usd, *(t.run_budget or 0 for t in r.tasks_of(goal).values() if t.state not in m.ENDED)])
    least = math.ceil(round((used + run) * 100, 4)) / 100
    return (f"Type `/auton budget ${least:.2f}` to go on, or name a higher sum: {dollars(used)} spent or reserved so far, and "
            f"{dollars(run)} that one more agent run may take. `/auton cancel` gives the goal up.")


def another_plan(r, mem: m.GoalMemory) -> str:
    """What to type when no plan came of it: a recording says the same however often it is asked."""
    model = mem.model or r.config.agents.models.of("manager")
    if model.startswith("replay/"):
        return (f"`{model}` is a recording: it knows only the goal that it was made of, and says the same however often it "
                "is asked. Type `/auton plan model=provider/model` to plan this goal with a real model, or `/auton cancel`.")
    return "Type `/auton retry` to try again, or edit the goal and type `/auton plan`."


def task_notices(r, number: int) -> list[tuple[str, str]]:
    mem = r.tasks[number]
    if mem.state not in m.STUCK:
        return []
    name = f"g{mem.goal}-t{number}-{mem.state}-{len(mem.runs)}-{mem.allowed}"
    return [(name, failed(r, number, mem))]


def failed(r, number: int, mem: m.TaskMemory) -> str:
    """What was tried, what was seen, what it cost, and what to type next."""
    seen = "\n\n".join(one.text for one in mem.feedback)
    if not seen and mem.verify:
        seen = mem.verify.note
    start = " `/auton retry from=review` asks a reviewer again;" if mem.head else ""
    start += " `/auton retry from=build` only builds and boots again;" if mem.head else ""
    return "\n\n".join(filter(None, [
        f"✋ This task needs a person: {mem.reason}.",
        f"**Tried:** {mem.attempt} attempt{'s' * (mem.attempt != 1)} of {mem.allowed}.\n\n{runs_table(mem)}",
        f"**Seen last:**\n\n{block(seen)}" if seen else "",
        f"**Cost so far:** {dollars(mem.cost)}.",
        "**What to type next:** `/auton retry` gives the agent another go with all of this as feedback (say first, in "
        f"a comment, what you want done differently);{start} `/auton retry model=… budget=…` changes the model or the "
        "money; `/auton cancel` gives the task up. You can also push to its branch yourself, then "
        "`/auton retry from=build`.",
    ]))


def edited(mem: m.GoalMemory, issue) -> str:
    now = memory.digest(memory.digest(issue.title, issue.body), mem.plan_digest)
    return (f"The text of this goal was edited after @{mem.by} had it accepted, so that approval is void and nothing "
            f"new is started.\n\nRead it. Then type `/auton approve {now}` to go on with the present plan, or `/auton plan` to "
            "plan the new text.")


def broken(why_: str) -> str:
    return (f"My hidden state for this issue can't be read, so I leave it alone: {plain(why_, 400)}.\n\n"
            "Restore the comment from its edit history.")


# -- reasons ----------------------------------------------------------------------------------------------------------


def no_plan(mem: m.GoalMemory) -> str:
    runs = f"{mem.attempt} planning runs" if mem.attempt != 1 else "one planning run"
    return f"{runs} brought none that can be carried out; the last: {mem.reason or 'no answer'}"


def bad_plan(why_: list[str]) -> str:
    return plain("; ".join(why_), 600)


def stuck(tasks: dict[int, m.TaskMemory]) -> str:
    names = [f"#{n}" for n, t in tasks.items() if t.state in m.STUCK]
    return f"{', '.join(names) or 'a cancelled task'} holds up what is left"


def no_money(purse: budget.Purse, wanted: float, config) -> str:
    if not purse.day_is_over:
        left = dollars(max(0.0, purse.cap - purse.spent))
        return (f"the budget of {dollars(purse.cap)} has {left} left, too little for another run "
                f"(which may take up to {dollars(wanted)})")
    left = dollars(max(0.0, purse.day_left))
    return (f"today's budget of {dollars(config.budget.day_usd)} for all goals has {left} left, too little for another "
            "run; it goes on tomorrow (UTC)")


def lost(run) -> str:
    return f"the workflow run ended as {run.conclusion or 'nothing'} without an answer ({run.url or run.id})"


def ended_as(record: m.RunRecord) -> str:
    return {"limit": "the run reached its limit", "gave_up": "the agent gave up",
            "error": "the run failed", "lost": "the run died"}.get(record.status, "the run brought no verdict")


def conflict(paths) -> str:
    named = ", ".join(f"`{plain(path, 120)}`" for path in paths[:20])
    return f"the change does not merge with the default branch; it clashes in {named or 'its patch'}"


def red(checked: m.Verified) -> str:
    bad = [f"{arch} {verdict}" for arch, verdict in sorted(checked.archs.items()) if verdict != "PASS"]
    return f"CI is red: {', '.join(bad)}"


def infra(why_: str) -> str:
    return f"CI could not decide: {plain(why_.strip().splitlines()[0] if why_.strip() else NO_REPORT, 300)}"


def failures(found: tuple[m.Failure, ...], limit: int = 12_000) -> str:
    """The failed checks with their logs' tails, as the next attempt reads them."""
    room = max(400, limit // max(1, len(found)))
    parts = []
    for one in found:
        detail = one.detail if len(one.detail) <= room else "…" + one.detail[-room:]
        where = f" at {one.where}" if one.where else ""
        parts.append(f"{one.verdict} {one.arch}: {one.name}{where}\n{detail}".rstrip())
    return "\n\n".join(parts)[:limit]


def composition(task: int, others: tuple[int, ...], note: str) -> str:
    with_ = ", ".join(f"#{n}" for n in others) or "what is on the default branch"
    return f"composition failure: #{task} is green alone, and red together with {with_}\n\n{note}"


def composition_report(task: int, others: tuple[int, ...], why_: str) -> str:
    named = ", ".join(f"#{n}" for n in (*others, task))
    return (f"🧩 **Composition failure.** Each of these changes is green by itself; together they are red, and this is "
            f"the smallest set that shows it: {named}.\n\n{block(why_)}\n\nThe change goes back to be made to fit.")


def in_batch(tasks: list[int]) -> str:
    return "tested together: " + ", ".join(f"#{n}" for n in tasks)


def landed_as(merge: str) -> str:
    return f"landed as {short(merge)}"


def review_feedback(review) -> str:
    lines = [review.summary]
    lines += [f"{f.severity} {f.path}:{f.line}: {f.text}" for f in review.findings]
    return "\n".join(lines)[:12_000]


# -- what `apply` and the queue write ---------------------------------------------------------------------------------


def task_body(goal: int, task) -> str:
    wants = "\n".join(f"- {line}" for line in task.acceptance)
    after = f"\n\nAfter {', '.join(task.depends_on)}." if task.depends_on else ""
    return f"{task.body}\n\n**Done when**\n{wants}{after}\n\nA task of #{goal}." if wants else \
        f"{task.body}{after}\n\nA task of #{goal}."


def trailers(goal: int, task: int, attempt: int) -> list[str]:
    return [f"Auton-Goal: #{goal}", f"Auton-Task: #{task}", f"Auton-Attempt: {attempt}"]


def merge_message(title: str, goal: int, task: int, attempt: int, pull: int) -> str:
    subject = " ".join(title.split())[:70]
    seen = f"Pull request #{pull}.\n\n" if pull else ""
    return f"{subject}\n\n{seen}" + "\n".join(trailers(goal, task, attempt)) + "\n"


def model_message(recipe: str, sha256: str, lines: list[str]) -> str:
    return (f"Put in the model that CI has made of the recipe {recipe}\n\nsha256 {sha256}\n\n" + "\n".join(lines) + "\n")


def pull_title(title: str) -> str:
    return " ".join(title.split())[:200]


def pull_body(goal: int, task: int, attempt: int, role: str, summary: str) -> str:
    return (f"For #{task}, a task of #{goal}, by the {role}.\n\n{prose(summary) if summary else ''}\n\n"
            + "\n".join(trailers(goal, task, attempt)))


def run_comment(record: m.RunRecord, role: str, attempt: int, summary: str) -> str:
    usage = record.usage
    reason = f" ({plain(record.reason, 300)})" if record.reason else ""
    line = (f"**{role}**, attempt {attempt}: {record.status}{reason} · {took(record.seconds)} · {usage.calls} calls, "
            f"{usage.input_tokens} tokens in, {usage.output_tokens} out, {dollars(usage.cost_usd)} · `{record.model}`")
    parts = [line]
    if record.head:
        parts.append(f"Pushed {short(record.head)}" + (f" to #{record.pull}." if record.pull else "."))
    if record.conflict:
        parts.append("It does not apply: " + ", ".join(f"`{plain(p, 120)}`" for p in record.conflict))
    if summary:
        parts.append(prose(summary))
    if record.plan:
        rows = [[t.key, plain(t.title, 100), t.role, ", ".join(t.depends_on)] for t in record.plan.tasks]
        parts.append(table(["task", "", "role", "after"], rows))
    if record.review:
        parts.append(f"Verdict: **{record.review.verdict.replace('_', ' ')}**, {len(record.review.findings)} findings.")
    return "\n\n".join(parts)


def review_body(review, sha: str, outside: list) -> str:
    found = "\n".join(f"- **{f.severity}** `{plain(f.path, 200)}:{f.line}`: {plain(f.text, 1500)}" for f in outside)
    return (f"Verdict on {short(sha)}: **{review.verdict.replace('_', ' ')}**\n\n{prose(review.summary)}"
            + (f"\n\n{found}" if found else ""))


def finding(found) -> str:
    return f"**{found.severity}**: {plain(found.text, 3000)}"


def verify_title(record: m.VerifyRecord) -> str:
    return ", ".join(f"{arch} {verdict}" for arch, verdict in sorted(record.archs.items()))[:250]


def verify_text(record: m.VerifyRecord) -> str:
    return "\n\n".join(f"**{f.verdict} {plain(f.arch)}: {plain(f.name)}** {plain(f.where)}\n\n{block(f.detail, 2500)}"
                       for f in record.failures) or "Every check passed."
