"""Who is missing in the hours to come, and what is wrong with how people can be reached."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot import outbox, roster, timers
from bot.command import preflight
from bot.roster import Person, Shift, Unit, quality
from handlers.timers import HANDLERS

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it


class House:
    def __init__(self, tx):
        self.tx, self.place = tx, 0
        tx.add(Unit(code="5W", landline="+12025550151"))
        for role in preflight.needed(tx):
            self.has(role, role, permissions=["declare", "close"])
        self.has("charge", "unit_charge", unit="5W")

    def has(self, id, *roles, **more):
        self.place += 1
        number = f"+1202555{100 + self.place:04}"
        self.tx.add(
            Person(**{"id": id, "name": id, "roles": list(roles), "mobile": number, "place": self.place} | more)
        )
        self.tx.flush()

    def works(self, id, begins=-30, ends=30, **more):
        """A shift from so many hours after now to so many."""
        hours = {"starts_at": NOW + timedelta(hours=begins), "ends_at": NOW + timedelta(hours=ends)}
        self.tx.add(Shift(person_id=id, **hours, **more))
        self.tx.flush()
        roster.forget(self.tx)

    def all_work(self, but=""):
        for id in [*preflight.needed(self.tx), "charge"]:
            if id != but:
                self.works(id)


@pytest.fixture
def house(tx):
    return House(tx)


def said(tx):
    return [(finding.says, finding.red) for finding in preflight.check(tx)]


def test_all_are_there(tx, house):
    assert said(tx) == []
    house.all_work()
    assert said(tx) == []


def test_an_on_call_role_with_an_empty_calendar_shows(tx, house):
    """Preflight shows it; who stands in is who `holding` falls back to."""
    house.all_work(but="it_unit_leader")
    assert said(tx) == [("it_unit_leader: nobody now and for 24 hours; house supervisor stands in", True)]
    assert roster.holding(tx, "it_unit_leader").via == "house_supervisor"


def test_a_role_is_missing_by_the_hour(tx, house):
    house.all_work(but="pharmacist_in_charge")
    house.works("pharmacist_in_charge", -30, 3, kind="oncall", calendar="pharmacist_in_charge")
    house.works("pharmacist_in_charge", 10, 30)
    assert said(tx)[0][0].startswith("pharmacist_in_charge: nobody 07:10-14:10; ")


def test_the_superior_stands_in_before_the_house_supervisor(tx, house):
    house.all_work(but="lab_lead")
    house.has("clinical", "clinical_support_leader")
    house.works("clinical", role="clinical_support_leader")
    assert "clinical support stands in" in said(tx)[0][0]


def test_units_permissions_and_hours_without_anybody_show(tx, house):
    tx.add(Unit(code="9X"))
    house.all_work(but="charge")
    assert ("no charge nurse and no landline: 9X now and for 24 hours", True) in said(tx)
    assert ("no charge nurse, the landline is rung: 5W now and for 24 hours", False) in said(tx)


def test_nobody_who_may_declare_is_red(tx, house):
    for id in preflight.needed(tx):
        tx.get(Person, id).permissions = []
    tx.flush()
    assert ("nobody on shift or on call may declare: now and for 24 hours", True) in said(tx)
    assert ("nobody on shift or on call may close: now and for 24 hours", False) in said(tx)


def test_hours_that_no_shift_covers_are_said(tx, house):
    for id in [*preflight.needed(tx), "charge"]:
        house.works(id, -30, 5)
    assert said(tx) == [("no shift covers from 09:10: whoever has a role and the unit phones are told then", True)], (
        "one gap, and not one for each role"
    )


def test_what_is_wrong_with_the_contact_data(tx):
    for id, more in {
        "fine": {"mobile": "+12025550101"},
        "lost": {},
        "deaf": {"mobile": "+12025550102", "no_voice": True, "opted_out_at": NOW},
        "slack": {"slack_id": "U1"},
        "wall": {"landline": "+12025550103"},
        "one": {"mobile": "+12025550104", "reports_to": "two"},
        "two": {"mobile": "+12025550104", "mobile2": "+12025550104", "reports_to": "one"},
        "gone": {"active": False},
    }.items():
        tx.add(Person(id=id, name=id, **more))
    tx.flush()
    found = {finding.says.rpartition(": ")[0]: (finding.says.rpartition(": ")[2], finding.red) for finding in
             quality.contacts(tx)}  # fmt: skip
    assert found == {
        "cannot be reached at all (no number, no Slack account, or none that they can use)": ("deaf, lost", True),
        "no phone number, only Slack": ("slack", False),
        "no mobile: called, not texted": ("wall", False),
        "opted out of texts": ("deaf", False),
        "the same number twice": ("two", False),
        "phones of several people (an answer counts for all of them)": ("+12025550104", False),
        "reports_to goes round in a circle": ("one > two > one", False),
    }


def test_the_house_supervisor_hears_once_of_a_gap_that_goes_on(tx, house):
    house.all_work(but="it_unit_leader")
    for day in range(1, 5):
        for id in [*preflight.needed(tx), "charge"]:
            if id != "it_unit_leader":
                house.works(id, 30 + 24 * (day - 1), 30 + 24 * day)
    preflight.arm(tx, at_once=True)
    for _ in range(60):
        timers.fire_due(tx, HANDLERS)
        tx.now += timedelta(hours=1)
    texts = [each.body for each in tx.exec(select(outbox.Message)) if each.person_id == "house_supervisor"]
    assert len(texts) == 1 and "nobody for" in texts[0]
