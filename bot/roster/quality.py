"""What is wrong with the contact data, before somebody has to be reached by it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.rows import Person

SHOWN = 10  # names of a list; the rest is counted


@dataclass(frozen=True)
class Finding:
    """Something to mend. Red: somebody would not be reached, or nobody would act."""

    says: str
    red: bool = False


def contacts(tx: Tx) -> list[Finding]:
    """What is wrong with how people can be reached, what is red first."""
    found = [
        _people(
            tx, "cannot be reached at all (no number, no Slack account, or none that they can use)", _lost(tx), True
        ),
        _people(
            tx, "no phone number, only Slack", [_none(Person.mobile, Person.mobile2, Person.landline), _has_slack()]
        ),
        _people(
            tx, "no mobile: called, not texted", [_none(Person.mobile, Person.mobile2), col(Person.landline) != ""]
        ),
        _people(tx, "opted out of texts", [col(Person.opted_out_at).is_not(None)]),
        _people(
            tx, "a number that texts do not reach", [Person.dead_mobile == Person.mobile, Person.dead_mobile != ""]
        ),
        _people(tx, "the same number twice", [or_(*_twice())]),
        _shared(tx),
        _circles(tx),
    ]
    return sorted(filter(None, found), key=lambda finding: not finding.red)


def listed(names: Iterable[str]) -> str:
    """`s1, s2, s3 and 7 more`."""
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def _people(tx: Tx, what: str, which: list[ColumnElement[bool] | bool], red: bool = False) -> Finding | None:
    ids = list(tx.exec(select(Person.id).where(col(Person.active), *which).order_by(col(Person.place), col(Person.id))))
    return Finding(f"{what}: {listed(ids)}", red) if ids else None


def _lost(tx: Tx) -> list[ColumnElement[bool] | bool]:
    no_text = or_(_none(Person.mobile, Person.mobile2), col(Person.no_sms), col(Person.opted_out_at).is_not(None))
    no_call = or_(_none(Person.mobile, Person.landline), col(Person.no_voice))
    if not tx.settings.voice_after_stop:
        no_call = or_(no_call, col(Person.opted_out_at).is_not(None))
    return [col(Person.slack_id) == "", no_text, no_call]


def _none(*columns: str) -> ColumnElement[bool]:
    return func.coalesce(*(func.nullif(column, "") for column in columns), "") == ""


def _has_slack() -> ColumnElement[bool]:
    return col(Person.slack_id) != ""


def _twice() -> list[ColumnElement[bool]]:
    pairs = ((Person.mobile, Person.mobile2), (Person.mobile, Person.landline), (Person.mobile2, Person.landline))
    return [(col(one) == col(other)) & (col(one) != "") for one, other in pairs]


def _shared(tx: Tx) -> Finding | None:
    people = select(Person.mobile, func.count()).where(col(Person.active), Person.mobile != "").group_by(Person.mobile)
    found = [number for number, _ in tx.exec(people.having(func.count() > 1).order_by(Person.mobile))]
    return Finding(f"phones of several people (an answer counts for all of them): {listed(found)}") if found else None


def _circles(tx: Tx) -> Finding | None:
    """People whose line of superiors comes back to them."""
    known = select(Person.id, Person.reports_to).where(col(Person.active), Person.reports_to != "")
    above = {id: boss for id, boss in tx.exec(known) if id != boss}
    met: Counter[str] = Counter()
    for start in above:
        at, way = start, []
        while at in above and at not in met:
            met[at] += 1
            way.append(at)
            at = above[at]
        if at in way:
            circle = way[way.index(at) :]
            return Finding(f"reports_to goes round in a circle: {' > '.join([*circle[:SHOWN], at])}")
    return None
