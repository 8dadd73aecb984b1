"""Check an agent's result and patch, without any model: may they be applied?"""

import shutil
from pathlib import Path

import click


@click.command()
@click.option("--in", "source", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The folder that `auton agent` wrote.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="Where the files go that may be applied.")
@click.option("--repo", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("."),
              help="A checkout that has the commit which the patch applies to.  [default: here]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), default=Path("auton.toml"),
              show_default=True)
def command(source: Path, out: Path, repo: Path, config_file: Path) -> None:
    """Copy the files of an agent run to OUT if they may be applied; else write a result of status `error` there.

    Exit code 0 in both cases, 7 only if there is nothing readable.
    """
    from bot import config as configuration
    from bot.agents import applied, screen
    from bot.handoff import Brief, Result, read, write

    config = configuration.load(config_file)
    result = read(Result, source / "result.json")
    brief = read(Brief, source / "brief.json") if (source / "brief.json").exists() else None
    patch_file = source / "change.patch"
    readable = patch_file.is_file() and not patch_file.is_symlink()
    patch = patch_file.read_bytes() if readable and patch_file.stat().st_size <= screen.MAX_BYTES else b""
    reasons = screen.check(result, patch, config)
    if readable and not patch and patch_file.stat().st_size:
        reasons.append(f"change.patch: expected at most {screen.MAX_BYTES} bytes, found {patch_file.stat().st_size}")
    for name in ("key", "role", "goal", "task", "attempt", "head_sha") if brief else ():
        if getattr(brief, name) != getattr(result, name):
            reasons.append(f"result.json: expected the brief's {name} {getattr(brief, name)}, "
                           f"found {getattr(result, name)}")
    if patch and not reasons:
        reasons += applied.check(repo, result, patch)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("brief.json", "trajectory.jsonl"):
        if (source / name).is_file() and not (source / name).is_symlink():
            shutil.copyfile(source / name, out / name)
    (out / "change.patch").unlink(missing_ok=True)
    if reasons:
        what = "; ".join(reasons[:5]) + (f"; and {len(reasons) - 5} more" if len(reasons) > 5 else "")
        result = result.model_copy(update={"status": "error", "reason": f"screen: {what}"[:2000], "patch": False,
                                           "plan": None, "review": None, "summary": ""})
    elif patch:
        (out / "change.patch").write_bytes(patch)
    write(out / "result.json", result)
    click.echo(f"{result.key}: " + ("clean" if not reasons else "refused"))
    for reason in reasons:
        click.echo(f"  {reason}")
