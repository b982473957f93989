"""On-call calendars: what an iCalendar file says of a role for the next weeks becomes stretches of on-call duty."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from sqlmodel import col, select

from bot.db import Tx
from bot.roster.imports import replace_rota
from bot.roster.rows import ROLES, UNIT_ROLES, Person
from bot.roster.sheets import Source

AHEAD = timedelta(days=90)
LONGEST = timedelta(days=31)  # of one event; what is longer was meant otherwise
MOST = 20_000  # stretches of one calendar
SAY = "write a staff id, or a full name, in SUMMARY or as an attendee"

#: What the library makes of fields that are none
ODD = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

Names = Mapping[str, list[str]]  # id or name, in small letters → ids


@dataclass
class Calendars:
    """What an import did: stretches of duty by role. With complaints nothing was written, unless bad ones were to be
    skipped."""

    stretches: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: bool = False


@dataclass
class Sheet:
    """One calendar as it was read: who is on call from when to when."""

    name: str
    stretches: set[tuple[str, datetime, datetime]] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def complain(self, line: int, sentence: str) -> None:
        where = f"{self.name} line {line}" if line else self.name
        self.complaints.append(f"{where}: {sentence}")


def read_calendars(tx: Tx, files: Mapping[str, Source]) -> dict[str, Sheet]:
    """What the calendars of these roles say of the next 90 days. It may take long: not where others wait."""
    names, zone = _names(tx), ZoneInfo(tx.settings.timezone)
    return {role: _read(path, role, names, zone, tx.now) for role, path in files.items()}


def import_calendars(
    tx: Tx, sheets: Mapping[str, Sheet], *, skip_bad: bool = False, dry_run: bool = False
) -> Calendars:
    """Replace what the calendars of these roles said before by what was read, all files or none."""
    done = Calendars()
    for role, sheet in sheets.items():
        done.stretches[role] = len(sheet.stretches)
        done.complaints += sheet.complaints
        if not sheet.stretches:
            done.warnings.append(f"{sheet.name}: nobody is on call as {role} in the next {AHEAD.days} days")
    if (done.complaints and not skip_bad) or dry_run:
        return done
    for role, sheet in sheets.items():
        replace_rota(tx, [_row(role, *stretch) for stretch in sorted(sheet.stretches)], calendar=role)
    done.written = True
    return done


def _row(role: str, person_id: str, begins: datetime, ends: datetime) -> dict[str, Any]:
    return {"person_id": person_id, "role": role, "kind": "oncall", "starts_at": begins, "ends_at": ends,
            "calendar": role}  # fmt: skip


def _names(tx: Tx) -> Names:
    known: dict[str, list[str]] = {}
    for id, name in tx.exec(select(Person.id, Person.name).where(col(Person.active))):
        for word in {id.casefold(), " ".join(name.casefold().split())}:
            known.setdefault(word, []).append(id)
    return known


def _read(path: Source, role: str, names: Names, zone: ZoneInfo, now: datetime) -> Sheet:
    from icalendar import Calendar  # a twentieth of a second that only an import of calendars waits for

    sheet = Sheet(Path(path).name)
    if role not in ROLES or role in UNIT_ROLES:
        held = [known for known in ROLES if known not in UNIT_ROLES]
        sheet.complain(0, f"{role} is no role of the whole house; those are {', '.join(held)}")
        return sheet
    try:
        raw = Path(path).read_bytes()
        calendar = Calendar.from_ical(raw)
        events = list(zip(calendar.walk("VEVENT"), _lines(raw), strict=False))
    except OSError as problem:
        sheet.complain(0, f"cannot be read: {problem.strerror}")
    except (ValueError, IndexError) as problem:
        sheet.complain(0, f"is not an iCalendar file: {str(problem)[:120]}")
    else:
        _read_events(sheet, events, names, zone, now)
    return sheet


def _lines(raw: bytes) -> list[int]:
    """The lines on which the events begin."""
    lines = raw.decode("utf-8", "replace").splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.strip().upper() == "BEGIN:VEVENT"]


def _read_events(sheet: Sheet, events: list[tuple[Any, int]], names: Names, zone: ZoneInfo, now: datetime) -> None:
    """Each event in its own right; what stands in for one time of a series takes that time out of it."""
    instead = _replaced(sheet, events, zone)
    for event, line in events:
        try:
            times = list(_times(event, instead, zone, now))
            if times and str(event.get("STATUS", "")).upper() != "CANCELLED":
                people = _people(event, names)
                sheet.stretches |= {(id, *stretch) for id in people for stretch in times}
            if len(sheet.stretches) > MOST:
                raise ValueError(f"with this event there are more than {MOST} stretches: is its rule right?")
        except ODD as problem:
            unread = (
                "has a field that cannot be read: write DTSTART, DTEND, RRULE and SUMMARY each once, as RFC 5545 has it"
            )
            sheet.complain(line, str(problem)[:300] if type(problem) is ValueError else unread)


def _replaced(sheet: Sheet, events: list[tuple[Any, int]], zone: ZoneInfo) -> set[tuple[str, datetime]]:
    """The times of series for which another event stands in."""
    found = set()
    for event, line in events:
        try:
            if "RECURRENCE-ID" in event:
                found.add((_uid(event), _moment(event["RECURRENCE-ID"].dt, zone)))
        except ODD:
            sheet.complain(line, "has a RECURRENCE-ID that cannot be read: write it once, as a date and time")
    return found


def _times(
    event: Any, instead: set[tuple[str, datetime]], zone: ZoneInfo, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """When the event takes place in the time looked at, in UTC."""
    begins, lasts = _moment(event["DTSTART"].dt, zone, as_utc=False), _length(event, zone)
    if lasts <= timedelta() or lasts > LONGEST:
        raise ValueError(f"lasts {lasts}: give DTEND, later than DTSTART and at most {LONGEST.days} days")
    for start in _starts(event, begins, zone, now - lasts, now + AHEAD):
        key = (_uid(event), _moment(start, zone))
        if "RECURRENCE-ID" in event or key not in instead:
            # in local hours: a night on which the clocks change is an hour longer or shorter
            yield _moment(start, zone), _moment((start.replace(tzinfo=None) + lasts).replace(tzinfo=start.tzinfo), zone)


def _starts(event: Any, begins: datetime, zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    found = {begins}
    if "RRULE" in event and "RECURRENCE-ID" not in event:
        rule = event["RRULE"].copy()
        _demand_daily(rule)
        if until := rule.get("UNTIL"):
            rule["UNTIL"] = [_moment(until[0], zone, end=True)]
        found |= set(rrulestr(rule.to_ical().decode(), dtstart=begins).between(first, last, inc=True))
    found |= {_moment(each, zone, as_utc=False) for each in _dates(event, "RDATE")}
    gone = {_moment(each, zone) for each in _dates(event, "EXDATE")}
    return sorted(each for each in found if first < each < last and _moment(each, zone) not in gone)


def _demand_daily(rule: Any) -> None:
    """What is repeated more often than daily is nobody's duty, and an INTERVAL of 0 would be expanded for ever."""
    finer = [name for name in ("BYHOUR", "BYMINUTE", "BYSECOND") if len(rule.get(name, [])) > 1]
    if finer or str(rule.get("FREQ", [""])[0]).upper() in ("SECONDLY", "MINUTELY", "HOURLY"):
        raise ValueError("is repeated more than once a day: write FREQ=DAILY or WEEKLY, and an event for each duty")
    if any(int(every) < 1 for every in rule.get("INTERVAL", [])):
        raise ValueError("has an INTERVAL below 1: write 1 for every time, 2 for every second one")


def _dates(event: Any, name: str) -> Iterator[Any]:
    given = event.get(name, [])
    for some in given if isinstance(given, list) else [given]:
        yield from (each.dt for each in some.dts)


def _length(event: Any, zone: ZoneInfo) -> timedelta:
    """How long it lasts by the clock on the wall."""
    begins = event["DTSTART"].dt
    if "DURATION" in event:
        return event["DURATION"].dt
    if "DTEND" not in event:
        return timedelta() if isinstance(begins, datetime) else timedelta(days=1)
    ends = event["DTEND"].dt
    if isinstance(begins, datetime) and begins.tzinfo and isinstance(ends, datetime) and ends.tzinfo:
        return ends.astimezone(begins.tzinfo).replace(tzinfo=None) - begins.replace(tzinfo=None)
    return _moment(ends, zone, as_utc=False).replace(tzinfo=None) - _moment(begins, zone, as_utc=False).replace(
        tzinfo=None
    )


def _moment(when: Any, zone: ZoneInfo, as_utc: bool = True, end: bool = False) -> datetime:
    """A day or time as an instant; what has no zone is in the hospital's. `end`: a day counts to its end."""
    if not isinstance(when, datetime):
        if not isinstance(when, date):
            raise ValueError("has a time that cannot be read")
        when = datetime.combine(when, time.max if end else time.min)
    local = when if when.tzinfo else when.replace(tzinfo=zone)
    return local.astimezone(ZoneInfo("UTC")) if as_utc else local


def _uid(event: Any) -> str:
    return str(event.get("UID", ""))


def _people(event: Any, names: Names) -> list[str]:
    """Whom the event names, by its attendees, else by its summary. Raises ValueError with what to write."""
    summary = " ".join(str(event.get("SUMMARY", "")).split())
    given = event.get("ATTENDEE", [])
    for said in [
        *(_attendee(each) for each in (given if isinstance(given, list) else [given])),
        [summary],
        _parts(summary),
    ]:
        found = [(word, names[word.casefold()]) for word in said if word.casefold() in names]
        if several := next((pair for pair in found if len(pair[1]) > 1), None):
            raise ValueError(f"{several[0]} is the name of {', '.join(several[1])}: write the id")
        if found:
            return list(dict.fromkeys(ids[0] for _, ids in found))
    raise ValueError(f"{summary[:60] or 'an event without SUMMARY'} names nobody on the staff list: {SAY}")


def _attendee(given: Any) -> list[str]:
    address = str(given).removeprefix("mailto:").removeprefix("MAILTO:")
    return [" ".join(str(given.params.get("CN", "")).split()), address.partition("@")[0]]


def _parts(summary: str) -> list[str]:
    """`On call: Kit Rowan / Lea Marsh` and `kit (pharmacy)` name people beside other words."""
    plain = summary
    for mark in ":,;/()[]|&":
        plain = plain.replace(mark, "\n")
    pieces = [piece.strip() for piece in plain.replace(" - ", "\n").split("\n")]
    return [piece for piece in pieces if piece]
