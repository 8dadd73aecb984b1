"""List the agents' roles and tools."""

import json

import click


@click.command()
@click.option("--role", help="Only the tools of this role.")
@click.option("--json", "as_json", is_flag=True, help="The JSON schemas, as a model is given them.")
def command(role: str | None, as_json: bool) -> None:
    """List every tool and the roles that have it; with --role, that role's tools with their arguments."""
    from bot.agents import roles
    from bot.agents.tools import load

    everyone = roles.everyone()
    chosen = roles.load(role).toolset() if role else load()
    if as_json:
        click.echo(json.dumps([tool.schema() for tool in chosen.values()], indent=1))
        return
    if role:
        mine = everyone[role]
        click.echo(f"{role}: {mine.title}\n")
        for tool in chosen.values():
            click.echo(f"{tool.name}({', '.join(tool.arguments.model_fields)})\n    {tool.description}")
        return
    for name, each in everyone.items():
        click.echo(f"{name:<16} {each.title}")
    click.echo(f"\n{len(chosen)} tools:")
    for name, tool in sorted(chosen.items()):
        users = [r for r, each in everyone.items() if name in each.tools or name == each.submit]
        click.echo(f"{name:<22} {tool.description.split('. ')[0].rstrip('.')}.")
        click.echo(f"{'':<22} {', '.join(users)}", color=None)
