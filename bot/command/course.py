"""While it runs: updates, corrections, levels, the promise of the next update, and who is in command."""

from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import access, checkins, journal, outages, outbox, playbooks, roster, tasks
from bot.access import Refused
from bot.command import tell, wording
from bot.db import Tx
from bot.outages import Outage


def update(tx: Tx, by: roster.Person, code: str, text: str, every: timedelta | None, channel: str) -> str:
    """Tell everybody who was told; keeps the promise and makes the next one."""
    outage = _for(tx, by, "update", code)
    if not text.strip():
        raise Refused("An update needs words: /outage update what is new. Nothing was sent.")
    tell.promise(tx, outage, every)
    facts = {
        "time": tasks.at(tx, tx.now),
        "text": tell.with_tasks(tx, outage, text),
        "down": tell.down(tx, outage),
        "next": tell.next_at(tx, outage),
    }
    said = tell.everyone(tx, outage, "update", facts)
    journal.write(tx, "updated", outage=outage.code, who=by.id, channel=channel, text=text)
    return f"Sent to {_count(tx, said)} people: {tx.render.sms('update', 'en', outage.exercise, **facts)}"


def correct(tx: Tx, by: roster.Person, code: str, text: str, channel: str) -> str:
    """Correct the last thing that was said to all, by its time."""
    outage = _for(tx, by, "correct", code)
    if not text.strip():
        raise Refused("A correction needs words: /outage correct what is true instead. Nothing was sent.")
    last = select(outbox.Notice).where(
        outbox.Notice.subject == f"outage:{outage.id}", outbox.Notice.outage_id == outage.id
    )
    wrong = tx.exec(last.order_by(col(outbox.Notice.id).desc()).limit(1)).one()
    facts = {
        "time": tasks.at(tx, tx.now),
        "of": tasks.at(tx, wrong.opened_at),
        "text": text,
        "next": tell.next_at(tx, outage),
    }
    said = tell.everyone(tx, outage, "correction", facts)
    journal.write(tx, "corrected", outage=outage.code, who=by.id, channel=channel, text=text, corrects=wrong.id)
    return (
        f"Correction sent to {_count(tx, said)} people: {tx.render.sms('correction', 'en', outage.exercise, **facts)}"
    )


def raise_level(tx: Tx, by: roster.Person, code: str, level: int, channel: str) -> str:
    """A higher level tells more people: those who were told hear of the level, the others get the alert."""
    outage = _for(tx, by, "raise", code)
    if not outage.level < level <= 4:
        raise Refused(
            f"{outage.code} is at level {outage.level}; raise it to a higher one, at most 4. Nothing was changed."
        )
    before, outage.level = tell.told(tx, outage), level
    tx.add(outage)
    wanted = [service.service for service in outages.services(tx, outage)]
    roles = playbooks.start(tx, outage, playbooks.current(tx), wanted)
    units = [unit.code for unit in roster.affected_units(tx, outage.sites)]
    known = {person.id for person in before}
    newcomers = [person for person in roster.told_at(tx, level, units, roles) if person.id not in known]
    tell.promise(tx, outage)
    down = outages.down(tx, outage)
    facts = {
        "time": tasks.at(tx, tx.now),
        "level": level,
        "what": tell.what(down),
        "do": wording.words(down, "do"),
        "next": tell.next_at(tx, outage),
    }
    said = tell.everyone(tx, outage, "raised", facts, people=before)
    drafts = [
        outbox.draft(
            tx,
            person,
            outbox.best(tx, person),
            "alert",
            wording.alert_facts(tx, outage, person),
            lane=outbox.Lane.ALERT,
            exercise=outage.exercise,
            buttons=wording.staff_keys(outage),
        )
        for person in newcomers
    ]
    if level == 4:
        tell.partners(tx, outage, "partner", tell.partner_facts(tx, outage))
    first = tx.get(outbox.Notice, outage.notice_id)
    outbox.enqueue(tx, first or said, drafts)
    journal.write(tx, "raised", outage=outage.code, who=by.id, channel=channel, level=level, newcomers=len(newcomers))
    tasks.watch(tx, outage.id or 0)
    return f"{outage.code} is at level {level}: {len(newcomers)} more people are told, {len(before)} hear of the level."


def ask_again(tx: Tx, by: roster.Person, code: str) -> str:
    """Ask the silent units again, now, on the same ladder."""
    outage = _for(tx, by, "checkin", code)
    asked = []
    for row in checkins.units(tx, outage.id or 0):
        person = roster.person(tx, row.asked) if row.standing == checkins.Standing.SILENT else None
        if person:
            facts = wording.unit_facts(tx, outage, [row.unit], person.language or "en")
            tell.one(
                tx,
                outage,
                person,
                "unit_check",
                facts,
                lane=outbox.Lane.QUESTION,
                subject=checkins.subject(outage, row.unit),
                buttons=wording.check_keys(outage),
            )
            asked.append(row.unit)
    journal.write(tx, "asked_again", outage=outage.code, who=by.id, units=asked)
    return f"Asked again: {', '.join(asked)}." if asked else "No unit with somebody in charge is silent."


def hand_over(tx: Tx, by: roster.Person, code: str, to: roster.Person | None, channel: str) -> str:
    """Command goes to another person; without one, to whoever asks."""
    outage = _for(tx, by, "command", code)
    new = to or by
    outage.commander = new.id
    tx.add(outage)
    journal.write(tx, "command", outage=outage.code, who=by.id, channel=channel, to=new.id)
    text = f"{new.name} commands {outage.code} now"
    if new.id != by.id:
        tell.one(
            tx,
            outage,
            new,
            "told_you",
            {"text": f"you command {outage.code} until relieved"},
            lane=outbox.Lane.QUESTION,
            also_slack=True,
        )
    tell.command_post(tx, outage, "told_you", {"text": text})
    return f"{text}."


def remind(tx: Tx, outage_id: int) -> None:
    """Five minutes before the promised time its owner is reminded."""
    outage = tx.get(Outage, outage_id)
    owner = tell.promise_owner(tx, outage) if outage and outage.state in outages.RUNNING else None
    if outage and owner:
        facts = {"time": tell.next_at(tx, outage), "code": outage.code}
        tell.one(tx, outage, owner, "remind_promise", facts, lane=outbox.Lane.QUESTION, also_slack=True)
        journal.write(tx, "reminded", outage=outage.code, about="update", to=owner.id)


def hold(tx: Tx, outage_id: int) -> None:
    """The promised time came and nobody wrote: a holding update goes out by itself, and the commander is told."""
    outage = tx.get(Outage, outage_id)
    if outage is None or outage.state not in outages.RUNNING:
        return
    tell.promise(tx, outage)
    facts: dict[str, Any] = {"time": tasks.at(tx, tx.now), "next": tell.next_at(tx, outage)}
    if outage.state == outages.OutageState.DECLARED:
        down, note = outages.down(tx, outage), tell.with_tasks(tx, outage, "") or None
        tell.everyone(tx, outage, "holding", facts | {"note": note}, own=lambda language: {
            "services": wording.says(down, language), "stay": wording.words(down, "do_short", language),
        })  # fmt: skip
    else:
        tell.everyone(tx, outage, "update", facts | {"text": "no new word"})
    journal.write(tx, "held", outage=outage.code)
    commander = tell.coordinator(tx, outage)
    if commander:
        tell.one(tx, outage, commander, "promise_held", facts, lane=outbox.Lane.UPDATE)


def _for(tx: Tx, by: roster.Person, verb: str, code: str) -> Outage:
    access.demand(tx, by, verb)
    outage = outages.find(tx, code)
    if outage.state not in outages.RUNNING:
        raise Refused(f"{outage.code} is {outage.state}. Nothing was sent or changed.")
    return outage


def _count(tx: Tx, said: outbox.Notice) -> int:
    return len(tx.exec(select(outbox.Recipient.person_id).where(outbox.Recipient.notice_id == said.id)).all())
