"""The rows of tasks and cards. A card is one code and one clock for the tasks of a unit and phase."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel, col, or_, select

from bot import roster
from bot.access import Refused
from bot.db import Tx


class TaskState(StrEnum):
    WAITING = "waiting"  # its phase is not open yet, or it waits for other tasks
    OFFERED = "offered"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"
    CANNOT_DO = "cannot_do"  # refused by everybody who could, and the superior too
    HANDED_OVER = "handed_over"  # what somebody had until another took it; the task goes on under its code
    CANCELLED = "cancelled"


OPEN = (TaskState.OFFERED, TaskState.ACCEPTED, TaskState.IN_PROGRESS, TaskState.BLOCKED)
TAKEN = (TaskState.ACCEPTED, TaskState.IN_PROGRESS)
ENDED = (TaskState.DONE, TaskState.CANNOT_DO, TaskState.HANDED_OVER, TaskState.CANCELLED)

WARN = {1: timedelta(minutes=5), 2: timedelta(minutes=10), 3: timedelta(minutes=15)}  # before due
UNWARNED = ("card", "help", "risk", "visit")
SAME_DAY = timedelta(hours=20)  # nearer than this, an hour cannot be taken for the same hour of another day
LEAST = timedelta(minutes=10)  # a warning comes at least this long after the offer
Unfinished = Mapping[str, set[str]]  # step → the units in which it is not ended; "" for the hospital's own


class Kind(StrEnum):
    PLAYBOOK = "playbook"
    CHECK = "check"  # CORE-I1: the unit check itself, done when the unit answers
    CARD = "card"
    HELP = "help"  # somebody's 2 or 3
    RISK = "risk"  # somebody's 9
    VISIT = "visit"  # go and see a silent unit; done by TOLD 5W
    ADHOC = "adhoc"  # /task
    DECIDE = "decide"  # is the level to be raised? 1 raises it, 2 leaves it


class Task(SQLModel, table=True):
    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in TaskState)), name="task_state"),
        CheckConstraint("prio BETWEEN 1 AND 3", name="task_prio"),
        Index("task_open", "outage_id", "state"),
        Index("task_of_unit", "outage_id", "unit", "kind"),
    )

    id: int | None = Field(default=None, primary_key=True)
    number: int = Field(default=0, index=True)  # 0 until it has a code of its own
    card_id: int | None = Field(default=None, index=True)
    line: int = 0  # on its card, from 1
    outage_id: int | None = None
    kind: str = Kind.PLAYBOOK
    playbook: str = ""
    step: str = ""  # EHR-I3
    phase: str = ""
    anchor: str = "declared"
    due_after_s: int = 0  # seconds from the anchor
    text: str
    sms: str  # at most 40 characters
    role: str = ""
    unit: str = ""
    prio: int = 2
    proof: str = "none"  # number, time, text
    needs: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # of a card: of its lines
    skip_if: str = Field(default="", sa_column_kwargs={"server_default": ""})  # a fact with which it is not needed
    tells: bool = False  # its work is telling the staff: it fills the next promised update
    state: str = TaskState.WAITING
    owner: str = ""
    backup: str = ""
    giver: str = Field(default="", sa_column_kwargs={"server_default": ""})  # has it until its new owner takes it
    asker: str = Field(default="", sa_column_kwargs={"server_default": ""})  # made it up, and hears what became of it
    via: str = ""  # how the owner came to it: shift, oncall, superior, house_supervisor
    refused_by: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    told: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # superiors who may act on it
    offer: str = ""  # the subject of the notice and ladder it was offered under
    offer_at: datetime | None = None
    due_at: datetime | None = None
    offered_at: datetime | None = None
    accepted_at: datetime | None = None
    warned_at: datetime | None = None
    late_at: datetime | None = None  # when its owner was told that it is overdue
    asked_at: datetime | None = None  # when the proof was asked for
    said_by: str = Field(default="", sa_column_kwargs={"server_default": ""})  # said that it is done, before the proof
    ended_at: datetime | None = None
    given: str = ""  # the proof
    note: str = ""
    speaker: str = ""  # who called for it, in words: charge nurse, unit phone, a name

    @property
    def code(self) -> str:
        return f"T{self.number}"

    def is_open(self) -> bool:
        return self.state in OPEN

    def is_free(self, steps: Unfinished) -> bool:
        """Has all ended that it needs: in its own unit and the hospital, for a task of the hospital in every unit?"""
        return not any(
            units and (not self.unit or not units.isdisjoint(("", self.unit)))
            for units in (steps.get(need) for need in self.needs)
        )


def at(tx: Tx, moment: datetime | None) -> str:
    """A moment as staff read it, in the hospital's time zone: 04:25, or Tue 22 Dec if it is most of a day away."""
    if moment is None:
        return ""
    there = moment.astimezone(ZoneInfo(tx.settings.timezone))
    return f"{there:%H:%M}" if abs(there - tx.now) <= SAME_DAY else f"{there:%a} {there.day} {there:%b}"


def warn_at(task: Task) -> datetime | None:
    """When the owner is warned, or whoever is above: never for a card or a call, nor soon after the offer."""
    is_asked = task.kind not in UNWARNED and task.state in (TaskState.OFFERED, *TAKEN)
    if not is_asked or task.due_at is None or task.offered_at is None:
        return None
    moment = task.due_at - WARN[task.prio]
    return moment if moment >= task.offered_at + LEAST else None


def of_outage(tx: Tx, outage_id: int, *states: TaskState, lines: bool = True) -> list[Task]:
    """The tasks of an outage in these states, or in all; with or without the lines of cards."""
    query = select(Task).where(Task.outage_id == outage_id)
    if not lines:
        query = query.where(col(Task.card_id).is_(None))
    if states:
        query = query.where(col(Task.state).in_(states))
    return list(tx.exec(query.order_by(col(Task.prio), col(Task.due_at), col(Task.id))))


def unfinished(tx: Tx, outage_id: int) -> Unfinished:
    """The steps that have not ended, and where. A skipped one has, and one that nobody can do."""
    found: dict[str, set[str]] = {}
    left = select(Task.step, Task.unit).where(Task.outage_id == outage_id, col(Task.state).not_in(ENDED))
    for step, unit in tx.exec(left.where(Task.step != "")):
        found.setdefault(step, set()).add(unit)
    return found


def delay(tx: Tx, task: Task, by: timedelta) -> None:
    """It is due so much later, with the lines of its card."""
    for each in [task, *lines(tx, task)]:
        each.due_at = each.due_at + by if each.due_at else None
        tx.add(each)


def give_time(tx: Tx, task: Task) -> None:
    """It has as long as it was to have, however long it waited for others, or for us to run again."""
    if task.offer_at and (task.needs or _is_past(tx, task)):
        delay(tx, task, tx.now - task.offer_at)
        task.offer_at = tx.now
    if task.due_at and _is_past(tx, task):  # nobody could be asked until now
        delay(tx, task, tx.now + LEAST - task.due_at)


def _is_past(tx: Tx, task: Task) -> bool:
    return task.due_at is not None and task.due_at <= tx.now


def lines(tx: Tx, card: Task) -> list[Task]:
    return list(tx.exec(select(Task).where(Task.card_id == card.id).order_by(col(Task.line))))


def find(tx: Tx, code: str, person: roster.Person) -> Task:
    """The open task or card line of a code (`T7`, `T7.2`), if this person may act on it.

    Raises Refused, naming the codes that are open to this person.
    """
    found = coded(tx, code)
    if found is None or not may_act(tx, found, person):
        raise Refused(f"{code.upper()} is not open to you. {yours(tx, person)}")
    return found


def coded(tx: Tx, code: str) -> Task | None:
    """The latest task or card line of a code, whoever may act on it."""
    number, _, line = code.upper().removeprefix("T").partition(".")
    if not re.fullmatch("[0-9]{1,6}", number) or not int(number):
        return None
    query = select(Task).where(Task.number == int(number), Task.state != TaskState.HANDED_OVER)
    found = tx.exec(query.order_by(col(Task.id).desc()).limit(1)).first()
    return next((task for task in lines(tx, found) if str(task.line) == line), None) if found and line else found


def may_act(tx: Tx, task: Task, person: roster.Person) -> bool:
    whole = tx.get(Task, task.card_id) if task.card_id else task
    return whole is not None and (person.id in (whole.owner, whole.backup, *whole.told) or roster.may(person, "manage"))


def about(tx: Tx, subject: str, person: roster.Person) -> list[Task]:
    """The open tasks that a notice of this subject is about; of an offer of nothing else, the person's cards."""
    number = subject.removeprefix("task:")
    same = Task.number == int(number) if number.isdecimal() else Task.offer == subject
    found = list(tx.exec(select(Task).where(same, col(Task.state).in_(OPEN))))
    return found or [task for task in mine(tx, person) if task.kind == Kind.CARD]


def mine(tx: Tx, person: roster.Person) -> list[Task]:
    """The open tasks and cards that a person owns or backs up."""
    query = select(Task).where(or_(Task.owner == person.id, Task.backup == person.id), col(Task.state).in_(OPEN))
    return list(tx.exec(query.where(col(Task.card_id).is_(None), Task.number > 0).order_by(col(Task.number))))


def by_owner(tx: Tx, outage_ids: list[int]) -> dict[str, list[Task]]:
    """The open tasks and cards of these outages by who has them, the most laden person first."""
    query = select(Task).where(col(Task.outage_id).in_(outage_ids), col(Task.state).in_(OPEN), Task.number > 0)
    found: dict[str, list[Task]] = {}
    for task in tx.exec(query.where(col(Task.card_id).is_(None)).order_by(col(Task.prio), col(Task.number))):
        found.setdefault(task.owner, []).append(task)
    return dict(sorted(found.items(), key=lambda each: -len(each[1])))


def yours(tx: Tx, person: roster.Person) -> str:
    codes = [task.code for task in mine(tx, person)]
    return f"Open to you: {', '.join(codes[:8])}." if codes else "No task is open to you."
