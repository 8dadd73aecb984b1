"""Show which model each role uses, and what it costs."""

import click


@click.command()
@click.option("--config", "config_file", default="auton.toml", show_default=True)
@click.option("--model", help="Show this model instead of the configured ones.")
def command(config_file: str, model: str | None) -> None:
    """Show each role's model, its price and whether it can be used; exit code 5 if one can't."""
    from bot import config as configuration
    from bot.agents import replay, roles
    from bot.errors import AgentError

    config = configuration.load(config_file)
    failed: AgentError | None = None
    models = {role: model or config.agents.models.of(role) for role in roles.names()}
    told: dict[str, str] = {}
    for name in dict.fromkeys(models.values()):
        try:
            told[name] = _describe(name, config, replay)
        except AgentError as error:
            told[name], failed = f"can't be used: {error.message}", error
    if len(told) == 1:
        models = {f"all {len(models)} roles": name for name in told}
    for role, name in models.items():
        click.echo(f"{role:<16} {name:<32} {told[name]}")
    if failed:
        raise failed


def _describe(name: str, config, replay) -> str:
    if name.startswith("replay/"):
        recording = replay.load(name.removeprefix("replay/"))
        return f"a recording of “{recording.goal}” ({len(recording.runs)} runs); its costs are nominal"
    from bot.agents.llm import prices

    price = prices(name, config)
    return f"${price.input * 1e6:g} in, ${price.output * 1e6:g} out per million tokens ({price.source})"
