"""Composite actions: the `action.yml` of a folder in the job's workspace, checked like a workflow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.runner import yamlfile
from bot.runner.workflow import Problem, Reader, Step, WorkflowError


@dataclass
class Composite:
    path: Path
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    steps: list[Step]
    problems: list[Problem]


def load(workspace: Path, uses: str) -> Composite:
    """The composite action that `uses: ./…` names; WorkflowError when there is none."""
    folder = (workspace / uses).resolve()
    if workspace.resolve() not in (folder, *folder.parents):
        raise WorkflowError(f"'{uses}' leads out of the workspace")
    file = next((folder / name for name in ("action.yml", "action.yaml") if (folder / name).is_file()), None)
    if file is None:
        raise WorkflowError(f"Can't find 'action.yml' or 'action.yaml' under '{uses}'. "
                            "Did you forget to run actions/checkout before running your local action?")
    shown = str(file.relative_to(workspace.resolve()))
    try:
        document = yamlfile.load(file.read_text(encoding="utf-8", errors="replace"))
    except yamlfile.YamlError as error:
        raise WorkflowError(f"{shown}:{error.line}: {error.message}") from None
    read = Reader(shown)
    document = read.mapping(document, "action", 1, ("name", "description", "author", "inputs", "outputs", "runs",
                                                    "branding"))
    runs = read.mapping(document.get("runs"), "runs", document.lines.get("runs", 1), ("using", "steps"))
    if runs.get("using") != "composite":
        raise WorkflowError(f"{shown}:{runs.line}: the local runner has composite actions only, "
                            f"found using: {runs.get('using')!r}")
    inputs = read.mapping(document.get("inputs"), "inputs", document.lines.get("inputs", 1))
    specs = {name: read.mapping(value, f"inputs.{name}", inputs.lines[name],
                                ("description", "required", "default", "deprecationMessage"))
             for name, value in inputs.items()}
    outputs = read.mapping(document.get("outputs"), "outputs", document.lines.get("outputs", 1))
    steps = runs.get("steps") if isinstance(runs.get("steps"), list) else []
    parsed = read.steps(steps, "runs.", runs.line, "composite")
    for number, step in enumerate(parsed, 1):
        if step.run is not None and not step.shell:
            read.problem(runs.line, f"runs.steps[{number}]: expected a shell, a composite action's step needs one")
    values = {name: read.mapping(value, f"outputs.{name}", outputs.lines[name], ("description", "value")).get("value")
              for name, value in outputs.items()}
    return Composite(folder, specs, values, parsed, read.problems)

