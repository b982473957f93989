"""Recovery and the end: restored, verified, all clear; and void for what was sent in error."""

from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import access, checkins, escalations, journal, outages, outbox, playbooks, roster, tasks, timers
from bot.access import Refused
from bot.command import levels, periods, returning, tell, wording, words
from bot.command.still import still
from bot.db import Tx
from bot.outages import Outage, OutageState, Service, ServiceState

VOID_WITHIN = timedelta(minutes=10)
SECOND = "void.second"  # the timer under which a first void waits for a second person
RECOVERY = frozenset({"recovery"})
CALLS = (tasks.Kind.RISK, tasks.Kind.HELP)  # somebody waits for a human


def restore(tx: Tx, by: roster.Person, code: str, services: list[str], text: str, channel: str) -> str:
    """Some or all services are back (not yet the all-clear): their recovery begins and everybody hears what to do."""
    outage, (text, removed) = outages.commanded(tx, by, "restore", code), words.screened(text)
    back = _bring_back(tx, outage, services)
    down = outages.down(tx, outage)
    if not down:
        outages.move(tx, outage, OutageState.RESTORED, by.id, text)
        _end_downtime(tx, outage)
    playbooks.recover(tx, outage, [service.service for service in back], everything=not down)
    returning.hold(tx, outage)
    tell.promise(tx, outage)

    def own(language: str) -> dict[str, Any]:
        do, stay = wording.words(back, "restored_do", language), wording.words(down, "do_short", language)
        names = {"back": wording.named(back, language), "down": wording.named(down, language)}
        return names | {"do": do, "stay": stay}

    facts = {"time": tasks.at(tx, tx.now), "text": text or None, "next": tell.next_at(tx, outage)}
    facts |= {"what": outage.summary or None}
    tell.everyone(tx, outage, "restored", facts, own=own)
    tell.to_be_told(tx, outage)  # what only says that the system is back has just been said
    journal.write(
        tx,
        "services_back",
        outage=outage.code,
        who=by.id,
        channel=channel,
        services=[row.service for row in back],
        text=text,
    )
    tasks.watch(tx, outage.id or 0)
    rest = (
        f" Still down: {tell.say(down)}."
        if down
        else f" Verify with {tell.how(channel, 'verify', outage.code)}, then close it."
    )
    return f"{tell.say(back)} back in {outage.code}; everybody told is told what to do.{rest}{removed}"


def restore_words(tx: Tx, by: roster.Person, code: str, text: str, channel: str) -> str:
    """`restore [services] [order:ED,ICU] [text]`: the first word names services only if every comma part is one. With
    nothing but an order, where something is back already, it is the order of return and brings nothing else back."""
    outage = outages.commanded(tx, by, "restore", code)
    here = {row.unit for row in checkins.units(tx, outage.id or 0)}
    units, text = words.order(text, here.__contains__)
    if units and not text and returning.has_begun(tx, outage):
        return returning.order(tx, by, code, units, channel)
    request = words.declaration(text, playbooks.current(tx).find)
    said = restore(tx, by, code, request.services, request.text, channel)
    return f"{said} {returning.order(tx, by, code, units, channel)}" if units else said


def _end_downtime(tx: Tx, outage: Outage) -> None:
    """The downtime is over: nobody is chased any more for how they cope with it."""
    for row in checkins.units(tx, outage.id or 0):
        escalations.stop(tx, checkins.subject(outage, row.unit), "restored")
        outbox.close_notices(tx, checkins.subject(outage, row.unit), "restored")
    periods.stop(tx, outage)
    levels.end(tx, outage)
    tasks.cancel_open(tx, outage.id or 0, keep=RECOVERY | {"adhoc"}, reason="restored")


def verify(tx: Tx, by: roster.Person, code: str, channel: str) -> str:
    """The services were checked from the floor: they may be trusted."""
    outage = outages.commanded(tx, by, "verify", code)
    outages.move(tx, outage, OutageState.VERIFIED, by.id)
    for service in outages.services(tx, outage):
        service.state = ServiceState.VERIFIED
        tx.add(service)
    tell.promise(tx, outage)
    facts = {
        "time": tasks.at(tx, tx.now),
        "what": outage.summary or None,
        "next": tell.next_at(tx, outage),
    }
    rows = outages.services(tx, outage)
    tell.everyone(tx, outage, "verified", facts, own=lambda language: {"services": wording.named(rows, language)})
    then = f"Close it with {tell.how(channel, 'close', outage.code)} when the priority-1 recovery tasks are done."
    return f"{outage.code} verified. {then}"


def close(tx: Tx, by: roster.Person, code: str, reason: str, channel: str) -> str:
    """The all-clear. Refused while somebody waits for help, or priority-1 recovery tasks are open, unless a reason is
    given; a patient risk goes on being called after it."""
    outage = outages.commanded(tx, by, "close", code)
    _demand_recovered(tx, outage, reason, channel)
    reason, removed = words.screened(reason)
    if down := outages.down(tx, outage):  # closed at once: they are back, and what follows from that begins
        playbooks.recover(tx, outage, [_back(tx, service).service for service in down], everything=True)
    outages.move(tx, outage, OutageState.CLOSED, by.id, reason)
    still(tx, outage, "closed")
    returning.release(tx, outage)
    tasks.cancel_open(tx, outage.id or 0, keep=RECOVERY | {tasks.Kind.RISK})
    facts = {"time": tasks.at(tx, tx.now), "text": reason or None}
    rows = outages.services(tx, outage)
    said = tell.everyone(tx, outage, "closed", facts, own=lambda language: {"services": wording.named(rows, language)})
    if tell.partners_know(tx, outage):
        tell.partners(tx, outage, "partner_over", {"services": tell.say(rows), "time": facts["time"]})
    left = [task for task in tasks.of_outage(tx, outage.id or 0) if task.state not in tasks.ENDED and not task.card_id]
    tasks.set_clock(tx, outage.id or 0)
    risks = [task.code for task in left if task.kind == tasks.Kind.RISK]
    tail = f" {len(left) - len(risks)} recovery tasks go on until they are done." if len(left) > len(risks) else ""
    tail += f" Nobody has ended {', '.join(risks)} yet: it is called about until somebody has it." if risks else ""
    return f"{outage.code} closed, all clear sent to {outbox.audience(tx, said.id)} people.{tail}{removed}"


def void(tx: Tx, by: roster.Person, code: str, channel: str) -> str:
    """Sent in error: exactly those who got the alert are told to ignore it.

    Within ten minutes and before any answer of 2 to 9 one person may; later it needs a second one with `manage`.
    """
    access.demand(tx, by, "void")
    outage = outages.find(tx, code)
    if outage.state not in (OutageState.DECLARED, OutageState.RESTORED):
        raise Refused(f"{outage.code} is {outage.state} and cannot be voided. Nothing was sent.")
    late = tx.now - outage.declared_at > VOID_WITHIN or _somebody_needs_help(tx, outage)
    if late and not _second(tx, outage, by):
        why = "was declared over 10 minutes ago or has calls for help"
        return f"{outage.code} {why}: a second person with `manage` must also void it."
    outages.move(tx, outage, OutageState.VOIDED, by.id, "sent in error")
    still(tx, outage, "sent in error")
    tasks.cancel_open(tx, outage.id or 0, keep=frozenset({tasks.Kind.RISK}), reason="sent in error")
    facts = {"time": tasks.at(tx, outage.declared_at)}
    if tell.partners_know(tx, outage):
        tell.partners(tx, outage, "void", facts)
    said = tell.everyone(tx, outage, "void", facts, whom="got", lane=outbox.Lane.ALERT)
    people = outbox.audience(tx, said.id)
    return f"{outage.code} voided: {people} people who got the alert are told to ignore it."


def _bring_back(tx: Tx, outage: Outage, services: list[str]) -> list[Service]:
    down = outages.down(tx, outage)
    unknown = [service for service in services if service not in {row.service for row in down}]
    if unknown or not down:
        names = ", ".join(row.service for row in down) or "none"
        raise Refused(
            f"{', '.join(unknown) or 'Nothing'} is not down in {outage.code}. Down: {names}. Nothing was changed."
        )
    back = [row for row in down if not services or row.service in services]
    return [_back(tx, row) for row in back]


def _back(tx: Tx, service: Service) -> Service:
    service.state, service.restored_at = ServiceState.RESTORED, tx.now
    tx.add(service)
    tx.flush()
    return service


def _demand_recovered(tx: Tx, outage: Outage, reason: str, channel: str) -> None:
    unfinished = [
        task for task in tasks.of_outage(tx, outage.id or 0) if task.state not in tasks.ENDED and not task.card_id
    ]
    calls = [task for task in unfinished if task.kind in CALLS]
    waiting = [task for task in unfinished if task.phase == "recovery" and task.prio == 1]
    if reason or not calls + waiting:
        return
    said = f"Somebody waits for help: {', '.join(f'{task.code} {task.sms}' for task in calls[:6])}. " if calls else ""
    if waiting:
        named = ", ".join(task.code if task.number else task.step for task in waiting[:6])
        said += f"{len(waiting)} priority-1 recovery tasks are open: {named}. "
    raise Refused(
        f"{said}Finish them, or close with a reason: {tell.how(channel, 'close', outage.code)} and why."
    )


def _somebody_needs_help(tx: Tx, outage: Outage) -> bool:
    query = select(checkins.Answer.id).join(checkins.Round, col(checkins.Round.id) == checkins.Answer.round_id)
    query = query.where(checkins.Round.outage_id == outage.id, col(checkins.Answer.digit).in_(("2", "3", "4", "9")))
    return tx.exec(query.limit(1)).first() is not None


def _second(tx: Tx, outage: Outage, by: roster.Person) -> bool:
    """Is this the second person to ask for it? The first one is remembered for ten minutes."""
    first = tx.exec(
        select(timers.Timer).where(timers.Timer.kind == SECOND, timers.Timer.subject == str(outage.id))
    ).first()
    if first and first.data.get("by") != by.id:
        timers.cancel(tx, SECOND, str(outage.id))
        return True
    timers.set_for(tx, SECOND, str(outage.id), tx.now + VOID_WITHIN, by=by.id)
    journal.write(tx, "void_asked", outage=outage.code, who=by.id)
    return False
