"""What the text of a staff call asks for; pure but for the time zone."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.command.words import QUOTES, duration

OPTION = re.compile(r'\b(need|skill|unit|site|from|within|reserve):("[^"]*"|\S+)', re.IGNORECASE)
CLOCK = re.compile(r"([01]?\d|2[0-3])[:.]?([0-5]\d)")
NUMBER = re.compile("[0-9]{1,9}")
MOST = 500  # people one call may ask for


@dataclass(frozen=True)
class Wanted:
    """A staff call as asked for; `odd` are the words that meant nothing, `wrong` the options that cannot be read."""

    need: int = 0
    skill: str = ""
    unit: str = ""
    site: str = ""
    starts_at: datetime | None = None
    reserve: int | None = None  # percent
    urgent: bool = False
    odd: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def wanted(text: str, now: datetime, timezone: str) -> Wanted:
    """`need:4 skill:rn [unit:ICU] [site:MAIN] [from:06:00|within:60m] [reserve:20] [override]`."""
    text = text.translate(QUOTES).replace("\0", "")
    said = {name.lower(): value.strip('"') for name, value in OPTION.findall(text)}
    rest = OPTION.sub("", text).split()
    read: dict[str, object] = {name: said[name] for name in ("skill", "unit", "site") if name in said}
    read |= {name: int(said[name]) for name in ("need", "reserve") if _is_number(said.get(name, ""))}
    times = {"from": _at(said.get("from", ""), now, timezone), "within": _within(said.get("within", ""), now)}
    read["starts_at"] = times["from"] or times["within"]
    read["urgent"] = any(word.lower() == "override" for word in rest)
    odd = [word for word in rest if word.lower() != "override"]
    unread = [name for name in ("need", "reserve") if name not in read] + [name for name in times if not times[name]]
    wrong = [f"{name}:{said[name]}" for name in unread if name in said]
    return Wanted(**read, odd=odd, wrong=wrong)  # type: ignore[arg-type]


def _is_number(word: str) -> bool:
    return NUMBER.fullmatch(word) is not None and int(word) <= MOST


def _at(word: str, now: datetime, timezone: str) -> datetime | None:
    """The next time that the clock shows this."""
    found = CLOCK.fullmatch(word)
    if not found:
        return None
    zone = ZoneInfo(timezone)
    this_minute = now.astimezone(zone).replace(second=0, microsecond=0)
    here = this_minute.replace(hour=int(found[1]), minute=int(found[2]))
    then = here if here >= this_minute else here + timedelta(days=1)
    return then.astimezone(now.tzinfo)


def _within(word: str, now: datetime) -> datetime | None:
    span = duration(word)
    return now + span if span else None
