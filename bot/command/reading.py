"""The bare `1`: what most people text, and all of them within minutes. Many are taken in by a few statements."""

from collections.abc import Iterable

from bot import checkins, inbox, journal, outbox, recalls, roster, sitreps
from bot.checkins import Asked
from bot.db import Tx


def read(tx: Tx, texts: list[tuple[str, str]]) -> list[bool]:
    """Take in texts that say only `1`, each given by its provider's id and the number it came from.

    True for those that are taken in, or were before. False for those that mean more than that somebody has read:
    whoever sent it speaks for a unit, was asked to come in or for a report, or is not known; nothing is written for
    them. It takes no turn.
    """
    at = roster.at_phones(tx, {number for _, number in texts})
    asked = checkins.asked_all(tx, [id for people in at.values() for id in people])
    called = recalls.called(tx, [id for people in at.values() for id in people])
    means_more = asked.speakers | called | sitreps.chiefs_asked(tx)
    plain = {number for number, people in at.items() if means_more.isdisjoint(people)}
    new = inbox.accept_all(tx, "sms", [sid for sid, number in texts if number in plain])
    for number in [number for sid, number in dict(texts).items() if sid in new]:
        _read(asked, at[number])
    _write(tx, asked)
    return [number in plain for _, number in texts]


def _read(asked: Asked, people: list[str]) -> None:
    """Everybody at one number answers every open question that was put to any of them."""
    for question in asked.of(people):
        asked.answered += [(question, person_id) for person_id in people]


def _write(tx: Tx, asked: Asked) -> None:
    checkins.record_all(tx, asked.answered, "1", "sms")
    by_notice: dict[int, list[str]] = {}
    for question, person_id in asked.answered:
        by_notice.setdefault(question.notice_id, []).append(person_id)
    for notice_id, people in sorted(by_notice.items()):
        outbox.withdraw_from(tx, notice_id, people)
    journal.write_all(tx, "answered", _lines(asked))


def _lines(asked: Asked) -> Iterable[dict[str, object]]:
    for question, person_id in asked.answered:
        yield {"who": person_id, "outage": question.outage, "channel": "sms",
               "detail": {"digit": "1", "note": "", "late": question.late}}  # fmt: skip
