"""Compile the trajectories of real runs into a recording that `replay/<name>` plays."""

from pathlib import Path

import click


@click.command()
@click.option("--from", "folders", multiple=True, required=True,
              type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="A folder with trajectory.jsonl files or artifacts (.zip), at any depth. May be given again.")
@click.option("--goal", type=int, default=0, help="Only the runs of the goal with this number.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="The recording, such as bot/recordings/uptime.json.")
@click.option("--note", default="", help="What made it, in a sentence, beside what the runs themselves say.")
def command(folders: tuple[Path, ...], goal: int, out: Path, note: str) -> None:
    """Make a recording of one goal from the runs below the given folders.

    When a run of the same role, task and attempt is there twice, the later one counts.
    """
    from bot.agents.replay import record, trajectories

    recording = record([found for folder in folders for found in trajectories(folder)], goal)
    if note:
        recording.source["note"] = note
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(recording.model_dump_json(indent=1, exclude_defaults=True) + "\n", encoding="utf-8")
    turns = sum(len(run.answers) for run in recording.runs)
    click.echo(f"{out}: “{recording.goal}”, {len(recording.runs)} runs, {turns} turns")
