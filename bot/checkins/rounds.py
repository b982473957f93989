"""Opening and closing a round of questions."""

from sqlmodel import col, select

from bot.checkins.rows import Round
from bot.db import Tx
from bot.outages import Outage


def open_round(tx: Tx, outage: Outage, notice_id: int) -> Round:
    for earlier in tx.exec(select(Round).where(Round.outage_id == outage.id, col(Round.closed_at).is_(None))):
        earlier.closed_at = tx.now
        tx.add(earlier)
    opened = Round(outage_id=outage.id or 0, notice_id=notice_id, opened_at=tx.now)
    tx.add(opened)
    tx.flush()
    return opened


def close_rounds(tx: Tx, outage: Outage) -> None:
    for opened in tx.exec(select(Round).where(Round.outage_id == outage.id, col(Round.closed_at).is_(None))):
        opened.closed_at = tx.now
        tx.add(opened)
