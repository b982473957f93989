"""Answers: for everybody asked at a number, all of them kept, the latest counts."""

from sqlmodel import col, select

from bot import journal, outbox, roster
from bot.checkins.asked import Asked, Question, asked, asked_all, asked_in, counts_for
from bot.checkins.rows import ANSWER, AWAY, CHECKS, KNOWS, TOLD, Answer, Heard, Kind, Round, UnitCheck
from bot.checkins.units import spoken_for, told
from bot.db import Tx, insert_new
from bot.outages import RUNNING, Outage

ASKS_FOR = ("2", "3", "9")  # somebody to come, who has to know where


def answer(
    tx: Tx, people: list[roster.Person], digit: str, note: str, channel: str, only_unit: str = "",
    outage_id: int | None = None, round_id: int | None = None,
) -> Heard:  # fmt: skip
    """Record a digit for everybody who was asked at this number or account; `only_unit` narrows it to one unit.

    It answers the check of the outage that it is known to be about, or the round, else the questions that
    `counts_for` says. Stops what is still to be sent to them for it, and the ladder of each unit it speaks for.
    """
    heard = Heard(digit, people=[person.id for person in people], unit=_where(tx, people) if digit in ASKS_FOR else "")
    put = asked_all(tx, heard.people)
    questions = put.all_of(heard.people)
    for question in _meant(tx, put, heard, only_unit, outage_id, round_id):
        outage = tx.get(Outage, question.outage_id)
        heard.outage, heard.late, heard.asked = outage, question.late, question.text
        notices = [other.notice_id for other in questions if _alike(question, other)]
        for person in people:
            _record(tx, question, notices, person, digit, note, channel)
        if outage and question.kind in CHECKS and not heard.late:
            spoken_for(tx, outage, heard, people[0].id, note, only_unit)
    if digit == "9" and outage_id and heard.outage is None:
        heard.outage = tx.get(Outage, outage_id)  # a risk in it, though it asked them nothing
        if heard.outage and heard.outage.state in RUNNING:
            spoken_for(tx, heard.outage, heard, people[0].id, note, only_unit)
    return heard


def _meant(
    tx: Tx, put: Asked, heard: Heard, only_unit: str, outage_id: int | None, round_id: int | None
) -> list[Question]:  # fmt: skip
    if outage_id is None and round_id is None:
        return put.of(heard.people, heard.digit, only_unit)
    every = put.all_of(heard.people)
    if round_id is not None:
        put_now = next((question for question in every if question.round_id == round_id), None)
        return _about(every, put_now or asked_in(tx, round_id, heard.people), heard.digit)
    checks = [question for question in every if question.outage_id == outage_id and question.kind in CHECKS]
    return counts_for(checks, heard.digit)


def _about(every: list[Question], put: Question | None, digit: str) -> list[Question]:
    """What a digit says that was given under one question: nothing if that was not put to them, and nothing of a unit
    once a question of another sort is over."""
    if digit == "9":
        return counts_for(every, digit)
    if put is None:
        return []
    over = put.late and put.kind not in CHECKS
    known = not put.late and digit in KNOWS[put.kind]
    return [put] if over or known else counts_for(every, digit)


def _alike(question: Question, other: Question) -> bool:
    """An answer to the one answers the other: it is the same, or both ask how the unit is."""
    both_check = question.kind in CHECKS and other.kind in CHECKS and question.outage_id == other.outage_id
    return both_check or question.round_id == other.round_id


def record_all(tx: Tx, answered: list[tuple[Question, str]], digit: str, channel: str) -> None:
    """Keep the same digit for many; stopping what is still to be sent to them is the caller's."""
    insert_new(tx, ANSWER, [
        {"round_id": question.round_id, "person_id": person_id, "digit": digit, "note": "", "at": tx.now,
         "channel": channel, "late": question.late}
        for question, person_id in answered
    ])  # fmt: skip


def unavailable(tx: Tx, person: roster.Person, channel: str) -> None:
    """AWAY: counted as such in every question that is open."""
    for question in asked(tx, [person.id]):
        if not question.late:
            _record(tx, question, [question.notice_id], person, AWAY, "", channel)


def present(tx: Tx, person: roster.Person, unit: str, channel: str) -> None:
    """HERE: on site in this unit, for every roll-call that is open, whether or not the person was asked in it."""
    running = select(Outage.id).where(col(Outage.state).in_(RUNNING))
    open_ones = select(Round).where(Round.kind == Kind.ROLL_CALL, col(Round.closed_at).is_(None))
    for opened in tx.exec(open_ones.where(col(Round.outage_id).in_(running))):
        asked_too = outbox.heard(tx, opened.notice_id, [person.id])
        outage = tx.get(Outage, opened.outage_id)
        if outage and (asked_too or not opened.units or unit in opened.units):
            question = Question(opened.id or 0, opened.notice_id, opened.outage_id, outage.code, opened.kind, "",
                                late=False, answered=False)  # fmt: skip
            _record(tx, question, [opened.notice_id], person, "1", unit, channel)


def told_person(tx: Tx, outage: Outage, person: roster.Person, by: str) -> bool:
    """Somebody told this person, and with that the units they answer for, in person; false if nobody asked them."""
    mine = [question for question in asked(tx, [person.id]) if question.outage_id == outage.id and not question.late]
    checks = [question for question in mine if question.kind in CHECKS][:1]
    for question in checks + [question for question in mine if question.kind == Kind.ROLL_CALL]:
        _record(tx, question, [other.notice_id for other in mine if _alike(question, other)], person, TOLD, by, "")
    theirs = select(UnitCheck.unit).where(UnitCheck.outage_id == outage.id, UnitCheck.asked == person.id)
    for unit in tx.exec(theirs).all() if mine else []:
        told(tx, outage, unit, by)
    return bool(mine)


def _where(tx: Tx, people: list[roster.Person]) -> str:
    """Where the speaker is now: the unit on duty, else the one on file."""
    held = roster.duty_of(tx, people[0].id) if people else None
    return held.unit if held else people[0].unit if people else ""


def _record(
    tx: Tx, question: Question, notices: list[int], person: roster.Person, digit: str, note: str, channel: str
) -> None:
    row = Answer(round_id=question.round_id, person_id=person.id, digit=digit, at=tx.now, channel=channel)
    row.note, row.late = note, question.late
    tx.add(row)
    outbox.withdraw(tx, notices, person.id)
    journal.write(tx, "answered", who=person.id, outage=question.outage, channel=channel, digit=digit, note=note,
                  late=question.late)  # fmt: skip
