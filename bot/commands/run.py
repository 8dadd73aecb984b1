"""File a goal and watch it land: on the local forge, or on a GitHub repository.

Without --repo the local forge is started (or found) in --data, a repository is made there from this checkout's
HEAD, and the goal is filed as its owner. With --repo OWNER/NAME the goal is filed there with GITHUB_TOKEN, and the
workflows of that repository do the work. Exit status 0 only if the goal landed.
"""

from pathlib import Path

import click


def _one(context: click.Context, argument: click.Parameter, words: tuple[str, ...]) -> str:
    if len(words) != 1:
        raise click.UsageError(f'a goal is one argument, found {len(words)}: put it in quotes, as in {context.command_path} '
                               f'"{" ".join(words)}"', context)
    return words[0]


@click.command(help=__doc__)
@click.argument("goal", nargs=-1, required=True, metavar="GOAL", callback=_one)
@click.option("--mode", type=click.Choice(["kernel_build", "slm_training", "dual"]), help="What the plan may touch.")
@click.option("--model", help="A litellm model for every role, or replay/NAME.")
@click.option("--budget", type=float, help="US dollars this goal may cost.")
@click.option("--repo", help="OWNER/NAME on GitHub (or on GITHUB_API_URL's server) instead of the local forge.")
@click.option("--data", type=click.Path(path_type=Path), default=Path(".auton/forge"), show_default=True,
              help="The local forge's folder.")
@click.option("--port", type=click.IntRange(0, 65535),
              help="The local forge's port; 0 takes a free one.  [default: the one of the last time; else 4400, or a free one "
                   "if that is taken]")
@click.option("--timeout", type=float, default=3600, show_default=True, help="Seconds to watch.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object on standard output, once the goal is filed.")
def command(goal, mode, model, budget, repo, data, port, timeout, as_json):
    from bot.run.goal import Order, run

    if budget is not None and budget <= 0:
        raise click.BadParameter(f"expected more than 0 dollars, found {budget}", param_hint="--budget")
    outcome = run(Order(goal, mode, model, budget), repo, data, port, timeout, quiet=as_json)
    if as_json:
        click.echo(outcome.as_json())
    if outcome.error:
        raise outcome.error
    raise SystemExit(0 if outcome.landed else 1)
