"""Who is meant by many numbers at once, without reading more of a person than that."""

from collections.abc import Collection

from sqlalchemy import or_
from sqlalchemy import select as core_select

from bot.db import Tx
from bot.roster.rows import Person

PERSON = Person.__table__  # type: ignore[attr-defined]
PHONES = (PERSON.c.mobile, PERSON.c.mobile2, PERSON.c.landline)


def at_phones(tx: Tx, numbers: Collection[str]) -> dict[str, list[str]]:
    """The ids of everybody who can be reached at each of these E.164 numbers, in file order; none for unknown ones."""
    known = core_select(PERSON.c.id, *PHONES).where(PERSON.c.active, or_(*(phone.in_(numbers) for phone in PHONES)))
    found: dict[str, list[str]] = {}
    for id, *phones in tx.execute(known.order_by(PERSON.c.place, PERSON.c.id)):
        for number in dict.fromkeys(phone for phone in phones if phone and phone in numbers):
            found.setdefault(number, []).append(id)
    return found
