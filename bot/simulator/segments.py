"""How many segments a carrier makes of a text: GSM-7, or UCS-2 as soon as one character is not in it."""

from __future__ import annotations

GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = set("\f^{}\\[~]|€")  # two septets each


def segments(text: str) -> int:
    """The number of segments: 160 GSM-7 septets or 70 UCS-2 units in one, 153 or 67 in each of several."""
    units, one, many = _units(text)
    if sum(units) <= one:
        return 1
    parts = used = 0
    for unit in units:
        if parts == 0 or used + unit > many:
            parts, used = parts + 1, 0
        used += unit
    return parts


def _units(text: str) -> tuple[list[int], int, int]:
    if all(letter in GSM or letter in EXTENDED for letter in text):
        return [2 if letter in EXTENDED else 1 for letter in text], 160, 153
    return [2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67
