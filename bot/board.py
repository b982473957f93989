"""The one read model, for the web page, the Slack summary and `status`."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import select as core_select
from sqlmodel import col, func, select

from bot import checkins, outages, outbox, roster, tasks
from bot.db import Tx
from bot.outages import ENDED, Outage
from bot.outbox import Health, Message, Recipient, State

REACH = ("queued", "sent", "delivered", "failed", "unreachable", "told_in_person")
COUNTS_AS = {
    State.QUEUED: "queued",
    State.SENDING: "queued",
    State.DOUBTFUL: "queued",
    State.SENT: "sent",
    State.DELIVERED: "delivered",
    State.FAILED: "failed",
    State.EXPIRED: "failed",
    State.WITHDRAWN: "failed",
    State.UNREACHABLE: "unreachable",
}
BEST = ("delivered", "sent", "queued", "failed", "unreachable")
PLACE = {state: BEST.index(name) for state, name in COUNTS_AS.items()}
MESSAGE = Message.__table__  # type: ignore[attr-defined]
RECIPIENT = Recipient.__table__  # type: ignore[attr-defined]
TASK = tasks.Task.__table__  # type: ignore[attr-defined]
ANSWERS = {"1": "ok", "4": "ok", "2": "help", "3": "help", "9": "risk", "A": "unavailable"}


def status(tx: Tx, code: str = "") -> dict[str, Any]:
    """The JSON of the contract; without a code all outages that are not ended, newest first. Raises Refused."""
    shown = [outages.find(tx, code)] if code else open_outages(tx)
    return {"outages": [one(tx, outage) for outage in shown], "engine": engine(tx)}


def open_outages(tx: Tx) -> list[Outage]:
    query = select(Outage).where(col(Outage.state).not_in(ENDED)).order_by(col(Outage.id).desc())
    return list(tx.exec(query))


def one(tx: Tx, outage: Outage) -> dict[str, Any]:
    services = outages.services(tx, outage)
    return {
        "code": outage.code,
        "state": outage.state,
        "level": outage.level,
        "exercise": outage.exercise,
        "services": [service.service for service in services],
        "service_states": {service.service: service.state for service in services},
        "summary": outage.summary,
        "commander": outage.commander,
        "declared_at": stamp(outage.declared_at),
        "next_update_at": stamp(outage.next_update_at),
        "restored_at": stamp(outage.restored_at),
        "closed_at": stamp(outage.closed_at),
        "reach": reach(tx, outage),
        "checkin": checkin(tx, outage),
        "units": units(tx, outage),
        "tasks": task_counts(tx, outage),
    }


def reach(tx: Tx, outage: Outage) -> dict[str, int]:
    """Each person of the declaration's notice once, by the best that happened."""
    best = _best(tx, outage)
    counts = Counter(best.values())
    return {"people": len(best)} | {name: counts[name] for name in REACH}


def checkin(tx: Tx, outage: Outage) -> dict[str, int]:
    """Each person of the declaration's notice once, by the latest answer."""
    asked = _people(tx, outage)
    said = _latest_answers(tx, outage)
    counts = Counter("late" if late else ANSWERS[digit] for person, (digit, late) in said.items() if person in asked)
    named = {name: counts[name] for name in ("ok", "help", "risk", "unavailable", "late")}
    return {"asked": len(asked)} | named | {"silent": len(asked) - sum(named.values())}


def units(tx: Tx, outage: Outage) -> dict[str, int]:
    counts = Counter(row.standing for row in checkins.units(tx, outage.id or 0))
    return {name: counts[name] for name in ("ok", "help", "risk", "silent", "told")}


def task_counts(tx: Tx, outage: Outage) -> dict[str, int]:
    mine = [TASK.c.outage_id == outage.id, TASK.c.kind != tasks.Kind.CARD]
    by_state = core_select(TASK.c.state, func.count()).where(*mine).group_by(TASK.c.state)
    counts: dict[str, int] = dict(tx.execute(by_state).all())
    late = core_select(func.count()).where(*mine, TASK.c.state.in_(tasks.OPEN), TASK.c.due_at <= tx.now)
    names = ("waiting", "offered", "accepted", "in_progress", "done", "blocked", "cannot_do", "cancelled")
    return {name: counts.get(name, 0) for name in names} | {"overdue": tx.execute(late).scalar_one()}


def engine(tx: Tx) -> dict[str, Any]:
    waiting = select(func.count(), func.min(Message.due_at)).where(Message.state == State.QUEUED)
    queued, oldest = tx.exec(waiting).one()
    doubtful = tx.exec(select(func.count()).where(Message.state == State.DOUBTFUL)).one()
    health = {row.name: row for row in tx.exec(select(Health))}
    beat = health.get(outbox.BEAT)
    return {
        "queued": queued,
        "doubtful": doubtful,
        "oldest_due_s": round(max(0.0, (tx.now - oldest).total_seconds()), 1) if oldest else 0.0,
        "last_beat_s": round((tx.now - beat.at).total_seconds(), 1) if beat else None,
        "channels": {name: health[name].state if name in health else "ok" for name in _channels(tx)},
    }


def detail(tx: Tx, outage: Outage) -> dict[str, Any]:
    """What a page shows beyond the counts: each unit, the open tasks, who was not reached."""
    names = {person.id: person.name for person in tx.exec(select(roster.Person))}
    rows = [
        {
            "unit": row.unit,
            "standing": row.standing,
            "asked": names.get(row.asked, ""),
            "digit": row.digit,
            "note": row.note,
            "visit": row.visit,
            "at": stamp(row.at),
        }
        for row in checkins.units(tx, outage.id or 0)
    ]
    open_tasks = [
        {
            "code": task.code,
            "text": task.text,
            "owner": names.get(task.owner, ""),
            "state": task.state,
            "due_at": stamp(task.due_at),
            "late": bool(task.due_at and task.due_at <= tx.now),
            "prio": task.prio,
            "unit": task.unit,
        }
        for task in tasks.of_outage(tx, outage.id or 0, *tasks.OPEN)
        if task.number
    ]
    return {
        "units": rows,
        "tasks": open_tasks,
        "unreached": unreached(tx, outage),
        "commander": names.get(outage.commander, ""),
    }


def unreached(tx: Tx, outage: Outage) -> list[dict[str, str]]:
    """Everybody of the audience whom nothing has reached or will, with the reason."""
    lost = [person for person, best in _best(tx, outage).items() if best in ("failed", "unreachable")]
    query = select(Message).where(Message.notice_id == outage.notice_id, col(Message.person_id).in_(lost))
    reasons = {message.person_id: message.reason for message in tx.exec(query.order_by(col(Message.id)))}
    people = select(roster.Person).where(col(roster.Person.id).in_(lost)).order_by(col(roster.Person.place))
    return [{"id": p.id, "name": p.name, "unit": p.unit, "reason": reasons.get(p.id, "")} for p in tx.exec(people)]


def flat(one: dict[str, Any]) -> dict[str, Any]:
    """One outage's JSON as the facts of the Slack summary."""
    check, work = one["checkin"], one["tasks"]
    facts = {name: one[name] for name in ("code", "state", "level", "summary")} | one["reach"] | one["units"]
    facts.pop("told_in_person")
    return facts | {
        "services": [f"{service} {state}" for service, state in one["service_states"].items()], "asked": check["asked"],
        "fine": check["ok"], "need": check["help"], "at_risk": check["risk"], "no_answer": check["silent"],
        "under_way": work["accepted"] + work["in_progress"],
    } | {name: work[name] for name in ("done", "offered", "blocked", "overdue")}  # fmt: skip


def line(tx: Tx, outage: Outage, with_numbers: bool = False) -> dict[str, Any]:
    """The facts of the state in one segment; numbers are for managers."""
    heard, stand = reach(tx, outage), units(tx, outage)
    fine, all_units = stand["ok"] + stand["told"], sum(stand.values())
    reached = f"Reached {heard['delivered']} of {heard['people']}"
    numbers = f"{reached}, units OK {fine} of {all_units}, silent {stand['silent']}"
    return {
        "time": tasks.at(tx, tx.now),
        "code": outage.code,
        "down": [row.say for row in outages.down(tx, outage)],
        "state": outage.state,
        "level": outage.level,
        "numbers": numbers if with_numbers else None,
        "next": tasks.at(tx, outage.next_update_at),
    }


def stamp(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _people(tx: Tx, outage: Outage) -> dict[str, str]:
    query = core_select(RECIPIENT.c.person_id, RECIPIENT.c.address).where(RECIPIENT.c.notice_id == outage.notice_id)
    return dict(tx.execute(query).all())


def _best(tx: Tx, outage: Outage) -> dict[str, str]:
    """Person → the best that happened, on any channel or on a phone they share."""
    query = core_select(MESSAGE.c.person_id, MESSAGE.c.address, MESSAGE.c.state)
    by_person: dict[str, int] = {}  # the place of the best so far among all that is known
    by_address: dict[str, int] = {}
    for person, address, state in tx.execute(query.where(MESSAGE.c.notice_id == outage.notice_id)):
        place = PLACE[state]
        by_person[person] = min(place, by_person.get(person, place))
        by_address[address] = min(place, by_address.get(address, place))
    answered = {person for person, (digit, _) in _latest_answers(tx, outage).items() if digit}
    stand = checkins.units(tx, outage.id or 0)
    in_person = {row.asked for row in stand if row.standing == checkins.Standing.TOLD}
    best = {}
    for person, address in _people(tx, outage).items():
        place = min(by_person.get(person, len(BEST)), by_address.get(address, len(BEST)))
        reached = (*BEST, "failed")[place]
        best[person] = "delivered" if person in answered else "told_in_person" if person in in_person else reached
    return best


def _latest_answers(tx: Tx, outage: Outage) -> dict[str, tuple[str, bool]]:
    query = select(checkins.Answer.person_id, checkins.Answer.digit, checkins.Answer.late)
    query = query.join(checkins.Round, col(checkins.Round.id) == checkins.Answer.round_id).where(
        checkins.Round.outage_id == outage.id
    )
    found: dict[str, tuple[str, bool]] = {}
    for person, digit, late in tx.exec(query.order_by(col(checkins.Answer.id))):
        if not late or person not in found:
            found[person] = (digit, late)
    return found


def _channels(tx: Tx) -> list[str]:
    settings = tx.settings
    ready = {"sms": settings.sms_ready, "voice": settings.voice_ready, "slack": settings.slack_ready}
    return [name for name, is_ready in ready.items() if is_ready]
