"""The performers of the rungs: what `call`, `landline`, `visit` and the rest mean for each question a ladder asks."""

from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import checkins, escalations, journal, outbox, roster, tasks
from bot.command import digest, questions, returning, tell, wording
from bot.db import Tx
from bot.escalations import Ladder
from bot.outages import Outage

ROUND = 1000  # rounds of a ladder's own messages begin here, above those of the offer
VISIT_S = 600  # seconds to find out about a silent unit

#: What the superior reads of a task, by the clock that has run out; else that it is late
CONCERNS = {"untaken": "not taken", "turn": "not taken", "unstarted": "due soon", "blocked": "blocked"}

Rung = dict[str, Any]


def resend(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The same question on the next written channel, if there is one."""
    person = _awake(tx, ladder)
    way = outbox.another(tx, person, _used(tx, ladder)) if person else None
    if person and way:
        _put(tx, ladder, person, way)


def call(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """A call to the person; who cannot be called gets a second text instead."""
    person = _awake(tx, ladder, call=True)
    ways = outbox.routes(tx, person) if person else []
    voice = next((way for way in ways if way.channel == "voice"), None)
    if person and (voice or ways):
        _put(tx, ladder, person, voice or ways[0])


def landline(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The unit's own phone: whoever picks up answers for the unit."""
    outage, unit = questions.outage_of(tx, ladder), tx.get(roster.Unit, ladder.subject.rpartition(":")[2])
    if outage is None or unit is None or not unit.landline:
        return
    language = tx.render.speaks("landline", "voice")
    facts = wording.unit_facts(tx, outage, [unit.code], language)
    asked = {"unit": unit.code} | {name: facts[name] for name in ("what", "services", "do")}
    said = _notice(tx, ladder, outage)
    drafted = outbox.Draft(
        person_id=f"#unit:{unit.code}",
        channel="voice",
        address=unit.landline,
        lane=outbox.Lane.QUESTION,
        body=tx.render.voice("landline", language, outage.exercise, **asked),
        language=language,
        round=_round(ladder),
        not_after=tx.now + timedelta(minutes=10),
    )
    outbox.enqueue(tx, said, [drafted])


def visit(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The house supervisor is asked to send a person; several silent units come in one digest."""
    outage, unit = questions.outage_of(tx, ladder), ladder.subject.rpartition(":")[2]
    row = tx.get(checkins.UnitCheck, (outage.id, unit)) if outage else None
    held = roster.holding(tx, "house_supervisor", unit=unit)
    if outage is None or row is None:
        return
    row.visit = True
    tx.add(row)
    owner = held.owner or tell.coordinator(tx, outage)
    if owner is None:
        journal.write(tx, "nobody_to_ask", outage=outage.code, about=unit, role="house_supervisor")
        return
    if not tasks.is_visited(tx, outage.id or 0, unit):
        tasks.open_new(
            tx,
            outage,
            tasks.Kind.VISIT,
            f"Send a person to {unit}: no answer by text, call or landline",
            f"go and see {unit}",
            prio=1,
            due_s=VISIT_S,
            unit=unit,
            role="house_supervisor",
            owner=owner.id,
        )
        tasks.set_clock(tx, outage.id or 0)
    digest.add(tx, outage, owner, unit, "silent")


def backup(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The backup is offered what the owner did not take."""
    question = questions.of(tx, ladder)
    backed = question.open_tasks if question else []
    for person in roster.people(tx, sorted({task.backup for task in backed} - {ladder.person_id, ""})).values():
        theirs = [task for task in backed if task.backup == person.id]
        if not tasks.spares(tx, person, min(task.prio for task in theirs)):
            _offer(tx, ladder, person, theirs)


def superior(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The superior on shift hears of it in the next digest, and may act on it."""
    person, outage = tx.get(roster.Person, ladder.person_id), questions.outage_of(tx, ladder)
    _concern(tx, ladder, tell.above(tx, outage, person) if person else tell.coordinator(tx, outage))


def commander(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The commander hears of it in the next digest; of a patient risk that nobody has, singly and by a call."""
    outage, person = questions.outage_of(tx, ladder), tx.get(roster.Person, ladder.person_id)
    to = tell.coordinator(tx, outage)
    if to and person and to.id == person.id:  # nobody hears of themselves
        to = tell.above(tx, outage, person)
    if ladder.kind == "risk":
        _call_out(tx, ladder, to, "commander")
    else:
        _concern(tx, ladder, to)


def hand_on(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """The relief takes nothing: the unit's charge nurse is asked, or the superior."""
    question, outage = questions.of(tx, ladder), questions.outage_of(tx, ladder)
    if question and outage:
        tasks.hand_on(tx, outage, question.open_tasks)


def remind(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """Whoever has it hears again of what is not done."""
    question = questions.of(tx, ladder)
    theirs = question.open_tasks if question else []
    person = roster.person(tx, theirs[0].owner if theirs else ladder.person_id)
    if person and not tasks.spares(tx, person, min((task.prio for task in theirs), default=1)):
        _put(tx, ladder, person, outbox.best(tx, person))


def next_unit(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """A unit whose turn it is stalls: the next one is told that it is theirs."""
    outage = questions.outage_of(tx, ladder)
    if outage:
        returning.pass_over(tx, outage, ladder.subject.rpartition(":")[2])


def role(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """Patient risk: the holder of a role is texted and called at once; never the one who sent it."""
    question = questions.of(tx, ladder)
    task = question.open_tasks[0] if question and question.open_tasks else None
    if task:
        told = [] if ladder.lap else task.told  # in a later round the same people are called again
        held = roster.holding(tx, rung["role"], unit=task.unit, excluding=frozenset([ladder.person_id, *told]))
        _call_out(tx, ladder, held.owner, rung["role"])


def unheard(tx: Tx, ladder: Ladder, rung: Rung) -> None:
    """Patient risk, and all were called in vain: its sender hears so, and everybody who manages is called."""
    question, outage = questions.of(tx, ladder), questions.outage_of(tx, ladder)
    task = question.open_tasks[0] if question and question.open_tasks else None
    if question is None or task is None:
        return
    tell.command_post(tx, outage, "risk", question.facts, question.buttons)
    sender = roster.person(tx, ladder.person_id)
    if sender and not ladder.lap:
        facts = {"code": task.code, "unit": task.unit or None} | tell.help_phone(tx, sender)
        tell.one(tx, outage, sender, "risk_unheard", facts, lane=outbox.Lane.LIFE_SAFETY, also_slack=True)
    for person in roster.permitted(tx, "manage"):
        if person.id not in (ladder.person_id, *task.told):
            _call_out(tx, ladder, person, "manage")


def _call_out(tx: Tx, ladder: Ladder, person: roster.Person | None, role: str) -> None:
    question = questions.of(tx, ladder)
    task = question.open_tasks[0] if question and question.open_tasks else None
    if question is None or task is None or person is None:
        journal.write(tx, "nobody_to_ask", about=task.code if task else ladder.subject, role=role)
        return
    task.owner, task.told = task.owner or person.id, list(dict.fromkeys([*task.told, person.id]))
    tx.add(task)
    facts = question.facts | {"until": tasks.at(tx, _next_rung(tx, ladder)) or None}
    tell.one(
        tx, questions.outage_of(tx, ladder), person, question.kind, facts, lane=outbox.Lane.LIFE_SAFETY,
        subject=ladder.subject, buttons=question.buttons, also_slack=True, also_call=True,
    )  # fmt: skip


#: `do` of a rung → what is done
PERFORMERS: dict[str, escalations.Performer] = {
    "resend": resend, "call": call, "landline": landline, "visit": visit, "backup": backup, "superior": superior,
    "commander": commander, "remind": remind, "role": role, "unheard": unheard, "hand_on": hand_on,
    "next": next_unit,
}  # fmt: skip


def _put(tx: Tx, ladder: Ladder, person: roster.Person, way: outbox.Route) -> None:
    question, outage = questions.of(tx, ladder), questions.outage_of(tx, ladder)
    if question is None:
        return
    kind, facts = (question.voice, question.spoken) if way.channel == "voice" else (question.kind, question.facts)
    said = _notice(tx, ladder, outage)
    drafted = outbox.draft(
        tx,
        person,
        way,
        kind,
        facts,
        lane=outbox.Lane.QUESTION,
        exercise=said.exercise,
        buttons=question.buttons,
        round=_round(ladder),
    )
    outbox.enqueue(tx, said, [drafted])


def _offer(tx: Tx, ladder: Ladder, person: roster.Person, theirs: list[tasks.Task]) -> None:
    said = _notice(tx, ladder, questions.outage_of(tx, ladder))
    for number, start in enumerate(range(0, len(theirs), 3)):
        kind, facts = tasks.worded(tx, theirs[start : start + 3])
        drafted = outbox.draft(
            tx,
            person,
            outbox.best(tx, person),
            kind,
            facts,
            lane=outbox.Lane.QUESTION,
            exercise=said.exercise,
            round=_round(ladder) + 9 * ladder.position + number,
        )
        outbox.enqueue(tx, said, [drafted])


def _concern(tx: Tx, ladder: Ladder, person: roster.Person | None) -> None:
    question, outage = questions.of(tx, ladder), questions.outage_of(tx, ladder)
    if person is None or outage is None or question is None:
        return
    for task in question.open_tasks:
        if task.kind == tasks.Kind.RISK or (ladder.kind == "blocked" and task.prio == 1):
            owner = roster.person(tx, ladder.person_id)
            why = [CONCERNS.get(ladder.kind, "late"), task.note if ladder.kind == "blocked" else ""]
            tell.up(tx, outage, task, owner.name if owner else "", person, ": ".join(filter(None, why)))
            continue
        task.told = list(dict.fromkeys([*task.told, person.id]))
        tx.add(task)
        at = tasks.next_morning(tx) if tasks.spares(tx, person, task.prio) else tx.now
        digest.add(tx, outage, person, task.code, CONCERNS.get(ladder.kind, "late"), at)
    if ladder.kind == "silence":
        digest.add(tx, outage, person, ladder.subject.rpartition(":")[2], "silent")


def _notice(tx: Tx, ladder: Ladder, outage: Outage | None) -> outbox.Notice:
    """The notice that the ladder's messages hang on; settling its subject withdraws them all."""
    return outbox.notice_of(tx, ladder.subject) or outbox.notice(
        tx, ladder.kind, outage_id=ladder.outage_id, subject=ladder.subject, exercise=bool(outage and outage.exercise)
    )


def _round(ladder: Ladder) -> int:
    return ROUND * (1 + ladder.lap) + ladder.position


def _awake(tx: Tx, ladder: Ladder, *, call: bool = False) -> roster.Person | None:
    """Who is waited for, unless they sleep and it is not worth waking them."""
    person, question = tx.get(roster.Person, ladder.person_id), questions.of(tx, ladder)
    prio = min((task.prio for task in question.open_tasks), default=1) if question else 1
    return person if person and not tasks.spares(tx, person, prio, call=call) else None


def _used(tx: Tx, ladder: Ladder) -> set[tuple[str, str]]:
    notices = select(outbox.Notice.id).where(outbox.Notice.subject == ladder.subject)
    sent = select(outbox.Message.channel, outbox.Message.address).where(
        outbox.Message.person_id == ladder.person_id,
        col(outbox.Message.notice_id).in_(notices) | (col(outbox.Message.notice_id) == ladder.notice_id),
    )
    return {(channel, address) for channel, address in tx.exec(sent)}


def _next_rung(tx: Tx, ladder: Ladder) -> Any:
    if ladder.position >= len(ladder.rungs):
        return None
    return (ladder.base_at or tx.now) + timedelta(seconds=ladder.rungs[ladder.position]["after"])
