"""Who is told at each level, who is meant by a number, who may; and the sample hospital that ships."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import func, select

from bot import roster
from bot.roster import Partner, Person, Shift, Site, Unit

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it
ROLES = {"unit_charge", "house_supervisor", "service_desk", "it_unit_leader", "pio"}

CAST = {
    # name: (unit, roles, permissions, works)
    "Alma": ("5W", ["unit_charge"], [], "shift"),
    "Ben": ("3W", ["unit_charge"], [], "shift"),
    "Tess": ("4E", ["unit_charge"], [], "shift"),
    "Ray": ("5W", [], [], "shift"),
    "Finn": ("4E", [], [], "shift"),
    "Mia": ("4E", [], ["manage"], "shift"),
    "Hugo": ("OPS", ["house_supervisor"], [], "shift"),
    "Zoe": ("OPS", ["service_desk"], [], "shift"),
    "Cal": ("OPS", ["it_unit_leader"], [], "oncall"),
    "Pia": ("OPS", ["pio"], [], "oncall"),
    "Gus": ("OPS", [], ["admin"], ""),
    "Sleeper": ("5W", [], [], ""),
    "Left": ("5W", ["unit_charge"], ["manage"], "shift"),
}


@pytest.fixture
def house(tx):
    tx.add_all([Site(code="MAIN"), Site(code="EAST")])
    tx.add_all([Unit(code=code, site="EAST" if code == "4E" else "MAIN") for code in ("5W", "4E", "3W", "OPS")])
    for place, (name, (unit, roles, permissions, _)) in enumerate(CAST.items()):
        known = {"unit": unit, "roles": roles, "permissions": permissions, "active": name != "Left"}
        tx.add(Person(id=name, name=name, place=place, **known))
    tx.flush()
    hours = {"starts_at": NOW - timedelta(hours=5), "ends_at": NOW + timedelta(hours=5)}
    tx.add_all([Shift(person_id=name, kind=works, **hours) for name, (*_, works) in CAST.items() if works])
    tx.flush()


def names(people):
    return [person.name for person in people]


def told(tx, level, *sites, roles=ROLES):
    units = [unit.code for unit in roster.affected_units(tx, sites)]
    also = select(Person.id).where(Person.active, roster.also_told(tx, level, sites, tx.now))
    return {*roster.told_first(tx, level, units, roles), *tx.exec(also)}


def test_all_units_are_affected_when_no_site_is_named(tx, house):
    assert [unit.code for unit in roster.affected_units(tx, [])] == ["3W", "4E", "5W", "OPS"]
    assert [unit.code for unit in roster.affected_units(tx, ["east"])] == ["4E"]
    assert roster.affected_units(tx, ["WEST"]) == []


def test_level_0_is_for_the_service_desk_and_the_it_lead(tx, house):
    assert told(tx, 0, "MAIN") == {"Zoe", "Cal"}


def test_level_1_is_for_charge_nurses_house_supervisor_and_it_lead(tx, house):
    assert told(tx, 1, "MAIN") == {"Alma", "Ben", "Hugo", "Cal"}


def test_level_2_is_for_those_on_shift_there_role_holders_and_on_shift_managers(tx, house):
    assert told(tx, 2, "MAIN") == {"Alma", "Ray", "Ben", "Hugo", "Zoe", "Cal", "Pia", "Mia"}


def test_level_3_is_for_everybody_on_shift_role_holders_and_managers_anywhere(tx, house):
    assert told(tx, 3, "MAIN") == set(CAST) - {"Sleeper", "Left"}


def test_what_the_clock_widens_reaches_nobody_who_sleeps(tx, house):
    both = [
        set(tx.exec(select(Person.id).where(Person.active, roster.also_told(tx, 3, ["MAIN"], tx.now, present))))
        for present in (False, True)
    ]
    assert both[0] - both[1] == {"Gus"}


def test_level_4_is_for_all_active_staff(tx, house):
    assert told(tx, 4, "MAIN") == set(CAST) - {"Left"}


def test_role_holders_come_first_each_once(tx, house):
    tx.get(Person, "Alma").roles = ["unit_charge", "house_supervisor"]
    tx.flush()
    assert roster.told_first(tx, 4, ["5W", "3W"], {"unit_charge", "house_supervisor"}) == ["Alma", "Hugo", "Ben"]


def test_a_role_that_nobody_holds_is_told_to_who_stands_in(tx, house):
    assert "Hugo" in told(tx, 2, roles={"lab_lead"})


def test_role_holders_alone_are_told_when_no_shift_covers_the_hour(tx, house):
    tx.now += timedelta(days=1)
    assert told(tx, 2, "MAIN") == {"Alma", "Ben", "Hugo", "Zoe", "Cal", "Pia"}
    assert told(tx, 3, "MAIN") == {"Alma", "Ben", "Hugo", "Zoe", "Cal", "Pia", "Mia", "Gus"}


def test_everybody_is_on_shift_while_there_are_no_shifts(tx, house):
    for shift in tx.exec(select(Shift)):
        tx.delete(shift)
    assert told(tx, 2, "MAIN") >= {"Alma", "Ray", "Sleeper"}
    assert told(tx, 3) == set(CAST) - {"Left"}


def test_a_number_may_belong_to_several_people(tx, house):
    alma, ben, left = (tx.get(Person, name) for name in ("Alma", "Ben", "Left"))
    alma.mobile, ben.mobile2, left.mobile = "+12025550101", "+12025550101", "+12025550101"
    alma.landline = "+12025550109"
    assert names(roster.by_phone(tx, "+12025550101")) == ["Alma", "Ben"]
    assert names(roster.by_phone(tx, "+12025550109")) == ["Alma"]
    assert roster.by_phone(tx, "+12025550199") == roster.by_phone(tx, "") == []


def test_a_slack_id_belongs_to_one_person(tx, house):
    tx.get(Person, "Alma").slack_id = "U1"
    assert roster.by_slack(tx, "U1").name == "Alma"
    assert roster.by_slack(tx, "U2") is None
    assert roster.by_slack(tx, "") is None


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("alma", "a1"),  # an id or a name, before names that begin so
        ("ALMA", "a1"),
        ("almad", "a2"),
        ("almad\u00e9n", "a2"),
        ("ALMAD\u00c9N", "a2"),
        ("\u00e9va", "e1"),
        ("al", None),  # several
        ("%", None),
        ("10", None),
        ("10%", "p1"),
        ("u_n", "u1"),
        ("lef", None),  # nobody who left
        (" ", None),
    ],
)
def test_somebody_is_named_by_id_or_by_how_the_name_begins(tx, words, who):
    names = {"a1": "Alma", "a2": "Almad\u00e9n Ruiz", "e1": "\u00c9va Toth", "p1": "10% Ned", "p2": "100 Ned"}
    tx.add_all([Person(id=id, name=name) for id, name in (names | {"u1": "U_N Ora"}).items()])
    tx.add_all([Person(id="u2", name="UXN Ora"), Person(id="gone", name="Left Lee", active=False)])
    tx.flush()
    found = roster.named(tx, words)
    assert (found.id if found else None) == who


def test_an_admin_may_do_everything_and_nobody_who_left_anything(tx, house):
    assert names(roster.permitted(tx, "manage")) == ["Mia", "Gus"]
    assert names(roster.permitted(tx, "close")) == ["Gus"]
    assert not roster.may(tx.get(Person, "Left"), "manage")


def test_an_opt_out_silences_everybody_at_that_mobile(tx, house):
    alma, ben, ray = (tx.get(Person, name) for name in ("Alma", "Ben", "Ray"))
    alma.mobile, ben.mobile2, ray.landline = "+12025550101", "+12025550101", "+12025550101"
    assert names(roster.opt_out(tx, "+12025550101")) == ["Alma", "Ben"]
    assert (alma.opted_out_at, ben.opted_out_at, ray.opted_out_at) == (NOW, NOW, None)
    assert roster.opt_out(tx, "") == []


def test_an_opt_in_gives_them_back(tx, house):
    alma = tx.get(Person, "Alma")
    alma.mobile, alma.opted_out_at = "+12025550101", NOW
    assert names(roster.opt_in(tx, "+12025550101")) == ["Alma"]
    assert alma.opted_out_at is None


# --- the sample hospital


@pytest.fixture
def sample(tx):
    return roster.load_sample(tx)


def test_the_sample_hospital_loads(tx, sample):
    assert (sample.added, sample.complaints, len(sample.warnings)) == (120, [], 2)
    assert tx.exec(select(func.count()).select_from(Unit)).one() == 10
    assert tx.exec(select(func.count()).select_from(Site)).one() == 2


def test_its_numbers_belong_to_nobody(tx, sample):
    people = tx.exec(select(Person)).all()
    numbers = [number for person in people for number in (person.mobile, person.mobile2, person.landline) if number]
    numbers += [unit.landline for unit in tx.exec(select(Unit))]
    numbers += [number for each in tx.exec(select(Partner)) for number in (each.mobile, each.landline) if number]
    assert [number for number in numbers if number[5:10] != "55501"] == []


@pytest.mark.parametrize("hour", [0, 6, 7, 12, 18, 19, 23])
def test_every_role_is_held_at_any_hour(tx, sample, hour):
    tx.now = NOW.replace(hour=hour)
    roster.lay_rota(tx)
    assert roster.covered(tx)
    units = [unit.code for unit in roster.affected_units(tx, [])]
    assert [unit for unit in units if not roster.charge(tx, unit)] == []
    assert [role for role in roster.ROLES if roster.holding(tx, role, unit="5W").via == "nobody"] == []


def test_every_role_has_somebody_in_the_file(tx, sample):
    assert {role for person in tx.exec(select(Person)) for role in person.roles} == set(roster.ROLES)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", {(7, 19), (19, 7)}), ("America/Chicago", {(13, 1), (1, 13)}), ("Asia/Kolkata", {(1, 13), (13, 1)})],
)
def test_its_shifts_change_at_seven_local_time(tx, sample, zone, hours):
    tx.settings = tx.settings.model_copy(update={"timezone": zone})
    roster.lay_rota(tx)
    shifts = tx.exec(select(Shift).where(Shift.kind == "shift"))
    assert {(shift.starts_at.hour, shift.ends_at.hour) for shift in shifts} == hours


def test_loading_it_again_changes_nothing(tx, sample):
    assert roster.load_sample(tx).unchanged == 120
