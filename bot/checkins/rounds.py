"""Opening and closing a round of questions."""

from collections.abc import Sequence

from sqlmodel import col, select

from bot import outbox
from bot.checkins.rows import Kind, Round
from bot.db import Tx
from bot.outages import Outage


def open_round(
    tx: Tx, outage: Outage, said: outbox.Notice, kind: Kind = Kind.ALERT, text: str = "", units: Sequence[str] = ()
) -> Round:
    """A round asked by a notice; an earlier one of its kind is over."""
    for earlier in _open(tx, outage, kind):
        _close(tx, earlier)
    opened = Round(outage_id=outage.id or 0, notice_id=said.id or 0, opened_at=tx.now, kind=kind, text=text)
    opened.units = list(units)
    tx.add(opened)
    tx.flush()
    if kind is not Kind.ALERT:
        said.subject = subject_of(opened)
        tx.add(said)
    return opened


def subject_of(opened: Round) -> str:
    return f"round:{opened.id}"


def latest(tx: Tx, outage: Outage, kind: Kind) -> Round | None:
    """The last round of a kind, open or over."""
    found = select(Round).where(Round.outage_id == outage.id, Round.kind == kind)
    return tx.exec(found.order_by(col(Round.id).desc()).limit(1)).first()


def close_rounds(tx: Tx, outage: Outage, *kinds: Kind) -> None:
    for kind in kinds or tuple(Kind):
        for opened in _open(tx, outage, kind):
            _close(tx, opened)


def _open(tx: Tx, outage: Outage, kind: Kind) -> list[Round]:
    found = select(Round).where(Round.outage_id == outage.id, Round.kind == kind, col(Round.closed_at).is_(None))
    return list(tx.exec(found))


def _close(tx: Tx, opened: Round) -> None:
    opened.closed_at = tx.now
    tx.add(opened)
    if opened.kind != Kind.ALERT:
        outbox.close_notices(tx, subject_of(opened), "asked anew")
