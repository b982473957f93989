"""Who is to hear a notice, as a rule that the database applies: whom a batch takes next, and on which way each of them
is told. The ways are those of `routes.best`, in the database's words."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select, true, tuple_

from bot import roster
from bot.db import Tx
from bot.outbox.routes import DEAD_FOR, NO_ADDRESS, OPTED_OUT, UNABLE
from bot.outbox.rows import Message, Recipient, State

PERSON = roster.Person.__table__  # type: ignore[attr-defined]
MESSAGE = Message.__table__  # type: ignore[attr-defined]
RECIPIENT = Recipient.__table__  # type: ignore[attr-defined]
LEFT = (State.SENDING, State.DOUBTFUL, State.SENT, State.DELIVERED)  # it left the house, or may have

Cursor = tuple[int, str]  # place and id of the last person written
START: Cursor = (-1, "")


#: Whoever the roster finds; the others are found among those who were told.
ANEW = ("alert", "shift")


@dataclass(frozen=True)
class Audience:
    """Who is to hear a notice. `alert` is the notice of the declaration, by which all are counted.

    `whom`: "alert": whoever the level told at that moment beside the role holders, and is not written yet; "shift":
    whoever was on shift at that moment, in these units, or at these sites, and is not written yet; "told": whoever is
    written for the alert; "got": whom the alert reached, or may have.
    """

    whom: str
    alert: int
    level: int = 0
    sites: list[str] = field(default_factory=list)
    at: str = ""
    until: int | None = None  # told by a message up to this one: those who came later have just heard it
    but: str = ""  # one person who need not hear it
    present: bool = False  # nobody beside the role holders who is not on shift: nobody meant to wake them
    units: list[str] = field(default_factory=list)


def batch(tx: Tx, meant: Audience, after: Cursor, limit: int) -> list[Any]:
    """The next people after the cursor, each with what decides on their words, and whether they `hear` it.

    Whoever is told anew comes in file order. Those who were told before are found from the notice they heard, in the
    order of its key, since they may be few in a large house.
    """
    if meant.whom in ANEW:
        order = (PERSON.c.place, PERSON.c.id)
        query = told_anew(tx, meant, *_columns(tx), true().label("hears")).where(tuple_(*order) > tuple_(*after))
        return list(tx.execute(query.order_by(*order).limit(limit)))
    known = _told(meant, after).order_by(RECIPIENT.c.person_id).limit(limit).subquery()
    query = select(*_columns(tx), _hears(meant, known).label("hears")).join(known, known.c.person_id == PERSON.c.id)
    return list(tx.execute(query.order_by(known.c.person_id)))


def told_anew(tx: Tx, meant: Audience, *columns: Any) -> Select[Any]:
    """These columns of whoever is to hear it and is not written yet."""
    heard = exists().where(RECIPIENT.c.notice_id == meant.alert, RECIPIENT.c.person_id == PERSON.c.id)
    at = datetime.fromisoformat(meant.at)
    if meant.whom == "shift":
        called = roster.present(tx, at, meant.units, meant.sites)
    else:
        called = roster.also_told(tx, meant.level, meant.sites, at, meant.present)
    return select(*columns).select_from(PERSON).where(PERSON.c.active, called, ~heard)


def count_told(tx: Tx, meant: Audience, after: Cursor) -> int:
    """How many of those who were told come after the cursor."""
    known = _told(meant, after).subquery()
    query = select(func.count()).select_from(known)
    return tx.execute(query.where(_hears(meant, known)) if meant.whom == "got" else query).scalar_one()


def these(tx: Tx, ids: list[str]) -> list[Any]:
    """The same of these people, if they are active."""
    found: list[Any] = []
    for start in range(0, len(ids), 500):
        some = select(*_columns(tx)).where(PERSON.c.active, PERSON.c.id.in_(ids[start : start + 500]))
        found += tx.execute(some).all()
    return found


def among(tx: Tx, meant: Audience, ids: list[str]) -> set[str]:
    """Those of these people who are to hear the alert and are not written yet."""
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        some = told_anew(tx, meant, PERSON.c.id).where(PERSON.c.id.in_(ids[start : start + 500]))
        found |= set(tx.execute(some).scalars())
    return found


def heard(tx: Tx, notice_id: int | None, ids: list[str]) -> set[str]:
    """Those of these people who are written for a notice."""
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        mine = [RECIPIENT.c.notice_id == notice_id, RECIPIENT.c.person_id.in_(ids[start : start + 500])]
        found |= set(tx.execute(select(RECIPIENT.c.person_id).where(*mine)).scalars())
    return found


def latest(tx: Tx) -> int:
    """The number of the last message that was written."""
    return tx.execute(select(func.max(MESSAGE.c.id))).scalar() or 0


def channel(tx: Tx) -> ColumnElement[str]:
    return case((_texts(tx), "sms"), (PERSON.c.slack_id != "", "slack"), (_calls(tx), "voice"), else_="none")


def last_contact(tx: Tx) -> ColumnElement[Any]:
    """When anything was last handed over for the person's address."""
    return select(func.max(MESSAGE.c.handed_at)).where(MESSAGE.c.address == address(tx)).scalar_subquery()


def reason() -> ColumnElement[str]:
    """Why the person cannot be reached."""
    a_number = or_(PERSON.c.mobile != "", PERSON.c.landline != "")
    return case((PERSON.c.opted_out_at.is_not(None), OPTED_OUT), (a_number, UNABLE), else_=NO_ADDRESS)


def _columns(tx: Tx) -> list[Any]:
    return [PERSON.c.id, PERSON.c.place, PERSON.c.site, PERSON.c.language, channel(tx).label("channel")]


def address(tx: Tx) -> ColumnElement[str]:
    texts = case((_is_alive(tx), PERSON.c.mobile), else_=PERSON.c.mobile2)
    calls = func.coalesce(func.nullif(PERSON.c.mobile, ""), PERSON.c.landline)
    ways = (_texts(tx), texts), (PERSON.c.slack_id != "", PERSON.c.slack_id), (_calls(tx), calls)
    return case(*ways, else_=literal("nobody:") + PERSON.c.id)


def _is_alive(tx: Tx) -> ColumnElement[bool]:
    """Is there a mobile, and nobody has said that texts to it never arrive?"""
    another, long_ago = PERSON.c.dead_mobile != PERSON.c.mobile, PERSON.c.dead_at <= tx.now - DEAD_FOR
    return and_(PERSON.c.mobile != "", or_(another, long_ago))


def _texts(tx: Tx) -> ColumnElement[bool]:
    a_number = or_(_is_alive(tx), PERSON.c.mobile2 != "")
    return and_(~PERSON.c.no_sms, PERSON.c.opted_out_at.is_(None), a_number)


def _calls(tx: Tx) -> ColumnElement[bool]:
    a_number = or_(PERSON.c.mobile != "", PERSON.c.landline != "")
    may_be = [] if tx.settings.voice_after_stop else [PERSON.c.opted_out_at.is_(None)]
    return and_(~PERSON.c.no_voice, a_number, *may_be)


def _told(meant: Audience, after: Cursor) -> Select[Any]:
    """Whoever is written for the alert and comes after the cursor."""
    known = select(RECIPIENT.c.person_id, RECIPIENT.c.address)
    return known.where(RECIPIENT.c.notice_id == meant.alert, RECIPIENT.c.person_id > after[1])


def _hears(meant: Audience, known: Any) -> ColumnElement[bool]:
    """Whether the notice is for somebody who was told: whom the alert reached, whoever was told by then, or anybody."""
    here = [] if meant.whom == "got" else [PERSON.c.active]
    but = [known.c.person_id != meant.but] if meant.but else []
    by_then = [_has_message(meant, known, MESSAGE.c.id <= meant.until)] if meant.until is not None else []
    got = [_has_message(meant, known, MESSAGE.c.state.in_(LEFT))] if meant.whom == "got" else []
    return and_(true(), *here, *but, *by_then, *got)


def _has_message(meant: Audience, known: Any, which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Such a message of the alert is the person's own, or went to the phone they share."""
    own = exists().where(MESSAGE.c.notice_id == meant.alert, MESSAGE.c.person_id == known.c.person_id, which)
    # `+ 0`: looked for by the address, which few rows have, and not by the notice, which a hundred thousand have
    shared = exists().where(MESSAGE.c.address == known.c.address, MESSAGE.c.notice_id + 0 == meant.alert, which)
    return or_(own, shared)
