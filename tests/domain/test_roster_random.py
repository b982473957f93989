"""Whatever a roster looks like: what is read of one person, one role or one batch is what the whole house says."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from bot import outbox, roster
from bot.outbox import audiences
from bot.roster import ROLES, UNIT_ROLES, Leave, Person, Shift, Site, Unit, posts
from bot.roster.duty import rota

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it
UNITS = {"5W": "MAIN", "3W": "MAIN", "4E": "EAST"}
HELD = ["unit_charge", "unit_runner", "house_supervisor", "lab_lead", "labor_pool_leader", "service_desk"]

units = st.sampled_from(["", *UNITS])
roles = st.lists(st.sampled_from(HELD), max_size=2, unique=True)
shifts = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["shift", "shift", "oncall"]),
        "role": st.sampled_from(["", "", *HELD]),
        "unit": units,
        "began": st.integers(-2, 6),  # hours ago
        "lasts": st.integers(1, 9),
    }
)
words = st.tuples(st.sampled_from(["here", "charge", "away"]), st.sampled_from(list(UNITS)), st.integers(0, 5))
numbers = st.sampled_from(["", "", "+12025550101", "+12025550102", "+12025550103"])
people = st.fixed_dictionaries(
    {
        "unit": units,
        "site": st.sampled_from(["", "MAIN", "EAST"]),
        "roles": roles,
        "permissions": st.sampled_from([[], [], [], ["manage"], ["admin"], ["declare", "close"]]),
        "active": st.sampled_from([True, True, True, False]),
        "mobile": numbers,
        "mobile2": numbers,
        "landline": numbers,
        "slack_id": st.sampled_from(["", "U1"]),
        "no_sms": st.booleans(),
        "no_voice": st.booleans(),
        "opted_out_at": st.sampled_from([None, None, NOW]),
        "shifts": st.lists(shifts, max_size=2),
        "words": st.lists(words, max_size=2),
        "on_leave": st.sampled_from([False, False, False, True]),
    }
)
rosters = st.lists(people, min_size=1, max_size=8)
on_any = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@on_any
@given(staff=rosters, with_rota=st.booleans(), level=st.integers(0, 4), sites=st.sampled_from([[], ["MAIN"], ["east"]]))
def test_a_level_tells_whom_it_told_when_everybody_was_read(tx, staff, with_rota, level, sites):
    with empty(tx):
        hire(tx, staff, with_rota)
        affected = [unit.code for unit in roster.affected_units(tx, sites)]
        held = {"unit_charge", "lab_lead", "service_desk"}
        also = select(Person.id).where(col(Person.active), roster.also_told(tx, level, sites, tx.now))
        first = roster.told_first(tx, level, affected, held)
        assert set(first) | set(tx.exec(also)) == reckoned(tx, level, affected, held)
        assert len(first) == len(set(first))


@on_any
@given(staff=rosters, with_rota=st.booleans())
def test_one_role_is_held_by_whom_the_whole_house_says(tx, staff, with_rota):
    with empty(tx):
        hire(tx, staff, with_rota)
        places = [(role, unit) for role in HELD for unit in ("", *UNITS)]
        one_by_one = {place: ids(roster.holders(tx, *place)) for place in places}
        roster.forget(tx)
        roster.read_all_posts(tx)
        assert one_by_one == {place: ids(roster.holders(tx, *place)) for place in places}
        assert one_by_one == {place: whole_house(tx, *place) for place in places}


@on_any
@given(staff=rosters, with_rota=st.booleans())
def test_one_persons_duty_is_what_the_whole_house_says(tx, staff, with_rota):
    with empty(tx):
        hire(tx, staff, with_rota)
        alone = {f"p{n}": roster.duty_of(tx, f"p{n}") for n in range(len(staff))}
        assert {who: held for who, held in alone.items() if held} == roster.duty(tx)


@on_any
@given(staff=rosters, after_stop=st.booleans())
def test_the_database_finds_the_way_to_a_person_that_we_find(tx, staff, after_stop):
    with empty(tx):
        hire(tx, staff, False)
        tx.settings = tx.settings.model_copy(update={"voice_after_stop": after_stop})
        ways = select(Person, audiences.channel(tx), audiences.address(tx), audiences.reason())
        for person, channel, address, reason in tx.exec(ways):
            way = outbox.best(tx, person)
            assert (channel, address) == (way.channel, way.address)
            assert channel != "none" or reason == way.reason


def reckoned(tx, level, affected, held):
    """Whom a level tells, as the contract has it, from everybody's duty."""
    few = {0: ["service_desk", "it_unit_leader"], 1: ["unit_charge", "house_supervisor", "it_unit_leader"]}
    told = set()
    for role in few.get(level, held):
        for unit in affected if role in UNIT_ROLES else [""]:
            owner = roster.holding(tx, role, unit).owner
            told |= set(whole_house(tx, role, unit)) or ({owner.id} if owner else set())
    present = {who: duty for who, duty in roster.duty(tx).items() if duty.kind == "shift"}
    for person in tx.exec(select(Person).where(col(Person.active))):
        duty, may = present.get(person.id), roster.may(person, "manage")
        here = duty is not None and (not duty.units.isdisjoint(affected) or may)
        if {2: here, 3: duty is not None or may, 4: True}.get(level, False):
            told.add(person.id)
    return told


def whole_house(tx, role, unit):
    """The holders on shift, from the posts of everybody."""
    rows = posts.rows(tx, col(Person.id) != "")
    found = [post for post in posts.posts(rows, rota(tx), UNITS) if post.role == role and post.kind == "shift"]
    if unit and role in UNIT_ROLES:
        found = [post for post in found if post.unit == unit]
    elif unit:
        found.sort(key=lambda post: post.site != UNITS[unit])
    return list(dict.fromkeys(post.person_id for post in found))


def ids(people):
    return [person.id for person in people]


def hire(tx, staff, with_rota):
    """The staff, their shifts and what they said; a rota exists wherever somebody has a shift of it."""
    assert set(HELD) <= set(ROLES)
    tx.add_all([Site(code="MAIN"), Site(code="EAST")])
    tx.add_all([Unit(code=code, site=site) for code, site in UNITS.items()])
    for place, one in enumerate(staff):
        known = {name: value for name, value in one.items() if name not in ("shifts", "words", "on_leave")}
        tx.add(Person(id=f"p{place}", name=f"P {place}", place=place, **known))
    tx.flush()
    for place, one in enumerate(staff):
        for shift in one["shifts"] if with_rota else [each for each in one["shifts"] if each["kind"] == "oncall"]:
            starts = NOW - timedelta(hours=shift["began"])
            more = {"starts_at": starts, "ends_at": starts + timedelta(hours=shift["lasts"])}
            what = {name: shift[name] for name in ("kind", "role", "unit")}
            tx.add(Shift(person_id=f"p{place}", **what, **more))
    tx.flush()
    for place, one in enumerate(staff):
        for verb, unit, ago in sorted(one["words"], key=lambda word: -word[2]):
            tx.now = NOW - timedelta(hours=ago)
            roster.take_duty(tx, tx.get(Person, f"p{place}"), verb, unit)
    tx.now = NOW
    gone = [place for place, one in enumerate(staff) if one["on_leave"]]
    hour = timedelta(hours=1)
    tx.add_all([Leave(person_id=f"p{place}", starts_at=NOW - hour, ends_at=NOW + hour) for place in gone])
    tx.flush()
    roster.forget(tx)


class empty:
    """A house that is gone again afterwards."""

    def __init__(self, tx):
        self.tx, self.settings = tx, tx.settings

    def __enter__(self):
        self.before = self.tx.begin_nested()

    def __exit__(self, *_):
        self.before.rollback()
        self.tx.now, self.tx.settings = NOW, self.settings
        roster.forget(self.tx)
