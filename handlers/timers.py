"""What is done when a timer is due."""

from typing import Any

from bot import escalations, exercises, outbox, recalls, tasks
from bot.command import (
    answers,
    asking,
    callbacks,
    course,
    delivery,
    digest,
    end,
    lapses,
    levels,
    periods,
    preflight,
    recalling,
    returning,
    rounds,
    rungs,
    situation,
    tell,
)
from bot.db import Tx
from bot.timers import Handler


def climb(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    escalations.climb(tx, int(subject), rungs.PERFORMERS)


def watch_tasks(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    tasks.watch(tx, int(subject))
    returning.advance(tx, int(subject))  # what was to be proved may have ended


def expand(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    outbox.expand(tx, int(subject))


def tidy(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    outbox.tidy(tx, data["notices"], data["reason"])


def end_of_shift(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    lapses.shift_ends(tx, int(subject))


def remind(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    course.remind(tx, int(subject))


def hold(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    course.hold(tx, int(subject))


def send_digest(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    digest.send(tx, subject)


def lost(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    delivery.lost(tx, subject, data)


def stopped(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    delivery.stopped(tx, subject, data)


def say_expired(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    lapses.say_expired(tx, int(subject))


def ask_units(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    rounds.come_round(tx, int(subject))


def turn_period(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    periods.turn(tx, int(subject))


def start_drill(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    exercises.begin_planned(tx, int(subject))


def step_drill(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    exercises.step(tx, int(subject))


def end_drill(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    exercises.tell_over(tx, int(subject))


def ask_to_raise(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    levels.ask(tx, subject)


def raise_unanswered(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    levels.run_out(tx, int(subject))


def missed_roll_call(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    asking.missed(tx, int(subject))


def close_round(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    asking.over(tx, int(subject))


def look_ahead(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    preflight.look(tx)


def next_wave(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    recalling.go_on(tx, int(subject))


def release(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    recalling.release(tx, int(subject))


def ask_chiefs_first(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    situation.ask_first(tx, int(subject))


def remind_chiefs(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    situation.remind(tx, int(subject))


def assemble(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    situation.assemble(tx, int(subject))


def forget(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    """The timer was only there to be seen until now."""


HANDLERS: dict[str, Handler] = {
    escalations.CLIMB: climb,
    tasks.WATCH: watch_tasks,
    tasks.ENDS: end_of_shift,
    outbox.EXPAND: expand,
    outbox.TIDY: tidy,
    tell.REMIND: remind,
    tell.DUE: hold,
    digest.DIGEST: send_digest,
    levels.ASK: ask_to_raise,
    levels.ACT: raise_unanswered,
    delivery.LOST: lost,
    lapses.EXPIRED: say_expired,
    delivery.STOPPED: stopped,
    rounds.ROUND: ask_units,
    periods.PERIOD: turn_period,
    exercises.START: start_drill,
    exercises.STEP: step_drill,
    exercises.OVER: end_drill,
    asking.MISSED: missed_roll_call,
    asking.OVER: close_round,
    recalls.WAVE: next_wave,
    recalls.RELEASE: release,
    situation.FIRST: ask_chiefs_first,
    situation.REMIND: remind_chiefs,
    situation.DUE: assemble,
    answers.STRAY: forget,
    answers.HELD: forget,
    callbacks.QUIET: forget,
    preflight.LOOK: look_ahead,
    preflight.TOLD: forget,
    end.SECOND: forget,
}
