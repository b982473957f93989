"""The commander's verbs, each the whole story in one place, and what answers and failures set off."""

from bot.command.answers import answer
from bot.command.asking import checkin
from bot.command.course import correct, hand_over, update
from bot.command.end import close, restore, restore_words, verify, void
from bot.command.facts import fact
from bot.command.levels import keep as keep_level
from bot.command.levels import lower_level, raise_level
from bot.command.opening import Declared, demand_no_real, preview
from bot.command.opening import declare as declare
from bot.command.recalling import staff_call
from bot.command.returning import order_words
from bot.command.rounds import ask_again
from bot.command.tasking import listed as tasks_listed
from bot.command.tasking import task
from bot.command.words import Request, declaration, level

__all__ = [
    "Declared",
    "Request",
    "answer",
    "ask_again",
    "checkin",
    "close",
    "correct",
    "declaration",
    "declare",
    "demand_no_real",
    "fact",
    "hand_over",
    "keep_level",
    "level",
    "lower_level",
    "order_words",
    "preview",
    "raise_level",
    "restore",
    "restore_words",
    "staff_call",
    "task",
    "tasks_listed",
    "update",
    "verify",
    "void",
]
