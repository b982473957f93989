"""The roster import: every complaint with its line, all or nothing, and again and again."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from bot import roster
from bot.roster import Partner, Person, Shift, Site, Unit

ALMA = "s1,Alma Quill,5W,(202) 555-0101"
BEN = "s2,Ben Ode,3W,+1 202 555 0102"
HEADER = "id,name,unit,mobile"


@pytest.fixture
def file(tmp_path):
    def written(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return written


@pytest.fixture
def staff(tx, file):
    def imported(*lines, **options):
        return roster.import_files(tx, file("staff.csv", *lines), **options)

    return imported


def test_it_imports_people_and_creates_their_units_and_sites(tx, staff):
    done = staff("id,name,unit,mobile,site", ALMA + ",MAIN")
    alma = tx.get(Person, "s1")
    assert (done.added, done.complaints, done.written) == (1, [], True)
    assert (alma.name, alma.unit, alma.mobile, alma.language) == ("Alma Quill", "5W", "+12025550101", "en")
    assert (tx.get(Unit, "5W").site, tx.get(Site, "MAIN").name) == ("MAIN", "MAIN")


def test_it_reads_every_column(tx, staff):
    staff(
        "id,name,unit,mobile,mobile2,landline,slack_id,site,language,reports_to,roles,permissions,no_voice,no_sms,"
        "consent_at,consent_source",
        "s1,Alma,5W,2025550101,2025550102,2025550103,U1,MAIN,ES,s2,unit_charge; lab_lead,declare;manage,yes,no,"
        "2026-01-05T08:00:00-05:00,form",
        "s2,Ben,5W,,,,W2,,,,,,,,2026-01-05,",
    )
    alma, ben = tx.get(Person, "s1"), tx.get(Person, "s2")
    assert (alma.mobile2, alma.landline, alma.slack_id, alma.site) == ("+12025550102", "+12025550103", "U1", "MAIN")
    assert (alma.language, alma.reports_to, alma.no_voice, alma.no_sms) == ("es", "s2", True, False)
    assert (alma.roles, alma.permissions) == (["unit_charge", "lab_lead"], ["declare", "manage"])
    assert (alma.consent_at, alma.consent_source) == (datetime(2026, 1, 5, 13, tzinfo=UTC), "form")
    assert (ben.consent_at, ben.roles, ben.place) == (datetime(2026, 1, 5, tzinfo=UTC), [], 3)


def test_leave_and_skills_come_with_the_files(tx, staff, file):
    header = "staff_id,role,unit,starts_at,ends_at,kind"
    rows = [f"s1,,,2026-11-{day}T00:00:00Z,2026-11-30T00:00:00Z,{kind}" for day, kind in ((20, "leave"), (21, ""))]
    done = staff(HEADER + ",skills", ALMA + ",RN; icu rn", shifts=file("shifts.csv", header, *rows))
    assert done.complaints == [] and tx.get(Person, "s1").skills == ["rn", "icu rn"]
    assert [leave.person_id for leave in tx.exec(select(roster.Leave))] == ["s1"]
    assert [shift.kind for shift in tx.exec(select(Shift))] == ["shift"]
    staff(HEADER, ALMA, shifts=file("shifts.csv", header, rows[1]))
    assert not tx.exec(select(roster.Leave)).all()


def test_it_reads_national_numbers_in_the_region_it_is_given(tx, staff):
    staff(HEADER, "s1,Alma,5W,020 7946 0018", region="GB")
    assert tx.get(Person, "s1").mobile == "+442079460018"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (",Alma,5W,,,,,,,", "line 2: id is missing"),
        ("s1,,5W,,,,,,,", "line 2: name is missing"),
        ("s1,Alma,,,,,,,,", "line 2: unit is missing"),
        ("s1,Alma,T7,,,,,,,", "unit T7 looks like a task or outage code"),
        ("s1,Alma,o-1,,,,,,,", "unit o-1 looks like a task or outage code"),
        ("s1,Alma,5W,12,,,,,,", "line 2: mobile '12'"),
        ("s1,Alma,5W,,alma,,,,,", "slack_id alma is not a Slack member id"),
        ("s1,Alma,5W,,,chief,,,,", "roles chief is not a role; those are incident_commander, pio, liaison"),
        ("s1,Alma,5W,,,,boss,,,", "permissions boss is not a permission; those are declare, manage, close, admin"),
        ("s1,Alma,5W,,,,,s9,,", "line 2: reports_to s9 is nobody's id"),
        ("s1,Alma,5W,,,,,,perhaps,", "no_voice perhaps is neither yes nor no"),
        ("s1,Alma,5W,,,,,,,soon", "consent_at soon is not an ISO 8601 time"),
        ("s1,Alma,5W,,,,,,,0001-01-01T00:00:00+14:00", "is not a time that anybody will see"),
        ("s1,Alma,5W,,,,,,,,Main", "line 2: has 11 cells, the header has 10"),
        (f"s1,{'A' * 201},5W,,,,,,,", "name is longer than 200 characters"),
    ],
)
def test_it_refuses_a_bad_row_by_its_line(tx, staff, row, says):
    done = staff("id,name,unit,mobile,slack_id,roles,permissions,reports_to,no_voice,consent_at", row)
    assert says in done.complaints[0]
    assert not done.written
    assert tx.get(Person, "s1") is None


def test_it_names_every_complaint_at_once(staff):
    done = staff("id,name,unit,mobile", "s1,Alma,5W,12", BEN, "s3,,T9,13")
    assert [complaint[:24] for complaint in done.complaints] == [
        "staff.csv line 2: mobile",
        "staff.csv line 4: name i",
        "staff.csv line 4: unit T",
        "staff.csv line 4: mobile",
    ]


def test_it_counts_lines_across_blank_ones_and_quoted_breaks(staff):
    done = staff(HEADER, "", 's1,"Alma\nQuill",5W,', "", "s2,,3W,")
    assert done.complaints == ["staff.csv line 6: name is missing"]


def test_it_refuses_an_id_that_stands_there_twice(staff):
    done = staff(HEADER, ALMA, BEN, "s1,Alma Again,5W,")
    assert done.complaints == ["staff.csv line 4: id s1 stands already in line 2"]


def test_it_imports_the_good_rows_when_told_to_skip_the_bad(tx, staff):
    done = staff(HEADER, ALMA, "s2,Ben,3W,12", skip_bad=True)
    assert (done.added, len(done.complaints), done.written) == (1, 1, True)
    assert tx.get(Person, "s2") is None


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("id,name,unit,phone,mail", "staff.csv: unknown column phone, mail; the columns are id, name, unit, mobile"),
        ("id,name,unit,name", "staff.csv: column name stands there twice"),
        ("id,mobile", "staff.csv: column name, unit is missing; the columns are id"),
        (",name,unit", "staff.csv: unknown column (no name)"),
    ],
)
def test_it_refuses_a_wrong_header_even_when_skipping_bad_rows(staff, header, says):
    done = staff(header, ALMA, skip_bad=True)
    assert done.complaints[0].startswith(says)
    assert not done.written


def test_it_refuses_an_empty_file_and_a_missing_one(tx, file, tmp_path):
    done = roster.import_files(tx, file("staff.csv", ""), units=tmp_path / "units.csv")
    assert done.complaints[0] == "units.csv: cannot be read: No such file or directory"
    assert done.complaints[1].startswith("staff.csv: is empty; it needs a header row: id, name, unit")


def test_it_refuses_a_quote_that_is_never_closed(staff):
    done = staff(HEADER, ALMA, 's2,"Ben Ode,3W,')
    assert done.complaints == ["staff.csv: is not a CSV file: line 3: unexpected end of data"]


def test_it_reads_what_spreadsheets_save(tx, tmp_path):
    excel = tmp_path / "excel.csv"
    excel.write_bytes("﻿ID, Name ,Unit,,\r\ns1,Zoë,5W,,\r\n".encode())
    old = tmp_path / "old.csv"
    old.write_bytes("id,name,unit\r\ns2,José,5W\r\n".encode("cp1252"))
    assert roster.import_files(tx, excel).complaints == []
    assert "is not UTF-8" in roster.import_files(tx, old).warnings[0]
    assert (tx.get(Person, "s1").name, tx.get(Person, "s2").name) == ("Zoë", "José")


def test_it_drops_the_invisible_marks_of_address_books(tx, staff):
    staff(HEADER, "s1,Alma\u200b Quill,5W,\u202a+1 202 555 0101\u202c")
    assert (tx.get(Person, "s1").name, tx.get(Person, "s1").mobile) == ("Alma Quill", "+12025550101")


def test_it_updates_by_id_and_leaves_columns_alone_that_the_file_lacks(tx, staff):
    staff("id,name,unit,mobile,roles", ALMA + ",unit_charge", BEN + ",")
    done = staff("id,name,unit", "s1,Alma Ode,5W", "s2,Ben Ode,3W", "s3,Chi Drift,ICU")
    alma = tx.get(Person, "s1")
    assert (done.added, done.updated, done.unchanged) == (1, 1, 1)
    assert (alma.name, alma.mobile, alma.roles) == ("Alma Ode", "+12025550101", ["unit_charge"])


def test_it_empties_a_column_whose_cell_is_empty(tx, staff):
    staff(HEADER, ALMA)
    staff(HEADER, "s1,Alma Quill,5W,")
    assert tx.get(Person, "s1").mobile == ""


def test_it_deactivates_missing_people_only_when_pruning(tx, staff):
    staff(HEADER, ALMA, BEN)
    assert staff(HEADER, ALMA).deactivated == 0
    assert tx.get(Person, "s2").active
    assert staff(HEADER, ALMA, prune=True).deactivated == 1
    assert not tx.get(Person, "s2").active
    assert staff(HEADER, ALMA, BEN).updated == 1
    assert tx.get(Person, "s2").active


def test_it_does_not_deactivate_somebody_whose_row_is_bad(tx, staff):
    staff(HEADER, ALMA, BEN)
    staff(HEADER, ALMA, "s2,Ben Ode,3W,12", prune=True, skip_bad=True)
    assert tx.get(Person, "s2").active


def test_it_only_counts_in_a_dry_run(tx, staff):
    done = staff(HEADER, ALMA, dry_run=True)
    assert (done.added, done.written) == (1, False)
    assert tx.get(Person, "s1") is None


def test_it_warns_about_people_without_an_address_and_shared_phones(staff):
    done = staff(HEADER, ALMA, "s2,Ben Ode,3W,202-555-0101", "s3,Chi Drift,ICU,")
    assert done.written
    assert done.warnings == [
        "staff.csv line 4: Chi Drift has no address and will stand on the unreached list",
        "+12025550101 belongs to s1 (line 2), s2 (line 3): an answer from it counts for all of them",
    ]


def test_it_warns_about_a_unit_that_nobody_can_text(staff):
    done = staff(HEADER, "s1,Alma Quill,5 West,2025550101")
    assert done.warnings == ["unit 5 West cannot be texted, as in HERE 5W: a short code is one word"]


def test_it_keeps_one_spelling_of_a_unit(tx, staff, file):
    units = file("units.csv", "unit,name,site", "ICU,Intensive Care,Main")
    staff("id,name,unit,site", "s1,Alma,icu,MAIN", "s2,Ben,ICU,", units=units)
    assert {person.unit for person in tx.exec(select(Person))} == {"ICU"}
    assert [unit.code for unit in tx.exec(select(Unit))] == ["ICU"]
    assert [site.code for site in tx.exec(select(Site))] == ["Main"]


def test_it_imports_units_sites_and_partners_and_keeps_them_on_the_next_import(tx, staff, file):
    files = {
        "units": file("units.csv", "unit,name,site,slack_channel,landline", "5W,5 West,MAIN,C5W,202-555-0150"),
        "sites": file(
            "sites.csv",
            "site,name,help_phone,downtime_box,read_only,bridge,timezone",
            "MAIN,Main Campus,5555,behind the desk,red-label PC,555-0199,America/Chicago",
        ),
        "partners": file("partners.csv", "id,name,kind,mobile,landline", "p1,County EMS,ems,2025550160,"),
    }
    staff(HEADER, ALMA, **files)
    staff("id,name,unit,site", "s1,Alma Quill,5W,MAIN")
    assert tx.get(Unit, "5W").landline == "+12025550150"
    assert (tx.get(Site, "MAIN").help_phone, tx.get(Site, "MAIN").name) == ("5555", "Main Campus")
    assert tx.get(Partner, "p1").mobile == "+12025550160"


def test_it_removes_partners_only_when_pruning(tx, staff, file):
    staff(HEADER, ALMA, partners=file("partners.csv", "id,name", "p1,County EMS", "p2,Saint Fable"))
    staff(HEADER, ALMA, partners=file("partners.csv", "id,name", "p2,Saint Fable"), prune=True)
    assert [partner.id for partner in tx.exec(select(Partner))] == ["p2"]


@pytest.mark.parametrize("zone", ["Mars/Base", "America", "../etc"])
def test_it_refuses_an_unknown_time_zone(staff, file, zone):
    done = staff(HEADER, ALMA, sites=file("sites.csv", "site,timezone", f"MAIN,{zone}"))
    assert done.complaints == [f"sites.csv line 2: timezone {zone} is not a time zone such as America/Chicago"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("s9,,,2026-11-22T07:00:00Z,2026-11-22T19:00:00Z,", "staff_id s9 is nobody's id"),
        ("s1,,,2026-11-22T07:00:00,2026-11-22T19:00:00Z,", "starts_at 2026-11-22T07:00:00 needs an offset"),
        ("s1,,,2026-11-22T19:00:00Z,2026-11-22T19:00:00Z,", "ends_at is not after starts_at"),
        ("s1,boss,,2026-11-22T07:00:00Z,2026-11-22T19:00:00Z,", "role boss is not a role; those are"),
        ("s1,,T7,2026-11-22T07:00:00Z,2026-11-22T19:00:00Z,", "unit T7 looks like"),
        ("s1,,,2026-11-22T07:00:00Z,2026-11-22T19:00:00Z,away", "kind away is not a kind; those are shift, oncall"),
    ],
)
def test_it_refuses_a_bad_shift(staff, file, row, says):
    done = staff(HEADER, ALMA, shifts=file("shifts.csv", "staff_id,role,unit,starts_at,ends_at,kind", row))
    assert done.complaints[0].startswith(f"shifts.csv line 2: {says}")


def test_it_replaces_the_shifts_of_the_last_import_but_not_what_people_said(tx, staff, file):
    header = "staff_id,starts_at,ends_at"
    staff(HEADER, ALMA, shifts=file("a.csv", header, "s1,2026-11-21T07:00:00-05:00,2026-11-21T19:00:00-05:00"))
    roster.take_duty(tx, tx.get(Person, "s1"), "here", "5W")
    staff(HEADER, ALMA, shifts=file("b.csv", header, "s1,2026-11-22T07:00:00-05:00,2026-11-22T19:00:00-05:00"))
    shifts = tx.exec(select(Shift).order_by(Shift.starts_at)).all()
    assert [(shift.source, shift.kind) for shift in shifts] == [("said", "shift"), ("rota", "shift")]
    assert shifts[1].starts_at == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_it_warns_about_shifts_without_rows(staff, file):
    done = staff(HEADER, ALMA, shifts=file("shifts.csv", "staff_id,starts_at,ends_at"))
    assert done.warnings == ["shifts.csv: has no rows, so everybody counts as on shift"]


def test_it_texts_again_only_who_agreed_again(tx, staff):
    staff(HEADER, ALMA)
    roster.opt_out(tx, "+12025550101")
    staff(HEADER + ",consent_at", "s1,Alma Quill,5W,2025550199,2026-11-01")
    assert tx.get(Person, "s1").opted_out_at == tx.now
    staff(HEADER + ",consent_at", "s1,Alma Quill,5W,2025550199,2026-11-30")
    assert tx.get(Person, "s1").opted_out_at is None


def test_it_tells_its_progress_up_to_the_last_row(tx, staff):
    told = []
    staff(HEADER, *(f"s{n},Name {n},5W," for n in range(250)), progress=lambda *at: told.append(at))
    assert told == [(100, 250), (200, 250), (250, 250)]


def test_a_long_list_is_brought_up_to_date_part_by_part(tx, staff):
    def listed(first, last, name="Name"):
        return [f"s{n},{name} {n},{n % 7}N,+1202555{1000 + n}" for n in range(first, last)]

    assert staff(HEADER, *listed(0, 2300)).added == 2300
    rows = [*listed(0, 1100), *listed(1100, 1150, "New name"), *listed(1150, 2200), *listed(2300, 2310)]
    done = staff(HEADER, *rows, prune=True)
    assert (done.added, done.updated, done.unchanged, done.deactivated) == (10, 50, 2150, 100)
    assert len(tx.exec(select(Person).where(Person.active)).all()) == 2210
    assert tx.get(Person, "s1120").name == "New name 1120"


@pytest.mark.parametrize(
    "wrong", [{"kind": "nap"}, {"ends_at": datetime(2026, 11, 22, tzinfo=UTC)}, {"source": "rumour"}, {"kind": "away"}]
)
def test_it_cannot_store_an_impossible_shift(tx, staff, wrong):
    staff(HEADER, ALMA)
    night = {"starts_at": datetime(2026, 11, 22, tzinfo=UTC), "ends_at": datetime(2026, 11, 22, 12, tzinfo=UTC)}
    with pytest.raises(IntegrityError), tx.begin_nested():
        tx.add(Shift(person_id="s1", **(night | wrong)))
