"""The sample hospital: made-up people whose numbers (555-01xx) belong to nobody, at work around any hour."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.db import Tx
from bot.roster.imports import Imported, import_files, replace_rota

SAMPLE = Path(__file__).parents[2] / "templates" / "sample"
CHANGES = (time(7), time(19))  # local hours at which a shift ends and the next begins
WORKS = {"day": {"day"}, "night": {"night"}, "both": {"day", "night"}}


def load_sample(tx: Tx) -> Imported:
    """Import the sample hospital and put its staff on shift around `tx.now`."""
    staff, units, sites, partners = (SAMPLE / f"{name}.csv" for name in ("staff", "units", "sites", "partners"))
    done = import_files(tx, staff, units, sites, partners=partners)
    lay_rota(tx)
    return done


def lay_rota(tx: Tx) -> None:
    """Lay the sample's rota over the shift before `tx.now`, the present and the next one, in local hours."""
    turns = _turns(tx.now, ZoneInfo(tx.settings.timezone))
    with (SAMPLE / "rota.csv").open(encoding="utf-8", newline="") as file:
        replace_rota(tx, [shift for row in csv.DictReader(file) for shift in _shifts(row, turns)])


def _turns(now: datetime, zone: ZoneInfo) -> list[tuple[str, datetime, datetime]]:
    """The shifts before, around and after now: ("day" or "night", start, end)."""
    today = now.astimezone(zone).date()
    hours = [_utc(today + timedelta(days=n), hour, zone) for n in range(-2, 3) for hour in CHANGES]
    present = max(index for index, hour in enumerate(hours) if hour <= now)
    names = ("day", "night")
    return [(names[n % 2], *pair) for n, pair in enumerate(pairwise(hours)) if present - 1 <= n <= present + 1]


def _utc(day: date, hour: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hour, zone).astimezone(UTC)


def _shifts(row: dict[str, str], turns: list[tuple[str, datetime, datetime]]) -> list[dict[str, Any]]:
    who = {"person_id": row["staff_id"], "role": row["role"], "unit": row["unit"]}
    if row["pattern"] == "oncall":
        return [{**who, "kind": "oncall", "starts_at": turns[0][1], "ends_at": turns[-1][2]}]
    works = WORKS[row["pattern"]]
    return [{**who, "kind": "shift", "starts_at": start, "ends_at": end} for name, start, end in turns if name in works]
