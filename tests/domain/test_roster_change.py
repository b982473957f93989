"""Single changes of a person, and the way out of the roster and back in."""

import csv
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot import roster
from bot.roster import Person, Unit


@pytest.fixture
def alma(tx):
    alma = Person(id="s1", name="Alma Quill", unit="5W", mobile="+12025550101")
    tx.add_all([Unit(code="5W"), alma])
    tx.flush()
    return alma


def test_it_changes_single_columns_of_one_person(tx, alma):
    assert roster.change(tx, "s1", {"mobile": "202 555 0177", "unit": "ICU"}) == []
    assert (alma.mobile, alma.unit) == ("+12025550177", "ICU")
    assert tx.get(Unit, "ICU") is not None


@pytest.mark.parametrize(
    ("who", "changes", "says"),
    [
        ("s9", {"mobile": ""}, "s9 is nobody's id"),
        ("s1", {"shoes": "9"}, "shoes cannot be set; the columns are name, unit"),
        ("s1", {"id": "s2"}, "id cannot be set"),
        ("s1", {"mobile": "12"}, "mobile '12'"),
        ("s1", {"reports_to": "s9"}, "change line 1: reports_to s9 is nobody's id"),
    ],
)
def test_it_refuses_a_bad_change(tx, alma, who, changes, says):
    assert roster.change(tx, who, changes)[0].startswith(says)
    assert alma.mobile == "+12025550101"


def test_it_does_not_bring_somebody_back_by_changing_a_column(tx, alma):
    alma.active = False
    assert roster.change(tx, "s1", {"landline": "202 555 0178"}) == []
    assert (alma.landline, alma.active) == ("+12025550178", False)


numbers = st.sampled_from(["", "+12025550101", "+12025550102", "+442079460018"])
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).map(str.strip).filter(bool)
people = st.fixed_dictionaries(
    {
        "name": names,
        "unit": st.sampled_from(["5W", "icu", "ICU"]),
        "mobile": numbers,
        "landline": numbers,
        "slack_id": st.sampled_from(["", "U1", "W2"]),
        "site": st.sampled_from(["", "MAIN", "east"]),
        "language": st.sampled_from(["", "es", "PT-br"]),
        "roles": st.lists(st.sampled_from(list(roster.ROLES)), max_size=3).map(";".join),
        "permissions": st.lists(st.sampled_from(list(roster.PERMISSIONS)), max_size=2).map(";".join),
        "no_voice": st.sampled_from(["", "yes", "No"]),
        "consent_at": st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)).map(str) | st.just(""),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(people, min_size=1, max_size=5))
def test_importing_the_exported_rows_again_changes_nothing(tx, tmp_path, rows):
    path = tmp_path / "round.csv"
    write(path, [{"id": f"r{n}", **row} for n, row in enumerate(rows)])
    assert roster.import_files(tx, path, skip_bad=True).written
    before = tx.exec(select(Person).where(Person.active).order_by(Person.place)).all()
    exported = [roster.written_as(person) for person in before if int(person.id[1:]) < len(rows)]
    if exported:
        write(path, exported)
        done = roster.import_files(tx, path)
        assert (done.complaints, done.added) == ([], 0)
        assert exported == [roster.written_as(tx.get(Person, row["id"])) for row in exported]
        assert roster.import_files(tx, path).updated == 0


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
