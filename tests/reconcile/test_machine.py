"""Whatever happens in whatever order, the promises hold: hypothesis plays people, agents, CI and deaths."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.reconcile import model as m
from tests.reconcile import paper as paper_forge
from tests.reconcile.world import plan

PLANS = [plan(("t1", "developer")), plan(("t1", "developer"), ("t2", "tester", "t1")),
         plan(("t1", "developer"), ("t2", "developer"), ("t3", "tester", "t1", "t2")),
         plan(("t1", "wizard"))]
COMMANDS = ["/auton retry", "/auton retry from=build", "/auton retry from=review model=x/y", "/auton hold",
            "/auton unhold", "/auton stop", "/auton priority 5", "/auton budget $1", "/auton budget $9", "/auton plan",
            "/auton approve", "/auton status", "/auton explain", "/auton help", "/auton rety", "/auton cancel"]


class Anything(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        config = paper_forge.settings(workflow={"max_attempts": 2}, agents={"cost_usd": 1.0}, budget={"day_usd": 15.0})
        self.paper = paper_forge.Paper(config)
        self.paper.goal()
        self.forgotten: set[str] = set()
        self.highest_cap = config.budget.goal_usd

    def _waiting(self, data, agents: bool) -> str | None:
        names = [name for name in self.paper.waiting() if name.startswith("g") == agents]
        return data.draw(st.sampled_from(names)) if names else None

    @rule()
    def another_goal(self):
        if len(self.paper.snap.goals) < 3:
            self.paper.goal()

    @rule(stop=st.none() | st.integers(0, 12))
    def tick(self, stop):
        self.paper.round(stop)

    @rule(data=st.data(), status=st.sampled_from(["submitted"] * 4 + ["gave_up", "limit", "error"]),
          review=st.sampled_from(["approve", "approve", "request_changes"]), change=st.booleans(),
          cost=st.floats(0, 1), work=st.sampled_from(PLANS))
    def agent_answers(self, data, status, change, review, cost, work):
        if name := self._waiting(data, True):
            cost = min(cost, self._reserved(name))
            self.paper.answer(name, cost, status, "" if status == "submitted" else "why", work, review, change)

    @rule(data=st.data(), verdict=st.sampled_from([None, None, None, "FAIL", "BUILD", "INFRA"]))
    def ci_answers(self, data, verdict):
        if name := self._waiting(data, False):
            self.paper.judge(name, verdict)

    @rule(data=st.data())
    def a_run_is_lost(self, data):
        names = self.paper.waiting()
        if names:
            self.paper.lose(data.draw(st.sampled_from(names)))

    @rule(data=st.data())
    def a_dispatch_is_lost(self, data):
        names = self.paper.waiting()
        if names:
            name = data.draw(st.sampled_from(names))
            self.forgotten.add(name)
            self.paper.forget(name)

    @rule(data=st.data(), text=st.sampled_from(COMMANDS), writer=st.sampled_from([True, True, True, False]))
    def a_command_is_typed(self, data, text, writer):
        snap = self.paper.snap
        self.paper.type(data.draw(st.sampled_from([*snap.goals, *snap.tasks])), text, writer)
        if text == "/auton budget $9":
            self.highest_cap = 9.0

    @precondition(lambda self: any(not one.issue.open for one in self._parts()))
    @rule(data=st.data())
    def a_closed_issue_is_opened_again(self, data):
        self.paper.reopen(data.draw(st.sampled_from([one.issue.number for one in self._parts() if not one.issue.open])))

    def _parts(self) -> list:
        return [*self.paper.snap.goals.values(), *self.paper.snap.tasks.values()]

    @rule(data=st.data(), body=st.sampled_from(["Do it.", "Do that."]))
    def a_goal_is_edited(self, data, body):
        self.paper.edit(data.draw(st.sampled_from(sorted(self.paper.snap.goals))), body)

    @precondition(lambda self: len(self.paper.snap.tasks) > 1)
    @rule(data=st.data())
    def two_changes_do_not_go_together(self, data):
        pair = data.draw(st.lists(st.sampled_from(sorted(self.paper.snap.tasks)), min_size=2, max_size=2, unique=True))
        self.paper.bad.add(frozenset(pair))

    @rule()
    def time_goes_by(self):
        self.paper.later(3600)

    def _reserved(self, name: str) -> float:
        parts = [*self.paper.snap.goals.values(), *self.paper.snap.tasks.values()]
        return next((run.reserved for part in parts if part.memory for run in part.memory.runs if run.key == name), 0.0)

    @invariant()
    def money_keeps_to_its_caps(self):
        for number, goal in self.paper.snap.goals.items():
            mine = [t.memory for t in self.paper.snap.tasks.values() if t.goal == number and t.memory]
            spent = sum(one.cost for one in (goal.memory, *mine) if one)
            assert spent <= self.highest_cap + 1e-6

    @invariant()
    def nothing_is_done_twice(self):
        for (kind, key), count in self.paper.counts.items():
            if kind in ("OpenTask", "Say") or (kind == "StartAgent" and key not in self.forgotten):
                assert count == 1, f"{kind} {key} {count} times"

    @invariant()
    def keys_of_runs_are_unique(self):
        parts = [*self.paper.snap.goals.values(), *self.paper.snap.tasks.values()]
        keys = [run.key for part in parts if part.memory for run in part.memory.runs]
        assert len(keys) == len(set(keys))

    @invariant()
    def what_has_landed_is_on_main(self):
        held = self.paper.heads.get(self.paper.snap.main.sha, frozenset())
        landed = {n for n, t in self.paper.snap.tasks.items() if t.memory and t.memory.state == "landed"}
        assert landed <= held

    def teardown(self):
        """Once everybody answers and nobody does anything else, it comes to rest where a person can see why."""
        paper = self.paper
        for _ in range(200):
            paper.rest()
            names = paper.waiting()
            if not names:
                break
            for name in names:
                if name.startswith("v-"):
                    paper.judge(name)
                else:
                    paper.answer(name, 0.0, plan=PLANS[0])
        else:
            raise AssertionError("it never comes to rest")
        for number, goal in paper.snap.goals.items():
            mem = goal.memory
            tasks = [t.memory for t in paper.snap.tasks.values() if t.goal == number and t.memory]
            held = mem.held or mem.voided or any(t.held for t in tasks)
            assert held or mem.state in ("done", "cancelled", "blocked"), f"goal {number} rests as {mem.state}"
            assert f"auton:{mem.state}" in goal.issue.labels
            assert goal.issue.open == (mem.state not in m.OVER)
            if mem.state == "blocked":
                assert any(key.startswith(f"g{number}-") for key in paper.snap.notices)
        for part in self._parts():
            if part.memory and part.memory.state in m.OVER and part.reopened:
                assert f"reopened-{part.issue.number}-{part.reopened[0]}" in paper.snap.notices
        assert not paper.snap.commands, "a command was not answered"
        assert isinstance(paper.snap, m.Snapshot)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True,
                                 suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
