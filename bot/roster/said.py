"""What people tell us about their own duty: HERE, CHARGE and AWAY."""

from datetime import timedelta

from sqlalchemy import func
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.duty import duty_of, forget
from bot.roster.posts import covers
from bot.roster.rows import Leave, Person, Shift, Unit

#: How long a word holds.
WORD_LASTS = timedelta(hours=12)


def take_duty(tx: Tx, person: Person, verb: str, unit: str = "") -> Unit | None:
    """The person's own word: `here`, `charge` or `away`, for the next 12 hours or until the next word.

    Returns the unit that is taken (or left, for `away`); None when it is unknown, and then nothing was written.
    The word outlives the next rota import; a shift that starts after it takes over again.
    """
    there = find_unit(tx, unit or _unit_of(tx, person))
    if verb == "away":
        _say(tx, person, kind="away", unit="", role="")
        return there
    _ends_leave(tx, person)
    if there and not (verb == "here" and _is_at(tx, person, there.code)):
        _say(tx, person, kind="shift", unit=there.code, role="unit_charge" if verb == "charge" else "")
    return there


def find_unit(tx: Tx, word: str) -> Unit | None:
    """A unit by its code, however it was typed."""
    return tx.exec(select(Unit).where(func.lower(col(Unit.code)) == word.strip().lower())).first()


def _unit_of(tx: Tx, person: Person) -> str:
    held = duty_of(tx, person.id)
    return held.unit if held else person.unit


def _is_at(tx: Tx, person: Person, unit: str) -> bool:
    held = duty_of(tx, person.id)
    return held is not None and held.kind == "shift" and held.unit == unit


def _ends_leave(tx: Tx, person: Person) -> None:
    for leave in tx.exec(select(Leave).where(Leave.person_id == person.id, covers(tx.now, Leave))):
        tx.delete(leave)
        forget(tx)


def _say(tx: Tx, person: Person, kind: str, unit: str, role: str) -> None:
    spoken = select(Shift).where(Shift.person_id == person.id, Shift.source == "said", col(Shift.ends_at) > tx.now)
    for earlier in tx.exec(spoken):
        if earlier.starts_at < tx.now:
            earlier.ends_at = tx.now
        else:  # said twice in one moment: a shift may not end when it starts
            tx.delete(earlier)
    tx.add(
        Shift(
            person_id=person.id,
            role=role,
            unit=unit,
            kind=kind,
            source="said",
            starts_at=tx.now,
            ends_at=tx.now + WORD_LASTS,
        )
    )
    tx.flush()
    forget(tx)
