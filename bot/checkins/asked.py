"""Who was asked what, and for which of their questions a digit counts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select

from bot.checkins.rows import ANSWER, CHECKS, KNOWS, OUTAGE, RECIPIENT, ROUND, UNIT_CHECK
from bot.db import Tx
from bot.outages import ENDED

CHANGES_FOR = timedelta(minutes=10)  # how long after an answer the next digit still is about the same question


@dataclass(frozen=True)
class Question:
    """A round as somebody was asked in it."""

    round_id: int
    notice_id: int
    outage_id: int
    outage: str  # its code
    kind: str
    text: str
    late: bool  # an answer now comes after it closed
    answered: bool
    lately: bool = False  # so lately that the same digit again, or another, changes that answer


@dataclass
class Asked:
    """What many people were asked, and who of them speaks for a unit."""

    questions: dict[str, list[Question]]  # by person
    speakers: set[str]
    answered: list[tuple[Question, str]] = field(default_factory=list)

    def all_of(self, people: Iterable[str]) -> list[Question]:
        """The questions put to any of these people, each once, the latest first; one that somebody answered at this
        number is answered."""
        found: dict[int, Question] = {}
        for question in (question for id in people for question in self.questions.get(id, [])):
            known = found.get(question.round_id)
            found[question.round_id] = max(known or question, question, key=lambda each: (each.answered, each.lately))
        return [found[id] for id in sorted(found, reverse=True)]

    def of(self, people: list[str], digit: str = "1", unit: str = "") -> list[Question]:
        return counts_for(self.all_of(people), digit, unit, speaks=not self.speakers.isdisjoint(people))


def counts_for(asked: list[Question], digit: str, unit: str = "", speaks: bool = False) -> list[Question]:
    """Those of the questions put to a number, latest first, that a digit from it answers; returned earliest first.

    It answers the latest that knows the digit, if that was answered minutes ago, since a new answer replaces the old
    one; else the latest that knows it and is not answered yet, else the latest that knows it. The checks of several
    outages go together, since a digit means the same in all; a digit with a unit's code and a 9 are about them. Who
    speaks for no unit says with any 1 that the alert was read; for a unit `OK` is never taken from an answer to
    something else.
    """
    running = [question for question in asked if not question.late] or asked[:1]
    by_outage = {question.outage_id: question for question in reversed(running) if question.kind in CHECKS}
    checks = sorted(by_outage.values(), key=lambda question: question.round_id)
    able = [question for question in running if digit in KNOWS[question.kind]] if not unit else []
    fresh = [question for question in able if not question.answered]
    meant = next(iter(able if able and able[0].lately else fresh or able), None)
    if meant is None or meant.kind in CHECKS:
        return checks or running[:1]
    return [*(checks if digit == "1" and not speaks else []), meant]


def asked(tx: Tx, person_ids: list[str]) -> list[Question]:
    """The questions put to any of these people that are open, else the last one of all; the latest first."""
    return asked_all(tx, person_ids).all_of(person_ids)


def asked_all(tx: Tx, person_ids: list[str]) -> Asked:
    """The same for many people at once, and which of them speak for a unit of an outage that runs."""
    found = Asked({}, set())
    _add(tx, found, _by_notice(tx).where(RECIPIENT.c.person_id.in_(person_ids), *_open()))
    # whoever came to speak for a unit later is asked what it was asked
    speaking = _questions(tx, UNIT_CHECK.c.asked).join(UNIT_CHECK, UNIT_CHECK.c.outage_id == OUTAGE.c.id)
    speaking = speaking.where(UNIT_CHECK.c.asked.in_(person_ids), ROUND.c.kind.in_(CHECKS), *_open())
    found.speakers = _add(tx, found, speaking)
    rest = [person_id for person_id in person_ids if person_id not in found.questions]
    if rest:
        last = select(func.max(ROUND.c.id)).join(RECIPIENT, RECIPIENT.c.notice_id == ROUND.c.notice_id)
        last = last.where(RECIPIENT.c.person_id.in_(rest)).group_by(RECIPIENT.c.person_id)
        _add(tx, found, _by_notice(tx).where(RECIPIENT.c.person_id.in_(rest), ROUND.c.id.in_(last)))
    return found


def asked_in(tx: Tx, round_id: int, person_ids: list[str]) -> Question | None:
    """One round, open or over, as it was put to any of these people; None if it was not."""
    found = Asked({}, set())
    _add(tx, found, _by_notice(tx).where(RECIPIENT.c.person_id.in_(person_ids), ROUND.c.id == round_id))
    return next(iter(found.all_of(person_ids)), None)


def _add(tx: Tx, found: Asked, query: Select[Any]) -> set[str]:
    """Put what the query finds among the questions; returns whose they are."""
    whose = set()
    for person_id, state, closed_at, round_id, notice_id, outage_id, code, kind, text, *said in tx.execute(query):
        whose.add(person_id)
        late = state in ENDED or closed_at is not None
        question = Question(round_id, notice_id, outage_id, code, kind, text, late, *map(bool, said))
        found.questions.setdefault(person_id, []).append(question)
    return whose


def _questions(tx: Tx, who: Any) -> Select[Any]:
    answered = exists().where(ANSWER.c.person_id == who, ANSWER.c.round_id == ROUND.c.id)
    columns = (who, OUTAGE.c.state, ROUND.c.closed_at, ROUND.c.id, ROUND.c.notice_id, OUTAGE.c.id, OUTAGE.c.code)
    query = select(*columns, ROUND.c.kind, ROUND.c.text, answered, answered.where(ANSWER.c.at > tx.now - CHANGES_FOR))
    return query.select_from(ROUND).join(OUTAGE, OUTAGE.c.id == ROUND.c.outage_id)


def _by_notice(tx: Tx) -> Select[Any]:
    return _questions(tx, RECIPIENT.c.person_id).join(RECIPIENT, RECIPIENT.c.notice_id == ROUND.c.notice_id)


def _open() -> list[Any]:
    return [ROUND.c.closed_at.is_(None), OUTAGE.c.state.not_in(ENDED)]
