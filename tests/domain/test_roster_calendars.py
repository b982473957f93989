"""On-call calendars: who is on call when, in the hospital's hours, and every complaint with its line."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot import roster
from bot.roster import Person, Shift, calendars

NOW = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)  # as the `tx` fixture has it


@pytest.fixture
def house(tx):
    for place, (id, name) in enumerate(
        [("kit", "Kit Rowan"), ("lea", "Lea Marsh"), ("s1", "Al Poe"), ("s2", "Al Poe")]
    ):
        tx.add(Person(id=id, name=name, unit="OPS", place=place))
    tx.add(Person(id="gone", name="Gone By", active=False))
    tx.flush()


@pytest.fixture
def calendar(tx, tmp_path, house):
    def imported(*events, role="it_unit_leader", **options):
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test"]
        for number, event in enumerate(events):
            lines += ["BEGIN:VEVENT", *([] if any(each.startswith("UID") for each in event) else [f"UID:{number}"])]
            lines += [*event, "END:VEVENT"]
        path = tmp_path / f"{role}.ics"
        path.write_text("\r\n".join([*lines, "END:VCALENDAR", ""]), encoding="utf-8")
        return roster.import_calendars(tx, roster.read_calendars(tx, {role: path}), **options)

    return imported


def on_call(tx):
    rows = tx.exec(select(Shift).where(Shift.kind == "oncall").order_by(Shift.starts_at, Shift.person_id))
    return [(row.person_id, row.role, f"{row.starts_at:%d %H:%M}", f"{row.ends_at:%d %H:%M}") for row in rows]


TONIGHT = ("DTSTART:20261122T000000Z", "DTEND:20261122T120000Z")


@pytest.mark.parametrize(
    "names",
    [
        ["SUMMARY:kit"],
        ["SUMMARY:Kit Rowan"],
        ["SUMMARY:On call: Kit  Rowan (IT)"],
        ["SUMMARY:IT on call", "ATTENDEE;CN=Kit Rowan:mailto:nobody@example.org"],
        ["SUMMARY:IT on call", "ATTENDEE:mailto:kit@example.org"],
    ],
)
def test_an_event_names_people_by_id_or_name(tx, calendar, names):
    assert calendar([*TONIGHT, *names]).complaints == []
    assert on_call(tx) == [("kit", "it_unit_leader", "22 00:00", "22 12:00")]
    assert roster.holding(tx, "it_unit_leader").via == "oncall"


def test_two_who_are_named_are_both_on_call(tx, calendar):
    calendar([*TONIGHT, "SUMMARY:Kit Rowan / Lea Marsh"])
    assert [row[0] for row in on_call(tx)] == ["kit", "lea"]


def test_what_names_nobody_is_refused_with_its_line_and_what_to_write(tx, calendar):
    done = calendar([*TONIGHT, "SUMMARY:kit"], [*TONIGHT, "SUMMARY:Bob"], [*TONIGHT, "SUMMARY:Al Poe"], [*TONIGHT])
    assert [said.partition(": ")[0] for said in done.complaints] == [
        f"it_unit_leader.ics line {n}" for n in (10, 16, 22)
    ]
    assert "Bob names nobody on the staff list: write a staff id" in done.complaints[0]
    assert "Al Poe is the name of s1, s2: write the id" in done.complaints[1]
    assert not done.written and on_call(tx) == []
    assert calendar([*TONIGHT, "SUMMARY:kit"], [*TONIGHT, "SUMMARY:gone"], skip_bad=True).written
    assert len(on_call(tx)) == 1


def test_a_series_is_expanded_for_ninety_days_in_local_hours(tx, calendar):
    """New York: 19:00 is 00:00 UTC in winter, and 23:00 once the clocks have changed in March, beyond the 90 days."""
    calendar(["DTSTART;TZID=America/New_York:20261001T190000", "DTEND;TZID=America/New_York:20261002T070000",
              "RRULE:FREQ=DAILY", "SUMMARY:kit"])  # fmt: skip
    rows = tx.exec(select(Shift).order_by(Shift.starts_at)).all()
    assert len(rows) == 91 and rows[-1].starts_at < NOW + timedelta(days=90)
    assert {row.starts_at.hour for row in rows} == {0} and {row.ends_at.hour for row in rows} == {12}


def test_a_night_on_which_the_clocks_change_ends_at_its_hour(tx, calendar):
    calendar(["DTSTART;TZID=Europe/London:20261124T190000", "DTEND;TZID=Europe/London:20261125T070000",
              "RRULE:FREQ=WEEKLY;UNTIL=20261209", "SUMMARY:kit"])  # fmt: skip
    assert [row[2:] for row in on_call(tx)] == [("24 19:00", "25 07:00"), ("01 19:00", "02 07:00"),
                                                ("08 19:00", "09 07:00")]  # fmt: skip


def test_overrides_exceptions_and_cancelled_times_are_heeded(tx, calendar):
    series = ["UID:a", "DTSTART:20261122T190000Z", "DTEND:20261123T070000Z", "RRULE:FREQ=DAILY;COUNT=4",
              "EXDATE:20261123T190000Z", "SUMMARY:kit"]  # fmt: skip
    instead = ["UID:a", "RECURRENCE-ID:20261124T190000Z", "DTSTART:20261124T200000Z", "DTEND:20261125T070000Z",
               "SUMMARY:lea"]  # fmt: skip
    off = ["UID:a", "RECURRENCE-ID:20261125T190000Z", "DTSTART:20261125T190000Z", "DTEND:20261126T070000Z",
           "STATUS:CANCELLED", "SUMMARY:kit"]  # fmt: skip
    assert calendar(series, instead, off).complaints == []
    assert on_call(tx) == [("kit", "it_unit_leader", "22 19:00", "23 07:00"),
                           ("lea", "it_unit_leader", "24 20:00", "25 07:00")]  # fmt: skip


def test_a_whole_day_is_the_hospitals_day(tx, calendar):
    calendar(["DTSTART;VALUE=DATE:20261123", "SUMMARY:kit"])
    assert on_call(tx) == [("kit", "it_unit_leader", "23 00:00", "24 00:00")]


def test_again_replaces_this_roles_calendar_and_nothing_else(tx, calendar):
    tx.add(
        Shift(person_id="lea", role="it_unit_leader", kind="oncall", starts_at=NOW, ends_at=NOW + timedelta(hours=1))
    )
    calendar([*TONIGHT, "SUMMARY:kit"])
    calendar([*TONIGHT, "SUMMARY:kit"], role="lab_lead")
    done = calendar(role="it_unit_leader")
    assert done.warnings == ["it_unit_leader.ics: nobody is on call as it_unit_leader in the next 90 days"]
    assert [(row[0], row[1]) for row in on_call(tx)] == [("kit", "lab_lead"), ("lea", "it_unit_leader")]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (["DTSTART:20261122T190000Z", "SUMMARY:kit"], "give DTEND"),
        (["DTSTART:20261122T190000Z", "DTEND:20261122T180000Z", "SUMMARY:kit"], "later than DTSTART"),
        (["DTSTART:20261122T190000Z", "DTEND:20271122T180000Z", "SUMMARY:kit"], "at most 31 days"),
        (["DTSTART:20261122T190000Z", "DTEND:20261122T200000Z", "RRULE:FREQ=HOURLY", "SUMMARY:kit"], "once a day"),
        ([*TONIGHT, "RRULE:FREQ=DAILY;BYHOUR=0,1,2;BYMINUTE=0,10", "SUMMARY:kit"], "once a day"),
        ([*TONIGHT, "RRULE:FREQ=DAILY;INTERVAL=0", "SUMMARY:kit"], "INTERVAL below 1"),
        (["SUMMARY:kit"], "DTSTART"),
    ],
)
def test_an_event_that_cannot_be_is_complained_about(tx, calendar, event, says):
    done = calendar(event)
    assert len(done.complaints) == 1 and says in done.complaints[0] and "line 4" in done.complaints[0]


def test_a_file_that_is_none_and_a_role_that_is_none_are_said(tx, house, tmp_path):
    bad = tmp_path / "bad.ics"
    bad.write_text("id,name\n")
    done = roster.import_calendars(
        tx, roster.read_calendars(tx, {"lab_lead": bad, "imaging_lead": tmp_path / "none.ics", "unit_charge": bad})
    )
    assert "is not an iCalendar file" in done.complaints[0]
    assert "none.ics: cannot be read" in done.complaints[1]
    assert "unit_charge is no role of the whole house" in done.complaints[2]


LINES = st.sampled_from([
    "BEGIN:VEVENT", "END:VEVENT", "UID:a", "DTSTART:20261122T190000Z", "DTSTART;VALUE=DATE:20261122", "DTSTART:soon",
    "DTEND:20261123T070000Z", "DTEND;VALUE=DATE:20261123", "DURATION:PT8H", "DURATION:P1Y", "RRULE:FREQ=DAILY;COUNT=3",
    "RRULE:FREQ=DAILY;UNTIL=20261201", "RRULE:FREQ=NEVER", "EXDATE:20261123T190000Z", "RDATE:20261125T190000Z",
    "RECURRENCE-ID:20261123T190000Z", "SUMMARY:kit", "SUMMARY:Bob", "ATTENDEE:mailto:kit@example.org",
    "DTSTART;TZID=Nowhere/Else:20261122T190000", "\x00", "é",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, max_size=14))
def test_whatever_a_file_holds_is_read_or_complained_about(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "any.ics"
    whole = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    path.write_text("\r\n".join(whole), encoding="utf-8")
    sheet = calendars._read(path, "lab_lead", {"kit": ["kit"]}, ZoneInfo("UTC"), NOW)
    assert all(begins < ends for _, begins, ends in sheet.stretches)
