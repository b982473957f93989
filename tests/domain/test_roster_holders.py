"""Who is on duty, who holds a role, and who stands above whom."""

from datetime import UTC, datetime, timedelta

import pytest

from bot import roster
from bot.roster import Person, Shift, Site, Unit

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it


@pytest.fixture
def house(tx):
    """Two sites and their units; `house.has` adds a person, `house.works` a shift around now."""
    tx.add_all([Site(code="MAIN"), Site(code="EAST")])
    tx.add_all([Unit(code="5W", site="MAIN"), Unit(code="3W", site="MAIN"), Unit(code="4E", site="EAST")])
    tx.flush()
    return House(tx)


class House:
    def __init__(self, tx):
        self.tx, self.place = tx, 0

    def has(self, name, *roles, unit="5W", **more):
        self.place += 1
        person = Person(id=name, name=name, unit=unit, roles=list(roles), place=self.place, **more)
        self.tx.add(person)
        self.tx.flush()
        roster.forget(self.tx)
        return person

    def works(self, person, role="", unit="", began=6, ends=6, kind="shift"):
        """A shift that began so many hours ago and ends in so many; negative hours lie on the other side."""
        hours = {"starts_at": NOW - timedelta(hours=began), "ends_at": NOW + timedelta(hours=ends)}
        self.tx.add(Shift(person_id=person.id, role=role, unit=unit, kind=kind, **hours))
        self.tx.flush()
        roster.forget(self.tx)
        return person


def names(people):
    return [person.name for person in people]


def held(found):
    return (found.owner and found.owner.name, found.backup and found.backup.name, found.via)


# --- duty


def test_everybody_is_on_shift_while_no_shifts_were_imported(tx, house):
    house.has("Alma", "unit_charge")
    house.has("Ben", active=False)
    assert roster.covered(tx)
    assert {who: (duty.unit, duty.roles, duty.kind) for who, duty in roster.duty(tx).items()} == {
        "Alma": ("5W", {"unit_charge"}, "shift")
    }


def test_only_whose_shift_covers_this_hour_is_on_duty(tx, house):
    house.works(house.has("Early"), began=14, ends=-2)
    house.works(house.has("Now"), began=0)
    house.works(house.has("Over"), began=12, ends=0)
    house.works(house.has("Later"), began=-1, ends=13)
    house.works(house.has("Gone", active=False))
    assert set(roster.duty(tx)) == {"Now"}


def test_a_shift_says_the_role_and_unit_or_else_the_persons_own_hold(tx, house):
    house.works(house.has("Alma", "lab_lead"), role="unit_charge", unit="3W")
    house.works(house.has("Ben", "lab_lead"))
    duty = roster.duty(tx)
    assert (duty["Alma"].unit, duty["Alma"].roles) == ("3W", {"unit_charge"})
    assert (duty["Ben"].unit, duty["Ben"].roles) == ("5W", {"lab_lead"})


def test_one_person_may_be_in_charge_of_two_units(tx, house):
    alma = house.works(house.has("Alma"), role="unit_charge", unit="5W", began=6)
    house.works(alma, role="unit_charge", unit="3W", began=2)
    assert roster.duty(tx)["Alma"].units == {"5W", "3W"}
    assert roster.duty(tx)["Alma"].unit == "3W"
    assert roster.charge(tx, "5W") == roster.charge(tx, "3W") == alma


def test_on_call_is_duty_but_not_on_shift(tx, house):
    house.works(house.has("Alma"))
    house.works(house.has("Chi", "pio"), kind="oncall")
    assert roster.duty(tx)["Chi"].kind == "oncall"
    assert set(roster.on_shift(tx)) == {"Alma"}


def test_it_knows_that_no_shift_covers_the_hour(tx, house):
    house.works(house.has("Alma", "unit_charge"), began=20, ends=-8)
    house.works(house.has("Chi", "pio"), kind="oncall")
    assert not roster.covered(tx)
    assert set(roster.duty(tx)) == {"Chi"}


def test_it_reads_the_picture_once_in_a_transaction(tx, house):
    house.works(house.has("Alma", "unit_charge"))
    tx.commit()
    roster.holding(tx, "unit_charge", unit="5W")
    seen = roster.duty(tx)
    assert roster.duty(tx) is seen
    with tx.begin_nested():
        assert roster.duty(tx) is not seen


# --- holders


def test_the_latest_start_comes_first_then_file_order(tx, house):
    first, second, third = (house.has(name, "service_desk") for name in ("First", "Second", "Third"))
    house.works(first, began=6)
    house.works(second, began=6)
    house.works(third, began=1)
    assert names(roster.holders(tx, "service_desk")) == ["Third", "First", "Second"]
    assert held(roster.holding(tx, "service_desk")) == ("Third", "First", "shift")


def test_a_units_role_is_held_in_that_unit_only(tx, house):
    house.works(house.has("Alma", "unit_charge", unit="5W"))
    house.works(house.has("Ben", "unit_charge", unit="3W"))
    assert names(roster.holders(tx, "unit_charge", unit="3W")) == ["Ben"]
    assert roster.charge(tx, "4E") is None


def test_the_units_site_comes_first_for_a_role_of_the_house(tx, house):
    house.works(house.has("Main", "house_supervisor", unit="5W"))
    house.works(house.has("East", "house_supervisor", unit="5W", site="EAST"))
    assert names(roster.holders(tx, "house_supervisor", unit="4E")) == ["East", "Main"]
    assert names(roster.holders(tx, "house_supervisor", site="MAIN")) == ["Main", "East"]


def test_everybody_with_the_role_holds_it_when_no_shift_covers_the_hour(tx, house):
    house.works(house.has("Alma", "unit_charge"), began=20, ends=-8)
    house.has("Ben", "unit_charge")
    house.has("Chi")
    assert names(roster.holders(tx, "unit_charge", unit="5W")) == ["Alma", "Ben"]


def test_who_declined_is_passed_over(tx, house):
    for name in ("Alma", "Ben", "Chi"):
        house.works(house.has(name, "service_desk"))
    assert held(roster.holding(tx, "service_desk", excluding=frozenset({"Alma"}))) == ("Ben", "Chi", "shift")


def test_the_on_call_holder_backs_up_who_is_on_shift_alone(tx, house):
    house.works(house.has("Chi", "it_unit_leader"), kind="oncall")
    house.works(house.has("Alma", "it_unit_leader"))
    assert held(roster.holding(tx, "it_unit_leader")) == ("Alma", "Chi", "shift")


def test_a_role_falls_back_to_on_call_then_superior_then_house_supervisor(tx, house):
    def owner(*without):
        return held(roster.holding(tx, "lab_lead", excluding=frozenset(without)))

    house.works(house.has("Hugo", "house_supervisor"))
    house.works(house.has("Mara", "medical_care_director"))
    house.works(house.has("Clark", "clinical_support_leader"), kind="oncall")
    house.works(house.has("Lab", "lab_lead"), kind="oncall")
    assert owner() == ("Lab", None, "oncall")
    assert owner("Lab") == ("Clark", None, "superior")
    assert owner("Lab", "Clark") == ("Hugo", None, "house_supervisor")
    assert owner("Lab", "Clark", "Hugo") == ("Mara", None, "superior")
    assert owner("Lab", "Clark", "Hugo", "Mara") == (None, None, "nobody")


def test_a_unit_without_a_charge_nurse_falls_to_the_house_supervisor_of_its_site(tx, house):
    house.works(house.has("Main", "house_supervisor", unit="5W"))
    house.works(house.has("East", "house_supervisor", unit="4E"))
    assert held(roster.holding(tx, "unit_charge", unit="4E")) == ("East", "Main", "superior")


def test_on_call_comes_before_those_of_whom_nobody_knows_whether_they_are_in(tx, house):
    house.has("Asleep", "pio")
    house.works(house.has("Chi", "pio"), kind="oncall")
    assert held(roster.holding(tx, "pio")) == ("Chi", "Asleep", "oncall")


def test_an_unknown_role_falls_to_the_house_supervisor(tx, house):
    house.works(house.has("Hugo", "house_supervisor"))
    assert held(roster.holding(tx, "astronaut")) == ("Hugo", None, "house_supervisor")


def test_nobody_holds_anything_in_an_empty_house(tx):
    assert held(roster.holding(tx, "pio")) == (None, None, "nobody")
    assert roster.coordinator(tx, "") is None


# --- superiors


def test_bedside_staff_stand_under_their_units_charge_nurse(tx, house):
    ray = house.works(house.has("Ray", unit="3W"))
    house.works(house.has("Alma", "unit_charge", unit="5W"))
    house.works(house.has("Ben", "unit_charge", unit="3W"))
    assert roster.superior(tx, ray).name == "Ben"
    assert roster.superior(tx, ray, unit="5W").name == "Alma"


def test_bedside_staff_without_a_charge_nurse_stand_under_the_house_supervisor(tx, house):
    ray = house.works(house.has("Ray"))
    house.works(house.has("Hugo", "house_supervisor"))
    assert roster.superior(tx, ray).name == "Hugo"


def test_the_chain_on_shift_comes_before_a_nearer_role_on_call(tx, house):
    desk = house.works(house.has("Desk", "service_desk"))
    house.works(house.has("Cal", "it_unit_leader"), kind="oncall")
    house.works(house.has("Petra", "operations_chief"))
    assert roster.superior(tx, desk).name == "Petra"
    assert roster.superior(tx, desk, excluding=frozenset({"Petra"})).name == "Cal"


def test_the_hr_line_counts_only_while_the_boss_is_on_shift(tx, house):
    desk = house.works(house.has("Desk", "service_desk", reports_to="Boss"))
    house.has("Boss", reports_to="Top")
    assert roster.superior(tx, desk) is None
    house.works(house.has("Top"))
    assert roster.superior(tx, desk).name == "Top"


def test_nobody_is_above_herself(tx, house):
    hugo = house.works(house.has("Hugo", "house_supervisor", "unit_charge", reports_to="Ray"))
    house.works(house.has("Ray", reports_to="Hugo"))
    assert roster.superior(tx, hugo).name == "Ray"
    assert roster.superior(tx, hugo, excluding=frozenset({"Ray"})) is None


def test_a_superior_may_be_asked_for_in_one_of_her_roles(tx, house):
    house.works(house.has("Hugo", "house_supervisor"))
    house.works(house.has("Mara", "medical_care_director"))
    jude = house.works(house.has("Jude", "unit_charge", "ed_unit_leader"))
    assert roster.superior(tx, jude).name == "Hugo"
    assert roster.superior(tx, jude, role="ed_unit_leader").name == "Mara"


def test_the_coordinator_is_the_commander_or_else_the_house_supervisor(tx, house):
    house.works(house.has("Hugo", "house_supervisor"))
    house.has("Iris", "incident_commander")
    assert roster.coordinator(tx, "Iris").name == "Iris"
    assert roster.coordinator(tx, "").name == roster.coordinator(tx, "left").name == "Hugo"


# --- HERE, CHARGE, AWAY


def test_here_puts_her_on_shift_for_twelve_hours(tx, house):
    house.works(house.has("Alma", "unit_charge"))
    ray = house.has("Ray")
    assert roster.take_duty(tx, ray, "here", "3w").code == "3W"
    assert roster.duty(tx)["Ray"].unit == "3W"
    tx.now += timedelta(hours=12)
    assert "Ray" not in roster.duty(tx)


def test_here_moves_her_but_does_not_unseat_who_is_in_charge_there(tx, house):
    alma = house.works(house.has("Alma", "unit_charge", "lab_lead", unit="5W"))
    house.works(house.has("Ben", "unit_charge", unit="3W"))
    roster.take_duty(tx, alma, "here", "3W")
    assert roster.charge(tx, "3W").name == "Ben"
    assert roster.charge(tx, "5W") is None
    assert roster.duty(tx)["Alma"].units == {"3W"}
    assert names(roster.holders(tx, "lab_lead")) == ["Alma"]


def test_here_where_she_already_is_changes_nothing(tx, house):
    alma = house.works(house.has("Alma", "unit_charge"))
    before = roster.duty(tx)
    assert roster.take_duty(tx, alma, "here", "5W").code == "5W"
    assert roster.duty(tx) == before


def test_charge_takes_over_the_unit(tx, house):
    house.works(house.has("Alma", "unit_charge"))
    ray = house.works(house.has("Ray", "lab_lead"))
    assert roster.take_duty(tx, ray, "charge", "").code == "5W"
    assert names(roster.holders(tx, "unit_charge", unit="5W")) == ["Ray", "Alma"]
    assert roster.duty(tx)["Ray"].roles == {"unit_charge", "lab_lead"}


def test_charge_leaves_the_unit_she_had(tx, house):
    alma = house.works(house.has("Alma", "unit_charge", unit="5W"))
    roster.take_duty(tx, alma, "charge", "3W")
    assert (roster.charge(tx, "5W"), roster.charge(tx, "3W")) == (None, alma)


def test_away_hands_on_until_her_next_shift(tx, house):
    alma = house.works(house.has("Alma", "unit_charge"))
    house.works(alma, began=-6, ends=18)
    house.works(house.has("Ben", "unit_charge"))
    assert roster.take_duty(tx, alma, "away").code == "5W"
    assert roster.charge(tx, "5W").name == "Ben"
    tx.now += timedelta(hours=7)
    assert roster.charge(tx, "5W").name == "Alma"


def test_away_counts_without_any_rota_and_for_on_call(tx, house):
    alma = house.has("Alma")
    chi = house.works(house.has("Chi", "pio"), kind="oncall")
    roster.take_duty(tx, alma, "away")
    roster.take_duty(tx, chi, "away")
    assert roster.duty(tx) == {}


def test_the_last_word_counts_even_within_one_moment(tx, house):
    alma = house.works(house.has("Alma", "unit_charge"))
    roster.take_duty(tx, alma, "away")
    roster.take_duty(tx, alma, "here", "3W")
    assert roster.duty(tx)["Alma"].unit == "3W"
    tx.now += timedelta(minutes=1)
    roster.take_duty(tx, alma, "away")
    assert "Alma" not in roster.duty(tx)


def test_on_leave_she_holds_nothing_until_she_says_that_she_is_here(tx, house):
    alma = house.works(house.has("Alma", "unit_charge"))
    assert roster.charge(tx, "5W").name == "Alma"
    tx.add(roster.Leave(person_id="Alma", starts_at=tx.now, ends_at=tx.now + timedelta(days=7)))
    tx.flush()
    roster.forget(tx)
    assert roster.charge(tx, "5W") is None
    roster.take_duty(tx, alma, "charge", "5W")
    assert roster.charge(tx, "5W").name == "Alma"


def test_her_word_does_not_make_a_gap_in_the_rota_look_covered(tx, house):
    house.works(house.has("Alma", "unit_charge"), began=20, ends=-8)
    ray = house.has("Ray", "unit_charge")
    roster.take_duty(tx, ray, "charge", "5W")
    assert not roster.covered(tx)
    assert names(roster.holders(tx, "unit_charge", unit="5W")) == ["Ray", "Alma"]


def test_an_unknown_unit_changes_nothing(tx, house):
    alma = house.works(house.has("Alma"))
    assert roster.take_duty(tx, alma, "here", "9Z") is None
    assert roster.duty(tx)["Alma"].unit == "5W"
