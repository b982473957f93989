"""Rounds, answers and the standing of units. A digit answers; a changed answer counts as the latest."""

from bot.checkins.answers import answer, asked, asked_all, record_all, unavailable
from bot.checkins.rounds import close_rounds, open_round
from bot.checkins.rows import (
    ANSWER,
    FOR_UNIT,
    MEANS,
    MEANS_BEDSIDE,
    ROUND,
    UNIT_CHECK,
    Answer,
    Asked,
    Heard,
    Question,
    Round,
    Standing,
    UnitCheck,
)
from bot.checkins.units import answer_for_unit, hand_on, subject, told, units, watch_unit

__all__ = [
    "ANSWER",
    "FOR_UNIT",
    "MEANS",
    "MEANS_BEDSIDE",
    "ROUND",
    "UNIT_CHECK",
    "Answer",
    "Asked",
    "Heard",
    "Question",
    "Round",
    "Standing",
    "UnitCheck",
    "answer",
    "answer_for_unit",
    "asked",
    "asked_all",
    "close_rounds",
    "hand_on",
    "open_round",
    "record_all",
    "subject",
    "told",
    "unavailable",
    "units",
    "watch_unit",
]
