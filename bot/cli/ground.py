"""What every command stands on: the settings, one transaction, who acts, and how it speaks."""

import sys
from collections.abc import Callable
from typing import Annotated, NoReturn, TypeVar

import structlog
import typer
from rich.console import Console

from bot import db, roster
from bot.access import Refused
from bot.clock import Clock
from bot.db import Database, Tx
from bot.render import Render
from bot.settings import Settings

T = TypeVar("T")
out, err = Console(), Console(stderr=True)

As = Annotated[str, typer.Option("--as", help="The staff id you act as; without it, the first administrator.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]


def log_plainly() -> None:
    """Logs go to stderr, since stdout is for answers, and show no variables: those hold tokens and numbers."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.dev.set_exc_info,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def ready(kind: type[Settings] = Settings) -> Settings:
    """The settings, with a schema that fits: SQLite is migrated, PostgreSQL is refused by name when it does not."""
    settings = kind.load()
    fit(settings)
    return settings


def fit(settings: Settings) -> None:
    """See that the schema fits. Raises WrongSchema, and DBAPIError while the database is away."""
    state = db.schema_state(settings.database_url)
    if state in ("empty", "older") and settings.database_url.startswith("sqlite"):
        db.migrate(settings.database_url)
    elif state in ("empty", "older"):
        raise db.WrongSchema(f"The database's schema is {state}: run `muster migrate`.")
    elif state != "current":
        raise db.WrongSchema(f"The database does not fit: {state}.")


def act(verb: Callable[[Tx], T]) -> T:
    """Run one verb in a transaction."""
    base = open_database()
    try:
        return base.run(verb)
    finally:
        base.close()


def look(query: Callable[[Tx], T]) -> T:
    """Run one query beside the writer."""
    base = open_database()
    try:
        return base.read_now(query)
    finally:
        base.close()


def open_database() -> Database:
    settings = ready()
    return Database(settings, Clock(), Render.of(settings))


def somebody(tx: Tx, id: str) -> roster.Person:
    """Who acts: the person named, else the first administrator. Raises Refused."""
    if id:
        return named(tx, id)
    able = roster.permitted(tx, "admin")
    if not able:
        raise Refused(
            "Nobody on the staff list is an administrator: say who you are with --as STAFF_ID. Nothing was done."
        )
    return able[0]


def named(tx: Tx, id: str) -> roster.Person:
    """The person with this id. Raises Refused."""
    person = roster.person(tx, id)
    if person is None:
        raise Refused(f"There is no {id} on the staff list. Nothing was done.")
    return person


def say(text: str) -> None:
    """A line on stdout as it is: not wrapped, nothing in it taken for a colour."""
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)


def sure(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        fail("Nothing was done.")


def fail(sentence: str) -> NoReturn:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(1)
