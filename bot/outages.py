"""The rows of an outage: its code, services, level and states. No side effects beyond its own rows and journal."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column
from sqlmodel import Field, SQLModel, col, select

from bot import access, journal
from bot.access import Refused
from bot.db import Tx, one_at_a_time
from bot.roster import Person


class OutageState(StrEnum):
    SUSPECTED = "suspected"  # a signal that a person has to confirm
    DECLARED = "declared"
    RESTORED = "restored"  # every service is back, not yet checked
    VERIFIED = "verified"
    CLOSED = "closed"  # the all-clear
    DISMISSED = "dismissed"  # never declared
    VOIDED = "voided"  # sent in error


class ServiceState(StrEnum):
    DOWN = "down"
    RESTORED = "restored"
    VERIFIED = "verified"


#: From a state, the states it may become.
MOVES = {
    OutageState.SUSPECTED: {OutageState.DECLARED, OutageState.DISMISSED},
    OutageState.DECLARED: {OutageState.RESTORED, OutageState.CLOSED, OutageState.VOIDED},
    OutageState.RESTORED: {OutageState.VERIFIED, OutageState.CLOSED, OutageState.DECLARED, OutageState.VOIDED},
    OutageState.VERIFIED: {OutageState.CLOSED, OutageState.DECLARED},
}
ENDED = (OutageState.CLOSED, OutageState.DISMISSED, OutageState.VOIDED)
RUNNING = (OutageState.DECLARED, OutageState.RESTORED, OutageState.VERIFIED)
EVERY = {4: timedelta(minutes=60)}  # between updates, by level
USUAL = timedelta(minutes=30)
NO = ("no", "n", "none", "false", "off", "0")  # of a fact: it does not hold


def _one_of(column: str, states: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(state)) for state in states)})"


class Outage(SQLModel, table=True):
    __tablename__ = "outage"
    __table_args__ = (
        CheckConstraint(_one_of("state", OutageState), name="outage_state"),
        CheckConstraint("level BETWEEN 0 AND 4", name="outage_level"),
    )

    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True)
    state: str = Field(default=OutageState.DECLARED, index=True)
    level: int
    exercise: bool = False  # set at birth, never changed
    summary: str = ""
    sites: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    commander: str = ""
    declared_by: str = ""
    credited: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    ladders: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # a snapshot
    rhythm: dict[str, int] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )  # a snapshot: seconds of an operational period, and between two rounds
    period: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # the operational period, from 1
    period_began_at: datetime | None = None
    levels: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )  # when somebody is asked to raise the level: a snapshot
    repeats: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )  # the tasks that come again while it lasts: a snapshot
    return_order: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]")
    )  # the units that wait for their turn in recovery
    notice_id: int | None = None  # the declaration's
    every_s: int = 1800  # seconds between updates
    declared_at: datetime
    next_update_at: datetime | None = None
    restored_at: datetime | None = None
    verified_at: datetime | None = None
    closed_at: datetime | None = None
    end_reason: str = ""
    facts: dict[str, Any] = Field(  # what was found out about it, by name: /outage fact
        default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}")
    )


class Service(SQLModel, table=True):
    __tablename__ = "outage_service"
    __table_args__ = (CheckConstraint(_one_of("state", ServiceState), name="service_state"),)

    outage_id: int = Field(primary_key=True, foreign_key="outage.id")
    service: str = Field(primary_key=True)
    state: str = ServiceState.DOWN
    say: str  # the staff's word for it
    words: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False)
    )  # a snapshot, by language
    down_at: datetime
    restored_at: datetime | None = None


class Counter(SQLModel, table=True):
    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int = 0


def number(tx: Tx, name: str) -> int:
    """The next number of a series (`O` for outages, `T` for tasks)."""
    one_at_a_time(tx, f"counter {name}")
    counter = tx.get(Counter, name) or Counter(name=name)
    counter.value += 1
    tx.add(counter)
    tx.flush()
    return counter.value


def restart_numbers(tx: Tx, name: str) -> None:
    """Begin a series anew, so that what people type stays short."""
    counter = tx.get(Counter, name)
    if counter:
        counter.value = 0
        tx.add(counter)


def begin(tx: Tx, *, level: int, sites: list[str], by: str, commander: str, summary: str, exercise: bool,
          every: timedelta | None = None) -> Outage:  # fmt: skip
    """The row of a new outage; `every` is the time between updates, by default that of its level."""
    every = every or EVERY.get(level, USUAL)
    outage = Outage(
        code=f"O-{number(tx, 'O')}",
        level=level,
        exercise=exercise,
        summary=summary,
        sites=sites,
        commander=commander,
        declared_by=by,
        credited=[by],
        declared_at=tx.now,
        every_s=int(every.total_seconds()),
        next_update_at=tx.now + every,
    )
    tx.add(outage)
    tx.flush()
    return outage


def add_service(tx: Tx, outage: Outage, service: str, say: str, words: dict[str, Any]) -> None:
    """The service is down in this outage; one that was back is down again."""
    known = tx.get(Service, (outage.id, service))
    row = known or Service(outage_id=outage.id, service=service, say=say, words=words, down_at=tx.now)  # type: ignore[arg-type]
    row.state, row.restored_at = ServiceState.DOWN, None
    tx.add(row)
    tx.flush()


def services(tx: Tx, outage: Outage) -> list[Service]:
    return list(
        tx.exec(select(Service).where(Service.outage_id == outage.id).order_by(col(Service.down_at), Service.service))
    )


def down(tx: Tx, outage: Outage) -> list[Service]:
    return [service for service in services(tx, outage) if service.state == ServiceState.DOWN]


def facts_that_hold(outage: Outage) -> list[str]:
    """The facts that were found to be so; `no` and the like say the opposite."""
    return [name for name, said in outage.facts.items() if said.casefold() not in NO]


def running(tx: Tx) -> list[Outage]:
    """Outages that are declared and not ended, newest first, real ones before exercises."""
    query = select(Outage).where(col(Outage.state).in_(RUNNING))
    return sorted(tx.exec(query), key=lambda outage: (outage.exercise, -(outage.id or 0)))


def find(tx: Tx, code: str = "") -> Outage:
    """The outage of that code, or without one the only real one that is open; raises Refused with the open ones."""
    open_ones = running(tx)
    if code:
        found = tx.exec(select(Outage).where(Outage.code == code.upper())).first()
        if found:
            return found
        raise Refused(f"There is no outage {code.upper()}. {_open(open_ones)}")
    real = [outage for outage in open_ones if not outage.exercise] or open_ones
    if len(real) == 1:
        return real[0]
    raise Refused(
        f"Say which outage. {_open(real)}" if real else "No outage is open. Declare one with /outage declare."
    )


def commanded(tx: Tx, by: Person, verb: str, code: str) -> Outage:
    """The outage of that code, running, for somebody who may do the verb. Raises Refused."""
    access.demand(tx, by, verb)
    outage = find(tx, code)
    if outage.state not in RUNNING:
        raise Refused(f"{outage.code} is {outage.state}. Nothing was sent or changed.")
    return outage


def move(tx: Tx, outage: Outage, to: OutageState, who: str, reason: str = "") -> None:
    """Raises Refused if an outage in this state cannot become that."""
    if to not in MOVES.get(OutageState(outage.state), set()):
        raise Refused(f"{outage.code} is {outage.state}; it cannot become {to} now. Nothing was changed.")
    outage.state = to
    stamp = {"restored": "restored_at", "verified": "verified_at", "closed": "closed_at", "voided": "closed_at"}.get(to)
    if stamp:
        setattr(outage, stamp, tx.now)
    elif to is OutageState.DECLARED:
        outage.restored_at = outage.verified_at = None  # something went down again
    outage.end_reason = reason or outage.end_reason
    tx.add(outage)
    journal.write(tx, str(to), outage=outage.code, who=who, reason=reason)


def _open(outages: list[Outage]) -> str:
    return "Open: " + ", ".join(f"{o.code} ({o.summary or o.state})" for o in outages) if outages else "None is open."
