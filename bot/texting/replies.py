"""What a text from a person says: one pure function over the whole SMS grammar."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from bot.texting.reply_words import (
    ALL_AT_RISK,
    ALL_FINE,
    ALONE_DONE,
    BEHIND,
    NO_MORE,
    NO_RISK,
    POLITE,
    RISK_OVER,
    RISK_PAPERS,
    TASK_VERBS,
)

# Carriers act on these when they are the whole text, so they are never commands of ours.
OPT_OUT = frozenset("stop stopall unsubscribe cancel end quit revoke optout opt-out".split()) | {"opt out", "stop all"}
OPT_IN = frozenset("start unstop".split())
ASKS_FOR_HELP = frozenset("help info".split())
RESERVED = OPT_OUT | OPT_IN | ASKS_FOR_HELP

#: Words for a digit, where a staff call is named
CALL_WORDS = {
    "ok": "1", "okay": "1", "k": "1", "yes": "1", "cannot": "4", "cant": "4", "can't": "4", "no": "4",
}  # fmt: skip
MASKED = "****"

COMMANDS = "update correct raise lower restore verify close void command".split()


class Says(StrEnum):
    """What a text is."""

    ANSWER = "answer"  # a digit 1, 2, 3, 4 or 9, perhaps with the code of what it is about, or a note
    TASK = "task"  # about a task or card, by its code; a bare DONE has none
    DUTY = "duty"  # here, charge or away
    TOLD = "told"  # a unit was told in person
    DECLARE = "declare"  # OUTAGE; with no PIN given it may be a plain remark
    COMMAND = "command"  # a verb that runs the outage
    SUSPECTED = "suspected"  # a digit and a PIN; where nothing is suspected it is an answer, the "PIN" its note
    STATUS = "status"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    WANTS_HELP = "wants_help"
    FREE = "free"  # anything else: a person reads it


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A text, understood. `note` never holds the PIN; `also` are further tasks or units named in the same breath."""

    says: Says
    digit: str = ""
    verb: str = ""
    code: str = ""
    unit: str = ""
    pin: str = ""
    note: str = ""
    also: tuple[str, ...] = ()


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_ANY = "|"
_SEP = r"[\s.,:;!=-]*"
_AND = r"\s*(?:,|&|\+|\band\b)\s*"
_PIN = r"[0-9]{4,8}(?!\w|[-.][0-9])"
_TASK = r"T[ -]?[0-9]{1,6}(?:\.[0-9]{1,4})?(?!\w|-[0-9])"
_OUTAGE = r"(?:[O0] ?- ?|O)[0-9]{1,6}\b"  # a nought for the letter is a common slip
_RECALL = r"R ?[0-9]{1,6}(?!\w|[-.][0-9])"
_UNIT = r"[\w/-]{1,16}"

_DIGIT = _form(r"(?!#[1-4]\W*[^\W\d])[\"'(\[#*]*([12349])(?:[^\w\s]*(?=\s|$)|[^\w\s]+(?=[^\W\d]))" + rf"{_SEP}(.*)")
# `10-4` has no code, and `2 O2 tanks` asks for oxygen
_DIGIT_AND_CODE = _form(rf"([1234])(?:\W{{1,3}}|(?=[RO]))(?!O2\s+\w)({_RECALL}|{_OUTAGE}){_SEP}(.*)")
_DIGITS = _form(rf"[12349](?:(?:{_AND}|\s+)[12349])+[.!]*")
_WORD_AND_CODE = _form(rf"({_ANY.join(map(re.escape, CALL_WORDS))})\W{{1,3}}({_RECALL}){_SEP}(.*)")
_DIGIT_AND_PIN = _form(rf"([123])\W+({_PIN})\W*")
_VERB_AND_TASK = _form(
    rf"({_ANY.join(map(re.escape, TASK_VERBS))})(?=\W|T[0-9])\W{{0,3}}(?:help\W{{1,3}})?(?:(?:with|on|for)\W{{1,3}})?"
    rf"({_TASK})((?:[\s,&+]{{1,3}}(?:and\s+)?{_TASK})*){_SEP}(.*)"
)
_UNCLEAR_OF_TASK = _form(rf"([34])(?:({_TASK}).*|\W{{1,3}}(T-?[0-9]{{1,6}}(?:\.[0-9]{{1,4}})?)\W*)")
_TASK_FIRST = _form(rf"({_TASK}){_SEP}(?:({_ANY.join(map(re.escape, BEHIND))})\b{_SEP})?(.*)")
_HERE = _form(rf"(here|charge)(?:\s+(?:(?:on|at|in)\s+)?({_UNIT}))?")
_AWAY = _form(rf"away\b{_SEP}(.*)")
_TOLD = _form(rf"told\s+(?:unit\s+)?({_UNIT}(?:{_AND}{_UNIT})*)")
_DECLARE = _form(rf"outage(?![^\W\d])\W{{0,3}}(?:pin\W{{1,3}})?({_PIN})?{_SEP}(.*)")
_COMMAND = _form(rf"({_ANY.join(COMMANDS)})\b{_SEP}({_OUTAGE})?{_SEP}(?:pin\W{{1,3}})?({_PIN})?{_SEP}(.*)")
_CODE_AFTER_PIN = _form(rf"({_OUTAGE}){_SEP}(.*)")
_STATUS = _form(rf"status\W*({_OUTAGE})?")
_THUMB = "\U0001f44d[\U0001f3fb-\U0001f3ff]?"
_THUMBS_UP = _form(rf"(?:{_THUMB}\s*)+")
_FINE = _form(rf"(?:{_ANY.join(ALL_FINE)})(?:(?:[\s,.!]|{_THUMB})+(?:{_ANY.join((*ALL_FINE, *POLITE))})?)*")
_RISK_ALONE = _form(rf"(?:{_ANY.join(ALL_AT_RISK)})(?:\s+(?:{_ANY.join(ALL_AT_RISK)}))*")
_NO_MORE = rf"(?:\s+(?:(?:on|in|at|for)\s+[\w-]+|{_ANY.join(NO_MORE)})(?!\w))*\s*(?:[.,;!?)]+(?:\s|$)|$)"
_NO_RISK = rf"(?:{_ANY.join(NO_RISK)})(?!\w){_NO_MORE}|(?:{_ANY.join(RISK_OVER)})(?!\w)"
_RISK = _form(
    rf"(?:9(?=patient|risk)|(?:{_ANY.join(word for word in ALL_AT_RISK if ' ' in word)})\b"
    rf"(?!\s+(?:{_ANY.join(RISK_PAPERS)})\b)\W*+)"
    rf"(?!(?:(?:is|are|now|est|es|has\s+been)\s+)*(?:{_NO_RISK}))(.+)"
)
_REACTION = _form('(?:liked|loved|\U0001f44d[\U0001f3fb-\U0001f3ff]? to)\\s*["“].*')  # what phones send for a tap

_PIN_PLACES = (  # (form, the group that is the PIN); the last two are for what only looks like a command
    (_DIGIT_AND_PIN, 2),
    (_DECLARE, 1),
    (_COMMAND, 3),
    (_form(rf"[^\w+]*({_PIN})"), 1),
    (_form(rf"(?:[123]\W{{1,3}}|(?:outage|{_ANY.join(COMMANDS)})\b.*?\b)({_PIN})"), 1),
)


def parse_reply(text: str) -> Reply:
    """What a text says, by the grammar of the contract. Never raises; what fits nothing is FREE."""
    words = _plain(text)
    for read in (_alone, _task, _suspected, _answer_to, _risk, _answer, _duty, _told, _declare, _command, _status):
        reply = read(words)
        if reply is not None:
            return reply
    return Reply(says=Says.FREE, note=mask(words))


def mask(text: str) -> str:
    """The text as it may be stored: a PIN where one belongs, and any first word of 4 to 8 digits, become `****`."""
    words = _plain(text)
    for form, group in _PIN_PLACES:
        found = form.match(words)
        if found and found[group]:
            return words[: found.start(group)] + MASKED + words[found.end(group) :]
    return text


def _plain(text: str) -> str:
    """Without what phones add unseen: keycaps and wide forms, zero-width characters, curly apostrophes."""
    return "".join(_letter(letter) for letter in unicodedata.normalize("NFKC", text)).strip()


def _letter(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    if unicodedata.category(letter) in ("Cf", "Me", "Cs"):
        return ""
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


_INSTEAD = {"’": "'", "ʼ": "'", "\ufe0e": "", "\ufe0f": "", "ı": "i", "İ": "I"}  # `re` takes the last two for an i


def _alone(words: str) -> Reply | None:
    """Words that count only when they are the whole text."""
    said = " ".join(words.strip(" \r\n\t.,:;!?\"'()*#").lower().split())
    if said in OPT_OUT:
        return Reply(says=Says.OPTED_OUT)
    if said in OPT_IN:
        return Reply(says=Says.OPTED_IN)
    if said in ASKS_FOR_HELP:
        return Reply(says=Says.WANTS_HELP)
    if _RISK_ALONE.fullmatch(said):
        return Reply(says=Says.ANSWER, digit="9")
    if (_FINE.fullmatch(said) and "?" not in words) or _THUMBS_UP.fullmatch(words) or _REACTION.fullmatch(words):
        return Reply(says=Says.ANSWER, digit="1")
    return Reply(says=Says.TASK, verb="done") if said in ALONE_DONE else None


def _task(words: str) -> Reply | None:
    if found := _VERB_AND_TASK.match(words):
        verb, code, others, note = found.groups()
        also = tuple(_task_code(other) for other in re.findall(_TASK, others, re.IGNORECASE))
        return Reply(says=Says.TASK, verb=TASK_VERBS[verb.lower()], code=_task_code(code), also=also, note=note)
    if found := _UNCLEAR_OF_TASK.fullmatch(words):
        return Reply(says=Says.TASK, verb="unclear", code=_task_code(found[2] or found[3]), note=found[1])
    if found := _TASK_FIRST.match(words):
        verb = TASK_VERBS[found[2].lower()] if found[2] else "proof"
        return Reply(says=Says.TASK, verb=verb, code=_task_code(found[1]), note=found[3])
    return None


def _suspected(words: str) -> Reply | None:
    found = _DIGIT_AND_PIN.fullmatch(words)
    return Reply(says=Says.SUSPECTED, digit=found[1], pin=found[2]) if found else None


def _answer_to(words: str) -> Reply | None:
    """A digit and the code of what it answers: `2 R1`, `2 O-1`."""
    found = _DIGIT_AND_CODE.match(words) or _WORD_AND_CODE.match(words)
    if not found:
        return None
    digit, code, note = found.groups()
    code = f"R{int(code[1:])}" if code[0] in "rR" else _outage_code(code)
    digit = CALL_WORDS.get(digit.lower(), digit)
    return Reply(says=Says.ANSWER, digit=digit, code=code, note=mask(note) if digit in "123" else note)


def _risk(words: str) -> Reply | None:
    """What says a risk in words, or names 9 among other digits and nothing else: better one call too many."""
    if found := _RISK.fullmatch(words):
        return Reply(says=Says.ANSWER, digit="9", note=found[1])
    named = "9" in words[1:] and words[0] != "9" and _DIGITS.fullmatch(words)
    return Reply(says=Says.ANSWER, digit="9", note=words) if named else None


def _answer(words: str) -> Reply | None:
    found = _DIGIT.match(words)
    if not found:
        return None
    digit, note = found.groups()
    return Reply(says=Says.ANSWER, digit=digit, note=mask(note) if digit in "123" else note)


def _duty(words: str) -> Reply | None:
    if found := _HERE.fullmatch(words.rstrip(" .!")):
        return Reply(says=Says.DUTY, verb=found[1].lower(), unit=(found[2] or "").upper())
    found = _AWAY.fullmatch(words)
    return Reply(says=Says.DUTY, verb="away", note=found[1]) if found else None


def _told(words: str) -> Reply | None:
    found = _TOLD.fullmatch(words.rstrip(" .!"))
    if not found:
        return None
    first, *also = (unit.upper() for unit in re.split(_AND, found[1], flags=re.IGNORECASE))
    return Reply(says=Says.TOLD, unit=first, also=tuple(also))


def _declare(words: str) -> Reply | None:
    found = _DECLARE.fullmatch(words)
    if not found:
        return None
    pin, note = found.groups(default="")
    return Reply(says=Says.DECLARE, pin=pin, note=_note(pin, note))


def _command(words: str) -> Reply | None:
    """A verb with a code or a PIN, or alone; "update please" is a remark."""
    found = _COMMAND.fullmatch(words)
    if not found:
        return None
    verb, code, pin, note = found.groups(default="")
    if not (code or pin) and note:
        return None
    if not code and (late := _CODE_AFTER_PIN.fullmatch(note)):
        code, note = late.groups()
    return Reply(says=Says.COMMAND, verb=verb.lower(), code=_outage_code(code), pin=pin, note=_note(pin, note))


def _note(pin: str, note: str) -> str:
    """Without a PIN in its place, any number of that length might be it."""
    return note if pin else re.sub(rf"\b{_PIN}", MASKED, note)


def _status(words: str) -> Reply | None:
    found = _STATUS.fullmatch(words.rstrip(" .!?"))
    return Reply(says=Says.STATUS, code=_outage_code(found[1] or "")) if found else None


def _task_code(written: str) -> str:
    number, dot, line = written[1:].strip(" -").partition(".")
    return f"T{int(number)}{dot}{int(line) if line else ''}"


def _outage_code(written: str) -> str:
    number = written[1:].strip(" -")
    return f"O-{int(number)}" if number else ""
