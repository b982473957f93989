"""Answers: for everybody asked at a number, all of them kept, the latest counts."""

from sqlalchemy import select as core_select
from sqlmodel import col, select

from bot import journal, outbox, roster
from bot.checkins.rows import ANSWER, OUTAGE, RECIPIENT, ROUND, UNIT_CHECK, Answer, Asked, Heard, Question, Round
from bot.checkins.units import spoken_for
from bot.db import Tx, insert_new
from bot.outages import ENDED, Outage


def asked(tx: Tx, person_ids: list[str], outage_id: int | None = None) -> list[tuple[Round, Outage]]:
    """The questions put to any of these people, latest first: those of the outages that run, else the last one of all.

    `outage_id` narrows it to the outage that the answer is known to be about.
    """
    heard = select(Round, Outage).join(outbox.Recipient, col(outbox.Recipient.notice_id) == Round.notice_id)
    heard = heard.join(Outage, col(Outage.id) == Round.outage_id).where(col(outbox.Recipient.person_id).in_(person_ids))
    if outage_id is not None:
        heard = heard.where(Round.outage_id == outage_id)
    # each round once, however many of these people were asked in it: an answer from a shared phone counts once
    found = list({row[0].id: (row[0], row[1]) for row in tx.exec(heard.order_by(col(Round.id).desc()))}.values())
    running = [row for row in found if row[1].state not in ENDED]
    return running or found[:1]


def asked_all(tx: Tx, person_ids: list[str]) -> Asked:
    """The same for many people at once, and which of them were asked for a unit."""
    heard = core_select(
        RECIPIENT.c.person_id, ROUND.c.id, ROUND.c.notice_id, OUTAGE.c.id, OUTAGE.c.code, OUTAGE.c.state,
        ROUND.c.closed_at,
    )  # fmt: skip
    heard = heard.join(ROUND, ROUND.c.notice_id == RECIPIENT.c.notice_id).join(OUTAGE, OUTAGE.c.id == ROUND.c.outage_id)
    questions: dict[str, list[Question]] = {}
    mine = heard.where(RECIPIENT.c.person_id.in_(person_ids))
    for person_id, round_id, notice_id, outage_id, code, state, closed in tx.execute(mine):
        over = state in ENDED
        question = Question(round_id, notice_id, outage_id, code, over, over or closed is not None)
        questions.setdefault(person_id, []).append(question)
    speaking = core_select(UNIT_CHECK.c.asked).where(UNIT_CHECK.c.asked.in_(person_ids)).distinct()
    return Asked(questions, set(tx.execute(speaking).scalars()))


def answer(
    tx: Tx, people: list[roster.Person], digit: str, note: str, channel: str, only_unit: str = "",
    outage_id: int | None = None,
) -> Heard:  # fmt: skip
    """Record a digit for everybody who was asked at this number or account; `only_unit` narrows it to one unit.

    It answers every open question of theirs, since a digit means the same in all. Stops what is still to be sent to
    them for it, and the ladder of each unit it speaks for.
    """
    heard = Heard(digit, people=[person.id for person in people], unit=_where(tx, people))
    for opened, outage in reversed(asked(tx, heard.people, outage_id)):
        heard.outage, heard.late = outage, opened.closed_at is not None or outage.state in ENDED
        for person in people:
            _record(tx, opened, outage, person, digit, note, channel, heard.late)
        if not heard.late:
            spoken_for(tx, outage, heard, people[0].id, note, only_unit)
    return heard


def record_all(tx: Tx, answered: list[tuple[Question, str]], digit: str, channel: str) -> None:
    """Keep the same digit for many; stopping what is still to be sent to them is the caller's."""
    insert_new(tx, ANSWER, [
        {"round_id": question.round_id, "person_id": person_id, "digit": digit, "note": "", "at": tx.now,
         "channel": channel, "late": question.late}
        for question, person_id in answered
    ])  # fmt: skip


def unavailable(tx: Tx, person: roster.Person, channel: str) -> None:
    """AWAY: counted as such in every check that is open."""
    for opened, outage in asked(tx, [person.id]):
        if outage.state not in ENDED:
            _record(tx, opened, outage, person, "A", "", channel, late=False)


def _where(tx: Tx, people: list[roster.Person]) -> str:
    """Where the speaker is now: the unit on duty, else the one on file."""
    held = roster.duty_of(tx, people[0].id) if people else None
    return held.unit if held else people[0].unit if people else ""


def _record(
    tx: Tx, opened: Round, outage: Outage, person: roster.Person, digit: str, note: str, channel: str, late: bool
) -> None:
    row = Answer(round_id=opened.id or 0, person_id=person.id, digit=digit, at=tx.now, channel=channel)
    row.note, row.late = note, late
    tx.add(row)
    outbox.withdraw(tx, [opened.notice_id], person.id)
    journal.write(tx, "answered", who=person.id, outage=outage.code, channel=channel, digit=digit, note=note, late=late)
