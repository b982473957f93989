"""Who may do what by which door, and the PINs that open the SMS door."""

from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlmodel import Field, SQLModel

from bot import journal, roster
from bot.db import Tx

LOCK_AFTER = 5  # wrong PINs
LOCK_FOR = timedelta(minutes=15)

#: verb → the permission it needs (contract, `permissions` of staff.csv)
NEEDS = {
    "declare": "declare",
    "update": "manage", "correct": "manage", "raise": "manage", "lower": "manage", "restore": "manage",
    "verify": "manage", "void": "manage", "task": "manage", "checkin": "manage", "command": "manage",
    "drill": "manage", "recall": "manage",
    "close": "close",
}  # fmt: skip


class Refused(Exception):
    """A verb that may not be done now. Its text says what happened and what to do instead."""


class Pin(SQLModel, table=True):
    __tablename__ = "pin"

    person_id: str = Field(primary_key=True)
    hash: str


class Lock(SQLModel, table=True):
    """Wrong PINs from one number."""

    __tablename__ = "pin_lock"

    number: str = Field(primary_key=True)
    wrong: int = 0
    locked_until: datetime | None = None


def demand(tx: Tx, person: roster.Person, verb: str) -> None:
    """Raises Refused, naming those who may, if the person lacks the permission for a verb."""
    needed = NEEDS[verb]
    if roster.may(person, needed):
        return
    able = ", ".join(other.name for other in roster.permitted(tx, needed)[:5]) or "nobody yet: ask an administrator"
    raise Refused(f"You may not {verb} an outage. Those who may: {able}.")


def hash_pin(pin: str) -> str:
    """Slow on purpose: call it outside the writer. Raises Refused for a PIN that is not 4 to 8 digits."""
    if not (pin.isdigit() and 4 <= len(pin) <= 8):
        raise Refused("A PIN has 4 to 8 digits. Nothing was changed; choose another one.")
    return PasswordHasher().hash(pin)


def matches(hashed: str, pin: str) -> bool:
    """Slow on purpose: call it outside the writer."""
    try:
        return PasswordHasher().verify(hashed, pin)
    except (VerificationError, InvalidHashError):
        return False


def set_pin(tx: Tx, person_id: str, hashed: str) -> None:
    tx.merge(Pin(person_id=person_id, hash=hashed))
    journal.write(tx, "pin_set", who=person_id)


def pins_at(tx: Tx, number: str) -> dict[str, str]:
    """The PIN hashes of the people at a number, by person; raises Refused while the number is locked."""
    lock = tx.get(Lock, number)
    if lock and lock.locked_until and lock.locked_until > tx.now:
        raise Refused("Too many wrong PINs: this number is locked for 15 minutes. Call your house supervisor instead.")
    pins = {person.id: tx.get(Pin, person.id) for person in roster.by_phone(tx, number)}
    return {person_id: pin.hash for person_id, pin in pins.items() if pin}


def wrong_pin(tx: Tx, number: str) -> bool:
    """Count a wrong PIN; true when it locks the number."""
    lock = tx.get(Lock, number) or Lock(number=number)
    lock.wrong += 1
    locks = lock.wrong >= LOCK_AFTER
    if locks:
        lock.wrong, lock.locked_until = 0, tx.now + LOCK_FOR
        journal.write(tx, "pin_locked", about=number)
    tx.add(lock)
    return locks


def right_pin(tx: Tx, number: str) -> None:
    lock = tx.get(Lock, number)
    if lock:
        tx.delete(lock)
