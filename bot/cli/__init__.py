"""`muster …`: the command line. It reaches the handlers only through the app."""

from collections.abc import Callable
from typing import Any

import typer
from sqlalchemy.exc import DBAPIError

from bot.access import Refused
from bot.cli import books, drilling, health, playbooks, serving, state, verbs
from bot.cli.ground import fail, log_plainly
from bot.db import Away, WrongSchema
from bot.settings import BadSettings

#: `muster WORD` → its function; what the function's docstring says stands in `muster --help`
COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": serving.demo,
    "run": serving.run,
    "web": serving.web,
    "worker": serving.worker,
    "migrate": serving.migrate,
    "declare": verbs.declare,
    **verbs.COURSE,
    "checkin": verbs.checkin,
    "recall": verbs.recall,
    "task": verbs.task,
    "status": state.status,
    "drill": drilling.drill,
    "doctor": health.doctor,
}
#: `muster GROUP WORD` → its function
GROUPS: dict[str, tuple[str, dict[str, Callable[..., Any]]]] = {
    "roster": ("People, units, sites, shifts.", {
        "import": books.roster_import, "oncall": books.roster_oncall, "check": books.roster_check,
        "group": books.roster_group, "set": books.roster_set, "show": books.roster_show,
    }),
    "pin": ("PINs for commands by text.", {"set": books.pin_set}),
    "playbooks": ("What is done when a service is down.", {"schema": playbooks.schema, "check": playbooks.check}),
    "journal": ("The log of who did what when.", {"verify": books.journal_verify}),
}


def main() -> None:
    """Exit status: 0 done, 1 refused or failed with one plain sentence on stderr, 2 wrong usage."""
    log_plainly()
    try:
        cli()
    except BadSettings as bad:
        fail("\n".join(bad.complaints))
    except (Refused, WrongSchema) as refused:
        fail(str(refused))
    except DBAPIError as trouble:
        fail(f"The database cannot be used: {str(trouble.orig).strip().splitlines()[0]}.")
    except Away as away:
        done = "Whether it was done is not known: look with `muster status`." if away.unknown else "Nothing was done."
        fail(f"The database cannot be reached, or somebody keeps it locked. {done}")


def _assembled() -> typer.Typer:
    whole = _group("Tells a hospital's staff that a system is down, and sees it through.", COMMANDS)
    for name, (about, commands) in GROUPS.items():
        whole.add_typer(_group(about, commands), name=name)
    return whole


def _group(about: str, commands: dict[str, Callable[..., Any]]) -> typer.Typer:
    group = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False, help=about)
    for name, function in commands.items():
        group.command(name)(function)
    return group


cli = _assembled()
