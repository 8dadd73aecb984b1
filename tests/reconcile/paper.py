"""A forge on paper: carries out actions on a snapshot in memory, so that `decide` can be tried thousands of times.

It keeps to what a forge promises (numbers grow, a comment is there once posted) and counts what must not happen twice.
Agents and CI answer when a test says so.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.config import Config, check
from bot.forge.records import Comment, Commit, Issue, WorkflowRun
from bot.handoff import Plan, Review, Usage
from bot.reconcile import compose, figures, integrate, memory
from bot.reconcile import model as m
from bot.reconcile.decide import decide
from bot.reconcile.slash import parse

BOT = "github-actions[bot]"
ROLES = {role: {"kernel_build"} for role in ("developer", "tester", "architect")}
START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def sha_of(*parts: str) -> str:
    return hashlib.sha1("/".join(parts).encode()).hexdigest()


def settings(**tables) -> Config:
    return check({"targets": {"x86_64": {"build": "make", "boot": "boot", "image": "k"}}, **tables}, "test")


class Paper:
    def __init__(self, config: Config | None = None, grace: float = 0.0):
        self.config = config or settings()
        self.now = START
        self.ids = itertools.count(100)
        self.numbers = itertools.count(1)
        main = sha_of("main")
        self.snap = m.Snapshot(bot=BOT, main=Commit(main, main), roles=ROLES, grace=grace)
        self.counts = Counter()
        self.bad: set[frozenset[int]] = set()
        """Sets of tasks that are red together on main; a set of one is red by itself."""
        self.landed: list[int] = []
        self.heads: dict[str, frozenset[int]] = {}
        """The tasks whose changes a commit holds."""
        self.begun: dict[int, str] = {}
        """The commit of main where a task's branch began."""
        self.measure: Callable[[frozenset[int]], float] | None = None
        """Milliseconds that a kernel with these tasks' changes takes to boot, if anybody measures."""

    # -- people -------------------------------------------------------------------------------------------------------

    def goal(self, title: str = "Goal", body: str = "Do it.", writer: bool = True, stranger: bool = False) -> int:
        number = next(self.numbers)
        issue = Issue(next(self.ids), number, title, body, "you", frozenset({"auton:goal"}), True, "t", "t")
        new = m.Goal(issue, None, starter="you", starter_may_write=writer, author_may_write=not stranger)
        self._put(goals={**self.snap.goals, number: new})
        return number

    def edit(self, goal: int, body: str) -> None:
        old = self.snap.goals[goal]
        self._put(goals={**self.snap.goals, goal: replace(old, issue=replace(old.issue, body=body))})

    def reopen(self, number: int) -> None:
        """A person opens again what the bot has closed."""
        self._part(number, issue=replace(self._issue(number), open=True), reopened=(next(self.ids), "you"))

    def type(self, number: int, text: str, writer: bool = True, who: str = "you") -> int:
        comment = Comment(next(self.ids), number, who, text, "t")
        self._put(commands=(*self.snap.commands, m.Command(comment, number, tuple(parse(text)), writer)))
        return comment.id

    # -- the bot ------------------------------------------------------------------------------------------------------

    def round(self, stop_after: int | None = None) -> list[m.Action]:
        """One round of decisions; with `stop_after` the process dies after that many actions."""
        self._read_queue()
        actions = decide(self.snap, self.config, self.now).actions
        for action in actions[:stop_after]:
            self.do(action)
        return actions

    def rest(self) -> None:
        """Rounds until nothing is left to do."""
        for _ in range(100):
            if not self.round():
                return
        raise AssertionError("decide never comes to rest")

    def do(self, action: m.Action) -> None:
        self.counts[type(action).__name__, getattr(action, "key", getattr(action, "sha", ""))] += 1
        match action:
            case m.Remember():
                body = memory.body(action.text, action.memory)
                parts = self.snap.goals if action.issue in self.snap.goals else self.snap.tasks
                old = parts[action.issue].sticky
                sticky = replace(old, body=body) if old else Comment(next(self.ids), action.issue, BOT, body, "t")
                self._part(action.issue, memory=action.memory, sticky=sticky)
            case m.Label():
                issue = self._issue(action.issue)
                labels = (issue.labels | set(action.add)) - set(action.remove)
                self._part(action.issue, issue=replace(issue, labels=labels))
            case m.OpenTask():
                number = next(self.numbers)
                issue = Issue(next(self.ids), number, action.title, action.body, BOT, frozenset(action.labels), True,
                              "t", "t")
                self._put(tasks={**self.snap.tasks, number: m.Task(issue, action.goal, action.key, None)})
            case m.StartAgent() | m.StartVerify():
                run = WorkflowRun(next(self.ids), action.key, "queued", None, self._at, self._at)
                self._put(runs={**self.snap.runs, action.key: run})
            case m.Say():
                self._put(notices=self.snap.notices | {action.key})
            case m.React():
                self._reacted(action)
            case m.Close():
                self._part(action.issue, issue=replace(self._issue(action.issue), open=False))
            case m.PushBatch():
                self._put(refs={**self.snap.refs, action.name: action.sha})
            case m.DropBatch():
                self._put(refs={name: sha for name, sha in self.snap.refs.items() if name != action.name})
            case m.Advance():
                assert self.tested_green(action.sha), "main was moved to a tree that was not seen green"
                held = self.heads[action.sha] - self.heads.get(self.snap.main.sha, frozenset())
                self.landed += [link.task for link in self.snap.chain if link.task in held]
                self._put(main=Commit(action.sha, action.sha))

    def tested_green(self, sha: str) -> bool:
        keys = (f"v-{sha}", f"v-{sha}-2")
        whole = any(key in self.snap.verdicts and self.snap.verdicts[key].state == "green" for key in keys)
        return whole or any(t.memory and t.memory.verify and t.memory.verify.state == "green"
                            and t.memory.verify.sha == self.snap.trees.get(sha) for t in self.snap.tasks.values())

    # -- agents and CI ------------------------------------------------------------------------------------------------

    def waiting(self) -> list[str]:
        """Names of the runs that have not ended."""
        return [name for name, run in self.snap.runs.items() if not run.done]

    def lose(self, name: str) -> None:
        """The run ends without a word."""
        run = replace(self.snap.runs[name], status="completed", conclusion="cancelled", updated=self._at)
        self._put(runs={**self.snap.runs, name: run})

    def forget(self, name: str) -> None:
        """The dispatch never became a run."""
        self._put(runs={n: run for n, run in self.snap.runs.items() if n != name})

    def answer(self, name: str, cost: float = 0.01, status: str = "submitted", reason: str = "",
               plan: dict | None = None, review: str = "approve", change: bool = True) -> None:
        """The agent run ends with this result, as `apply` would record it."""
        role = name.rpartition("-")[2]
        record = m.RunRecord(key=name, status=status, reason=reason, usage=Usage(calls=1, cost_usd=cost), seconds=1)
        if role == "manager" and status == "submitted":
            record = record.but(plan=Plan.model_validate(plan))
        elif role == "reviewer" and status == "submitted":
            record = record.but(review=Review(verdict=review, summary="Read."))
        elif change and role != "manager":
            number = int(name.split("-")[1][1:])
            head = sha_of(name)
            self.begun[number] = self.snap.main.sha
            self.heads[head] = self.heads.get(self.snap.main.sha, frozenset()) | {number}
            record = record.but(head=head, pull=1000 + number)
        self.lose(name)
        self._put(records={**self.snap.records, name: record})

    def judge(self, name: str, verdict: str | None = None) -> None:
        """CI ends; without `verdict` by whether what the commit holds is bad."""
        held = self.heads.get(name[2:42], frozenset())
        found = verdict or ("FAIL" if any(bad <= held for bad in self.bad) else "PASS")
        failures = () if found == "PASS" else (m.Failure(arch="x86_64", name="boot", verdict=found, detail="log"),)
        self.lose(name)
        seen = {"x86_64": {"boot_ms": self.measure(held)}} if self.measure else {}
        record = m.VerifyRecord(key=name, archs={"x86_64": found}, failures=failures, figures=seen)
        self._put(verdicts={**self.snap.verdicts, name: record})

    # -- looking on ---------------------------------------------------------------------------------------------------

    def memory(self, number: int):
        return (self.snap.goals.get(number) or self.snap.tasks[number]).memory

    def task(self, key: str) -> int:
        """The issue of task `key` of the latest plan."""
        return max(n for n, t in self.snap.tasks.items() if t.key.endswith("." + key))

    def spent(self) -> float:
        parts = [*self.snap.goals.values(), *self.snap.tasks.values()]
        return sum(part.memory.cost for part in parts if part.memory)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # -- the parts ----------------------------------------------------------------------------------------------------

    @property
    def _at(self) -> str:
        return m.now_text(self.now)

    def _put(self, **what) -> None:
        self.snap = replace(self.snap, **what)

    def _issue(self, number: int) -> Issue:
        return (self.snap.goals.get(number) or self.snap.tasks[number]).issue

    def _part(self, number: int, **what) -> None:
        name = "goals" if number in self.snap.goals else "tasks"
        parts = getattr(self.snap, name)
        self._put(**{name: {**parts, number: replace(parts[number], **what)}})

    def _reacted(self, action: m.React) -> None:
        mark = {action.content: 1}
        commands = [replace(c, comment=replace(c.comment, **mark)) if c.comment.id == action.comment else c
                    for c in self.snap.commands]
        self._put(commands=tuple(c for c in commands if not (c.comment.rocket or c.comment.confused)))

    def _read_queue(self) -> None:
        """The queue merged on main, as the snapshot reads it with git."""
        memories = {n: t.memory for n, t in self.snap.tasks.items() if t.memory}
        line = integrate.order(memories, {n: g.memory for n, g in self.snap.goals.items() if g.memory})
        tip, links, merged, trees = self.snap.main.sha, [], {}, {}
        held = self.heads.get(tip, frozenset())
        for number in line:
            head = memories[number].head
            if number in held:
                merged[number] = self.snap.main.sha
                continue
            held = held | {number}
            tip = sha_of(tip, head)
            self.heads[tip] = held
            links.append(m.Link(number, tip, tip))
            trees[tip] = tip
        trees |= {sha: sha for name, sha in self.snap.refs.items() if name.startswith(integrate.QUEUE)}
        searches = {n: self._search(n) for n, t in memories.items() if t.state == "queued" and t.composing}
        bases = {n: self.begun[n] for n in line}
        self._put(chain=tuple(links), merged=merged, trees=trees, bases=bases, clash=None, searches=searches)

    def _search(self, number: int) -> m.Composition:
        def commit(part: tuple[int, ...]) -> str:
            sha = sha_of("try", *map(str, part), str(number), self.memory(number).head)
            self.heads[sha] = frozenset({*part, number})
            return sha

        def state(part: tuple[int, ...]) -> str:
            memories = {n: t.memory for n, t in self.snap.tasks.items() if t.memory}
            ground = integrate.measured(self.snap.verdicts, memories, self.begun[number])
            adds = [memories[n].adds for n in part] + [integrate.growth(memories[number], ground)]
            return integrate.tested(self.snap.verdicts, self.snap.runs, commit(part), figures.together(ground, adds), self.config.queue)

        def red(part: tuple[int, ...]) -> bool | None:
            found = state(part)
            return None if found in ("unknown", "pending", "rerun") else found == "red"

        search = compose.smallest(tuple(n for n in self.landed if n != number), red)
        if search.test is None:
            return m.Composition(search.found)
        return m.Composition(sha=commit(search.test), state=state(search.test))
