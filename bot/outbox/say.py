"""Putting messages into the outbox, and taking back those that are no longer needed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, text, update
from sqlmodel import col
from sqlmodel import select as pick

from bot import texting, timers
from bot.db import Tx, insert_new
from bot.outbox.rows import NEVER, UNDECIDED, WAITING, Draft, Expansion, Message, Notice, Recipient, State

MESSAGE = Message.__table__  # type: ignore[attr-defined]
NOTICE = Notice.__table__  # type: ignore[attr-defined]
RECIPIENT = Recipient.__table__  # type: ignore[attr-defined]
EXPANSION = Expansion.__table__  # type: ignore[attr-defined]
TIDY = "outbox.tidy"  # the timer that withdraws the next portion of what was closed
PORTION = 5_000  # messages withdrawn in one transaction
BETWEEN_CALLS = timedelta(seconds=60)
# in the words of the indexes over what is queued, and over what is under way
IN_QUEUE, IS_UNDER_WAY = text("state = 'queued'"), text("state IN ('sending', 'doubtful')")


def notice(tx: Tx, kind: str, *, outage_id: int | None = None, subject: str = "", exercise: bool = False) -> Notice:
    return notices(tx, kind, [subject], outage_id=outage_id, exercise=exercise)[0]


def notices(tx: Tx, kind: str, subjects: list[str], *, outage_id: int | None, exercise: bool) -> list[Notice]:
    """Many notices of a kind at once, in the order of their subjects."""
    said = [
        Notice(outage_id=outage_id, kind=kind, subject=subject, exercise=exercise, opened_at=tx.now)
        for subject in subjects
    ]
    tx.add_all(said)
    tx.flush()
    return said


def notice_of(tx: Tx, subject: str) -> Notice | None:
    """The latest open notice about a subject."""
    found = pick(Notice).where(Notice.subject == subject, col(Notice.closed_at).is_(None))
    return tx.exec(found.order_by(col(Notice.id).desc()).limit(1)).first()


def enqueue(tx: Tx, said: Notice, drafts: list[Draft]) -> int:
    """Queue the drafts; a second one for the same person or the same address of a round is passed over.

    The people are recorded as the notice's recipients even where they share a phone; a `#post` or `#landline` is
    nobody. Returns the rows queued.
    """
    if not drafts:
        return 0
    last = _last_contact(tx, {draft.address for draft in drafts})
    rows = [draft.row(said, tx.now, last.get(draft.address, NEVER), _segments(draft)) for draft in drafts]
    heard = [
        {"notice_id": said.id, "person_id": d.person_id, "unit": d.unit, "wording": d.wording, "address": d.address}
        for d in drafts
        if d.person_id[0] != "#"
    ]
    insert_new(tx, RECIPIENT, heard)
    tx.wakes()
    return insert_new(tx, MESSAGE, rows)


def withdraw(tx: Tx, notice_ids: list[int], person_id: str, reason: str = "answered") -> int:
    """Take back what of these notices still waits for one person; returns how many that were.

    What is being sent just now cannot be taken back; its validity ends with its claim, so that `sweep` withdraws it
    should it ever come back to the queue.
    """
    return _take_back(tx, [MESSAGE.c.notice_id.in_(notice_ids), MESSAGE.c.person_id == person_id], reason)


def withdraw_from(tx: Tx, notice_id: int, person_ids: list[str], reason: str = "answered") -> None:
    """Take back what of one notice still waits for these people."""
    _take_back(tx, [MESSAGE.c.notice_id == notice_id, MESSAGE.c.person_id.in_(person_ids)], reason)


def close_notices(tx: Tx, subject: str, reason: str = "settled") -> None:
    """The subject is settled: withdraw what waits and let nothing of it be claimed any more."""
    _close(tx, NOTICE.c.subject == subject, reason)


def close_outage(tx: Tx, outage_id: int, reason: str, but: Collection[str] = ()) -> None:
    """Close every notice of an outage but those of some subjects."""
    _close(tx, and_(NOTICE.c.outage_id == outage_id, NOTICE.c.subject.not_in(but)), reason)


def tidy(tx: Tx, notice_ids: list[int], reason: str) -> None:
    """Withdraw what waits of closed notices, so many at a time: nothing of it is claimed meanwhile."""
    # `+ 0`: looked for among what is queued, and not among all that was ever said
    some = select(MESSAGE.c.id).where(IN_QUEUE, (MESSAGE.c.notice_id + 0).in_(notice_ids)).limit(PORTION)
    if _take_back(tx, [MESSAGE.c.id.in_(some)], reason, [(MESSAGE.c.notice_id + 0).in_(notice_ids)]) == PORTION:
        timers.set_for(tx, TIDY, str(notice_ids[0]), tx.now, notices=notice_ids, reason=reason)


def _close(tx: Tx, which: object, reason: str) -> None:
    closing = update(NOTICE).where(which, NOTICE.c.closed_at.is_(None)).values(closed_at=tx.now)  # type: ignore[arg-type]
    ids = [row.id for row in tx.execute(closing.returning(NOTICE.c.id))]
    if ids:
        # whoever is not written yet need not be told any more
        rest = update(EXPANSION).where(EXPANSION.c.notice_id.in_(ids), EXPANSION.c.done_at.is_(None))
        tx.execute(rest.values(done_at=tx.now))
        tidy(tx, ids, reason)


def _take_back(tx: Tx, waiting: list[Any], reason: str, sending: list[Any] | None = None) -> int:
    taken = update(MESSAGE).where(*waiting, MESSAGE.c.state.in_(WAITING))
    count = tx.connection().execute(taken.values(state=State.WITHDRAWN, reason=reason)).rowcount
    # in this order: what a claim takes from the queue between the two is caught by the second
    under_way = update(MESSAGE).where(*(sending or waiting), IS_UNDER_WAY)
    tx.execute(under_way.values(not_after=MESSAGE.c.claimed_at))
    return count


def after_calls(tx: Tx, number: str) -> datetime:
    """When a call that can wait is made: a phone that rings or is talked on is busy."""
    mine = [MESSAGE.c.address == number, MESSAGE.c.channel == "voice", MESSAGE.c.due_at > tx.now - BETWEEN_CALLS]
    last = tx.execute(select(func.max(MESSAGE.c.due_at)).where(*mine, MESSAGE.c.state != State.WITHDRAWN)).scalar()
    return max(last or tx.now, tx.now) + BETWEEN_CALLS


def first_handed(tx: Tx, notice_id: int, person_id: str) -> datetime | None:
    """When the provider first took something of this notice for this person."""
    query = select(func.min(MESSAGE.c.handed_at))
    return tx.execute(query.where(MESSAGE.c.notice_id == notice_id, MESSAGE.c.person_id == person_id)).scalar()


def still_going(tx: Tx, notice_id: int, person_id: str) -> bool:
    """Is something of this notice for this person still on its way to the provider?"""
    mine = [MESSAGE.c.notice_id == notice_id, MESSAGE.c.person_id == person_id]
    return bool(tx.execute(select(MESSAGE.c.id).where(*mine, MESSAGE.c.state.in_(UNDECIDED)).limit(1)).first())


def _last_contact(tx: Tx, addresses: set[str]) -> dict[str, datetime]:
    known = sorted(addresses)
    found: dict[str, datetime] = {}
    for start in range(0, len(known), 500):
        some = MESSAGE.c.address.in_(known[start : start + 500])
        query = select(MESSAGE.c.address, func.max(MESSAGE.c.handed_at)).where(some, MESSAGE.c.handed_at.is_not(None))
        found |= {address: at for address, at in tx.execute(query.group_by(MESSAGE.c.address))}
    return found


def _segments(draft: Draft) -> int:
    return texting.segments(draft.body) if draft.channel == "sms" else 1
