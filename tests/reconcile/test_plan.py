"""Plans: only an acyclic, bounded plan with known roles may start."""

from hypothesis import given
from hypothesis import strategies as st

from bot.handoff import Plan, PlanTask
from bot.reconcile import plan

ROLES = {"manager": {"kernel_build"}, "developer": {"kernel_build"}, "data_scientist": {"slm_training"}}


def make(*tasks: tuple[str, list[str]], role: str = "developer") -> Plan:
    return Plan(summary="s", tasks=[PlanTask(key=k, title=k, role=role, body="b", depends_on=d) for k, d in tasks])


def test_a_good_plan_has_no_problems():
    assert plan.check(make(("t1", []), ("t2", ["t1"])), "kernel_build", 12, ROLES) == []


def test_each_fault_is_named():
    assert "more than once" in plan.check(make(("t1", []), ("t1", [])), "kernel_build", 12, ROLES)[0]
    assert "wait for each other: t1 → t2 → t1" in plan.check(make(("t1", ["t2"]), ("t2", ["t1"])), "dual", 12, ROLES)[0]
    assert "t1 → t1" in plan.check(make(("t1", ["t1"])), "dual", 12, ROLES)[0]
    assert "not in the plan" in plan.check(make(("t1", ["t9"])), "kernel_build", 12, ROLES)[0]
    assert "at most 1" in plan.check(make(("t1", []), ("t2", [])), "kernel_build", 1, ROLES)[0]
    for title in ("Fix #3: uptime is wrong", "Tidy the docs [skip ci]", "Date: tomorrow", "a\u202eb"):
        named = Plan(summary="s", tasks=[PlanTask(key="t1", title=title, role="developer", body="b", depends_on=[])])
        assert "t1: its title becomes a commit's subject, and " in plan.check(named, "kernel_build", 12, ROLES)[0]
    for role in ("data_scientist", "manager", "pirate"):
        assert "no role" in plan.check(make(("t1", []), role=role), "kernel_build", 12, ROLES)[0]


@given(st.lists(st.tuples(st.integers(1, 8), st.lists(st.integers(1, 8), max_size=4)), min_size=1, max_size=8))
def test_a_cycle_is_found_exactly_when_there_is_no_order(rows):
    tasks = {f"t{k}": [f"t{d}" for d in deps] for k, deps in rows}
    tasks = {k: [d for d in deps if d in tasks] for k, deps in tasks.items()}
    made = make(*tasks.items())
    reached: set[str] = set()
    while more := {k for k, deps in tasks.items() if k not in reached and set(deps) <= reached}:
        reached |= more
    cyclic = reached != set(tasks)
    assert any("wait" in p for p in plan.check(made, "dual", 12, ROLES)) == cyclic
    if not cyclic:
        ranks = {key: i for i, key in enumerate(plan.order(made))}
        assert all(ranks[d] < ranks[k] for k, deps in tasks.items() for d in deps)
