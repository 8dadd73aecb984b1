"""The end of a run: what each kind of role must hand in. A role's file says which of these is its `submit`."""

from typing import Annotated

from pydantic import Field, ValidationError

from bot.agents.tools import ToolError, git, tool
from bot.agents.workplace import Workplace
from bot.handoff import Finding, Plan, PlanTask, Review
from bot.reconcile.plan import check


class Submitted(Exception):
    """The run is over: what was handed in."""

    def __init__(self, summary: str, plan: Plan | None = None, review: Review | None = None, gave_up: bool = False):
        super().__init__(summary)
        self.summary, self.plan, self.review, self.gave_up = summary, plan, review, gave_up


class SentBack(ToolError):
    """The screen would refuse this work, so it is given back to be mended. `submitted` ends the run all the same."""

    def __init__(self, text: str, submitted: Submitted):
        super().__init__(text)
        self.submitted = submitted


@tool(name="submit")
def submit_plan(at: Workplace,
                summary: Annotated[str, Field(min_length=10, max_length=2000, description=(
                    "two to five sentences for those who read the goal: what will be done, and how it is proved"))],
                tasks: Annotated[list[PlanTask], Field(min_length=1, description=(
                    "keys t1, t2, …; depends_on names the keys of tasks that must be landed before"))]) -> str:
    """Hand in the plan. This ends the run."""
    from bot.agents import roles

    plan = Plan(summary=summary, tasks=tasks)
    workflow = at.config.workflow
    problems = check(plan, at.brief.mode, workflow.max_tasks, roles.plannable())
    problems += [f"{task.key}: expected a body and at least one acceptance line"
                 for task in tasks if not task.body.strip() or not task.acceptance]
    if problems:
        raise ToolError("the plan was not accepted:\n" + "\n".join(problems))
    raise Submitted(summary, plan=plan)


@tool(name="submit")
def submit_review(at: Workplace,
                  verdict: Annotated[str, Field(pattern="^(approve|request_changes)$")],
                  summary: Annotated[str, Field(min_length=10, max_length=4000, description=(
                      "what you checked and what you found, in a few sentences"))],
                  findings: Annotated[list[Finding], Field(max_length=50, description=(
                      "each at a line of the new version of a changed file"))] = []) -> str:  # noqa: B006
    """Hand in the review. This ends the run. request_changes needs at least one blocker or major finding."""
    serious = [finding for finding in findings if finding.severity != "minor"]
    if verdict == "request_changes" and not serious:
        raise ToolError("request_changes: expected at least one finding that is a blocker or major; "
                        "a change with minor findings only is approved")
    if verdict == "approve" and any(finding.severity == "blocker" for finding in findings):
        raise ToolError("approve: found a blocker among the findings; request changes, or lower its severity")
    changed = set(at.git("diff", "--name-only", "-z", f"{at.brief.base_sha}...HEAD").split("\0"))
    strange = sorted({finding.path for finding in findings} - changed)
    if strange:
        raise ToolError(f"findings: expected paths that this branch changes, found {', '.join(strange)}; "
                        f"changed are: {', '.join(sorted(changed - {''}))}")
    try:
        review = Review(verdict=verdict, summary=summary, findings=findings)
    except ValidationError as error:
        raise ToolError(str(error)) from None
    raise Submitted(summary, review=review)


@tool(name="submit")
def submit_work(at: Workplace,
                summary: Annotated[str, Field(min_length=10, max_length=4000, description=(
                    "what was changed and why, how it was checked, what a reviewer should look at; for each point of "
                    "feedback, how it was answered"))],
                gave_up: Annotated[bool, Field(description="true if the task can't be done; say why")] = False) -> str:
    """Hand in your work: everything in the worktree, committed or not, becomes a pull request. This ends the run, unless
    the screen refuses the patch: then the answer says why, so that you can mend it."""
    if gave_up:
        raise Submitted(summary, gave_up=True)
    title = at.brief.task_title or at.brief.goal_title
    git.commit(at, title)
    change = _change(at)
    reasons = git.refusals(at, change, summary)
    what = "the change can't be taken as it is:\n"
    if reasons and not git.refusals(at, change):
        what = "summary: "
    elif reasons:  # perhaps an earlier commit has what the last one mended
        git.squash(at, title)
        reasons = git.refusals(at, _change(at), summary)
    submitted = Submitted(summary)
    if reasons:
        raise SentBack(what + "\n".join(reasons[:20]), submitted)
    raise submitted


def _change(at: Workplace) -> bytes:
    if change := git.patch(at):
        return change
    raise ToolError("expected at least one changed file, found none; do the task first, or call submit with "
                    "gave_up=true and say why it can't be done")
