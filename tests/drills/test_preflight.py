"""Who is missing is said before the alert, to the command centre; and at the alert somebody stands in."""

from datetime import timedelta

from bot import journal, roster
from bot.command import preflight
from bot.db import Tx
from tests.people import Channel, Person, Stage


def plan(tx: Tx) -> None:
    """A rota for the days around; nobody is on call for IT, whose calendar is empty."""
    hours = {"starts_at": tx.now - timedelta(days=2), "ends_at": tx.now + timedelta(days=4)}
    for person in roster.people(tx, [line.id for line in tx.exec(journal.select(roster.Person))]).values():
        if person.id != "finn":
            tx.add(roster.Shift(person_id=person.id, **hours))
    for role in set(preflight.needed(tx)) - {"it_unit_leader"}:
        tx.add(roster.Shift(person_id="gwen", role=role, kind="oncall", calendar=role, **hours))
    roster.forget(tx)
    preflight.arm(tx, at_once=True)


def test_on_call_role_has_an_empty_calendar(
    stage: Stage, dana: Person, finn: Person, eve: Person, command_centre: Channel
) -> None:
    """Preflight shows it; at the alert the fallback chain is used and logged."""
    stage.tell(plan)
    command_centre.shows("it_unit_leader: nobody now", "stands in")
    dana.is_left_alone(hours=2)  # it is night
    stage.forward(hours=1)
    dana.gets_sms("nobody for IT now", "stands in")
    command_centre.shows("it_unit_leader: nobody now")
    dana.is_left_alone(hours=12)
    stage.seen()
    eve.runs("/outage declare ehr Epic is down")

    def fallbacks(tx: Tx) -> list[tuple[str, str]]:
        lines = tx.exec(journal.select(journal.Line).where(journal.Line.what == "fell_back"))
        return [(line.detail["role"], line.detail["to"]) for line in lines]

    assert ("it_unit_leader", "dana") in stage.ask(fallbacks)
    dana.has_sms("Epic")
    assert not [text for text in finn.phone.inbox if "You lead IT" in text.body]
    assert stage.outage()["reach"]["people"] < 14, "an empty calendar tells nobody but those who are there"


def test_without_a_rota_nobody_looks_ahead(stage: Stage, command_centre: Channel) -> None:
    stage.tell(preflight.arm)
    stage.forward(hours=30)
    assert not stage.unexpected()
