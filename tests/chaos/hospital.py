"""The hospital that is killed: its people, its two playbooks, and the settings its processes are given."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings
from bot.simulator import NUMBER, SLACK_SECRET, SLACK_TOKEN, TWILIO_SID, TWILIO_TOKEN

COMMANDER, COMMANDER_SLACK, PIN = "s0", "U0S0", "4821"
COMMAND_CHANNEL = "C0COMMAND"
FIRST = 2_000_000  # the last seven digits of the first mobile
UNITS = 12
ROLES = "incident_commander house_supervisor medical_care_director safety it_unit_leader labor_pool_leader".split()
LANDLINE_ONLY, SLACK_ONLY, NO_WAY = 7, 13, 29  # of every fifty people one has only this

CALM = {"silence": ("4h call",), "untaken": ("4m superior",), "risk": ("4h call",)}  # else far away
PLAYBOOK = """
playbook: core
title: Any downtime
say: IT systems
alert: {{do: "Use paper", do_short: use paper, restored_do: "Wait"}}
ladders:
  silence: [{silence}]
  untaken_1: [{untaken}]
  untaken_2: [{untaken}]
  untaken_3: [{untaken}]
  undone: [{{after: 4h, do: superior}}]
  risk: [{risk}]
phases:
  immediate:
    anchor: declared
    opens: 0m
    tasks:
      - {{id: CORE-I1, owner: unit_charge, due: 4h, prio: 1, per: unit, task: "Check in", sms: "answer the unit check"}}
      - {{id: CORE-I2, owner: house_supervisor, due: 20m, prio: 1, task: "See to the beds", sms: "see to the beds"}}
      - {{id: CORE-I3, owner: it_unit_leader, due: 20m, prio: 2, task: "Find the cause", sms: "find the cause"}}
      - {{id: CORE-I4, owner: safety, due: 20m, prio: 3, task: "List the risks", sms: "list the risks"}}
"""


@dataclass(frozen=True)
class Person:
    """Somebody of the staff; `reachable` is false for one without any address."""

    id: str
    number: str
    reachable: bool


def people(count: int) -> list[Person]:
    return [Person(row["id"], row["mobile"], n % 50 != NO_WAY) for n, row in enumerate(_staff(count))]


def write(folder: Path, count: int, ladders: Mapping[str, Iterable[str]]) -> None:
    """staff.csv, units.csv and the playbooks; `ladders` are rungs as `3s call` by the ladder's name, else far away."""
    _csv(folder / "staff.csv", _staff(count))
    _csv(folder / "units.csv", _units())
    (folder / "playbooks").mkdir()
    rungs = {name: _rungs(ladders.get(name, calm)) for name, calm in CALM.items()}
    (folder / "playbooks" / "core.yaml").write_text(PLAYBOOK.format(**rungs), encoding="utf-8")
    (folder / "playbooks" / "ehr.yaml").write_text("playbook: ehr\ntitle: EHR\nsay: EHR\n", encoding="utf-8")


def environment(folder: Path, database_url: str, public_url: str, provider: str, per_second: float) -> dict[str, str]:
    """Ours without any setting of Muster's, and with those of this hospital; `per_second` is in segments."""
    names = {name.upper() for name in Settings.model_fields}
    bare = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in names}
    return bare | {
        "DATABASE_URL": database_url, "PUBLIC_URL": public_url, "ORG_NAME": "Mercy Hospital", "ORG_SHORT": "MERCY",
        "CALLBACK_NUMBER": "5555", "PLAYBOOKS_DIR": str(folder / "playbooks"), "SMS_PER_SECOND": str(per_second),
        "CALLS_PER_SECOND": "0", "TWILIO_ACCOUNT_SID": TWILIO_SID, "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
        "TWILIO_FROM": NUMBER, "TWILIO_VOICE_FROM": NUMBER, "TWILIO_API_URL": provider,
        "SLACK_BOT_TOKEN": SLACK_TOKEN, "SLACK_SIGNING_SECRET": SLACK_SECRET, "SLACK_API_URL": f"{provider}/api/",
        "SLACK_COMMAND_CHANNEL": COMMAND_CHANNEL,
    }  # fmt: skip


def _staff(count: int) -> Iterator[dict[str, str]]:
    for n in range(count):
        roles = ROLES[n] if n < len(ROLES) else "unit_charge" if n < len(ROLES) + UNITS else ""
        odd = 0 if roles else n % 50
        mobile = f"+1212{FIRST + n}"
        yield {
            "id": f"s{n}", "name": f"Person {n} Made-Up", "unit": f"W{n % UNITS}", "site": "MAIN", "roles": roles,
            "mobile": "" if odd in (LANDLINE_ONLY, SLACK_ONLY, NO_WAY) else mobile,
            "landline": mobile if odd == LANDLINE_ONLY else "",
            "slack_id": f"U0S{n}" if n == 0 or odd == SLACK_ONLY else "", "permissions": "admin" if n == 0 else "",
        }  # fmt: skip


def _units() -> Iterator[dict[str, str]]:
    for n in range(UNITS):
        yield {
            "unit": f"W{n}", "name": f"Ward {n}", "site": "MAIN", "slack_channel": f"C0W{n}",
            "landline": f"+1212{FIRST - UNITS + n}",
        }  # fmt: skip


def _rungs(written: Iterable[str]) -> str:
    """`3s call`, `0m role safety` as the playbook has them."""
    rungs = [rung.split() for rung in written]
    return ", ".join(
        f"{{after: {after}, do: {do}{f', role: {role[0]}' if role else ''}}}" for after, do, *role in rungs
    )


def _csv(path: Path, rows: Iterator[dict[str, str]]) -> None:
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, first.keys())
        writer.writeheader()
        writer.writerows([first, *rows])
