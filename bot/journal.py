"""The append-only log of who did what when; the timeline, the audit and the report all read it.

Verbs insert lines unsealed, so that writers do not queue behind one chain. A beat numbers and chains them.
A line's hash covers the one before it, its fields and a salted digest of its detail, so that a detail can be
erased later and the chain still verifies.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, bindparam, text, update
from sqlalchemy import select as core_select
from sqlmodel import Field, SQLModel, col, select

from bot.db import Tx, insert_new, one_at_a_time

SYSTEM = "muster"  # who acted when nobody did
GENESIS = "0" * 64


class Line(SQLModel, table=True):
    __tablename__ = "journal"
    __table_args__ = (
        Index("journal_unsealed", "id", sqlite_where=text("seq IS NULL"), postgresql_where=text("seq IS NULL")),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    outage: str = Field(default="", index=True)  # its code
    who: str  # a person's id, or `muster`
    what: str  # past tense: declared, answered, climbed
    channel: str = ""
    about: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    salt: str
    digest: str = ""
    seq: int | None = Field(default=None, unique=True)
    prev: str = ""
    hash: str = ""


TABLE = Line.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Verdict:
    lines: int
    broken_at: int | None = None  # the number of the first line that is not as it was sealed


def write(
    tx: Tx, what: str, *, outage: str = "", who: str = SYSTEM, channel: str = "", about: str = "", **detail: Any
) -> None:
    """Add a line to the transaction; what of the detail JSON has no word for is written as text."""
    salt, detail = secrets.token_hex(8), json.loads(json.dumps(detail, default=str))
    line = Line(at=tx.now, outage=outage, who=who, what=what, channel=channel, about=about, detail=detail, salt=salt)
    line.digest = digest(salt, detail)
    tx.add(line)


def write_all(tx: Tx, what: str, lines: Iterable[dict[str, Any]]) -> None:
    """Add many lines of one sort by one statement; each gives `who`, `outage`, `channel` and `detail`."""
    rows = []
    for line in lines:
        salt = secrets.token_hex(8)
        sealed_later = {"salt": salt, "digest": digest(salt, line["detail"]), "prev": "", "hash": ""}
        rows.append({"at": tx.now, "what": what, "about": "", **line, **sealed_later})
    insert_new(tx, TABLE, rows)


def seal(tx: Tx, limit: int = 2000) -> int:
    """Number and chain the lines that are not yet; returns how many. Safe in any number of processes."""
    one_at_a_time(tx, "journal")
    last = core_select(TABLE.c.seq, TABLE.c.hash).where(TABLE.c.seq.is_not(None)).order_by(TABLE.c.seq.desc()).limit(1)
    seq, prev = tx.execute(last).first() or (0, GENESIS)
    # A line that has a hash was sealed once: whoever took its number away must not get it sealed anew.
    fresh = core_select(TABLE).where(TABLE.c.seq.is_(None), TABLE.c.hash == "").order_by(TABLE.c.id).limit(limit)
    sealed = []
    for line in tx.execute(fresh).all():
        seq += 1
        sealed.append({"b_id": line.id, "b_seq": seq, "b_prev": prev, "b_hash": (prev := chained(line, seq, prev))})
    if sealed:
        numbered: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("seq", "prev", "hash")}
        tx.connection().execute(update(TABLE).where(TABLE.c.id == bindparam("b_id")).values(**numbered), sealed)
    return len(sealed)


def verify(tx: Tx) -> Verdict:
    """Seal the tail, then walk the chain. An erased detail (`{"erased": true}`) still fits."""
    while seal(tx):
        tx.flush()
    count, prev = 0, GENESIS
    in_order = select(Line).order_by(col(Line.seq).nulls_last())
    with tx.exec(in_order.execution_options(yield_per=500, populate_existing=True)) as lines:
        for line in lines:
            count += 1
            if line.seq != count or line.prev != prev or not _intact(line):
                return Verdict(count, broken_at=count)
            prev = line.hash
    return Verdict(count)


def digest(salt: str, detail: dict[str, Any]) -> str:
    return hashlib.sha256((salt + json.dumps(detail, sort_keys=True)).encode()).hexdigest()


def chained(line: Any, seq: int, prev: str) -> str:
    """The hash of a line at this place of the chain."""
    fields = [prev, seq, line.at.isoformat(), line.outage, line.who, line.what, line.channel, line.about]
    return hashlib.sha256(json.dumps([*fields, line.digest]).encode()).hexdigest()


def _intact(line: Line) -> bool:
    is_erased = line.detail == {"erased": True}
    in_its_place = line.hash == chained(line, line.seq or 0, line.prev)
    return in_its_place and (is_erased or line.digest == digest(line.salt, line.detail))
