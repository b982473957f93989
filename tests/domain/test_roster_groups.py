"""Saved rules: whom they mean now, and never everybody by accident."""

from datetime import UTC, datetime, timedelta

import pytest

from bot import roster
from bot.access import Refused
from bot.command import course, opening, tasking, words
from bot.roster import Person, Shift, Site, Unit
from tests.people import hire

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it


@pytest.fixture
def house(tx):
    tx.add_all([Site(code="MAIN"), Site(code="EAST"), Unit(code="5W", site="MAIN"), Unit(code="4E", site="EAST")])
    for place, (id, unit, roles, more) in enumerate([
        ("kit", "5W", ["pharmacist_in_charge"], {}),
        ("lea", "5W", ["pharmacist_in_charge"], {"language": "es"}),
        ("mo", "4E", ["pharmacist_in_charge"], {}),
        ("ben", "5W", [], {"permissions": ["declare"]}),
        ("ada", "4E", [], {"permissions": ["admin"], "site": "MAIN"}),
        ("gone", "5W", ["pharmacist_in_charge"], {"active": False}),
    ]):  # fmt: skip
        tx.add(Person(id=id, name=id, unit=unit, roles=roles, place=place, **more))
    hours = {"starts_at": NOW - timedelta(hours=1), "ends_at": NOW + timedelta(hours=1)}
    tx.flush()
    tx.add_all([Shift(person_id=id, **hours) for id in ("kit", "ben")])
    tx.add(Shift(person_id="mo", role="lab_lead", kind="oncall", **hours))
    tx.flush()


def means(tx, rule):
    assert roster.save_group(tx, "some", rule) == []
    return [person.id for person in roster.group_members(tx, "SOME").people]


@pytest.mark.parametrize(
    ("rule", "people"),
    [
        ("role:pharmacist_in_charge", ["kit", "lea", "mo"]),
        ("role:pharmacist_in_charge site:main onshift", ["kit"]),
        ("role:pharmacist_in_charge unit:5w", ["kit", "lea"]),
        ("role:pharmacist_in_charge language:es", ["lea"]),
        ("role:lab_lead,pharmacist_in_charge oncall", ["mo"]),
        ("permission:declare", ["ben", "ada"]),
        ("site:MAIN", ["kit", "lea", "ben", "ada"]),
        ("unit:4E onshift", []),
    ],
)
def test_a_rule_means_whoever_fits_it_now(tx, house, rule, people):
    assert means(tx, rule) == people


def test_it_says_why_others_are_out(tx, house):
    means(tx, "role:pharmacist_in_charge onshift")
    assert roster.group_members(tx, "some").why == "3 by role:pharmacist_in_charge, 2 of them not on shift now"


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "would mean everybody"),
        ("onshift", "would mean everybody"),
        ("role:", "role: is no condition"),
        ("everyone", "everyone is no condition"),
        ("role:lab_leed", "there is no role lab_leed"),
        ("unit:5W,9X", "there is no unit 9X"),
        ("site:WEST permission:all", "there is no site WEST"),
    ],
)
def test_everybody_or_nobody_by_accident_is_refused(tx, house, rule, says):
    assert says in roster.save_group(tx, "some", rule)[0]
    assert roster.group_members(tx, "some") is None and roster.groups(tx) == []


def test_one_task_for_a_group_goes_to_whoever_of_it_is_on_duty_and_to_nobody_by_chance(tx):
    hire(tx)
    eve = roster.person(tx, "eve")
    opening.declare(tx, eve, words.Request(services=["ehr"], text="x"), "cli")
    roster.save_group(tx, "pharmacy", "role:pharmacist_in_charge")
    assert "offered to Kit Rowan" in tasking.task(tx, eve, "group:pharmacy due:15m count the cabinets", "slack")
    with pytest.raises(Refused, match=r"There is no group night\. Groups: pharmacy"):
        tasking.task(tx, eve, "group:night count", "slack")
    with pytest.raises(Refused, match="never to a group"):
        course.update(tx, eve, "", "group:pharmacy count", None, "slack")
