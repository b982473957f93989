"""What a text means, pure: phone numbers, GSM-7 and segments, what a reply says, what must not be kept."""

from bot.texting.gsm7 import fit, fold, is_gsm7, segments
from bot.texting.languages import base
from bot.texting.numbers import BadNumber, e164
from bot.texting.replies import ASKS_FOR_HELP, OPT_IN, OPT_OUT, RESERVED, Reply, Says, mask, parse_reply
from bot.texting.screen import patient_data, without_patients

__all__ = [
    "ASKS_FOR_HELP",
    "OPT_IN",
    "OPT_OUT",
    "RESERVED",
    "BadNumber",
    "Reply",
    "Says",
    "base",
    "e164",
    "fit",
    "fold",
    "is_gsm7",
    "mask",
    "parse_reply",
    "patient_data",
    "segments",
    "without_patients",
]
