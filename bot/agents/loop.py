"""The one loop that every role runs in: ask the model, do what it says, show it what happened, until it submits.

The history only grows, and trajectory.jsonl holds every step the moment it is over. Whatever ends the run
leaves the loop as an exception that carries its reason: Submitted (the work is handed in) or Ended (a limit,
a stuck or unintelligible model, an error). Files are written by bot/agents/session.py, not here.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.agents import roles, session
from bot.agents.model import Answer, Message, Model, ModelFailed, add
from bot.agents.tools import Malformed, Tool, ToolError, clip
from bot.agents.tools.submit import SentBack, Submitted
from bot.agents.workplace import Workplace
from bot.config import Config
from bot.handoff import Brief, Result, Usage
from bot.spans import Span, noted

UNPARSABLE = 3
"""So many answers in a row without a call that can be carried out end the run."""
SENT_BACK = 3
"""So many times the work is given back because the screen would refuse it; then it ends the run as it is."""
NO_CALL = ("Your answer held no tool call, so nothing was done. Answer with at least one tool call; "
           "when everything is done, call submit.")


DIED = "the agent's process died before it was done"


class Ended(Exception):
    """The run is over without a submission. `status` is a Result's: gave_up, limit, error or lost."""

    def __init__(self, status: str, reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


def run(brief: Brief, worktree: Path, out: Path, model: Model, config: Config) -> Result:
    """Run the agent that `brief` describes in `worktree`; write its files below `out` and return the result."""
    role = roles.load(brief.role)
    steps = min(brief.limits.steps, role.steps or brief.limits.steps)
    brief = brief.model_copy(update={"limits": brief.limits.model_copy(update={"steps": steps})})
    work = Workplace.at(worktree, brief, config, role.read_only)
    timed = replace(work, ends=time.monotonic() + brief.limits.seconds)
    with session.Trajectory(out, brief, model, role) as trajectory:
        agent = Agent(timed, role, model, trajectory)
        try:
            agent.work()
        except Submitted as submitted:
            return session.finish(work, out, trajectory, agent.result(submitted))
        except Ended as ended:
            return session.finish(work, out, trajectory, agent.result(ended))


class Agent:
    """One run in progress: its history, what it has used, and what it last did."""

    def __init__(self, work: Workplace, role: roles.Role, model: Model, trajectory: session.Trajectory):
        self.workplace, self.model, self.trajectory = work, model, trajectory
        self.limits = work.brief.limits
        self.tools: dict[str, Tool] = role.toolset()
        self.schemas = [tool.schema() for tool in self.tools.values()]
        self.messages: list[Message] = []
        self.usage = Usage()
        self.waited: list[Span] = []
        self.started = work.ends - self.limits.seconds
        self.pairs: list[str] = []
        self.unparsable = self.sent_back = 0
        for message in role.opening(work):
            self.say(message)

    def work(self) -> None:
        """Step until something is raised."""
        for _ in range(self.limits.steps):
            self.step()
        raise Ended("limit", f"{self.limits.steps} steps were taken without a submission")

    def step(self) -> None:
        answer = self.ask()
        self.say(answer.message(), usage=answer.usage.model_dump())
        if not answer.calls:
            self.stumbled()
            return self.say({"role": "user", "content": NO_CALL})
        done = [self.act(call.name, call.arguments, call.id) for call in answer.calls if self.seconds_left()]
        if all(kind == "malformed" for kind, _ in done):
            self.stumbled()
        else:
            self.unparsable = 0
        self.watch(json.dumps([[c.name, c.arguments] for c in answer.calls]) + json.dumps(done))

    def ask(self) -> Answer:
        """One answer within what is left of money and time; failed calls are charged too."""
        seconds = self.seconds_left()
        if self.usage.cost_usd >= self.limits.cost_usd:
            raise Ended("limit", f"the run's ${self.limits.cost_usd:.2f} are spent")
        self.trajectory.keep(self.result(Ended("lost", DIED), in_flight=True))
        try:
            with noted(self.waited):
                answer = self.model.ask(self.messages, self.schemas, seconds=seconds,
                                        budget=self.limits.cost_usd - self.usage.cost_usd)
        except ModelFailed as failed:
            self.usage = add(self.usage, failed.usage)
            raise Ended("limit" if failed.limit else "error", str(failed)) from None
        self.usage = add(self.usage, answer.usage)
        self.trajectory.keep(self.result(Ended("lost", DIED)))
        return answer

    def seconds_left(self) -> float:
        left = self.workplace.ends - time.monotonic()
        if left <= 0:
            raise Ended("limit", f"the run's {self.limits.seconds} s are over")
        return left

    def act(self, name: str, arguments: str, call_id: str) -> tuple[str, str]:
        """Carry out one call and put its observation into the history: (ok, wrong or malformed; the text)."""
        start = time.monotonic()
        try:
            if name not in self.tools:
                raise Malformed(f"expected a tool among {', '.join(self.tools)}; found {name or 'no name'}")
            tool = self.tools[name]
            with noted([] if tool.quick else self.waited):
                kind, text = "ok", tool.call(self.workplace, arguments)
        except (ToolError, OSError, ValueError, RecursionError) as error:
            self.sent_back += isinstance(error, SentBack)
            if isinstance(error, SentBack) and self.sent_back > SENT_BACK:
                raise error.submitted from None
            kind, text = "malformed" if isinstance(error, Malformed) else "wrong", clip(f"error: {error}")
        self.say({"role": "tool", "tool_call_id": call_id, "content": text},
                 seconds=round(time.monotonic() - start, 3))
        return kind, text

    def say(self, message: Message, **more: Any) -> None:
        self.messages.append(message)
        self.trajectory.write("message", message=message, **more)

    def stumbled(self) -> None:
        self.unparsable += 1
        if self.unparsable >= UNPARSABLE:
            raise Ended("gave_up", f"{UNPARSABLE} answers in a row held no call that could be carried out")

    def watch(self, pair: str) -> None:
        """Stop a run that goes in circles: four times the same action and observation, or two taking turns."""
        self.pairs.append(pair)
        last = self.pairs[-6:]
        if len(last) >= 4 and len(set(last[-4:])) == 1:
            raise Ended("gave_up", "the same action gave the same result four times in a row")
        if len(last) == 6 and len(set(last)) == 2 and last[::2] == [last[0]] * 3 and last[1::2] == [last[1]] * 3:
            raise Ended("gave_up", "two actions took turns three times with the same results")

    def result(self, end: Submitted | Ended, in_flight: bool = False) -> Result:
        """What the run has come to. With a call `in_flight` it counts for all that it may cost."""
        brief = self.workplace.brief
        usage = self.usage
        if in_flight:
            usage = usage.model_copy(update={"calls": usage.calls + 1, "cost_usd": self.limits.cost_usd})
        common = {"key": brief.key, "role": brief.role, "goal": brief.goal, "task": brief.task,
                  "attempt": brief.attempt, "model": brief.model, "head_sha": brief.head_sha,
                  "usage": usage, "seconds": round(time.monotonic() - self.started, 2),
                  "waited": self.waited[-1000:]}
        if isinstance(end, Ended):
            return Result(status=end.status, reason=end.reason, **common)
        if end.gave_up:
            return Result(status="gave_up", reason=end.summary.splitlines()[0][:500], summary=end.summary, **common)
        return Result(status="submitted", summary=end.summary, plan=end.plan, review=end.review, **common)
