"""Drills that start by themselves: planned and posted a day before, so that somebody may still call them off."""

import contextlib
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from sqlmodel import select

from bot import journal, roster, timers
from bot.access import Refused
from bot.command import recalling
from bot.db import Tx, insert_new
from bot.exercises import injects, live
from bot.exercises.rows import TABLE, Drill, DrillState, script
from bot.exercises.scenarios import Scenario, at_minute
from bot.exercises.shelf import current

AHEAD = timedelta(hours=24)  # when the plan is posted
WHY = "scheduled"  # why it may be out of hours: somebody wrote it into the file


def plan_due(tx: Tx) -> int:
    """Plan what is due within a day; returns how many. Safe in any number of processes: the row is the claim."""
    return sum(_plan(tx, each) for each in _scheduled(tx)) if tx.settings.slack_command_channel else 0


def unannounced(tx: Tx) -> list[str]:
    """Drills that are scheduled and not held, as nobody could read their plan."""
    why = "without SLACK_COMMAND_CHANNEL nobody could read its plan and injects, or call it off"
    scheduled = [] if tx.settings.slack_command_channel else _scheduled(tx)
    return [f"the drill {each.drill} has a schedule and is not held: {why}" for each in scheduled]


def _scheduled(tx: Tx) -> list[Scenario]:
    return [each for each in current(tx).scenarios.values() if each.schedule]


def _plan(tx: Tx, scenario: Scenario) -> bool:
    at, by = next_time(tx, scenario), injects.leader(tx)
    if at is None or at - tx.now > AHEAD or by is None:
        return False
    row = {
        "scenario": scenario.drill, "state": DrillState.PLANNED, "script": script(scenario), "starts_at": at,
        "done": 0, "by": by.id, "why": WHY, "live": True,
    }  # fmt: skip
    if not insert_new(tx, TABLE, [row]):
        return False  # planned already, or called off
    drill = tx.exec(select(Drill).where(Drill.scenario == scenario.drill, Drill.starts_at == at)).one()
    timers.set_for(tx, live.START, str(drill.id), at)
    journal.write(tx, "drill_planned", about=drill.code, drill=scenario.drill, starts_at=at)
    injects.post(tx, None, "drill_plan", plan_facts(tx, by, scenario, drill))
    return True


def next_time(tx: Tx, scenario: Scenario) -> datetime | None:
    """When it starts next, by its cron line in the hospital's own time."""
    trigger = CronTrigger.from_crontab(scenario.schedule, ZoneInfo(tx.settings.timezone))
    found: datetime | None = trigger.get_next_fire_time(None, tx.now)
    return found


def _recalled(tx: Tx, scenario: Scenario) -> int:
    """How many people at home its staff calls would ask at most; one that would be refused asks nobody."""
    most = 0
    for inject in scenario.injects:
        with contextlib.suppress(Refused):
            most += recalling.would_ask(tx, inject.text) if inject.do == "recall" else 0
    return most


def plan_facts(tx: Tx, by: roster.Person, scenario: Scenario, drill: Drill | None = None) -> dict[str, Any]:
    """The facts of a plan: what, whom, by when, and the script."""
    figures = live.preview(tx, by, scenario)
    local = drill.starts_at.astimezone(ZoneInfo(tx.settings.timezone)) if drill else None
    return {
        "title": scenario.title, "minutes": scenario.minutes, "services": list(scenario.services),
        "people": figures.people, "segments": figures.segments, "unreachable": figures.unreachable,
        "recalled": _recalled(tx, scenario),
        "takes": max(round(figures.takes.total_seconds() / 60), 1), "at": f"{local:%a %d %b %H:%M}" if local else None,
        "code": drill.code if drill else None,
        "injects": [f"{at_minute(each.at)} min ({each.who}): {each.say}" for each in scenario.injects],
    }  # fmt: skip
