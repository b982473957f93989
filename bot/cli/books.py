"""The roster, the PINs and the journal."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from bot import access, journal, roster
from bot.cli.ground import act, err, fail, look, named, out, say, warn
from bot.command import preflight
from bot.db import Tx
from bot.roster import quality


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
            done = roster.import_files(
                tx,
                *(staff, units, sites, shifts, partners),
                region=region,
                skip_bad=skip_bad,
                prune=prune,
                dry_run=dry_run,
                progress=lambda count, total: bar.update(row, completed=count, total=total),
            )
            if done.written:
                preflight.arm(tx)
            return done

        done = act(verb)
    _complain(done, skip_bad)
    did = "Would import" if dry_run else "Imported"
    say(f"{did}: {done.added} added, {done.updated} updated, {done.deactivated} deactivated.")


def roster_oncall(
    role: Annotated[str, typer.Argument(help="a role, or a folder of files called ROLE.ics")],
    file: Annotated[Path | None, typer.Argument(help="the role's calendar (.ics)")] = None,
    dry_run: bool = False,
    skip_bad: bool = False,
) -> None:
    """Import on-call calendars: each replaces what that role's calendar said before."""
    files = {role: file} if file else {path.stem: path for path in sorted(Path(role).glob("*.ics"))}
    if not files:
        fail(f"There is no calendar in {role}: give a role and a file, or a folder of files called ROLE.ics.")

    sheets = look(lambda tx: roster.read_calendars(tx, files))

    def verb(tx: Tx) -> roster.Calendars:
        done = roster.import_calendars(tx, sheets, skip_bad=skip_bad, dry_run=dry_run)
        if done.written:
            preflight.arm(tx, at_once=True)
        return done

    done = act(verb)
    _complain(done, skip_bad)
    said = ", ".join(f"{count} for {name}" for name, count in done.stretches.items())
    say(f"{'Would import' if dry_run else 'Imported'} stretches on call: {said}.")


def _complain(done: roster.Imported | roster.Calendars, skip_bad: bool) -> None:
    for warning in done.warnings:
        warn(f"warning: {warning}")
    for complaint in done.complaints:
        warn(complaint)
    if done.complaints and not skip_bad:
        count = f"{len(done.complaints)} bad row{'s' if len(done.complaints) > 1 else ''}"
        fail(f"{count}, so nothing was imported. Mend them, or import the rest with --skip-bad.")


def roster_check() -> None:
    """What is wrong with the contact data, and who is missing in the next 24 hours; exit 1 if something is red."""
    found = look(lambda tx: [*preflight.check(tx), *quality.contacts(tx)])
    for finding in found:
        say(f"{'RED' if finding.red else 'note'}: {finding.says}.")
    red = sum(finding.red for finding in found)
    if red:
        fail(f"{red} of {len(found)} findings are red: somebody would not be reached, or nobody would act.")
    say("Nothing is red.")


def roster_group(
    verb: Annotated[str, typer.Argument(help="add, list or show")],
    name: Annotated[str, typer.Argument()] = "",
    rule: Annotated[str, typer.Argument(help='as "role:pharmacist_in_charge site:MAIN onshift"')] = "",
) -> None:
    """Saved rules over the roster: add NAME RULE, list, show NAME."""
    if verb == "add":
        if complaints := act(lambda tx: roster.save_group(tx, name, rule)):
            fail("\n".join(f"{complaint}." for complaint in [*complaints, "Nothing was kept"]))
        say(f"Group {name.lower()} is kept. `muster roster group show {name.lower()}` says whom it means now.")
    elif verb == "list":
        kept = look(lambda tx: [f"{group.name}: {group.rule}" for group in roster.groups(tx)])
        say("\n".join(kept) or "No group yet.")
    elif verb == "show":
        say("\n".join(look(lambda tx: _group_lines(tx, name))))
    else:
        raise typer.BadParameter(f"{verb} is no verb of groups; say add, list or show")


def _group_lines(tx: Tx, name: str) -> list[str]:
    found = roster.group_members(tx, name)
    if found is None:
        fail(f"There is no group {name}. `muster roster group list` shows all.")
    people = [f"{person.id} {person.name}, {person.unit}" for person in found.people]
    return [f"{len(people)} people now ({found.why}).", *people]


def roster_set(
    id: str,
    columns: Annotated[list[str], typer.Argument(metavar="COLUMN=VALUE...", help="as in staff.csv: mobile=…")],
    region: str = "US",
) -> None:
    """Change columns of one person, written as in staff.csv."""
    if odd := [each for each in columns if "=" not in each]:
        raise typer.BadParameter(f"{odd[0]} has no `=`; say mobile=+12025550142")
    changes = dict(each.split("=", 1) for each in columns)
    if complaints := act(lambda tx: roster.change(tx, id, changes, region)):
        fail("\n".join(f"{complaint}." for complaint in [*complaints, "Nothing was changed"]))
    say(f"{id} is changed.")


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
