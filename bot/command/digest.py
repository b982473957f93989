"""Superiors get one digest of what changed, at most every ten minutes (messages.md R6)."""

from datetime import datetime, timedelta

from sqlmodel import Field, SQLModel, col, func, select

from bot import checkins, journal, outages, outbox, roster, sitreps, tasks, texting, timers
from bot.command import tell
from bot.db import Tx
from bot.outages import Outage

DIGEST = "digest"  # the timer
ROLL_CALL = "roll-call"  # what somebody who did not answer it is put down as
REPORT = "report"  # a section chief's own part of the situation report
EVERY = timedelta(minutes=10)
NAMED = 30  # people by name
REASON = 40  # characters of why something is stuck
FINE = ("due soon", "done")
STUCK = ("blocked", "nobody can", "no relief")
#: The states in which a concern about a task still is one; else while the task is open
STILL = {
    "not taken": (tasks.TaskState.OFFERED,),
    "due soon": (tasks.TaskState.OFFERED, tasks.TaskState.ACCEPTED),
    "blocked": (tasks.TaskState.BLOCKED,),
    "nobody can": (tasks.TaskState.CANNOT_DO,),
    "done": (tasks.TaskState.DONE,),
}
GONE = (outages.OutageState.VOIDED, outages.OutageState.DISMISSED)


class Concern(SQLModel, table=True):
    """Something a superior has to hear of, but not singly."""

    __tablename__ = "concern"

    id: int | None = Field(default=None, primary_key=True)
    outage_id: int = Field(index=True, foreign_key="outage.id")
    person_id: str = Field(index=True)
    about: str  # T7, or a unit
    what: str  # not taken, due soon, late, blocked, nobody can, no relief, done, silent, text, roll-call, report
    at: datetime
    told_at: datetime | None = None


def add(
    tx: Tx, outage: Outage, person: roster.Person, about: str, what: str, earliest: datetime | None = None
) -> None:
    """Put a concern into the person's next digest, which is due now (or at the earliest) or ten minutes after their
    last one."""
    tx.add(Concern(outage_id=outage.id or 0, person_id=person.id, about=about, what=what, at=tx.now))
    subject = f"{outage.id}:{person.id}"
    last = select(func.max(Concern.told_at)).where(Concern.outage_id == outage.id, Concern.person_id == person.id)
    told = tx.exec(last).one()
    due = max(earliest or tx.now, told + EVERY) if told else earliest or tx.now
    before = timers.due_at(tx, DIGEST, subject)
    timers.set_for(tx, DIGEST, subject, min(due, before) if before else due)


def send(tx: Tx, subject: str) -> None:
    """Text the person where things stand now; concerns that settled themselves meanwhile are left out."""
    outage_id, _, person_id = subject.partition(":")
    outage, person = tx.get(Outage, int(outage_id)), tx.get(roster.Person, person_id)
    if outage is None or person is None or outage.state in GONE:
        return
    fresh = select(Concern).where(
        Concern.outage_id == outage.id, Concern.person_id == person.id, col(Concern.told_at).is_(None)
    )
    concerns = list(tx.exec(fresh.order_by(col(Concern.id))))
    left = _missing(tx, outage, concerns)
    still = [concern for concern in concerns if _matters(tx, outage, concern, left)]
    for concern in concerns:
        concern.told_at = tx.now if still else None
        tx.add(concern)
    if still:
        tell.one(tx, outage, person, "digest", facts(tx, outage, still), lane=outbox.Lane.QUESTION, also_slack=True)
        journal.write(tx, "digest", outage=outage.code, about=person.id, of=[concern.about for concern in still])


def facts(tx: Tx, outage: Outage, concerns: list[Concern]) -> dict[str, object]:
    is_down = outage.state == outages.OutageState.DECLARED  # how the units stand is not asked after the return
    rows = checkins.units(tx, outage.id or 0) if is_down else []
    silent = [concern.about for concern in concerns if concern.what == "silent"]
    asked = all(row.asked for row in rows if row.unit in silent)
    named = [(concern.what, _named(tx, outage, concern)) for concern in concerns if _is_code(concern.about)]
    late = list(dict.fromkeys(name for what, name in named if what not in (*STUCK, *FINE)))
    stuck = list(dict.fromkeys(name for what, name in named if what in STUCK and name not in late))
    done = list(dict.fromkeys(name for what, name in named if what == "done"))
    return {
        "tried": "texted, called" if silent and asked else None,
        "code": outage.code,
        "time": tasks.at(tx, tx.now),
        "silent": list(dict.fromkeys(silent)),
        "staff": [row.unit for row in rows if row.digit == "2"],
        "forms": [row.unit for row in rows if row.digit == "3"],
        "ok": sum(row.standing in (checkins.Standing.OK, checkins.Standing.TOLD) for row in rows),
        "of": len(rows),
        "risk": sum(row.standing == checkins.Standing.RISK for row in rows) if is_down else None,
        "report": _report(tx, concerns),
        "missing": _named_missing(tx, outage, concerns),
        "late": late,
        "late_said": _said(tx, late),
        "stuck": stuck,
        "stuck_said": _said(tx, stuck),
        "done": done,
        "done_said": _said(tx, done),
        "soon": list(dict.fromkeys(name for what, name in named if what == "due soon" and name not in late)),
        "texts": sum(concern.what == "text" for concern in concerns),
    }


def _report(tx: Tx, concerns: list[Concern]) -> str | None:
    """The question that waits for the section chief who is reminded."""
    mine = [tx.get(sitreps.Report, int(concern.about)) for concern in concerns if concern.what == REPORT]
    return next((report.waits_for for report in mine if report and not report.done_at), None)


def _missing(tx: Tx, outage: Outage, concerns: list[Concern]) -> dict[str, int]:
    """How many of the units that these are about have not answered the last roll-call."""
    units = {concern.about for concern in concerns if concern.what == ROLL_CALL}
    opened = checkins.latest(tx, outage, checkins.Kind.ROLL_CALL) if units else None
    return checkins.missing_in(tx, opened, units) if opened else {}


def _named_missing(tx: Tx, outage: Outage, concerns: list[Concern]) -> list[str]:
    """Who that is, by name as far as anybody reads."""
    left = _missing(tx, outage, concerns)
    opened = checkins.latest(tx, outage, checkins.Kind.ROLL_CALL) if left else None
    some = [name for _, _, name in checkins.missing(tx, opened, NAMED, left)] if opened else []
    more = sum(left.values()) - len(some)
    return [*some, f"and {more} more"] if more > 0 else some


def _matters(tx: Tx, outage: Outage, concern: Concern, left: dict[str, int]) -> bool:
    if _is_code(concern.about):
        task = _task(tx, outage, concern)
        return task is not None and task.state in STILL.get(concern.what, tasks.OPEN)
    if concern.what == REPORT:
        return _report(tx, [concern]) is not None
    if concern.what == ROLL_CALL and concern.about not in left:
        return False
    row = tx.get(checkins.UnitCheck, (outage.id, concern.about)) if concern.what == "silent" else None
    still = concern.what != "silent" or (row is not None and row.standing == checkins.Standing.SILENT)
    return still and outage.state not in outages.ENDED


def _is_code(about: str) -> bool:
    return about[:1] == "T" and about[1:].isdecimal()


def _task(tx: Tx, outage: Outage, concern: Concern) -> tasks.Task | None:
    task = tasks.coded(tx, concern.about)
    return task if task and task.outage_id == outage.id else None


def _named(tx: Tx, outage: Outage, concern: Concern) -> str:
    """`T12 5W`: a code says more with its unit."""
    task = _task(tx, outage, concern)
    return f"{concern.about} {task.unit}" if task and task.unit else concern.about


def _said(tx: Tx, names: list[str]) -> list[str]:
    """The first of them in words, with who has it and what they say of it: `T1 confirm outage (Finn)`."""
    task = tasks.coded(tx, names[0].partition(" ")[0]) if names else None
    if task is None:
        return names
    owner = roster.person(tx, task.owner) if task.is_open() else None
    words = f"{names[0]} {task.sms}" + (f" ({owner.name})" if owner else "")
    why = {"blocked": task.note, "cannot_do": task.note, "done": task.given}.get(task.state, "")
    return [f"{words}: {texting.fit(why, REASON)}" if why else words, *names[1:]]
