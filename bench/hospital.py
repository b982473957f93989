"""A made-up hospital of any size, as the CSV files that `muster roster import` takes."""

import csv
from collections.abc import Iterator
from pathlib import Path

UNITS = 20
DECLARER = "s0"
SLACK_ID = "U0DECLARER"
COMMAND_CHANNEL = "C0COMMAND"

#: One person each, then one in charge of each unit; all others are bedside.
ROLES = """
    incident_commander house_supervisor pio liaison safety operations_chief planning_chief logistics_chief
    medical_care_director it_unit_leader service_desk labor_pool_leader pharmacist_in_charge lab_lead imaging_lead
""".split()


def write(folder: Path, people: int) -> None:
    """Write staff.csv and units.csv for so many people; everybody has a mobile of their own."""
    _write(folder / "staff.csv", _staff(people))
    _write(folder / "units.csv", _units())


def mobile(number: int) -> str:
    """The phone of a person."""
    return f"+1212{2_000_000 + number}"


def _staff(people: int) -> Iterator[dict[str, str]]:
    for n in range(people):
        roles = ROLES[n] if n < len(ROLES) else "unit_charge" if n < len(ROLES) + UNITS else ""
        yield {
            "id": f"s{n}", "name": f"Person {n} Made-Up", "unit": f"W{n % UNITS}", "site": "MAIN",
            "mobile": mobile(n), "slack_id": SLACK_ID if n == 0 else "", "roles": roles,
            "permissions": "admin" if n == 0 else "",
        }  # fmt: skip


def _units() -> Iterator[dict[str, str]]:
    for n in range(UNITS):
        yield {"unit": f"W{n}", "name": f"Ward {n}", "site": "MAIN", "slack_channel": f"C0W{n}"}


def _write(path: Path, rows: Iterator[dict[str, str]]) -> None:
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, first.keys())
        writer.writeheader()
        writer.writerows([first, *rows])
