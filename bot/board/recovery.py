"""How far the units are with entering again what was written on paper."""

import re
from typing import Any

from sqlalchemy import select

from bot import checkins, tasks
from bot.db import Tx
from bot.outages import Outage

COUNT = re.compile(r"\s*(\d{1,3})(?:\s*(?:patients?|pts?|on paper)\b.*|[\s.]*)$", re.IGNORECASE | re.DOTALL)
TASK = tasks.Task.__table__  # type: ignore[attr-defined]


def back_entry(tx: Tx, outage: Outage) -> dict[str, int]:
    """The units that have records to enter, those that are done, and the records they counted.

    It is told by the units' recovery tasks whose proof is a number; the number may stand at the line or at its list.
    """
    units: dict[str, list[Any]] = {}
    for row in tx.execute(_lines(outage)):
        units.setdefault(row.unit, []).append(row)
    done = sum(all(row.state in tasks.ENDED for row in rows) for rows in units.values())
    records = sum(_number(row.given) for rows in units.values() for row in rows)
    lists = {row.card_id: row.on_list for rows in units.values() for row in rows if not _number(row.given)}
    return {"units": len(units), "done": done, "records": records + sum(_number(said) for said in lists.values())}


def on_paper(tx: Tx, outage: Outage) -> dict[str, int]:
    """The patients on paper, by unit: the number behind the digit of its last answer, as in `1 24`. Units that named
    none are left out."""
    check = checkins.UNIT_CHECK
    said = select(check.c.unit, check.c.note).where(check.c.outage_id == outage.id, check.c.digit.in_(("1", "2", "3")))
    rows = tx.execute(said.order_by(check.c.unit))
    counted = {row.unit: COUNT.match(row.note) for row in rows}
    return {unit: int(found[1]) for unit, found in counted.items() if found}


def said_of_paper(counts: dict[str, int]) -> str | None:
    """`36 (3W 12, 5W 24)`; None where no unit counted any."""
    by_unit = ", ".join(f"{unit} {count}" for unit, count in counts.items())
    return f"{sum(counts.values())} ({by_unit})" if counts else None


def said(counts: dict[str, int]) -> str | None:
    """`back-entry 6 of 10 units done, 214 records`; None where nothing has to be entered."""
    if not counts["units"]:
        return None
    return f"back-entry {counts['done']} of {counts['units']} units done, {counts['records']} records"


def _lines(outage: Outage) -> Any:
    card = TASK.alias()
    columns = [TASK.c.unit, TASK.c.state, TASK.c.given, TASK.c.card_id, card.c.given.label("on_list")]
    query = select(*columns).select_from(TASK.outerjoin(card, card.c.id == TASK.c.card_id))
    mine = [TASK.c.outage_id == outage.id, TASK.c.phase == "recovery", TASK.c.proof == "number", TASK.c.unit != ""]
    return query.where(*mine)


def _number(given: str | None) -> int:
    found = re.search(r"(?<![\d:.])\d{1,6}(?![\d:])", given or "")
    return int(found[0]) if found else 0
