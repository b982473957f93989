"""The roster, the PINs and the journal."""

import json
import sys
from pathlib import Path

import typer
from rich.progress import Progress

from bot import access, journal, roster
from bot.cli.ground import act, err, fail, named, out, say, warn
from bot.db import Tx


def roster_import(
    staff: Path,
    units: Path | None = None,
    sites: Path | None = None,
    shifts: Path | None = None,
    partners: Path | None = None,
    dry_run: bool = False,
    skip_bad: bool = False,
    prune: bool = False,
    region: str = "US",
) -> None:
    """Import staff.csv with its units, sites, shifts and partners; all rows or none."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        row = bar.add_task("Importing", total=None)

        def verb(tx: Tx) -> roster.Imported:
            return roster.import_files(
                tx,
                *(staff, units, sites, shifts, partners),
                region=region,
                skip_bad=skip_bad,
                prune=prune,
                dry_run=dry_run,
                progress=lambda count, total: bar.update(row, completed=count, total=total),
            )

        done = act(verb)
    for warning in done.warnings:
        warn(f"warning: {warning}")
    for complaint in done.complaints:
        warn(complaint)
    if done.complaints and not skip_bad:
        count = f"{len(done.complaints)} bad row{'s' if len(done.complaints) > 1 else ''}"
        fail(f"{count}, so nothing was imported. Mend them, or import the rest with --skip-bad.")
    did = "Would import" if dry_run else "Imported"
    say(f"{did}: {done.added} added, {done.updated} updated, {done.deactivated} deactivated.")


def roster_show(id: str) -> None:
    """One person's row."""
    out.print_json(json.dumps(act(lambda tx: named(tx, id).model_dump(mode="json"))))


def pin_set(staff_id: str) -> None:
    """Read a PIN from the terminal or stdin and store its hash."""
    pin = typer.prompt("PIN", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    hashed = access.hash_pin(pin)
    act(lambda tx: access.set_pin(tx, named(tx, staff_id).id, hashed))
    say(f"The PIN of {staff_id} is set.")


def journal_verify() -> None:
    """Walk the chain of the journal."""
    verdict = act(journal.verify)
    if verdict.broken_at is not None:
        fail(f"The journal is broken at line {verdict.broken_at}: somebody changed or removed what stood there.")
    say(f"The journal is whole: {verdict.lines} lines.")
