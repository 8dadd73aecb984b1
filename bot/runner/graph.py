"""A run's jobs as a graph: the matrix of one, what became of those it needs, and how the whole ended. Pure.

Source: GitHub's "Workflow syntax" (strategy.matrix, needs, continue-on-error) and "Status check functions".
"""

import itertools
from typing import Any

from bot.runner.evaluate import equals, to_number, to_string, truthy
from bot.runner.store import Row
from bot.runner.template import Scope, expand
from bot.runner.workflow import Workflow

MAX_MATRIX = 256


class MatrixError(Exception):
    """A strategy that gives no job, or too many."""


def combinations(matrix: Any) -> list[dict[str, Any]]:
    """The jobs of an expanded `matrix:`: the product of its lists, less `exclude`, then `include` in order."""
    if not isinstance(matrix, dict):
        raise MatrixError(f"matrix: expected a mapping, found {to_string(matrix)[:80]!r}")
    include, exclude = matrix.get("include") or [], matrix.get("exclude") or []
    axes = {key: value for key, value in matrix.items() if key not in ("include", "exclude")}
    for key, values in axes.items():
        if not isinstance(values, list) or not values:
            raise MatrixError(f"Matrix vector '{key}' does not contain any values")
    for key, entries in (("include", include), ("exclude", exclude)):
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise MatrixError(f"matrix.{key}: expected a list of mappings")
    size = 1
    for values in axes.values():
        size *= len(values)
        if size > MAX_MATRIX:
            raise MatrixError(f"expected at most {MAX_MATRIX} jobs from a matrix")
    product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    originals = [each for each in product if not any(_fits(entry, each) for entry in exclude)]
    jobs = [dict(each) for each in originals]
    for entry in include:
        hits = [job for job, original in zip(jobs, originals, strict=False)
                if all(key not in original or _same(original[key], value) for key, value in entry.items())]
        for job in hits:
            job.update(entry)
        if not hits:
            jobs.append(dict(entry))
    if not jobs:
        raise MatrixError("the matrix does not give any job")
    if len(jobs) > MAX_MATRIX:
        raise MatrixError(f"expected at most {MAX_MATRIX} jobs from a matrix, found {len(jobs)}")
    return jobs


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return equals(left, right)


def _fits(entry: dict, job: dict) -> bool:
    """An `exclude` entry fits a job when all that it names is so."""
    return bool(entry) and all(key in job and _same(job[key], value) for key, value in entry.items())


def strategies(strategy: dict[str, Any], scope: Scope) -> list[tuple[dict, dict]]:
    """(matrix, strategy context) for each job that a `strategy:` makes; one with an empty matrix without one."""
    values = expand(strategy, scope)
    jobs = combinations(values["matrix"]) if values.get("matrix") is not None else [{}]
    most = to_number(values.get("max-parallel"))
    most = int(most) if most == most and most >= 1 else len(jobs)
    fail_fast = truthy(values.get("fail-fast", True))
    return [(job, {"fail-fast": fail_fast, "job-index": index, "job-total": len(jobs), "max-parallel": most})
            for index, job in enumerate(jobs)]


def default_name(key: str, matrix: dict[str, Any]) -> str:
    """`build (x86_64, debug)`: a matrix job that names itself no better."""
    values = []
    for value in matrix.values():
        values += [to_string(each) for each in (value.values() if isinstance(value, dict) else [value])]
    return f"{key} ({', '.join(values)})" if matrix else key


def results(rows: list[Row]) -> dict[str, str]:
    """key → result of every job of which all rows are done."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row["key"], []).append(row)
    done = {}
    for key, each in by_key.items():
        if all(row["status"] == "completed" for row in each):
            found = {row["result"] for row in each}
            done[key] = next((one for one in ("failure", "cancelled", "success") if one in found), "skipped")
    return done


def outputs(rows: list[Row], key: str) -> dict[str, str]:
    """The outputs of job `key`; of a matrix's, the last one to set a value has it."""
    merged: dict[str, str] = {}
    for row in sorted((row for row in rows if row["key"] == key), key=lambda row: row["completed_at"] or ""):
        merged |= {name: value for name, value in row["outputs"].items() if value or name not in merged}
    return merged


def ancestors(workflow: Workflow, key: str) -> set[str]:
    found: set[str] = set()
    todo = list(workflow.jobs[key].needs)
    while todo:
        if (each := todo.pop()) not in found:
            found.add(each)
            todo += workflow.jobs[each].needs
    return found


def status_functions(workflow: Workflow, key: str, done: dict[str, str], cancelled: bool):
    """success(), failure(), cancelled() and always() for the `if:` of job `key`: over all that it rests on."""
    before = {done[each] for each in ancestors(workflow, key) if each in done}
    return {"success": lambda: not cancelled and before <= {"success"}, "failure": lambda: "failure" in before,
            "cancelled": lambda: cancelled, "always": lambda: True}


def conclusion(done: dict[str, str], cancelled: bool) -> str:
    """How a run ended whose jobs ended so."""
    found = set(done.values())
    if cancelled or ("cancelled" in found and "failure" not in found):
        return "cancelled"
    if "failure" in found:
        return "failure"
    return "success" if "success" in found else "skipped"
