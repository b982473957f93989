"""What is done when a timer is due."""

from typing import Any

from bot import escalations, tasks
from bot.command import answers, course, digest, end, rungs, tell
from bot.db import Tx
from bot.timers import Handler


def climb(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    escalations.climb(tx, int(subject), rungs.PERFORMERS)


def watch_tasks(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    tasks.watch(tx, int(subject))


def remind(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    course.remind(tx, int(subject))


def hold(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    course.hold(tx, int(subject))


def send_digest(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    digest.send(tx, subject)


def forget(tx: Tx, subject: str, data: dict[str, Any]) -> None:
    """The timer was only there to be seen until now."""


HANDLERS: dict[str, Handler] = {
    escalations.CLIMB: climb,
    tasks.WATCH: watch_tasks,
    tell.REMIND: remind,
    tell.DUE: hold,
    digest.DIGEST: send_digest,
    answers.STRAY: forget,
    end.SECOND: forget,
}
