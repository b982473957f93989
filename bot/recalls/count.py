"""The count of a recall: who is asked next, who comes, who is kept in reserve, when it is filled and when it ends."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select

from bot import journal, outages, timers
from bot.db import Tx
from bot.outages import Outage
from bot.recalls.pool import Candidate, Pool, pool
from bot.recalls.rows import (
    AT_ONCE,
    AWAITED,
    ETA,
    MOVES,
    RUNNING,
    WAITS,
    YES,
    CallState,
    Recall,
    RecallCall,
    RecallState,
)

WAVE, RELEASE = "recall.wave", "recall.release"  # the timers: the next part is asked; the reserve may rest
RELEASE_AFTER = timedelta(minutes=60)  # of its start, if not all have said that they are there
GRACE = timedelta(minutes=30)  # for the last who promised to come, if that is later
MUCH_LATER = timedelta(hours=4)  # after they were to be there: whoever says HERE by then came for something else
ANSWERED_FOR = timedelta(days=1)  # whoever was asked, after the outage is over


@dataclass(frozen=True)
class Figures:
    """How a recall stands; `asked` are those who have not answered yet."""

    coming: int
    reserve: int
    arrived: int
    asked: int


def begin(tx: Tx, outage: Outage, channel: str, **wanted: Any) -> Recall:
    """The row of a new recall, an exercise if its outage is one; nobody is asked yet."""
    recall = Recall(code=f"R{outages.number(tx, 'R')}", outage_id=outage.id or 0, exercise=outage.exercise,
                    opened_at=tx.now, **wanted)  # fmt: skip
    tx.add(recall)
    tx.flush()
    _wait_for_all(tx, recall)
    facts = {name: getattr(recall, name) for name in ("need", "skill", "unit", "site", "starts_at", "urgent")}
    journal.write(tx, "recalled", outage=outage.code, who=recall.by, channel=channel, about=recall.code, **facts)
    return recall


def next_part(tx: Tx, recall: Recall) -> list[Candidate]:
    """The people to ask now: of the first wave that has any left, not more than a few times the need."""
    return part_of(pool(tx, recall), recall)


def part_of(found: Pool, recall: Recall) -> list[Candidate]:
    first = min(found.waves, default=0)
    return found.waves.get(first, [])[: recall.need * AT_ONCE]


def call_up(tx: Tx, recall: Recall, part: list[Candidate], notice_id: int) -> None:
    """Note that these were asked; when their time is over, the next part is due."""
    for one in part:
        known = tx.get(RecallCall, (recall.id, one.person.id))
        call = known or RecallCall(recall_id=recall.id or 0, person_id=one.person.id)  # type: ignore[call-arg]
        call.sqlmodel_update({"wave": one.wave, "notice_id": notice_id, "address": one.way.address, "asked_at": tx.now,
                              "state": CallState.ASKED, "answer": "", "answered_at": None, "eta": None})  # fmt: skip
        tx.add(call)
    recall.wave = part[0].wave
    tx.add(recall)
    tx.flush()
    timers.set_for(tx, WAVE, str(recall.id), tx.now + WAITS[recall.wave])
    _write(tx, recall, "recall_wave", wave=recall.wave, people=[one.person.id for one in part])


def answer(tx: Tx, recall: Recall, call: RecallCall, digit: str, channel: str) -> list[RecallCall]:
    """A digit, or `A` for away: the latest counts. Who says yes comes while somebody is needed, else is kept in
    reserve while one is wanted, else is not needed. Returns the reserves who are needed now because somebody dropped.
    """
    call.answer, call.answered_at = digit, tx.now
    call.eta = tx.now + ETA[digit] if digit in ETA else None
    if digit not in ETA:
        call.state = CallState.DROPPED if call.accepted_at else CallState.DECLINED
    elif call.state not in YES:
        call.state = _place(tx, recall)
        call.accepted_at = tx.now if call.state in YES else call.accepted_at
    tx.add(call)
    tx.flush()
    _write(tx, recall, "recall_answered", who=call.person_id, channel=channel, digit=digit, state=call.state)
    if call.state == CallState.COMING and recall.state in RUNNING:
        _wait_for_all(tx, recall)
    return _count_again(tx, recall)


def arrive(tx: Tx, recall: Recall, call: RecallCall, channel: str) -> bool:
    """Somebody who was coming is there; true when with them all are, and the recall is closed."""
    call.arrived_at = tx.now
    tx.add(call)
    tx.flush()
    _write(tx, recall, "recall_arrived", who=call.person_id, channel=channel)
    all_there = recall.state == RecallState.FILLED and figures(tx, recall).arrived >= recall.need
    if all_there:
        end(tx, recall, RecallState.CLOSED, "all are there")
    return all_there


def rest(tx: Tx, recall: Recall) -> list[RecallCall]:
    """It is filled: whoever was asked and has not answered is not needed; returns them."""
    silent = calls(tx, recall, CallState.ASKED)
    for call in silent:
        call.state = CallState.NOT_NEEDED
        tx.add(call)
    timers.cancel(tx, WAVE, str(recall.id))
    tx.flush()
    return silent


def end(tx: Tx, recall: Recall, state: RecallState, why: str, who: str = journal.SYSTEM) -> None:
    """Closed or cancelled: nobody more is asked."""
    _move(tx, recall, state)
    recall.ended_at = tx.now
    for call in calls(tx, recall, CallState.ASKED):
        call.state = CallState.SILENT
        tx.add(call)
    for timer in (WAVE, RELEASE):
        timers.cancel(tx, timer, str(recall.id))
    tx.flush()
    _write(tx, recall, f"recall_{state}", who=who, why=why)


def is_full(tx: Tx, recall: Recall) -> bool:
    """As many as are needed, and the reserve."""
    now = figures(tx, recall)
    return now.coming >= recall.need and now.reserve >= recall.reserves


def figures(tx: Tx, recall: Recall) -> Figures:
    every = calls(tx, recall)
    states = [call.state for call in every]
    arrived = sum(call.arrived_at is not None and call.state == CallState.COMING for call in every)
    return Figures(states.count(CallState.COMING), states.count(CallState.RESERVE), arrived,
                   states.count(CallState.ASKED))  # fmt: skip


def calls(tx: Tx, recall: Recall, *states: CallState) -> list[RecallCall]:
    """Those who were asked, who said yes first in front."""
    query = select(RecallCall).where(RecallCall.recall_id == recall.id)
    if states:
        query = query.where(col(RecallCall.state).in_(states))
    order = (col(RecallCall.accepted_at).nulls_last(), col(RecallCall.asked_at), col(RecallCall.person_id))
    return list(tx.exec(query.order_by(*order)))


def find(tx: Tx, code: str) -> Recall | None:
    return tx.exec(select(Recall).where(Recall.code == code.upper())).first()


def of_outage(tx: Tx, outage_id: int) -> list[Recall]:
    return list(tx.exec(select(Recall).where(Recall.outage_id == outage_id).order_by(col(Recall.id))))


def calls_of(tx: Tx, people: list[str]) -> list[tuple[Recall, RecallCall]]:
    """What these people were asked in outages that run, or in the last day, the latest first."""
    query = select(Recall, RecallCall).join(RecallCall, col(RecallCall.recall_id) == Recall.id)
    query = query.join(Outage, col(Outage.id) == Recall.outage_id)
    query = query.where(col(RecallCall.person_id).in_(people), _is_answered(tx))
    return list(tx.exec(query.order_by(col(RecallCall.asked_at).desc(), col(Recall.id).desc())).all())


def called(tx: Tx, people: list[str]) -> set[str]:
    """Those of these people who were asked to come in while their outage runs, or in the last day."""
    query = select(RecallCall.person_id).join(Recall, col(Recall.id) == RecallCall.recall_id)
    query = query.join(Outage, col(Outage.id) == Recall.outage_id).where(_is_answered(tx))
    return set(tx.exec(query.where(col(RecallCall.person_id).in_(people))))


def is_awaited(recall: Recall, call: RecallCall) -> bool:
    """A bare digit of this person is about the recall, until they are there."""
    return recall.state in RUNNING and call.state in AWAITED and call.arrived_at is None


def is_expected(tx: Tx, recall: Recall, call: RecallCall) -> bool:
    """They said that they come and are not there yet, though the call may have been closed without them."""
    coming = call.state == CallState.COMING and call.arrived_at is None
    soon = call.eta is not None and tx.now < call.eta + MUCH_LATER
    return coming and (recall.state in RUNNING or (recall.state == RecallState.CLOSED and soon))


def _is_answered(tx: Tx) -> ColumnElement[bool]:
    """Whoever was asked is heard after the end too, to be told that they need not come."""
    return or_(col(Outage.state).in_(outages.RUNNING), col(RecallCall.asked_at) > tx.now - ANSWERED_FOR)


def _place(tx: Tx, recall: Recall) -> CallState:
    now = figures(tx, recall)
    if recall.state not in RUNNING:
        return CallState.NOT_NEEDED
    if now.coming < recall.need:
        return CallState.COMING
    return CallState.RESERVE if now.reserve < recall.reserves else CallState.NOT_NEEDED


def _count_again(tx: Tx, recall: Recall) -> list[RecallCall]:
    """Fill what is missing from the reserve, and say whether it is filled."""
    if recall.state not in RUNNING:
        return []
    missing = recall.need - figures(tx, recall).coming
    promoted = calls(tx, recall, CallState.RESERVE)[: max(missing, 0)]
    for call in promoted:
        call.state, call.eta = CallState.COMING, tx.now + ETA[call.answer]  # they only set out now
        tx.add(call)
        _write(tx, recall, "recall_promoted", who=call.person_id)
    tx.flush()
    filled = figures(tx, recall).coming >= recall.need
    if promoted or filled != (recall.state == RecallState.FILLED):
        _wait_for_all(tx, recall)
    if filled != (recall.state == RecallState.FILLED):
        _move(tx, recall, RecallState.FILLED if filled else RecallState.OPEN)
        _write(tx, recall, "recall_filled" if filled else "recall_reopened")
    return promoted


def _wait_for_all(tx: Tx, recall: Recall) -> None:
    """It stays open until the last who is coming should be there: while somebody may drop out, the reserve is kept."""
    coming = [call.eta for call in calls(tx, recall, CallState.COMING) if call.eta and call.arrived_at is None]
    due = max([max(recall.starts_at, tx.now) + RELEASE_AFTER, *(eta + GRACE for eta in coming)])
    timers.set_for(tx, RELEASE, str(recall.id), due)


def _move(tx: Tx, recall: Recall, to: RecallState) -> None:
    assert to in MOVES[RecallState(recall.state)], f"{recall.code} is {recall.state} and cannot become {to}"
    recall.state = to
    tx.add(recall)


def _write(tx: Tx, recall: Recall, what: str, **detail: Any) -> None:
    outage = tx.get(Outage, recall.outage_id)
    journal.write(tx, what, outage=outage.code if outage else "", about=recall.code, **detail)
