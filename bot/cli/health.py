"""`muster doctor`: what Muster depends on, what is missing, what is broken."""

import json
import sys
from typing import Annotated

import typer

from bot import doctor as checks
from bot.cli.ground import look, out, say


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> None:
    """Check the settings, the playbooks and what Muster depends on. Exit status 1 when something is broken."""
    found = look(checks.examine)
    if as_json:
        sys.stdout.write(json.dumps(found.json()) + "\n")
    else:
        _tell(found)
    if found.broken:
        raise SystemExit(1)


def _tell(found: checks.Findings) -> None:
    for host in found.hosts:
        say(f"needs {host.host}: {host.use}{', MICROSOFT' if host.microsoft else ''}")
    for missing in found.missing:
        out.print(f"missing: {missing}", style="red", highlight=False, markup=False, soft_wrap=True)
    for broken in found.broken:
        out.print(f"broken: {broken}", style="bold red", highlight=False, markup=False, soft_wrap=True)
    if not found.missing and not found.broken:
        say("Nothing is missing, nothing is broken.")
