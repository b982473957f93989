"""What is known of an outage: the JSON of `status`, and the same as the facts of a summary and of a text."""

from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy import select as core_select
from sqlmodel import col, select

from bot import checkins, outages, recalls, tasks
from bot.board.health import engine
from bot.board.people import checkin, reach
from bot.board.recovery import back_entry, on_paper, said, said_of_paper
from bot.command import wording
from bot.db import Tx
from bot.outages import ENDED, Outage

TASK = tasks.Task.__table__  # type: ignore[attr-defined]
UNIT_CHECK = checkins.UNIT_CHECK
UNITS = ("ok", "help", "risk", "silent", "told")
TASKS = ("waiting", "offered", "accepted", "in_progress", "done", "blocked", "cannot_do", "cancelled")


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
        "period": outage.period,
        "roll_call": roll_call(tx, outage),
        "recovery": back_entry(tx, outage),
        "on_paper": on_paper(tx, outage),
        "recalls": [_recall(tx, made) for made in recalls.of_outage(tx, outage.id or 0)],
    }


def _recall(tx: Tx, made: recalls.Recall) -> dict[str, Any]:
    now = recalls.figures(tx, made)
    return {"code": made.code, "state": made.state, "need": made.need, "skill": made.skill, "unit": made.unit,
            "starts_at": stamp(made.starts_at), "coming": now.coming, "reserve": now.reserve, "arrived": now.arrived,
            "silent": now.asked}  # fmt: skip


def units(tx: Tx, outage: Outage) -> dict[str, int]:
    query = core_select(UNIT_CHECK.c.standing, func.count()).where(UNIT_CHECK.c.outage_id == outage.id)
    counts: dict[str, int] = dict(tx.execute(query.group_by(UNIT_CHECK.c.standing)).all())
    return {name: counts.get(name, 0) for name in UNITS}


def roll_call(tx: Tx, outage: Outage) -> dict[str, int] | None:
    """The last roll-call, if there was one."""
    opened = checkins.latest(tx, outage, checkins.Kind.ROLL_CALL)
    if opened is None:
        return None
    found = checkins.count(tx, opened)
    return {"asked": found.asked, "on_site": found.fine, "away": found.away, "missing": found.missing}


def task_counts(tx: Tx, outage: Outage) -> dict[str, int]:
    mine = [TASK.c.outage_id == outage.id, TASK.c.kind != tasks.Kind.CARD]
    by_state = core_select(TASK.c.state, func.count()).where(*mine).group_by(TASK.c.state)
    counts: dict[str, int] = dict(tx.execute(by_state).all())
    late = core_select(func.count()).where(*mine, TASK.c.state.in_(tasks.OPEN), TASK.c.due_at <= tx.now)
    return {name: counts.get(name, 0) for name in TASKS} | {"overdue": tx.execute(late).scalar_one()}


def flat(one: dict[str, Any]) -> dict[str, Any]:
    """One outage's JSON as the facts of the Slack summary."""
    check, work, roll = one["checkin"], one["tasks"], one["roll_call"] or {}
    facts = {name: one[name] for name in ("code", "state", "level", "summary", "period")} | one["reach"] | one["units"]
    facts.pop("told_in_person")
    return facts | {
        "services": [f"{service} {state}" for service, state in one["service_states"].items()], "asked": check["asked"],
        "fine": check["ok"], "need": check["help"], "at_risk": check["risk"], "no_answer": check["silent"],
        "under_way": work["accepted"] + work["in_progress"], "on_site": roll.get("on_site"),
        "missing": roll.get("missing"), "recovery": said(one["recovery"]) if one["restored_at"] else None,
        "paper": said_of_paper(one["on_paper"]), "recalls": [_fill(made) for made in one["recalls"]],
    } | {name: work[name] for name in ("done", "offered", "blocked", "overdue")}  # fmt: skip


def _fill(made: dict[str, Any]) -> str:
    """`R1 3 of 4 coming, 1 reserve`."""
    return f"{made['code']} {made['coming']} of {made['need']} coming" + f", {made['reserve']} reserve" * bool(
        made["reserve"]
    )


def line(tx: Tx, outage: Outage, with_numbers: bool = False) -> dict[str, Any]:
    """The facts of the state in one segment; numbers are for managers."""
    return {
        "time": tasks.at(tx, tx.now),
        "code": outage.code,
        "down": wording.named(outages.down(tx, outage)) or [],
        "state": outage.state,
        "level": outage.level,
        "numbers": _numbers(tx, outage) if with_numbers else None,
        "recalls": _fills(tx, outage) if with_numbers else None,
        "next": tasks.at(tx, outage.next_update_at),
    }


def stamp(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _fills(tx: Tx, outage: Outage) -> str:
    running = [made for made in recalls.of_outage(tx, outage.id or 0) if made.state in recalls.RUNNING]
    return ", ".join(_fill(_recall(tx, made)) for made in running)


def _numbers(tx: Tx, outage: Outage) -> str:
    heard, stand = reach(tx, outage), units(tx, outage)
    fine, all_units = stand["ok"] + stand["told"], sum(stand.values())
    reached = f"Reached {heard['delivered']} of {heard['people']}"
    return f"{reached}, units OK {fine} of {all_units}, silent {stand['silent']}"
