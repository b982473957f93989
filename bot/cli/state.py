"""`muster status`: what is known, for people and for programs."""

import json
import sys
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from bot import board
from bot.cli.ground import open_database, out, say

PARTS = ("reach", "checkin", "units", "tasks")
COUNTS = ("queued", "doubtful", "unconfirmed", "expired")
AGAIN = 2.0  # seconds between two looks with --watch


def status(
    code: Annotated[str, typer.Argument()] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds.")] = False,
) -> None:
    """What is known: one outage, or all that are not ended, newest first."""
    base = open_database()
    try:
        _tell(base.read_now(board.status, code), as_json)
        while watch:
            time.sleep(AGAIN)
            _tell(base.read_now(board.status, code), as_json)
    finally:
        base.close()


def _tell(state: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(state) + "\n")
        return
    for one in state["outages"]:
        out.print(_table(one))
    if not state["outages"]:
        say("No outage is open.")
    engine = state["engine"]
    channels = ", ".join(f"{name} {health}" for name, health in engine["channels"].items()) or "none set up"
    counts = ", ".join(f"{name} {engine[name]}" for name in COUNTS)
    say(f"{counts.capitalize()}. Channels: {channels}.")
    for sentence in engine["says"]:
        say(sentence)


def _table(one: dict[str, Any]) -> Table:
    name = f"{one['code']}{' EXERCISE' if one['exercise'] else ''}"
    table = Table(
        title=f"{name}: {one['state']}, level {one['level']}, {', '.join(one['services'])}", title_justify="left"
    )
    columns = [[f"{what} {count}" for what, count in one[part].items()] for part in PARTS]
    for part in PARTS:
        table.add_column(part)
    for row in range(max(map(len, columns))):
        table.add_row(*(column[row] if row < len(column) else "" for column in columns))
    return table
