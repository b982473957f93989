"""A word of somebody was taken as STOP by the carrier, or was meant so: texts to them have ended."""

from bot import checkins, journal, outages, outbox, roster
from bot.command import lapses, tell, wording
from bot.db import Tx
from bot.outages import Outage

WHY = "opted out of texts"


def opted_out(tx: Tx, number: str, by_word: bool = True) -> None:
    """Nobody at this number can be texted any more: their tasks and units go on, and they hear it another way.

    `by_word`: they wrote it just now, so the coordinator is warned; else a provider told us of it when we texted.
    """
    running = outages.running(tx)
    for person in roster.opt_out(tx, number):
        journal.write(tx, "opted_out", who=person.id, channel="sms", outage=running[0].code if running else "")
        is_asked_again = any([_hand_on_units(tx, outage, person) for outage in running])
        lapses.hand_on_tasks(tx, person, WHY)
        if running and by_word:
            _warn(tx, running[0], person)
            if not is_asked_again:
                _tell_elsewhere(tx, running[0], person)


def opted_in(tx: Tx, number: str) -> None:
    """They wrote START: they can be texted again."""
    for person in roster.opt_in(tx, number):
        journal.write(tx, "opted_in", who=person.id, channel="sms")
        for outage in outages.running(tx)[:1]:
            tell.command_post(tx, outage, "told_you", {"text": f"{_named(person)} takes texts again"})


def _warn(tx: Tx, outage: Outage, person: roster.Person) -> None:
    """The coordinator hears of it at once; where that is the very person, the house supervisor."""
    ways = [way.channel for way in outbox.routes(tx, person)]
    how = {"slack": "Slack still reaches them", "voice": "A call still reaches them"}.get(ways[0] if ways else "")
    said = f"{_named(person)} {WHY}, perhaps by mistake. {how or 'Send somebody'}"
    above = tell.coordinator(tx, outage)
    if above is None or above.id == person.id:
        above = roster.holding(tx, "house_supervisor", excluding=frozenset([person.id])).owner
    if above:
        tell.one(tx, outage, above, "told_you", {"text": said}, lane=outbox.Lane.ALERT, also_slack=True)
    tell.command_post(tx, outage, "told_you", {"text": said})


def _hand_on_units(tx: Tx, outage: Outage, person: roster.Person) -> bool:
    """A silent unit's question reaches her another way, else whoever shares the charge, else the unit's landline.
    True if she is asked again."""
    asked = [row for row in checkins.units(tx, outage.id or 0) if row.asked == person.id]
    silent = [row for row in asked if row.standing == checkins.Standing.SILENT]
    can_be_asked = bool(outbox.routes(tx, person))
    for row in silent:
        others = [each for each in roster.holders(tx, "unit_charge", row.unit) if each.id != person.id]
        lapses.new_charge(tx, outage, row, person if can_be_asked else others[0] if others else None)
    return bool(silent) and can_be_asked


def _tell_elsewhere(tx: Tx, outage: Outage, person: roster.Person) -> None:
    """What she wrote may have been meant as an answer: she can give it there."""
    if outbox.routes(tx, person):
        tell.one(tx, outage, person, "opted_out", {}, lane=outbox.Lane.QUESTION, subject=f"outage:{outage.id}",
                 buttons=wording.staff_keys(outage))  # fmt: skip


def _named(person: roster.Person) -> str:
    return f"{person.name} ({person.unit})"
