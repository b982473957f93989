"""Whose names in a text are colleagues' and no patients'. In doubt it is a patient's: only the note is held."""

import re
from collections.abc import Iterator
from itertools import pairwise

from sqlmodel import col, func, select

from bot import texting
from bot.db import Tx
from bot.roster import Person

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_ACTS = r"[^.;!?\n]*\b(?:asks|says|reports|covers|has it|is in charge)\b(?! for)"  # a patient asks for water
_SIGNED = r"(?:[-–]|\b(?:from|thanks|thx|this is|gracias|merci))[\s,]*"


def patient_data(tx: Tx, person: Person, text: str) -> str | None:
    """As `texting.patient_data`, of a text by this person: colleagues whom it names are no sign of a patient."""
    held = texting.patient_data(text)
    return held and texting.patient_data(text, [*_by_whole_name(tx, text), *_by_first_name(tx, person, text)])


def _by_whole_name(tx: Tx, text: str) -> list[str]:
    """`Ann Kelly`: of anybody in the house, since a patient may share a surname."""
    pairs = {" ".join(pair).lower(): " ".join(pair) for pair in pairwise(_WORD.findall(text))}
    known = tx.exec(select(Person.name).where(col(Person.active), func.lower(Person.name).in_(pairs)))
    return [pairs[name.lower()] for name in known if name.lower() in pairs]


def _by_first_name(tx: Tx, person: Person, text: str) -> Iterator[str]:
    """`Kelly in 412 asks`, of somebody in the sender's unit, and the sender's own name at the end."""
    own, unit = person.name.split()[:1], select(Person.name).where(col(Person.active), Person.unit == person.unit)
    for first in {name.split()[0] for name in tx.exec(unit) if name.strip()}:
        name = re.escape(first)
        acts = re.search(rf"\b{name}\b{_ACTS}", text, re.IGNORECASE)
        signs = [first] == own and re.search(rf"{_SIGNED}{name}\W*$", text, re.IGNORECASE)
        if said := acts or signs:
            yield next(iter(re.findall(name, said[0], re.IGNORECASE)))
