"""All writing: carries out the actions that were decided on, in order. Reads nothing but what a write answers.

Each write is idempotent on the forge or was searched for by its key in the snapshot, which no other tick can have
outdated: ticks hold the lock (`lock.py`). A write that finds the world changed raises `Outdated`: look again.
"""

from collections.abc import Callable
from datetime import datetime

from bot.config import Config
from bot.errors import ConfigError
from bot.forge.client import Forge
from bot.forge.git import Git
from bot.forge.records import Comment
from bot.reconcile import labels, memory, sticky
from bot.reconcile import model as m
from bot.reconcile.snapshot import AGENT, VERIFY
from bot.slm.recipe import PIPELINE


class Outdated(Exception):
    """The forge is not as the snapshot says; nothing is wrong, look again."""


def comment(forge: Forge, config: Config, issue: int, body: str) -> Comment:
    """Post a comment, and see that it is one which we shall believe later on."""
    posted = forge.create_comment(issue, body)
    if posted.author != config.forge.bot:
        forge.delete_comment(posted.id)
        raise ConfigError(f"expected to write as {config.forge.bot} ([forge] bot in auton.toml), found that this token "
                          f"is {posted.author}'s", f'set bot = "{posted.author}" there, or use the other token')
    return posted


class Acts:
    """Performs actions, one method each, found by the action's type."""

    def __init__(self, forge: Forge, git: Git, config: Config, tell: Callable[[str], None]):
        self.forge, self.git, self.config, self.tell = forge, git, config, tell
        self.started: dict[str, datetime] = {}
        """Keys dispatched by this process, so that a run which is slow to show is not started twice."""

    def perform(self, actions: list[m.Action], now: datetime) -> None:
        for action in actions:
            self.tell(describe(action))
            PERFORM[type(action)](self, action, now)

    def _dispatch(self, workflow: str, key: str, inputs: dict, now: datetime) -> None:
        self.started[key] = now
        self.forge.dispatch(workflow, {"key": key, **inputs})

    def start_agent(self, a: m.StartAgent, now: datetime) -> None:
        self._dispatch(AGENT, a.key, {"goal": str(a.goal), "task": str(a.task or ""), "role": a.role,
                                      "attempt": str(a.attempt)}, now)

    def start_verify(self, a: m.StartVerify, now: datetime) -> None:
        """One job for each architecture; on the local forge, where all jobs share one machine, one for all of them. One
        more for the model, when the commit has another pipeline, recipe or model than main."""
        import json

        archs = list(self.config.targets)
        model = self.forge.subtree(a.sha, PIPELINE)
        touched = model is not None and model != self.forge.subtree(self.forge.default_branch, PIPELINE)
        self._dispatch(VERIFY, a.key, {"sha": a.sha, "slm": "true" if touched else "false",
                                       "archs": json.dumps([" ".join(archs)] if self.forge.local else archs)}, now)

    def remember(self, a: m.Remember, now: datetime) -> None:
        body = memory.body(a.text, a.memory)
        if a.comment is None:
            comment(self.forge, self.config, a.issue, body)
        else:
            self.forge.edit_comment(a.comment, body)

    def say(self, a: m.Say, now: datetime) -> None:
        comment(self.forge, self.config, a.issue, memory.notice(a.body, a.key))

    def label(self, a: m.Label, now: datetime) -> None:
        if a.add:
            self.forge.add_labels(a.issue, list(a.add))
        for name in a.remove:
            self.forge.remove_label(a.issue, name)

    def open_task(self, a: m.OpenTask, now: datetime) -> None:
        body = sticky.render(a.body, {"kind": "task", "goal": a.goal, "key": a.key})
        self.forge.create_issue(a.title, body, list(a.labels))

    def link_task(self, a: m.LinkTask, now: datetime) -> None:
        self.forge.add_sub_issue(a.goal, a.task_id)
        for blocker in a.blocked_by:
            self.forge.add_blocked_by(a.task, blocker)

    def push_batch(self, a: m.PushBatch, now: datetime) -> None:
        if not self.git.push(a.sha, a.name):
            raise Outdated(a.name)

    def advance(self, a: m.Advance, now: datetime) -> None:
        if not self.git.push(a.sha, f"refs/heads/{self.forge.default_branch}"):
            raise Outdated(self.forge.default_branch)

    def make_labels(self, a: m.MakeLabels, now: datetime) -> None:
        there = self.forge.label_names()
        for name, color, text in labels.LABELS:
            if name not in there:
                self.forge.create_label(name, color, text)


PERFORM: dict[type, Callable] = {
    m.StartAgent: Acts.start_agent,
    m.StartVerify: Acts.start_verify,
    m.Remember: Acts.remember,
    m.Label: Acts.label,
    m.OpenTask: Acts.open_task,
    m.LinkTask: Acts.link_task,
    m.PushBatch: Acts.push_batch,
    m.Advance: Acts.advance,
    m.MakeLabels: Acts.make_labels,
    m.ResumeRun: lambda s, a, now: s.forge.rerun_failed_jobs(a.run),
    m.CancelRun: lambda s, a, now: s.forge.cancel_run(a.run),
    m.Say: Acts.say,
    m.React: lambda s, a, now: s.forge.react(a.comment, a.content),
    m.Close: lambda s, a, now: s.forge.close_issue(a.issue, "completed" if a.completed else "not_planned"),
    m.ClosePull: lambda s, a, now: s.forge.close_pull(a.pull),
    m.SetStatus: lambda s, a, now: s.forge.set_status(a.sha, a.context, a.state, a.description),
    m.DropBatch: lambda s, a, now: s.forge.delete_ref(a.name),
}


def describe(action: m.Action) -> str:
    """One line for the log of the tick."""
    shown = {k: v for k, v in vars(action).items() if k not in ("text", "body", "memory", "comment")}
    if isinstance(action, m.Remember):
        shown["state"] = action.memory.state
    return f"{type(action).__name__} " + " ".join(f"{k}={v}" for k, v in shown.items())
