"""Check this machine: programs, versions, sandbox, KVM, port, disk; and say what to do."""

from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--port", type=click.IntRange(1, 65535), default=4400, show_default=True, help="The local forge's port.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of what was found.")
def command(port, as_json):
    import dataclasses
    import json

    from bot.doctor import examine
    from bot.typed import typed

    findings = []
    for finding in examine(Path("."), port):
        findings.append(finding)
        if not as_json:
            mark = click.style("ok  ", "green") if finding.ok else (
                click.style("FAIL", "red") if finding.needed else click.style("note", "yellow"))
            click.echo(f"{mark} {finding.name:22} {finding.found}")
            if not finding.ok:
                click.echo(f"     {'':22} → {typed(finding.hint)}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    missing = sum(not finding.ok and finding.needed for finding in findings)
    if not as_json:
        click.echo(f"{missing} of {len(findings)} needed things are missing" if missing else "this machine is ready")
    raise SystemExit(3 if missing else 0)
