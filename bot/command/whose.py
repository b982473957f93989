"""Whose digit it is, when an alert and a staff call may be open at once."""

from collections.abc import Sequence
from typing import Any

from bot import checkins, recalls
from bot.command.recalling import answer
from bot.command.tell import Echo
from bot.db import Tx
from bot.recalls import Recall, RecallCall
from bot.roster import Person


def hear(tx: Tx, people: Sequence[Person], digit: str, code: str, channel: str) -> Echo:
    """A digit, where it is about a staff call; None where it is not.

    Said with a code it counts for that, or for nothing if that is no staff call of theirs. Bare, it counts for the call
    that is open; is an alert or check open as well, a 1 counts for the latest of them, and of any other digit it is
    asked which.
    """
    mine = recalls.calls_of(tx, [person.id for person in people])
    if code:
        found = next(((made, call) for made, call in mine if made.code == code), None)
        return answer(tx, *found, digit, channel) if found else _not_theirs(mine, code, digit)
    awaited = next(((made, call) for made, call in mine if recalls.is_awaited(made, call)), None)
    alert = _alert(tx, people)
    if awaited and alert and digit != "1":
        return "recall_which", _which(awaited[0], alert, digit)
    if awaited and alert and _came_after(tx, alert, awaited[1]):
        return None
    if awaited is None and alert is None:
        awaited = next((found for found in mine if _may_still(tx, *found)), None)
    return answer(tx, *awaited, digit, channel) if awaited else None


def also_open(tx: Tx, people: Sequence[Person], digit: str) -> Echo:
    """A bare 1 that counted for an alert, said while a staff call waits for its own answer."""
    mine = recalls.calls_of(tx, [person.id for person in people])
    awaited = next((made for made, call in mine if recalls.is_awaited(made, call)), None)
    alert = _alert(tx, people)
    if digit != "1" or awaited is None or alert is None:
        return None
    return "echo", {"text": f"1 was taken as: read {alert.outage}. For the staff call text 1 {awaited.code}"}


def _not_theirs(mine: list[tuple[Recall, RecallCall]], code: str, digit: str) -> Echo:
    if not code.startswith("R"):
        return None
    open_now = [made.code for made, _ in mine if made.state in recalls.RUNNING]
    yours = f"Open for you: {', '.join(open_now)}. Text {digit} {open_now[0]}" if open_now else ""
    how = yours or f"For an alert text {digit} alone"
    return "echo", {"text": f"{code} is no staff call to you, so nothing was changed. {how}"}


def _may_still(tx: Tx, made: Recall, call: RecallCall) -> bool:
    """They may change their mind, or answer for the first time, however late."""
    first_time = made.state in recalls.RUNNING or call.answered_at is None
    return call.arrived_at is None and (first_time or recalls.is_expected(tx, made, call))


def _alert(tx: Tx, people: Sequence[Person]) -> checkins.Question | None:
    """The latest alert or check that any of them was asked and that is open."""
    asked = checkins.asked(tx, [person.id for person in people])
    return next((question for question in asked if not question.late), None)


def _came_after(tx: Tx, alert: checkins.Question, call: RecallCall) -> bool:
    opened = tx.get(checkins.Round, alert.round_id)
    return opened is not None and opened.opened_at > call.asked_at


def _which(made: Recall, alert: checkins.Question, digit: str) -> dict[str, Any]:
    there = recalls.MEANS[digit].removeprefix("there in ")
    option = checkins.OPTIONS[digit]
    return {"digit": digit, "there": there, "recall": made.code, "alert": option.bedside or option.means,
            "outage": alert.outage}  # fmt: skip
