"""What may stand in a cell of each file, column by column. Pure: a cell is read or refused with a sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.roster.rows import PERMISSIONS, ROLES
from bot.texting import BadNumber, e164

YES = {"yes", "y", "true", "1", "x"}
NO = {"", "no", "n", "false", "0"}
CODE = re.compile(r"T ?\d+(\.\d+)?|O ?-? ?\d+", re.IGNORECASE)  # as tasks and outages are called in a text
LANGUAGE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]+)*", re.IGNORECASE)
LONGEST = 200  # characters in a cell; anything longer is a quote that was never closed


class BadCell(ValueError):
    """The cell cannot be taken; the message says why and what would do."""


@dataclass(frozen=True)
class Column:
    """How a cell becomes a value. `read` gets the trimmed text and the region for phone numbers."""

    read: Callable[[str, str], Any]
    required: bool = False


def text(raw: str, region: str) -> str:
    if len(raw) > LONGEST:
        raise BadCell(f"is longer than {LONGEST} characters")
    return " ".join(raw.split())


def phone(raw: str, region: str) -> str:
    try:
        return e164(raw, region) if raw else ""
    except BadNumber as problem:
        raise BadCell(str(problem)) from problem


def unit(raw: str, region: str) -> str:
    if CODE.fullmatch(raw):
        raise BadCell(f"{raw} looks like a task or outage code; give the unit another code")
    return text(raw, region)


def slack_id(raw: str, region: str) -> str:
    if raw and raw[0] not in "UW":
        raise BadCell(f"{raw} is not a Slack member id; those begin with U or W")
    return text(raw, region)


def language(raw: str, region: str) -> str:
    if raw and not LANGUAGE.fullmatch(raw):
        raise BadCell(f"{raw} is not a language code such as en or es")
    return raw.lower().replace("_", "-")


def yes(raw: str, region: str) -> bool:
    if raw.lower() not in YES | NO:
        raise BadCell(f"{raw} is neither yes nor no")
    return raw.lower() in YES


def role(raw: str, region: str) -> str:
    return one_of("role", raw, ROLES)


def skills(raw: str, region: str) -> list[str]:
    """Words that the hospital chooses, however they are typed."""
    return words(raw.lower())


def roles(raw: str, region: str) -> list[str]:
    return [role(word, region) for word in words(raw)]


def permissions(raw: str, region: str) -> list[str]:
    return [one_of("permission", word, PERMISSIONS) for word in words(raw)]


def kind(raw: str, region: str) -> str:
    return one_of("kind", raw.lower() or "shift", ("shift", "oncall", "leave"))


def zone(raw: str, region: str) -> str:
    try:
        return ZoneInfo(raw).key if raw else ""
    except (KeyError, ValueError, OSError) as problem:  # unknown, malformed, a folder of zones
        raise BadCell(f"{raw} is not a time zone such as America/Chicago") from problem


def moment(raw: str, region: str) -> datetime:
    found = _iso(raw)
    if found.tzinfo is None:
        raise BadCell(f"{raw} needs an offset, as in 2026-11-22T07:00:00-05:00")
    return _utc(found, raw)


def day(raw: str, region: str) -> datetime | None:
    """When somebody agreed: a date is enough."""
    if not raw:
        return None
    found = _iso(raw)
    return _utc(found if found.tzinfo else found.replace(tzinfo=UTC), raw)


def one_of(what: str, raw: str, known: Any) -> str:
    if raw and raw not in known:
        raise BadCell(f"{raw} is not a {what}; those are {', '.join(known)}")
    return raw


def words(raw: str) -> list[str]:
    """The parts of a `;`-separated cell, each once, in order."""
    return list(dict.fromkeys(word.strip() for word in raw.split(";") if word.strip()))


def _iso(raw: str) -> datetime:
    try:
        return datetime.fromisoformat(raw)
    except ValueError as problem:
        raise BadCell(f"{raw} is not an ISO 8601 time, as in 2026-11-22T07:00:00-05:00") from problem


def _utc(moment: datetime, raw: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as problem:
        raise BadCell(f"{raw} is not a time that anybody will see") from problem


STAFF = {
    "id": Column(text, required=True),
    "name": Column(text, required=True),
    "unit": Column(unit, required=True),
    "mobile": Column(phone),
    "mobile2": Column(phone),
    "landline": Column(phone),
    "slack_id": Column(slack_id),
    "site": Column(text),
    "language": Column(language),
    "reports_to": Column(text),
    "roles": Column(roles),
    "permissions": Column(permissions),
    "skills": Column(skills),
    "no_voice": Column(yes),
    "no_sms": Column(yes),
    "consent_at": Column(day),
    "consent_source": Column(text),
}
UNITS = {
    "unit": Column(unit, required=True),
    "name": Column(text),
    "site": Column(text),
    "slack_channel": Column(text),
    "landline": Column(phone),
}
SITES = {
    "site": Column(text, required=True),
    "name": Column(text),
    "help_phone": Column(text),
    "downtime_box": Column(text),
    "read_only": Column(text),
    "bridge": Column(text),
    "timezone": Column(zone),
}
SHIFTS = {
    "staff_id": Column(text, required=True),
    "role": Column(role),
    "unit": Column(unit),
    "starts_at": Column(moment, required=True),
    "ends_at": Column(moment, required=True),
    "kind": Column(kind),
}
PARTNERS = {
    "id": Column(text, required=True),
    "name": Column(text, required=True),
    "kind": Column(text),
    "mobile": Column(phone),
    "landline": Column(phone),
}
