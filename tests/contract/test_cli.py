"""The command line as people and scripts meet it: one plain sentence, and an exit status.

A process needs a second to start, so most commands are called as the process would call them.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
import structlog

from bot.cli import main

MUSTER = str(Path(sys.executable).with_name("muster"))
STAFF = """id,name,unit,mobile,roles,permissions
eve,Eve Sand,OPS,+1 202 555 0116,incident_commander,admin
ben,Ben Ode,5W,+1 202 555 0113,unit_charge,
alma,Alma Quill,5W,+1 202 555 0111,,
finn,Finn Brook,IT,+1 202 555 0117,it_unit_leader;service_desk,declare;manage
"""
BAD_STAFF = """id,name,unit,mobile
x1,Gus Odd,5W,12
x2,,5W,+1 202 555 0118
x3,Hal Fine,5W,+1 202 555 0119
"""
#: the names of the contract, in its order
OUTAGE = """
    code state level exercise services service_states summary commander declared_at next_update_at restored_at closed_at
    reach checkin units tasks period roll_call recovery on_paper recalls
""".split()
PARTS = {
    "reach": "people queued sent delivered failed unreachable told_in_person".split(),
    "checkin": "asked ok help risk unavailable late silent".split(),
    "units": "ok help risk silent told".split(),
    "tasks": "waiting offered accepted in_progress done blocked cannot_do cancelled overdue".split(),
}
ENGINE = "queued doubtful expired unconfirmed oldest_due_s last_beat_s channels circuits says".split()


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


def in_a_process(words: list[str], folder: Path, env: dict[str, str], stdin: str) -> Said:
    given: dict[str, Any] = {"cwd": folder, "env": env, "input": stdin, "capture_output": True, "text": True}
    done = subprocess.run([MUSTER, *words], timeout=60, check=False, **given)
    return Said(done.returncode, done.stdout, done.stderr)


def called(words: list[str], folder: Path, env: dict[str, str], stdin: str) -> Said:
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(out), redirect_stderr(err):
        for name in os.environ:
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr("sys.argv", [MUSTER, *words])
        patch.setattr("sys.stdin", StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
    return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class House:
    """A folder with a database, and nothing of anybody's environment."""

    folder: Path
    run: Callable[[list[str], Path, dict[str, str], str], Said] = called

    def does(self, *words: str, stdin: str = "", **more: str) -> Said:
        env = {"PATH": os.environ["PATH"], "ORG_SHORT": "MERCY", "CALLBACK_NUMBER": "5555"}
        return self.run([*words], self.folder, env | more, stdin)

    def file(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def done(self, *words: str, **more: str) -> str:
        said = self.does(*words, **more)
        assert (said.code, said.err) == (0, ""), said
        return said.out

    def refused(self, *words: str, **more: str) -> str:
        """One plain sentence on stderr, nothing on stdout."""
        said = self.does(*words, **more)
        assert (said.code, said.out) == (1, ""), said
        assert said.err.count("\n") == 1, said.err
        return said.err

    def asked(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "muster.db")) as raw:
            return [row[0] for row in raw.execute(query)]

    def tell(self, statement: str) -> None:
        """Somebody with a database tool was here."""
        with closing(sqlite3.connect(self.folder / "muster.db", isolation_level=None)) as raw:
            raw.execute(statement)


@pytest.fixture(autouse=True)
def nothing_lasts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a process would take with it when it ends."""
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    logs = structlog.get_config()
    yield
    structlog.configure(**logs)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def true_house(tmp_path: Path) -> House:
    """Each command in a process of its own."""
    return House(tmp_path, in_a_process)


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database after the first import, to copy."""
    house = House(tmp_path_factory.mktemp("cli"), in_a_process)
    said = house.done("roster", "import", house.file("staff.csv", STAFF))
    assert said == "Imported: 4 added, 0 updated, 0 deactivated.\n"
    return house.folder / "muster.db"


@pytest.fixture
def hospital(house: House, staffed: Path) -> House:
    copy(staffed, house.folder / "muster.db")
    return house


def test_an_outage_from_the_command_line(hospital: House) -> None:
    said = hospital.done("declare", "ehr", "--summary", "the EHR is down", "--yes", "--as", "eve")
    assert said.startswith("Declared O-1, level 2: ")
    assert "MERCY" in said
    is_told(hospital)
    takes_a_task(hospital)
    assert "still out" in hospital.done("update", "O-1", "the EHR is still out")
    assert "There is no nobody" in hospital.refused("command", "O-1", "nobody")
    assert "back" in hospital.done("restore", "O-1")
    assert "verified" in hospital.done("verify", "O-1")
    assert "priority-1 recovery tasks are open" in hospital.refused("close", "O-1", "--yes")
    assert "closed" in hospital.done("close", "O-1", "all was looked at", "--yes")
    assert hospital.done("journal", "verify").startswith("The journal is whole: ")
    hospital.tell("update journal set who = 'nobody' where seq = 1")
    assert "broken at line 1" in hospital.refused("journal", "verify")


def test_it_says_what_a_declaration_would_come_to_before_it_asks(hospital: House) -> None:
    said = hospital.does("declare", "ehr", "--level", "4", "--as", "eve", stdin="n\n", SMS_PER_SECOND="0.005")
    assert said.code == 1 and "Nothing was done" in said.err
    assert said.out.startswith("4 people")
    assert "At 0.005 segments a second this takes" in said.out and "Tell staff that ehr is down?" in said.out
    assert json.loads(hospital.done("status", "--json"))["outages"] == []


def is_told(hospital: House) -> None:
    """`status --json` says all that the contract names."""
    state = json.loads(hospital.done("status", "--json"))
    fits_the_contract(state)
    (outage,) = state["outages"]
    assert (outage["code"], outage["state"], outage["commander"]) == ("O-1", "declared", "eve")
    assert outage["services"] == ["ehr"]
    assert outage["reach"]["people"] == sum(count for name, count in outage["reach"].items() if name != "people")


def takes_a_task(hospital: House) -> None:
    offered = "from task where state = 'offered' and number > 0 and owner <> '' order by number limit 1"
    (number,), (owner,) = hospital.asked(f"select number {offered}"), hospital.asked(f"select owner {offered}")
    assert hospital.done("task", "have", f"T{number}", "--as", owner)
    assert hospital.asked(f"select state from task where number = {number}") == ["accepted"]
    assert f"T{number} " in hospital.done("task", "list")
    assert "Say to whom" in hospital.refused("task", "give", f"T{number}")


def test_a_status_when_nothing_is_open(true_house: House) -> None:
    """Two at once, on a database that neither has seen: one makes it, both answer."""
    with ThreadPoolExecutor(2) as pool:
        plain, machine = pool.map(lambda words: true_house.done(*words), [("status",), ("status", "--json")])
    assert plain.startswith("No outage is open.")
    assert json.loads(machine)["outages"] == []
    fits_the_contract(json.loads(machine))


def test_a_provider_in_trouble_is_told_in_words(hospital: House) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    hospital.tell(
        "insert into health (name, state, reason, at, circuit, opened_at) values ('sms', 'trouble', '', "
        f"'{since:%Y-%m-%d %H:%M}:30.000000', 'open', '{since:%Y-%m-%d %H:%M}:00.000000')"
    )
    twilio = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "TWILIO_FROM": "+12025550199"}
    more = twilio | {"PUBLIC_URL": "https://m.example.org", "SMS_FALLBACK_URLS": "json://127.0.0.1:9/{to}"}
    said = hospital.done("status", **more)
    trouble = f"Texts: Twilio has not answered since {since:%H:%M}, fallback gateway 1 carries them."
    assert trouble in said.splitlines()
    assert "Queued 0, doubtful 0, unconfirmed 0, expired 0. Channels: sms trouble." in said.splitlines()


def test_void_asks_first(hospital: House) -> None:
    hospital.done("declare", "ehr", "--yes")
    said = hospital.does("void", "O-1", stdin="y\n")
    assert said.code == 0
    assert "[y/N]" in said.out
    assert "voided" in said.out


def test_a_second_import_updates(hospital: House) -> None:
    hospital.file("staff.csv", STAFF.replace("0111", "0121"))
    assert hospital.done("roster", "import", "staff.csv", "--dry-run").startswith("Would import: 0 added, 1 updated")
    assert "+12025550111" in hospital.asked("select mobile from person"), "a dry run writes nothing"
    assert hospital.done("roster", "import", "staff.csv").startswith("Imported: 0 added, 1 updated")
    assert "+12025550121" in hospital.asked("select mobile from person")


def test_a_number_is_set_and_a_calendar_read(hospital: House) -> None:
    assert hospital.done("roster", "set", "alma", "mobile=(202) 555-0131") == "alma is changed.\n"
    assert "+12025550131" in hospital.asked("select mobile from person")
    said = hospital.does("roster", "set", "alma", "mobile=12")
    assert said.code == 1 and "mobile '12' is too short" in said.err and "Nothing was changed" in said.err
    event = "DTSTART:20990101T000000Z\nDTEND:20990101T120000Z\nSUMMARY:finn\n"
    calendar = hospital.file("it.ics", f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{event}END:VEVENT\nEND:VCALENDAR\n")
    said = hospital.does("roster", "oncall", "it_unit_leader", calendar)
    assert said.out == "Imported stretches on call: 0 for it_unit_leader.\n"
    assert "nobody is on call as it_unit_leader in the next 90 days" in said.err
    assert "no calendar in" in hospital.refused("roster", "oncall", "nowhere")


def test_the_check_of_the_roster_names_who_is_missing(hospital: House) -> None:
    said = hospital.does("roster", "check")
    assert said.code == 1
    assert "RED: house_supervisor: nobody now and for 24 hours; commander stands in.\n" in said.out
    assert "it_unit_leader" not in said.out and "findings are red" in said.err


def test_bad_rows_are_named_by_line_and_nothing_is_imported(hospital: House) -> None:
    said = hospital.does("roster", "import", hospital.file("bad.csv", BAD_STAFF))
    *complaints, last = said.err.strip().splitlines()
    assert (said.code, said.out) == (1, "")
    assert ["line 2" in complaints[0], "line 3" in complaints[1]] == [True, True], said.err
    assert last.startswith("2 bad rows, so nothing was imported.")
    assert hospital.asked("select count(*) from person") == [4]


def test_a_pin_is_read_from_stdin_and_kept_as_a_hash(hospital: House) -> None:
    assert House(hospital.folder, in_a_process).done("pin", "set", "eve", stdin="4829\n") == "The PIN of eve is set.\n"
    (hashed,) = hospital.asked("select hash from pin where person_id = 'eve'")
    assert hashed.startswith("$argon2")
    assert b"4829\n" not in (hospital.folder / "muster.db").read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("update O-9 text", "There is no outage O-9"),
        ("pin set nobody", "There is no nobody on the staff list"),
    ],
)
def test_a_refusal_is_one_sentence(hospital: House, words: str, says: str) -> None:
    assert says in hospital.refused(*words.split(), stdin="4829\n")


@pytest.mark.parametrize("words", ["frobnicate", "declare ehr --level 9"])
def test_wrong_usage_exits_2(house: House, words: str) -> None:
    said = house.does(*words.split())
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_bad_settings_are_complained_about_all_at_once(house: House) -> None:
    said = house.does("status", PORT="many", TIMEZONE="Nowhere/At_All", TWILIO_ACCOUNT_SID="nonsense")
    assert (said.code, said.out) == (1, "")
    named = {line.split()[0].strip(":") for line in said.err.splitlines()}
    assert named >= {"PORT", "TIMEZONE", "TWILIO_ACCOUNT_SID"}


def test_a_database_that_cannot_be_opened(true_house: House) -> None:
    said = true_house.refused("status", DATABASE_URL="sqlite:////nowhere/at/all.db")
    assert said == "The database cannot be used: unable to open database file.\n"


def fits_the_contract(state: dict[str, Any]) -> None:
    assert list(state) == ["outages", "engine"]
    assert sorted(state["engine"]) == sorted(ENGINE)
    for outage in state["outages"]:
        assert list(outage) == OUTAGE
        assert {part: list(outage[part]) for part in PARTS} == PARTS
