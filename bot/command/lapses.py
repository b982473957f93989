"""When a person or a message drops out: opted out, gone off shift, not delivered."""

from typing import Any

from bot import checkins, escalations, journal, outages, outbox, roster, tasks
from bot.command import tell
from bot.db import Tx


def opted_out(tx: Tx, number: str) -> None:
    """A carrier took a text as STOP: the coordinator is warned, and the tasks of the person move on."""
    for person in roster.opt_out(tx, number):
        journal.write(tx, "opted_out", who=person.id, channel="sms")
        for outage in outages.running(tx)[:1]:
            above = tell.coordinator(tx, outage)
            if above and above.id != person.id:
                text = f"{person.name} ({person.unit}) opted out of texts, perhaps by mistake. Reach them another way"
                tell.one(tx, outage, above, "told_you", {"text": text}, lane=outbox.Lane.QUESTION, also_slack=True)
            tell.command_post(tx, outage, "told_you", {"text": f"{person.name} ({person.unit}) opted out of texts"})
        for task in tasks.mine(tx, person):
            if task.owner == person.id and task.kind != tasks.Kind.CARD and task.role:
                tasks.decline(tx, task, person, "opted out of texts", "sms")


def away(tx: Tx, person: roster.Person) -> None:
    """Not on shift: counted as unavailable, and what the person had goes to the next."""
    asked = checkins.latest_round(tx, [person.id])
    if asked and asked[1].state not in outages.ENDED:
        tx.add(checkins.Answer(round_id=asked[0].id or 0, person_id=person.id, digit="A", at=tx.now, channel="sms"))
        outbox.withdraw(tx, [asked[0].notice_id], person.id)
    for task in tasks.mine(tx, person):
        if task.owner == person.id and task.role:
            tasks.decline(tx, task, person, "not on shift", "sms")


def undelivered(tx: Tx, row: Any, reason: str, opted: bool = False) -> None:
    """A message did not arrive: a unit's ladder climbs now; anybody else is tried on the next way."""
    if opted:
        opted_out(tx, row.address)
    said = tx.get(outbox.Notice, row.notice_id)
    person = tx.get(roster.Person, row.person_id)
    if said is None or said.closed_at is not None or person is None or row.lane > outbox.Lane.UPDATE:
        return
    waiting = [ladder for ladder in _ladders(tx, said, person) if ladder.position < len(ladder.rungs)]
    if waiting and row.channel == "sms":
        for ladder in waiting:
            escalations.skip_wait(tx, ladder)
        return
    way = outbox.another(tx, person, {(row.channel, row.address)}, also_voice=row.lane <= outbox.Lane.QUESTION)
    if way and row.channel == "sms":
        drafted = outbox.Draft(
            person_id=person.id,
            channel=way.channel,
            address=way.address,
            lane=row.lane,
            body=row.body,
            unit=person.unit,
            wording="again",
            language=row.language,
            round=row.round + 1,
            not_after=row.not_after,
        )
        outbox.enqueue(tx, said, [drafted])
        journal.write(tx, "fell_over", who=person.id, channel=way.channel, about=f"message {row.id}", reason=reason)


def _ladders(tx: Tx, said: outbox.Notice, person: roster.Person) -> list[escalations.Ladder]:
    """The ladders that wait for this person's answer to this notice."""
    return [ladder for ladder in escalations.waiting_on(tx, said.id or 0) if ladder.person_id == person.id]
