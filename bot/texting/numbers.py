"""Phone numbers: any usual writing in, E.164 out."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, ValidationResult

SPREADSHEET = re.compile(r"\d+\.\d*[eE]\+?\d+|\d+[eE]\+\d+|\d{7,}\.0")

WHY_UNREADABLE = {
    NumberParseException.INVALID_COUNTRY_CODE: "has no country code that exists; write it as +1 212 555 0142",
    NumberParseException.NOT_A_NUMBER: "is not a phone number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "is too short",
    NumberParseException.TOO_SHORT_NSN: "is too short",
    NumberParseException.TOO_LONG: "is too long",
}
WHY_IMPOSSIBLE = {
    ValidationResult.TOO_SHORT: "is too short",
    ValidationResult.TOO_LONG: "is too long",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "has no area code",
    ValidationResult.INVALID_COUNTRY_CODE: "has no country code that exists",
    ValidationResult.INVALID_LENGTH: "has a length that no number there has",
}


class BadNumber(ValueError):
    """Not a number that can be dialled; the text is a sentence that says why."""


def e164(raw: str, region: str) -> str:
    """A phone number in any usual writing as E.164 (`+12125550142`); `region` ("US") is where national ones belong.

    Only the length is judged: a list of number ranges ages, and refusing a nurse's new number would cost more
    than a call to a wrong one. Raises BadNumber.
    """
    raw = raw.strip()
    if SPREADSHEET.fullmatch(raw):
        raise BadNumber(f"{raw!r} was rewritten by a spreadsheet; format that column as text")
    number = _read(raw, region)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise BadNumber(f"{raw!r} {WHY_IMPOSSIBLE.get(reason, 'is not a phone number')}")
    if number.extension:
        raise BadNumber(f"{raw!r} has an extension, which nobody can text or dial through; give a direct number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _read(raw: str, region: str) -> PhoneNumber:
    try:
        return phonenumbers.parse(raw, region.upper())
    except NumberParseException as error:
        raise BadNumber(f"{raw!r} {WHY_UNREADABLE.get(error.error_type, 'is not a phone number')}") from error
