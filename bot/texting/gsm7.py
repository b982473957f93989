"""GSM-7: which characters a text may hold to stay one cheap segment, and what to write instead of the others."""

from __future__ import annotations

import unicodedata

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # two septets each
KNOWN = GSM | EXTENDED

ONE, MANY = 160, 153  # septets in a text of one segment, and in each of several
UCS_ONE, UCS_MANY = 70, 67  # the same for UCS-2, in 16-bit units

INSTEAD = {
    letter: ours
    for letters, ours in (
        ("‘’‚‛`´ʹʻʼ′＇", "'"),
        ("“”„‟«»″〝〞＂", '"'),
        ("‐‑‒–—―−•·●▪◦", "-"),
        ("…", "..."),
        ("‹", "<"),
        ("›", ">"),
        ("→⇒➔", "->"),
        ("←⇐", "<-"),
        ("≤", "<="),
        ("≥", ">="),
        ("≠", "!="),  # its decomposition is "=", the very opposite
        ("×", "x"),
        ("÷⁄∕", "/"),
        ("°º", "deg"),
        ("µμ", "u"),
        ("œ", "oe"),
        ("Œ", "OE"),
        ("ł", "l"),
        ("Ł", "L"),
        ("đð", "d"),
        ("ĐÐ", "D"),
        ("ı", "i"),
        ("þ", "th"),
        ("Þ", "Th"),
        ("\t\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029", " "),
    )
    for letter in letters
}

SILENT = {"Mn", "Me", "Mc", "Cf", "Cc", "Cs", "Co", "Cn", "So", "Sk"}  # accents, zero-width, emoji: nothing is lost


def is_gsm7(text: str) -> bool:
    """Whether every character is in the GSM-7 alphabet or its extension."""
    return KNOWN.issuperset(text)


def segments(text: str) -> int:
    """How many segments a carrier makes of a text: 160 GSM-7 septets or 70 UCS-2 units are one."""
    units, one, many = _units(text)
    if sum(units) <= one:
        return 1
    parts = used = 0
    for unit in units:
        if parts == 0 or used + unit > many:
            parts, used = parts + 1, 0
        used += unit
    return parts


def fold(text: str) -> str:
    """The same text in GSM-7: quotes, dashes and lacking accents folded, emoji dropped, what is left becomes "?"."""
    if GSM.issuperset(text):
        return text
    return "".join(_folded(letter) for letter in unicodedata.normalize("NFC", text))


def fit(text: str, limit: int = ONE) -> str:
    """The text in GSM-7, cut at a word so that it takes at most `limit` septets; a longer single word is cut."""
    text = fold(text)
    if septets(text) <= limit:
        return text
    text = text.strip()
    head = text[: _reach(text, limit)]
    if head == text or text[len(head)].isspace() or head[-1:].isspace():
        return head.rstrip()
    whole_words = head.rsplit(None, 1)
    return whole_words[0].rstrip() if len(whole_words) > 1 else head


def septets(text: str) -> int:
    """The length of a GSM-7 text as the carriers count it."""
    return len(text) + sum(letter in EXTENDED for letter in text)


def _units(text: str) -> tuple[list[int], int, int]:
    if is_gsm7(text):
        return [2 if letter in EXTENDED else 1 for letter in text], ONE, MANY
    return [2 if ord(letter) > 0xFFFF else 1 for letter in text], UCS_ONE, UCS_MANY


def _folded(letter: str) -> str:
    if letter in INSTEAD:
        return INSTEAD[letter]
    if letter in KNOWN:
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    parts = unicodedata.normalize("NFKD", letter)
    if parts != letter:
        return "".join(_folded(part) for part in parts)
    return "" if unicodedata.category(letter) in SILENT else "?"


def _reach(text: str, limit: int) -> int:
    """How many characters fit into `limit` septets."""
    used = 0
    for place, letter in enumerate(text):
        used += 2 if letter in EXTENDED else 1
        if used > limit:
            return place
    return len(text)
