"""What a command's text asks for; pure. Nothing here refuses: what cannot be understood is handed back to be said."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import takewhile

from bot.texting import fold, patient_data

LEVELS = ("0", "1", "2", "3", "4")
LONGEST = timedelta(days=2)  # between two updates, or until an errand is due
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
QUOTES = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'"})
OPTION = re.compile(r"\b(level|sites?|next|due):(\S+)", re.IGNORECASE)
LEVEL_WORD = re.compile(r"^L([0-4])\b\s*", re.IGNORECASE)
WORKS = re.compile(r"[\s.;,]*\b(?:still )?works:\s*(?=\S)", re.IGNORECASE)
NEWS = {"works": "still_works", "still works": "still_works", "read-only": "read_only", "readonly": "read_only",
        "diversion": "diversion"}  # fmt: skip
NEWS_WORD = re.compile(rf"({'|'.join(NEWS)}):\s*(?=\S)", re.IGNORECASE)
ORDER = re.compile(r"\border:(?P<apart>\s*)(?P<units>(?:[^\s,]+\s*,\s*)*[^\s,]+)", re.IGNORECASE)
FLAG = re.compile(r"(?:^|\s)(?:--|[–—])exercise(?=\s|$)", re.IGNORECASE)  # as at the command line; a phone joins dashes
#: Words by which people call something an exercise; a system may be called test, so that alone is none
PRACTICE = re.compile(
    r"(?:^(?:this is )?(?:an? |only an? |just an? )?|\b(?:only|just) an? )"
    r"(?:exercise|drill|simulacro|exercice)\b"
    r"|^test(?:ing)?\W*(?:$|only\b)|\b(?:only|just) an? test\b",
    re.IGNORECASE,
)
CODE = re.compile(r"^(O-\d+)\b[:,]?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """A declaration as asked for; `services` are ids, `odd` the options that meant nothing."""

    services: list[str] = field(default_factory=list)
    text: str = ""
    level: int | None = None
    sites: list[str] = field(default_factory=list)
    every: timedelta | None = None
    new: bool = False
    exercise: bool = False
    odd: list[str] = field(default_factory=list)
    works: str = ""  # what still works, in the declarer's words
    folded: str = ""  # each letter that a plain text has not
    practice: bool = False  # its words say that it is an exercise


def declaration(text: str, find: Callable[[str], str | None], exercise: bool = False) -> Request:
    """What is asked for. `--exercise` makes it one; other words by which it is called so, before the services or
    behind them, are only noted: no declaration is refused for its words."""
    plain = FLAG.sub(" ", text)
    text, exercise = plain.strip(), exercise or plain != text
    request = _declaration(text, find, exercise)
    first, _, after = request.text.partition(" ")
    tested = first.casefold() == "test" and bool(_declaration(after, find, exercise).services)
    behind = bool(request.services) and practice(after)  # `Epic exercise`, where the alias stays in the text
    return replace(request, practice=tested or behind or practice(request.text))


def practice(text: str) -> bool:
    """Do these words say that it is an exercise?"""
    return bool(PRACTICE.search(text))


def _declaration(text: str, find: Callable[[str], str | None], exercise: bool) -> Request:
    """`[new] [ehr,email] [level:3] [sites:main] [next:30m] text [works: phones]`; `find` turns a word into a
    service's id or None.

    The first word is the service list only if every comma part of it is one; a lone alias (not an id)
    also stays in the text.
    """
    folded, text = unlike_text(text), text.translate(QUOTES).strip()
    new = bool(re.match(r"new\b", text, re.IGNORECASE))
    rest = text[3:].lstrip() if new else text
    text, works = _works(" ".join(OPTION.sub("", rest).split()))
    request = Request(new=new, exercise=exercise, works=works, folded=folded)
    for name, value in OPTION.findall(rest):
        request = _option(request, name.lower(), value)
    closed_up = re.sub(r"^(?:[^\s,]+,\s+)+", lambda named: re.sub(r"\s", "", named[0]), text)
    first, _, after = closed_up.partition(" ")  # `ehr, email down` names two
    found = [find(part) for part in first.split(",") if part]
    if not found or not all(found):
        return _level_word(request, text)
    services = list(dict.fromkeys(service for service in found if service))
    if closed_up != text:  # written as people write: the names are part of the sentence
        return replace(request, services=services, text=text)
    stays = len(found) == 1 and first.casefold() != found[0]
    request = _level_word(request, after)
    said = f"{first} {request.text}" if stays and request.text else request.text
    return replace(request, services=services, text=said)


def unlike_text(text: str) -> str:
    """Each letter that is written otherwise in a plain text."""
    return "".join(dict.fromkeys(letter for letter in text if letter.isprintable() and fold(letter) != letter))


def news(text: str) -> tuple[str, str]:
    """The kind of message that an update is, by its first word: `works: phones, Slack`; and the rest."""
    kind = NEWS_WORD.match(text)
    return (NEWS[kind[1].lower()], text[kind.end() :].strip()) if kind else ("update", text)


def _works(text: str) -> tuple[str, str]:
    """What still works stands at the end."""
    there = WORKS.search(text)
    return (text[: there.start()], text[there.end() :].strip(" .")) if there else (text, "")


def _level_word(request: Request, text: str) -> Request:
    """`L2` in front of the text."""
    lead = LEVEL_WORD.match(text)
    if lead is None:
        return replace(request, text=text)
    return replace(_option(request, "level", lead[1]), text=text[lead.end() :])


def order(text: str, is_unit: Callable[[str], bool]) -> tuple[list[str], str]:
    """The units behind `order:`, in capitals, and the text without them. Behind `order: ` words are units only as long
    as they name some: people write `work order: 5512 closed`."""
    there = ORDER.search(text)
    if there is None:
        return [], text
    parts = [part.strip() for part in there["units"].split(",")]
    named = parts if not there["apart"] else [*takewhile(lambda part: is_unit(part.upper()), parts)]
    if not named:
        return [], text
    rest = ", ".join(parts[len(named) :])
    return [unit.upper() for unit in named], " ".join(f"{text[: there.start()]} {rest}{text[there.end() :]}".split())


def duration(text: str) -> timedelta | None:
    """`90s`, `30m`, `4h`, or a bare number of minutes, up to two days; None if it is neither."""
    match = re.fullmatch(r"([0-9]{1,4})([smhd]?)", text.strip().lower())
    span = timedelta(seconds=int(match[1]) * UNITS[match[2] or "m"]) if match else None
    return span if span and span <= LONGEST else None


def screened(text: str) -> tuple[str, str]:
    """What of a text may be told to many, and the sentence that says that something was taken out: a patient's name or
    number never leaves, whoever wrote it."""
    held = patient_data(text)
    return (held, " What looked like a patient's was taken out.") if held else (text, "")


def level(text: str) -> int:
    """A level, as `3`, `L3` or `level 3`; -1 for anything else, which no outage can be raised to."""
    match = re.fullmatch(r"(?:level\s*|L)?([0-9])", text.strip(), re.IGNORECASE)
    return int(match[1]) if match else -1


def code(text: str) -> tuple[str, str]:
    """The outage's code at the beginning of a text, and the rest."""
    match = CODE.match(text.strip())
    return (match[1].upper(), text.strip()[match.end() :].strip()) if match else ("", text.strip())


def options(text: str) -> tuple[dict[str, str], str]:
    """The `name:value` words of a text, and the rest of it."""
    found = {name.lower(): value for name, value in OPTION.findall(text)}
    return found, " ".join(OPTION.sub("", text).split())


def _option(request: Request, name: str, value: str) -> Request:
    if name == "level" and value in ("0", "1", "2", "3", "4"):
        return replace(request, level=int(value))
    if name in ("site", "sites"):
        return replace(request, sites=[site.upper() for site in value.split(",") if site])
    if name == "next" and (every := duration(value)):
        return replace(request, every=every)
    return replace(request, odd=[*request.odd, f"{name}:{value}"])
