"""How the people of the declaration's notice stand, each once. The database counts: there may be a hundred thousand."""

from enum import IntEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, case, cast, exists, func, select

from bot import checkins, outbox
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import Message, Recipient, State


class Best(IntEnum):
    """How far a notice got to a person; of several messages the least of these counts."""

    DELIVERED, SENT, QUEUED, FAILED, UNREACHABLE, TOLD_IN_PERSON = range(6)


class Said(IntEnum):
    """What a person answered. Late is least, so that any answer in time wins over it."""

    LATE, OK, HELP, RISK, UNAVAILABLE = range(5)


COUNTS_AS = {
    State.QUEUED: Best.QUEUED,
    State.SENDING: Best.QUEUED,
    State.DOUBTFUL: Best.QUEUED,
    State.SENT: Best.SENT,
    State.DELIVERED: Best.DELIVERED,
    State.FAILED: Best.FAILED,
    State.EXPIRED: Best.FAILED,
    State.WITHDRAWN: Best.FAILED,
    State.UNREACHABLE: Best.UNREACHABLE,
}
MEANS = {"1": Said.OK, "4": Said.OK, "2": Said.HELP, "3": Said.HELP, "9": Said.RISK, "A": Said.UNAVAILABLE}
REACH = ("queued", "sent", "delivered", "failed", "unreachable", "told_in_person")  # as the contract has them
CHECKIN = ("ok", "help", "risk", "unavailable", "late")

MESSAGE = Message.__table__  # type: ignore[attr-defined]
RECIPIENT = Recipient.__table__  # type: ignore[attr-defined]
ANSWER, ROUND, UNIT_CHECK = checkins.ANSWER, checkins.ROUND, checkins.UNIT_CHECK
PLACED = case({str(state): int(best) for state, best in COUNTS_AS.items()}, value=MESSAGE.c.state)


def reach(tx: Tx, outage: Outage) -> dict[str, int]:
    """Each person once, by the best that happened; those who are not written yet are queued."""
    unwritten, written = _people(tx, outage)
    found = _counted(tx, reached(outage), "best")
    counts = {best.name.lower(): found.get(best, 0) for best in Best}
    counts["delivered"] += written - sum(found.values())  # whoever answered has heard it
    counts["queued"] += unwritten
    return {"people": written + unwritten} | {name: counts[name] for name in REACH}


def checkin(tx: Tx, outage: Outage) -> dict[str, int]:
    """Each person once, by the latest answer; those who are not written yet are silent."""
    asked = sum(_people(tx, outage))
    found = _counted(tx, _said(outage), "said")
    counts = {said.name.lower(): found.get(said, 0) for said in Said}
    return {"asked": asked} | {name: counts[name] for name in CHECKIN} | {"silent": asked - sum(counts.values())}


def reached(outage: Outage) -> Select[Any]:
    """Everybody who has not answered, and their Best: by any message to them, or to the phone they share."""
    own = _own(outage).subquery()
    here = MESSAGE.c.notice_id == outage.notice_id
    several = select(MESSAGE.c.address).where(here).group_by(MESSAGE.c.address).having(func.count() > 1)
    for_units = [UNIT_CHECK.c.outage_id == outage.id, UNIT_CHECK.c.standing == checkins.Standing.TOLD]
    themselves = select(ANSWER.c.person_id).where(ANSWER.c.digit == checkins.TOLD, _in_a_round(outage))
    told = select(UNIT_CHECK.c.asked).where(*for_units).union(themselves)
    best = case(
        (own.c.person_id.in_(told), int(Best.TOLD_IN_PERSON)),
        (own.c.best == int(Best.DELIVERED), own.c.best),
        # to look at an address costs a search: it is done only where a message of somebody else may have gone
        (and_(own.c.is_theirs == 1, own.c.address.not_in(several)), own.c.best),
        else_=func.coalesce(_best_at(own, here), own.c.best, int(Best.FAILED)),
    )
    return select(own.c.person_id, best.label("best"))


def _counted(tx: Tx, people: Select[Any], by: str) -> dict[int, int]:
    each = people.subquery()
    return dict(tx.execute(select(each.c[by], func.count()).group_by(each.c[by])).all())


def _people(tx: Tx, outage: Outage) -> tuple[int, int]:
    """How many people of the notice are not written yet, and how many are."""
    written = select(func.count()).where(RECIPIENT.c.notice_id == outage.notice_id)
    return outbox.still_to_write(tx, outage.notice_id), tx.execute(written).scalar_one()


def _own(outage: Outage) -> Select[Any]:
    """The best of each person's own messages, and whether one of them went to the address they were to be told at."""
    mine = and_(MESSAGE.c.notice_id == RECIPIENT.c.notice_id, MESSAGE.c.person_id == RECIPIENT.c.person_id)
    theirs = func.max(case((MESSAGE.c.address == RECIPIENT.c.address, 1), else_=0))
    query = select(
        RECIPIENT.c.person_id, RECIPIENT.c.address, func.min(PLACED).label("best"), theirs.label("is_theirs")
    )
    said = ANSWER.c.digit != checkins.TOLD
    answered = exists().where(ANSWER.c.person_id == RECIPIENT.c.person_id, said, _in_a_round(outage))
    query = query.select_from(RECIPIENT.outerjoin(MESSAGE, mine)).where(RECIPIENT.c.notice_id == outage.notice_id)
    return query.where(~answered).group_by(RECIPIENT.c.notice_id, RECIPIENT.c.person_id)


def _best_at(own: Any, here: ColumnElement[bool]) -> Any:
    """The best of all messages to the address, and of the person's own."""
    best = func.min(case((own.c.best < PLACED, own.c.best), else_=PLACED))
    return select(best).where(here, MESSAGE.c.address == own.c.address).scalar_subquery()


def _said(outage: Outage) -> Select[Any]:
    """What each person said last; what came too late counts only where there is nothing else."""
    asked = exists().where(RECIPIENT.c.notice_id == outage.notice_id, RECIPIENT.c.person_id == ANSWER.c.person_id)
    means = case({digit: int(said) for digit, said in MEANS.items()}, value=ANSWER.c.digit)
    # the number of the answer with what it means as its last figure: the highest is the latest, and says its meaning
    latest = func.max(case((ANSWER.c.late, int(Said.LATE)), else_=cast(ANSWER.c.id, BigInteger) * 10 + means))
    query = select((latest % 10).label("said")).where(_in_a_round(outage, *checkins.CHECKS), asked)
    return query.where(ANSWER.c.digit.in_(MEANS)).group_by(ANSWER.c.person_id)


def _in_a_round(outage: Outage, *kinds: checkins.Kind) -> ColumnElement[bool]:
    rounds = select(ROUND.c.id).where(ROUND.c.outage_id == outage.id)
    return ANSWER.c.round_id.in_(rounds.where(ROUND.c.kind.in_(kinds)) if kinds else rounds)
