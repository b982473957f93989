"""`muster …`: the command line. It reaches the handlers only through the app."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bot import access, board, command, db, journal, playbooks, roster
from bot.access import Refused
from bot.app import App, words
from bot.clock import Clock
from bot.db import Database, Tx
from bot.settings import BadSettings, Settings

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Tells a hospital's staff that a system is down, and sees it through.",
)
rosters = typer.Typer(no_args_is_help=True, help="People, units, sites, shifts.")
journals = typer.Typer(no_args_is_help=True, help="The log of who did what when.")
pins = typer.Typer(no_args_is_help=True, help="PINs for commands by text.")
cli.add_typer(rosters, name="roster")
cli.add_typer(journals, name="journal")
cli.add_typer(pins, name="pin")

T = TypeVar("T")
out, err = Console(), Console(stderr=True)
As = Annotated[str, typer.Option("--as", help="The staff id you act as; without it, the first administrator.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def main() -> None:
    """Exit status: 0 done, 1 refused or failed with one plain sentence on stderr, 2 wrong usage."""
    try:
        cli()
    except BadSettings as bad:
        fail("\n".join(bad.complaints))
    except (Refused, db.WrongSchema) as refused:
        fail(str(refused))


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = Settings.load()
    db.migrate(settings.database_url)
    out.print("The schema is up to date.")


@cli.command()
def run() -> None:
    """Everything in one process: web, worker, clock."""
    settings = ready()
    _serve(settings, with_beats=True)


@cli.command()
def web() -> None:
    """Only the web side: what comes in is taken and committed."""
    _serve(ready(), with_beats=False)


@cli.command()
def worker() -> None:
    """Only the worker: what is due is sent, climbed and sealed."""

    async def work() -> None:
        app = App(ready())
        await app.start()
        async with app.beating():
            await asyncio.Event().wait()

    asyncio.run(work())


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8000,
    speed: Annotated[float, typer.Option(min=1, max=20, help="How many times faster than real time.")] = 6.0,
) -> None:
    """A made-up hospital with simulated phones and Slack: no account, no server."""
    from bot.demo import serve

    asyncio.run(serve(port, speed))


@cli.command()
def declare(
    services: Annotated[str, typer.Argument(help="ids or aliases, comma-separated: ehr,email")],
    summary: str = "",
    level: Annotated[int | None, typer.Option(min=0, max=4)] = None,
    sites: str = "",
    exercise: bool = False,
    yes: Yes = False,
    as_: As = "",
) -> None:
    """Declare an outage."""
    named = (
        f"{services} {summary}"
        + (f" level:{level}" if level is not None else "")
        + (f" sites:{sites}" if sites else "")
    )
    sure(f"Tell staff that {services} is down?", yes)

    def verb(tx: Tx) -> command.Declared:
        request = command.declaration(named, playbooks.current(tx).find, exercise)
        return command.declare(tx, somebody(tx, as_), request, "cli")

    done = act(verb)
    if done.merged:
        out.print(f"{done.code} runs already: {done.merged}.")
        return
    out.print(
        f"Declared {done.code}, level {done.level}: {done.people} people, {done.unreachable} unreachable, "
        f"{done.segments} segments.",
        highlight=False,
    )
    out.print(done.sent, highlight=False, markup=False)


def verb_command(name: str, text: str, do: Callable[[Tx, roster.Person, str, str], str], asks: bool = False) -> None:
    """Register `muster NAME CODE [TEXT]`."""

    def run_verb(code: str, text: Annotated[str, typer.Argument()] = "", yes: Yes = False, as_: As = "") -> None:
        if asks:
            sure(f"{name.capitalize()} {code}?", yes)
        out.print(act(lambda tx: do(tx, somebody(tx, as_), code, text)), highlight=False, markup=False)

    run_verb.__doc__ = text
    cli.command(name)(run_verb)


verb_command(
    "update",
    "Tell everybody who was told what is new.",
    lambda tx, by, code, text: command.update(tx, by, code, text, None, "cli"),
)
verb_command(
    "correct",
    "Correct the last thing that was said.",
    lambda tx, by, code, text: command.correct(tx, by, code, text, "cli"),
)
verb_command(
    "raise",
    "Raise the level.",
    lambda tx, by, code, text: command.raise_level(tx, by, code, command.level(text), "cli"),
)
verb_command(
    "restore",
    "Services are back: [services] [text].",
    lambda tx, by, code, text: command.restore_words(tx, by, code, text, "cli"),
)
verb_command("verify", "The services were checked.", lambda tx, by, code, text: command.verify(tx, by, code, "cli"))
verb_command("close", "The all-clear.", lambda tx, by, code, text: command.close(tx, by, code, text, "cli"), asks=True)
verb_command(
    "void",
    "Sent in error: tell those who got it.",
    lambda tx, by, code, text: command.void(tx, by, code, "cli"),
    asks=True,
)
verb_command(
    "command",
    "Hand over command: CODE STAFF_ID.",
    lambda tx, by, code, text: command.hand_over(tx, by, code, roster.person(tx, text) if text else None, "cli"),
)


@cli.command()
def checkin(code: str = typer.Argument(""), as_: As = "") -> None:
    """Ask the silent units again."""
    out.print(act(lambda tx: command.ask_again(tx, somebody(tx, as_), code)), highlight=False)


@cli.command()
def task(
    verb: str, code: str, words_: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]")] = None, as_: As = ""
) -> None:
    """Act on a task: `muster task done T7 12`; verbs: have, cannot, done, blocked, need."""

    def do(tx: Tx) -> str:
        echo = command.act(tx, somebody(tx, as_), verb, code, " ".join(words_ or []), "cli")
        return tx.render.sms(echo[0], **echo[1]) if echo else "Noted."

    if verb not in ("have", "cannot", "done", "blocked", "need"):
        raise typer.BadParameter(f"{verb} is no verb of tasks; say have, cannot, done, blocked or need")
    out.print(act(do), highlight=False, markup=False)


@cli.command()
def status(
    code: str = typer.Argument(""), as_json: Annotated[bool, typer.Option("--json")] = False, watch: bool = False
) -> None:
    """What is known: one outage, or all that are not ended, newest first."""
    settings = ready()
    base = Database(settings, Clock(), words(settings))
    while True:
        state = base.read_now(board.status, code)
        if as_json:
            sys.stdout.write(json.dumps(state) + "\n")
        else:
            show(state)
        if not watch:
            break
        time.sleep(2)
    base.close()


@rosters.command("import")
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
    with Progress(console=err, transient=True) as bar:
        row = bar.add_task("Importing", total=None)
        done = act(lambda tx: roster.import_files(
            tx, staff, units, sites, shifts, partners, region=region, skip_bad=skip_bad, prune=prune, dry_run=dry_run,
            progress=lambda count, total: bar.update(row, completed=count, total=total),
        ))  # fmt: skip
    for warning in done.warnings:
        err.print(f"warning: {warning}", highlight=False, markup=False)
    for complaint in done.complaints:
        err.print(complaint, highlight=False, markup=False)
    if done.complaints and not skip_bad:
        fail(
            f"{len(done.complaints)} bad rows, so nothing was imported. Mend them, or import the rest with --skip-bad."
        )
    did = "Would import" if dry_run else "Imported"
    out.print(f"{did}: {done.added} added, {done.updated} updated, {done.deactivated} deactivated.", highlight=False)


@rosters.command("show")
def roster_show(id: str) -> None:
    """One person's row."""
    person = act(lambda tx: tx.get(roster.Person, id))
    if person is None:
        fail(f"There is no {id} on the staff list.")
    out.print_json(json.dumps(person.model_dump(mode="json")))


@pins.command("set")
def pin_set(staff_id: str) -> None:
    """Read a PIN from the terminal or stdin and store its hash."""
    pin = typer.prompt("PIN", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
    hashed = access.hash_pin(pin)
    act(lambda tx: access.set_pin(tx, staff_id, hashed))
    out.print(f"The PIN of {staff_id} is set.")


@journals.command("verify")
def journal_verify() -> None:
    """Walk the chain of the journal."""
    verdict = act(journal.verify)
    if verdict.broken_at:
        fail(f"The journal is broken at line {verdict.broken_at} of {verdict.lines}: somebody changed or removed it.")
    out.print(f"The journal is whole: {verdict.lines} lines.", highlight=False)


def ready() -> Settings:
    """The settings, with a schema that fits: SQLite is migrated, PostgreSQL is refused by name when it does not."""
    settings = Settings.load()
    if settings.database_url.startswith("sqlite"):
        db.migrate(settings.database_url)
    elif (state := db.schema_state(settings.database_url)) != "current":
        raise db.WrongSchema(
            "The database is empty: run `muster migrate`."
            if state == "empty"
            else f"The database does not fit: {state}."
        )
    return settings


def act(verb: Callable[[Tx], T]) -> T:
    """Run one verb in a transaction, from the command line."""
    settings = ready()
    base = Database(settings, Clock(), words(settings))
    try:
        return base.run(verb)
    finally:
        base.close()


def somebody(tx: Tx, id: str) -> roster.Person:
    """Who acts: the person named, else the first administrator. Raises Refused."""
    if id:
        person = roster.person(tx, id)
        if person is None:
            raise Refused(f"There is no {id} on the staff list. Nothing was done.")
        return person
    able = roster.permitted(tx, "admin")
    if not able:
        raise Refused(
            "Nobody on the staff list is an administrator: say who you are with --as STAFF_ID. Nothing was done."
        )
    return able[0]


def show(state: dict[str, Any]) -> None:
    if not state["outages"]:
        out.print("No outage is open.")
    for one in state["outages"]:
        code = f"{one['code']}{' EXERCISE' if one['exercise'] else ''}"
        title = f"{code}: {one['state']}, level {one['level']}, {', '.join(one['services'])}"
        table = Table(title=title, title_justify="left")
        for part in ("reach", "checkin", "units", "tasks"):
            table.add_column(part)
        parts = [
            [f"{name} {count}" for name, count in one[part].items()] for part in ("reach", "checkin", "units", "tasks")
        ]
        for number in range(max(map(len, parts))):
            table.add_row(*(part[number] if number < len(part) else "" for part in parts))
        out.print(table)
    engine = state["engine"]
    out.print(
        f"queued {engine['queued']}, doubtful {engine['doubtful']}, channels {engine['channels']}",
        highlight=False,
        markup=False,
    )


def sure(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        fail("Nothing was done.")


def fail(sentence: str) -> NoReturn:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)


def _serve(settings: Settings, with_beats: bool) -> None:
    async def serve() -> None:
        app = App(settings)
        await app.start()
        out.print(f"Muster listens on http://{settings.host}:{settings.port}", highlight=False, soft_wrap=True)
        try:
            await app.serve(settings.host, settings.port, with_beats=with_beats)
        finally:
            await app.stop()

    asyncio.run(serve())
