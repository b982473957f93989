"""The score sheet: what was to be reached, what was, and how long it took. Computed from rows, so that it is the same
for a simulated drill, a live one and a real outage."""

import math
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.db import Tx
from bot.exercises.rows import of_outage
from bot.exercises.scenarios import JUDGED, Marks
from bot.exercises.seen import Seen, seen
from bot.outages import Outage

#: What is looked at in an outage that no drill declared
USUAL = Marks(
    first_notice_by_min=5, ack_10_min_pct=60, ack_30_min_pct=80, unit_check_in_15_min_pct=90, all_units_told_by_min=30,
    unreachable_listed=True, next_update_missed=0,
)  # fmt: skip
#: mark → its name in words, its unit, and whether as much is wanted at least or at most
NAMES = {
    "ack_10_min_pct": ("answered within 10 min", " %", "at least"),
    "ack_30_min_pct": ("answered within 30 min", " %", "at least"),
    "unreachable_listed": ("the unreachable are listed", "", ""),
    "declared_by_min": ("declared after", " min", "at most"),
    "first_notice_by_min": ("first notice handed over after", " min", "at most"),
    "unit_check_in_15_min_pct": ("units accounted for within 15 min", " %", "at least"),
    "next_update_missed": ("promised updates missed", "", "at most"),
    "responded_45_min_pct": ("answered the recall within 45 min", " %", "at least"),
    "filled_by_min": ("recall filled after", " min", "at most"),
    "first_units_told_by_min": ("first unit told in person after", " min", "at most"),
    "all_units_told_by_min": ("all units accounted for after", " min", "at most"),
    "runner_used": ("a runner was used", "", ""),
    "code_call_alternative_by_min": ("another way to call a code after", " min", "at most"),
    "paper_log_kept": ("paper log kept", "", ""),
}
ON_FOOT = ("runner_used", "first_units_told_by_min")  # Muster may not have heard of it
NEWCOMER = timedelta(minutes=5)  # whoever is told so long after the declaration came in later
Got = float | bool | None


@dataclass(frozen=True)
class Mark:
    """`got` is None where it was not reached at all; `passed` is None where a person has to judge."""

    name: str
    wanted: int | bool
    got: Got
    passed: bool | None

    @property
    def verdict(self) -> str:
        return {True: "passed", False: "missed", None: "to be judged"}[self.passed]

    @property
    def words(self) -> tuple[str, str]:
        """Its name, and what was reached of what was wanted: `50 % (wanted: at least 60 %)`."""
        name, unit, bound = NAMES[self.name]
        return name, f"{_said(self.got, unit)} (wanted: {f'{bound} {_said(self.wanted, unit)}'.strip()})"


@dataclass(frozen=True)
class Score:
    """`times` are seconds from the declaration; None where it never came to that."""

    code: str
    exercise: bool
    people: int
    reached: int
    answered: int
    units: int
    accounted: int
    marks: list[Mark]
    times: dict[str, float | None]

    @property
    def passed(self) -> bool:
        """Whether no mark was missed; what has to be judged counts for nothing."""
        return all(mark.passed is not False for mark in self.marks)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


def _said(value: Got, unit: str) -> str:
    if value is None:
        return "-"
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:g}{unit}"


def score(tx: Tx, outage: Outage) -> Score:
    """How an outage went, against its drill's marks, else the usual ones."""
    drill, found = of_outage(tx, outage), seen(tx, outage)
    since = drill.starts_at if drill else outage.declared_at
    marks = (drill.marks if drill else USUAL).model_dump(exclude_none=True)
    return Score(
        code=outage.code, exercise=outage.exercise, people=len(found.people), reached=len(found.reached),
        answered=len(found.answered), units=len(found.units), accounted=len(_accounted(found)),
        marks=[_mark(name, wanted, found, outage, since) for name, wanted in marks.items()],
        times=_times(found, outage.declared_at),
    )  # fmt: skip


def title(tx: Tx, outage: Outage) -> str:
    drill = of_outage(tx, outage)
    return drill.plan.title if drill else outage.summary or ("exercise" if outage.exercise else "outage")


def _mark(name: str, wanted: int | bool, found: Seen, outage: Outage, since: datetime) -> Mark:
    if name in JUDGED or name not in READ:
        return Mark(name, wanted, None, None)
    got = READ[name](found, outage, since)
    if name in ON_FOOT and not got:  # who went, and did not say so here, is known to the controller
        return Mark(name, wanted, None, None)
    return Mark(name, wanted, got, _passes(name, wanted, got))


def _passes(name: str, wanted: int | bool, got: Got) -> bool:
    if got is None:
        return False
    return got >= wanted if name.endswith("_pct") else got == wanted if isinstance(wanted, bool) else got <= wanted


def _within(moments: Collection[datetime], all_of: int, since: datetime, minutes: int) -> float:
    """How many of so many, in per cent, came within so many minutes."""
    in_time = sum(at - since <= timedelta(minutes=minutes) for at in moments)
    return round(100 * in_time / all_of, 1) if all_of else 100.0


def _minutes(at: datetime | None, since: datetime) -> float | None:
    return round((at - since).total_seconds() / 60, 1) if at else None


def _accounted(found: Seen) -> list[datetime]:
    return sorted(at for at in found.units.values() if at)


def _all_units(found: Seen) -> datetime | None:
    accounted = _accounted(found)
    return accounted[-1] if accounted and len(accounted) == len(found.units) else None


#: mark → how it is read from what was seen, the outage, and when the drill began
READ: dict[str, Callable[[Seen, Outage, datetime], Got]] = {
    "ack_10_min_pct": lambda s, o, _: _answered(s, o, 10),
    "ack_30_min_pct": lambda s, o, _: _answered(s, o, 30),
    "unreachable_listed": lambda s, *_: not s.unwritten,
    "declared_by_min": lambda _, o, since: _minutes(o.declared_at, since),
    "first_notice_by_min": lambda s, _, since: _minutes(s.first_notice, since),
    "unit_check_in_15_min_pct": lambda s, o, _: _within(_accounted(s), len(s.units), o.declared_at, 15),
    "next_update_missed": lambda s, *_: s.held,
    "first_units_told_by_min": lambda s, o, _: _minutes(next(iter(s.in_person), None), o.declared_at),
    "all_units_told_by_min": lambda s, o, _: _minutes(_all_units(s), o.declared_at),
    "responded_45_min_pct": lambda s, *_: _responded(s),
    "filled_by_min": lambda s, *_: _filled(s),
    "runner_used": lambda s, *_: bool(s.in_person),
}


def _answered(found: Seen, outage: Outage, minutes: int) -> float:
    """How many of those told, in per cent, answered within so many minutes of their own first message. A newcomer whose
    time was not over at the end need not have answered."""
    span, since, end = timedelta(minutes=minutes), outage.declared_at, outage.closed_at
    told = {who: found.told.get(who, since) for who in found.people}
    in_time = {who for who, at in found.answered.items() if at - told[who] <= span}
    short = {who for who, at in told.items() if at - since > NEWCOMER and end and at + span > end}
    counted = len(told) - len(short - in_time)
    return round(100 * len(in_time) / counted, 1) if counted else 100.0


def _responded(found: Seen) -> float | None:
    calling = found.calling
    return _within(calling.answered, calling.asked, calling.began, 45) if calling else None


def _filled(found: Seen) -> float | None:
    return _minutes(found.calling.filled, found.calling.began) if found.calling else None


def _times(found: Seen, since: datetime) -> dict[str, float | None]:
    people = len(found.people)
    times = {"first_notice": _seconds(found.first_notice, since)}
    times |= {f"reached_{share}": _share(found.reached, people, share, since) for share in (50, 90, 99)}
    times |= {f"answered_{share}": _share(found.answered, people, share, since) for share in (50, 90)}
    return times | {"units_accounted": _seconds(_all_units(found), since)}


def _share(moments: dict[str, datetime], all_of: int, share: int, since: datetime) -> float | None:
    """When so many per cent of all were there."""
    needed = max(math.ceil(all_of * share / 100), 1)
    return _seconds(sorted(moments.values())[needed - 1], since) if len(moments) >= needed else None


def _seconds(at: datetime | None, since: datetime) -> float | None:
    return round((at - since).total_seconds(), 1) if at else None
