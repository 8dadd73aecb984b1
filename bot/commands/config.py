"""Print every key of auton.toml: its value, its default, and what it means."""

import functools
from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--config", "path", type=click.Path(path_type=Path), default="auton.toml", show_default=True,
              help="The file to read; the defaults are printed when it is not there.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of key, value, default and meaning.")
def command(path, as_json):
    import json

    from bot import config

    settings = config.load(path) if path.exists() else config.Config()
    rows = list(keys(settings))
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    source = path if path.exists() else "the defaults: there is no auton.toml here"
    click.echo(f"# {source}. What this prints is itself a valid auton.toml.")
    section = ""
    for row in rows:
        table, _, key = row["key"].rpartition(".")
        if table != section:
            section = table
            click.echo(f"\n[{table}]")
        for line in row["meaning"].split("\n"):
            click.echo(f"# {line.strip()}")
        absent = row["value"] is None  # TOML has no null
        note = "" if row["value"] == row["default"] or row["default"] is None else f"  # default {toml(row['default'])}"
        click.echo(f"# {key} =" if absent else f"{key} = {toml(row['value'])}{note}")


def keys(section, prefix=""):
    """Each key of `section` and the sections in it, those of its own first: key, value, default, meaning."""
    from pydantic import BaseModel

    nested, meaning = [], meanings(type(section).__name__)
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            nested.append((f"{prefix}{name}.", value))
        elif isinstance(value, dict):
            nested += [(f"{prefix}{name}.{quoted(key)}.", item) for key, item in value.items()]
        else:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            yield {"key": prefix + name, "value": value, "default": default, "meaning": meaning.get(name, "")}
    for key, value in (section.model_extra or {}).items():
        yield {"key": f"{prefix}{quoted(key)}", "value": value, "default": None, "meaning": f"The model of {key}."}
    for inner, item in nested:
        yield from keys(item, inner)


@functools.cache
def meanings(section: str) -> dict[str, str]:
    """What each key of a class in bot/config.py means: the docstring under it. Pydantic can find them too, but does it
    at each import, and takes longer for it than for all the rest."""
    import ast
    import inspect

    from bot import config

    body = next(node.body for node in ast.parse(inspect.getsource(config)).body
                if isinstance(node, ast.ClassDef) and node.name == section)
    return {field.target.id: inspect.cleandoc(text.value.value) for field, text in zip(body, body[1:], strict=False)
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)}


def quoted(key: str) -> str:
    """A key as TOML writes it: bare where it may be."""
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else toml(key)


def toml(value) -> str:
    """A value as TOML writes it. TOML's basic strings escape as JSON's do (toml.io v1.0, "String")."""
    import json

    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
