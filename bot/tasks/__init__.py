"""Cards and tasks: offer, accept, decline, block, complete, hand over."""

from bot.tasks.chase import overdue, set_clock, watch
from bot.tasks.offers import WATCH, announce, assign_due, at, buttons, offer_due, open_phase, take, worded
from bot.tasks.rows import ENDED, OPEN, TAKEN, Kind, Task, TaskState, find, lines, mine, of_outage, yours
from bot.tasks.work import Answer, accept, block, cancel_open, check_done, decline, done, give, open_new, prove

__all__ = [
    "ENDED",
    "OPEN",
    "TAKEN",
    "WATCH",
    "Answer",
    "Kind",
    "Task",
    "TaskState",
    "accept",
    "announce",
    "assign_due",
    "at",
    "block",
    "buttons",
    "cancel_open",
    "check_done",
    "decline",
    "done",
    "find",
    "give",
    "lines",
    "mine",
    "of_outage",
    "offer_due",
    "open_new",
    "open_phase",
    "overdue",
    "prove",
    "set_clock",
    "take",
    "watch",
    "worded",
    "yours",
]
