"""What an inject does: Muster does its own part, and reads out the rest to whoever runs the exercise."""

from collections.abc import Callable
from typing import Any, get_args

from bot import command, journal, outages, outbox, playbooks, roster
from bot.access import Refused
from bot.command import recalling
from bot.db import Tx
from bot.exercises.rows import Drill
from bot.exercises.scenarios import ByMuster, Inject, Scenario, at_minute, service_ids
from bot.outages import Outage

NOT_RUNNING = "it was not running at that minute, and later it would only confuse"

Act = Callable[[Tx, Drill, roster.Person, Inject], None]


def do(tx: Tx, drill: Drill, inject: Inject, late: bool = False) -> None:
    """Do it, note it, and post it in the command channel of a live drill. What Muster should have done long ago is
    left out."""
    mine = inject.do in get_args(ByMuster)
    refused = NOT_RUNNING if late and mine else _act(tx, drill, inject)
    outage = outage_of(tx, drill)
    minute, code = at_minute(inject.at), outage.code if outage else ""
    what = "inject_missed" if late and mine else "inject"
    journal.write(tx, what, outage=code, about=drill.code, minute=minute, do=inject.do, say=inject.say)
    if drill.live:
        facts = {"code": drill.code, "number": drill.done, "of": len(drill.injects), "minute": minute}
        is_done = mine and not refused
        facts |= {"who": inject.who, "say": inject.say, "done": is_done, "refused": refused or None}
        post(tx, outage, "inject", facts)


def _act(tx: Tx, drill: Drill, inject: Inject) -> str:
    """Muster's own part, if it has one; returns why it could not be done."""
    by = roster.person(tx, drill.by) or leader(tx)
    if inject.do not in ACTS:
        return ""
    if by is None:
        return "nobody on the staff list may hold a drill"
    try:
        with tx.begin_nested():
            ACTS[inject.do](tx, drill, by, inject)
    except Refused as refused:
        journal.write(tx, "refused", who=by.id, about=drill.code, says=str(refused))
        return str(refused)
    return ""


def leader(tx: Tx) -> roster.Person | None:
    """Who commands a drill that starts by itself: somebody on shift who may, else the house supervisor, else whoever
    may."""
    able = roster.permitted(tx, "manage")
    duties = ((person, roster.duty_of(tx, person.id)) for person in able)
    here = [person for person, held in duties if held and held.kind == "shift"]
    above = roster.coordinator(tx, "")
    return next(iter([*here, *([above] if above in able else []), *able]), None)


def post(
    tx: Tx, outage: Outage | None, kind: str, facts: dict[str, Any], buttons: list[list[str]] | None = None
) -> None:
    """A post in the command channel, where there is one, marked as an exercise also before anything is declared."""
    if channel := tx.settings.slack_command_channel:
        said = outbox.notice(tx, kind, outage_id=outage.id if outage else None, exercise=True)
        drafted = outbox.post(tx, channel, kind, facts, lane=outbox.Lane.UPDATE, exercise=True, buttons=buttons)
        outbox.enqueue(tx, said, [drafted])


def outage_of(tx: Tx, drill: Drill) -> Outage | None:
    """The exercise that this drill has declared."""
    return tx.get(Outage, drill.outage_id) if drill.outage_id else None


def request(tx: Tx, scenario: Scenario, inject: Inject | None = None) -> command.Request:
    """The declaration that a drill makes. Raises Refused for a service that has no playbook, or has none any more."""
    text = (inject.text if inject else "") or scenario.summary
    services = list(service_ids(scenario, playbooks.current(tx)))
    return command.Request(services, text, level=scenario.level, exercise=True, new=True)


def _declare(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    done = command.declare(tx, by, request(tx, drill.plan, inject), "drill")
    outage = outages.find(tx, done.code)
    drill.outage_id = outage.id
    tx.add(drill)
    if drill.live:
        command.keep_level(tx, outage)


def _update(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    command.update(tx, by, _code(tx, drill), inject.text or inject.say, None, "drill")


def _restore(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    command.restore(tx, by, _code(tx, drill), [], inject.text, "drill")


def _verify(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    command.verify(tx, by, _code(tx, drill), "drill")


def _raise(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    """One level up, never to 4: that tells people who are asleep, and only a person may."""
    outage = outage_of(tx, drill)
    if outage and outage.level < 3:
        command.raise_level(tx, by, outage.code, outage.level + 1, "drill")


def _checkin(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    command.ask_again(tx, by, _code(tx, drill))


def _recall(tx: Tx, drill: Drill, by: roster.Person, inject: Inject) -> None:
    recalling.staff_call(tx, by, f"{_code(tx, drill)} {inject.text}", "drill")


#: what an inject does → its function
ACTS: dict[str, Act] = {
    "declare": _declare,
    "update": _update,
    "restore": _restore,
    "verify": _verify,
    "raise": _raise,
    "checkin": _checkin,
    "recall": _recall,
}


def _code(tx: Tx, drill: Drill) -> str:
    outage = outage_of(tx, drill)
    if outage is None:
        raise Refused("nothing is declared in this drill")
    return outage.code
