"""What Slack does, from the command line."""

from collections.abc import Callable
from typing import Annotated

import typer

from bot import command, playbooks
from bot.cli.ground import As, Yes, act, look, named, say, somebody, sure
from bot.db import Tx
from bot.roster import Person

Do = Callable[[Tx, Person, str, str], str]


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
    options = f" level:{level}" * (level is not None) + f" sites:{sites}" * bool(sites)

    def asked(tx: Tx) -> command.Request:
        return command.declaration(f"{services} {summary}{options}", playbooks.current(tx).find, exercise)

    if not yes:
        figures = look(lambda tx: command.preview(tx, somebody(tx, as_), asked(tx)))
        say(f"{figures}. {figures.warning}".rstrip())
    sure(f"Tell staff that {services} is down?", yes)
    done = act(lambda tx: command.declare(tx, somebody(tx, as_), asked(tx), "cli"))
    if done.merged:
        say(f"{done.code} runs already: {done.merged}.")
        if done.unsent:
            say(f"Your words were NOT sent to staff. To send them: {done.unsent} 'WORDS'")
        return
    say(
        f"Declared {done.code}, level {done.level}: {done.people} people, {done.unreachable} unreachable, "
        f"{done.segments} segments, done by {done.finish}. {done.warning}".rstrip()
    )
    say(done.sent)
    if done.practice:
        say(f"Your words say exercise, and staff read that it is REAL. If it is not: muster void {done.code} now.")
    if done.filled.changed:
        say(f"Letters that a text has not were changed: {done.filled.changed}.")
    if done.filled.added:
        say(f"Your words left open, so staff read the playbook's {done.filled.added}.")
    if done.filled.find_out:
        say(f"Find out: {done.filled.find_out}. Then muster fact {done.code} 'NAME what'.")
    for odd in done.odd:
        say(f"Not understood: {odd}.")
    if done.valid:
        say(f"No service was named, so only the core playbook runs. There are: {', '.join(done.valid)}.")


def checkin(words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]")] = None, as_: As = "") -> None:
    """Ask, as `/checkin` does: the silent units, all, roll-call, or a question of your own."""
    say(act(lambda tx: command.checkin(tx, somebody(tx, as_), " ".join(words or []), "cli")))


def recall(
    words: Annotated[list[str] | None, typer.Argument(metavar="[CODE] [need:4 skill:rn … | stop R1]")] = None,
    as_: As = "",
) -> None:
    """Call staff in: `muster recall need:4 skill:rn unit:ICU`. Without words: how it stands."""
    said = " ".join(words or [])
    say(act(lambda tx: command.staff_call(tx, somebody(tx, as_), said, "cli")))


def task(
    words: Annotated[list[str] | None, typer.Argument(metavar="list | VERB CODE [WORDS] | WHO [due:15m] TEXT")] = None,
    as_: As = "",
) -> None:
    """As `/task` does: `muster task done T7 12`, `give T7 s12`, or a new one: `unit:5W due:15m fetch paper`.

    Verbs: accept, start, done, cannot, block, skip, give, escalate; `list` shows what is open.
    """
    said = " ".join(words or [])
    if said.lower() == "list":
        say(look(lambda tx: command.tasks_listed(tx, somebody(tx, as_), "cli")))
    else:
        say(act(lambda tx: command.task(tx, somebody(tx, as_), said, "cli")))


def _course(do: Do, about: str, asks: str = "") -> Callable[..., None]:
    """The function behind `muster NAME CODE [TEXT]`; `asks` is how its question begins, if it asks first."""

    def run(code: str, text: Annotated[str, typer.Argument()] = "", yes: Yes = False, as_: As = "") -> None:
        if asks:
            sure(f"{asks} {code}?", yes)
        say(act(lambda tx: do(tx, somebody(tx, as_), code, text)))

    run.__doc__ = about
    return run


#: The commander's verbs: what each does, what `--help` says, and what it asks first
COURSE: dict[str, Callable[..., None]] = {
    "update": _course(
        lambda tx, by, code, text: command.update(tx, by, code, text, None, "cli"),
        "Tell everybody who was told what is new.",
    ),
    "correct": _course(
        lambda tx, by, code, text: command.correct(tx, by, code, text, "cli"), "Correct the last thing that was said."
    ),
    "raise": _course(
        lambda tx, by, code, text: command.raise_level(tx, by, code, command.level(text), "cli"),
        "Raise the level: CODE and 1 to 4.",
    ),
    "lower": _course(
        lambda tx, by, code, text: command.lower_level(tx, by, code, command.level(text), "cli"),
        "Lower the level: CODE and 1 to 3.",
    ),
    "restore": _course(
        lambda tx, by, code, text: command.restore_words(tx, by, code, text, "cli"),
        "Services are back: CODE, their names, a text.",
    ),
    "order": _course(
        lambda tx, by, code, text: command.order_words(tx, by, code, text, "cli"),
        "Who returns first: CODE and units, as in ED,ICU,5W.",
    ),
    "verify": _course(lambda tx, by, code, _: command.verify(tx, by, code, "cli"), "The services were checked."),
    "close": _course(
        lambda tx, by, code, text: command.close(tx, by, code, text, "cli"),
        "The all-clear.",
        asks="Give the all-clear for",
    ),
    "void": _course(
        lambda tx, by, code, _: command.void(tx, by, code, "cli"),
        "Sent in error: those who got it are told.",
        asks="Tell everybody to ignore",
    ),
    "fact": _course(
        lambda tx, by, code, text: command.fact(tx, by, code, text, "cli"),
        "What was found out: CODE and 'hie_unavailable' or 'est_best 06:00'; without one, what to find out.",
    ),
    "command": _course(
        lambda tx, by, code, text: command.hand_over(tx, by, code, named(tx, text) if text else None, "cli"),
        "Command goes to another: CODE STAFF_ID; without one, to you.",
    ),
}
