"""Rounds, answers and the standing of units. A digit answers; a changed answer counts as the latest."""

from bot.checkins.answers import answer, present, record_all, told_person, unavailable
from bot.checkins.asked import Asked, Question, asked, asked_all, counts_for
from bot.checkins.counts import Count, count, missing, missing_in
from bot.checkins.rounds import close_rounds, latest, open_round
from bot.checkins.rows import (
    ANSWER,
    AWAY,
    CHECKS,
    OPTIONS,
    ROUND,
    TOLD,
    UNIT_CHECK,
    Answer,
    Heard,
    Kind,
    Round,
    Standing,
    UnitCheck,
)
from bot.checkins.units import answer_for_unit, hand_on, seen_to, subject, told, units, watch_again, watch_unit

__all__ = [
    "ANSWER",
    "AWAY",
    "CHECKS",
    "OPTIONS",
    "ROUND",
    "TOLD",
    "UNIT_CHECK",
    "Answer",
    "Asked",
    "Count",
    "Heard",
    "Kind",
    "Question",
    "Round",
    "Standing",
    "UnitCheck",
    "answer",
    "answer_for_unit",
    "asked",
    "asked_all",
    "close_rounds",
    "count",
    "counts_for",
    "hand_on",
    "latest",
    "missing",
    "missing_in",
    "open_round",
    "present",
    "record_all",
    "seen_to",
    "subject",
    "told",
    "told_person",
    "unavailable",
    "units",
    "watch_again",
    "watch_unit",
]
