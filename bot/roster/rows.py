"""The roster's tables, and the two lists it is written in: roles and permissions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ColumnElement, Index, String, cast, text
from sqlmodel import Field, SQLModel

# Most people hold no role and no permission: an index over those who do finds them without reading everybody.
# A question uses it only if it says the same words.
SOME_ROLE = text("CAST(roles AS VARCHAR) <> '[]'")
ROLES_OF_THE_HOUSE = text("""CAST(roles AS VARCHAR) NOT IN ('[]', '["unit_charge"]', '["unit_runner"]')""")
SOME_PERMISSION = text("CAST(permissions AS VARCHAR) <> '[]'")
A_ROLE = text("role <> ''")


class Site(SQLModel, table=True):
    """A building with its own help phone and downtime box. Facts it lacks are empty and drop out of texts."""

    code: str = Field(primary_key=True)
    name: str = ""
    help_phone: str = ""  # as staff dial it: often an extension, so not E.164
    downtime_box: str = ""
    read_only: str = ""
    bridge: str = ""
    timezone: str = ""


class Unit(SQLModel, table=True):
    """A ward or department that answers as one."""

    code: str = Field(primary_key=True)
    name: str = ""
    site: str = Field(default="", index=True)
    slack_channel: str = ""
    landline: str = ""


class Person(SQLModel, table=True):
    """Somebody who can be told, asked or given a task. Numbers are E.164; what is unknown is empty."""

    __table_args__ = (
        CheckConstraint("id <> ''", name="person_has_an_id"),
        Index("person_in_order", "place", "id"),
        Index("person_with_role", "unit", sqlite_where=SOME_ROLE, postgresql_where=SOME_ROLE),
        Index("person_of_the_house", "place", sqlite_where=ROLES_OF_THE_HOUSE, postgresql_where=ROLES_OF_THE_HOUSE),
        Index("person_permitted", "place", sqlite_where=SOME_PERMISSION, postgresql_where=SOME_PERMISSION),
    )

    id: str = Field(primary_key=True)
    name: str
    unit: str = Field(default="", index=True)
    site: str = ""  # empty: the unit's
    mobile: str = Field(default="", index=True)
    mobile2: str = Field(default="", index=True)
    landline: str = Field(default="", index=True)
    slack_id: str = Field(default="", index=True)
    language: str = "en"
    reports_to: str = ""
    roles: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    permissions: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    # what a recall may look for beside roles: rn, rt; in small letters
    skills: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    no_voice: bool = False
    no_sms: bool = False
    consent_at: datetime | None = None
    consent_source: str = ""
    active: bool = True
    opted_out_at: datetime | None = None
    dead_mobile: str = Field(default="", sa_column_kwargs={"server_default": ""})  # texts to it never arrive
    dead_at: datetime | None = None  # when a provider said so
    place: int = 0  # row in staff.csv: the last tie-break between holders


class Shift(SQLModel, table=True):
    """One stretch of duty. `rota` rows come from a file, or a role's calendar, and are replaced by the next one; `said`
    rows are what the person told us (HERE, CHARGE, AWAY) and outlive it."""

    __table_args__ = (
        CheckConstraint("kind IN ('shift', 'oncall', 'away')", name="shift_kind_is_known"),
        CheckConstraint("source IN ('rota', 'said')", name="shift_source_is_known"),
        CheckConstraint("kind <> 'away' OR source = 'said'", name="shift_away_is_said"),
        CheckConstraint("ends_at > starts_at", name="shift_ends_after_it_starts"),
        # "who covers this hour" starts from the end: nearly all rows of an old rota are over
        Index("ix_shift_hour", "ends_at", "starts_at"),
        Index("shift_of_person", "person_id", "ends_at"),
        Index("shift_at_unit", "unit", "ends_at"),
        Index("shift_with_role", "role", "unit", "ends_at", sqlite_where=A_ROLE, postgresql_where=A_ROLE),
    )

    id: int | None = Field(default=None, primary_key=True)
    person_id: str = Field(foreign_key="person.id")
    role: str = ""  # empty: the person's own roles
    unit: str = ""  # empty: the person's own unit
    starts_at: datetime
    ends_at: datetime
    kind: str = "shift"
    source: str = "rota"
    calendar: str = Field(default="", sa_column_kwargs={"server_default": ""})  # the role whose calendar says so


class Leave(SQLModel, table=True):
    """A stretch in which somebody is neither on shift, nor on call, nor recalled, whatever else the rota says: a row of
    shifts.csv of the kind `leave`. HERE or CHARGE ends it."""

    __table_args__ = (CheckConstraint("ends_at > starts_at", name="leave_ends_after_it_starts"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    starts_at: datetime
    ends_at: datetime


class Partner(SQLModel, table=True):
    """Somebody outside the house, told at level 4 and never in an exercise."""

    id: str = Field(primary_key=True)
    name: str
    kind: str = ""
    mobile: str = ""
    landline: str = ""


@dataclass(frozen=True)
class Role:
    title: str
    short: str  # what fits into a text
    reports_to: str  # a role id; empty at the top


ROLES: dict[str, Role] = {
    # the command centre (HICS)
    "incident_commander": Role("Incident Commander", "commander", ""),
    "pio": Role("Public Information Officer", "PIO", "incident_commander"),
    "liaison": Role("Liaison Officer", "liaison", "incident_commander"),
    "safety": Role("Safety Officer", "safety", "incident_commander"),
    "med_tech_specialist_it": Role("Medical-Technical Specialist IT", "IT specialist", "incident_commander"),
    "operations_chief": Role("Operations Section Chief", "operations", "incident_commander"),
    "medical_care_director": Role("Medical Care Branch Director", "medical care", "operations_chief"),
    "inpatient_unit_leader": Role("Inpatient Unit Leader", "inpatient", "medical_care_director"),
    "ed_unit_leader": Role("Casualty Care / ED Unit Leader", "ED lead", "medical_care_director"),
    "periop_unit_leader": Role("Perioperative Unit Leader", "periop lead", "medical_care_director"),
    "clinical_support_leader": Role("Clinical Support Services Leader", "clinical support", "medical_care_director"),
    "patient_registration_leader": Role("Patient Registration Unit Leader", "registration", "medical_care_director"),
    "business_continuity_director": Role("Business Continuity Branch Director", "continuity", "operations_chief"),
    "it_unit_leader": Role("IT Systems and Applications Unit Leader", "IT", "business_continuity_director"),
    "records_unit_leader": Role("Records Preservation Unit Leader", "records", "business_continuity_director"),
    "planning_chief": Role("Planning Section Chief", "planning", "incident_commander"),
    "documentation_leader": Role("Documentation Unit Leader", "scribe", "planning_chief"),
    "logistics_chief": Role("Logistics Section Chief", "logistics", "incident_commander"),
    "communications_leader": Role("Communications Unit Leader", "communications", "logistics_chief"),
    "labor_pool_leader": Role("Labor Pool and Credentialing Leader", "labor pool", "logistics_chief"),
    "finance_chief": Role("Finance/Administration Section Chief", "finance", "incident_commander"),
    # everyday roles, there before anybody opens the command centre
    "house_supervisor": Role("House Supervisor", "house supervisor", "operations_chief"),
    "unit_charge": Role("Unit Charge Nurse", "charge nurse", "house_supervisor"),
    "unit_runner": Role("Unit Runner", "runner", "unit_charge"),
    "pharmacist_in_charge": Role("Pharmacist in Charge", "pharmacy", "clinical_support_leader"),
    "lab_lead": Role("Laboratory Lead", "lab", "clinical_support_leader"),
    "imaging_lead": Role("Imaging Lead", "imaging", "clinical_support_leader"),
    "switchboard": Role("Switchboard Operator", "switchboard", "communications_leader"),
    "service_desk": Role("IT Service Desk", "service desk", "it_unit_leader"),
}

#: Roles that somebody holds in one unit; all others are held for the whole house.
UNIT_ROLES = frozenset({"unit_charge", "unit_runner"})

PERMISSIONS: dict[str, str] = {
    "declare": "declare an outage",
    "manage": "update, correct, raise, restore, verify, void, tasks, check-ins, drills",
    "close": "give the all-clear",
    "admin": "everything",
}


def named_in(listed: Any, word: str) -> ColumnElement[bool]:
    """Whether a column that holds a list (roles, permissions) has the word in it."""
    return cast(listed, String).contains(f'"{word}"', autoescape=True)


def chain(role: str) -> list[str]:
    """The roles above `role`, nearest first."""
    above: list[str] = []
    while role in ROLES and ROLES[role].reports_to:
        role = ROLES[role].reports_to
        above.append(role)
    return above


def may(person: Person, permission: str) -> bool:
    """Whether the person has the permission; `admin` has all of them."""
    return person.active and (permission in person.permissions or "admin" in person.permissions)
