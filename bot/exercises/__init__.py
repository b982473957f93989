"""Drills with real people: the scripts, their runs as rows, the score sheet, and what counts as an exercise."""

from bot.exercises.history import Held, history, line
from bot.exercises.live import (
    OVER,
    START,
    STEP,
    begin_planned,
    cancel,
    catch_up,
    demand_hour,
    end,
    find,
    preview,
    score_facts,
    start,
    step,
    tell_over,
)
from bot.exercises.rows import Drill, DrillState, of_outage, running
from bot.exercises.scenarios import Inject, Marks, Scenario, at_minute, read
from bot.exercises.schedule import plan_due, plan_facts, unannounced
from bot.exercises.score import Mark, Score, score
from bot.exercises.shelf import ALL, STANDARD, current, listed, shelf
from bot.exercises.shelf import find as scenario
from bot.exercises.timeline import Moment, sheet, timeline

__all__ = [
    "ALL",
    "OVER",
    "STANDARD",
    "START",
    "STEP",
    "Drill",
    "DrillState",
    "Held",
    "Inject",
    "Mark",
    "Marks",
    "Moment",
    "Scenario",
    "Score",
    "at_minute",
    "begin_planned",
    "cancel",
    "catch_up",
    "current",
    "demand_hour",
    "end",
    "find",
    "history",
    "line",
    "listed",
    "of_outage",
    "plan_due",
    "plan_facts",
    "preview",
    "read",
    "running",
    "scenario",
    "score",
    "score_facts",
    "sheet",
    "shelf",
    "start",
    "step",
    "tell_over",
    "timeline",
    "unannounced",
]
