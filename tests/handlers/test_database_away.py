"""The database goes away: what comes in is answered, kept, and counts once when it is back, in order."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from bot import access, checkins, outbox, tasks
from bot.clock import MovedClock
from bot.db import Database
from bot.inbox import Kept, Spool, spool
from bot.outages import Outage
from bot.outbox import Message
from tests import away as ways
from tests.away import TROUBLES, Server, Trouble, away, back
from tests.handlers.conftest import ALMA, BEN, EVE, STRANGER
from tests.handlers.door import Answer, Door
from tests.handlers.test_calls_in import asks, heard
from tests.handlers.test_sms_in import read
from tests.people import hire

each_trouble = pytest.mark.parametrize("trouble", TROUBLES, indirect=True)
locked = pytest.mark.parametrize("trouble", ["locked"], indirect=True)
BUSY = 5.0  # seconds that a busy machine may add; without a limit of its own an answer would take far longer
SLACK_WAITS, TWILIO_WAITS = 3.0 + BUSY, 15.0 + BUSY  # seconds


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.close()


@pytest.fixture
def trouble(request: pytest.FixtureRequest, servers: list[Server], migrated: Path, tmp_path: Path) -> Trouble:
    """How the database goes away: as a server that is stopped, unless a test says otherwise."""

    def server() -> Server:
        if not servers:
            servers.append(Server())
        return servers[0]

    return ways.trouble(getattr(request, "param", "stopped"), server, migrated, tmp_path)


@pytest.fixture
def database_url(trouble: Trouble) -> str:
    return trouble.url


@pytest.fixture
def door(db: Database) -> Door:
    """One that waits no longer than the providers do."""
    db.run(hire)
    return Door(db, patience=1.0)


@pytest.fixture
def outage(door: Door) -> None:
    Door(door.db).types("U0EVE", "/outage declare ehr the EHR is down", trigger="declare")


@pytest.fixture
def placed(door: Door, outage: None) -> int:
    """A call to alma about the outage; the number of its message."""
    alert = door.db.read_now(lambda tx: tx.exec(select(Message).where(Message.person_id == "alma")).one())
    said = outbox.Draft(person_id="alma", channel="voice", address=ALMA, lane=1, body="The EHR is down.", round=1)
    door.db.run(lambda tx: outbox.enqueue(tx, tx.get(outbox.Notice, alert.notice_id), [said]))
    return door.db.read_now(lambda tx: tx.exec(select(Message.id).where(Message.channel == "voice")).one())


def take_in(door: Door) -> int:
    return asyncio.run(door.intake.take_in())


def on_disk(door: Door) -> list[Kept]:
    """What waits there, apart from the line that says since when."""
    with Spool(door.db.settings.spool_dir).taking() as taking:
        assert taking
        return [it for it, _ in taking.next() if it and it.door != spool.AWAY]


def raw(door: Door) -> str:
    """All that stands on the disk."""
    return " ".join(path.read_text() for path in Path(door.db.settings.spool_dir).glob("*"))


def digits(door: Door) -> list[tuple[str, str]]:
    rows = select(checkins.Answer.person_id, checkins.Answer.digit).order_by(col(checkins.Answer.id))
    return door.db.read_now(lambda tx: list(tx.exec(rows)))


def risks(door: Door) -> int:
    return door.db.read_now(lambda tx: sum(task.kind == tasks.Kind.RISK for task in tx.exec(select(tasks.Task))))


def outages(door: Door) -> list[Outage]:
    return door.db.read_now(lambda tx: list(tx.exec(select(Outage))))


def said_to(door: Door, address: str, since: int = 0) -> list[str]:
    """What waits in the outbox for an address, oldest first."""
    rows = select(Message.body).where(Message.address == address, col(Message.id) > since)
    return door.db.read_now(lambda tx: list(tx.exec(rows.order_by(col(Message.id)))))


def last_message(door: Door) -> int:
    return max(door.db.read_now(lambda tx: list(tx.exec(select(Message.id)))), default=0)


def click(name: str, value: str, user: str = "U0BEN", trigger: str = "t9") -> dict[str, Any]:
    action = {"action_id": name, "value": value, "type": "button", "block_id": "b"}
    return {"type": "block_actions", "user": {"id": user}, "actions": [action], "team": {"id": "T1"},
            "trigger_id": trigger, "response_url": "http://127.0.0.1:9/nobody-listens"}  # fmt: skip


def form(text: str, id: str = "V1") -> dict[str, Any]:
    values = {"text": {"v": {"type": "plain_text_input", "value": text}}}
    view = {"id": id, "callback_id": "declare", "state": {"values": values}, "type": "modal"}
    return {"type": "view_submission", "user": {"id": "U0EVE"}, "view": view, "team": {"id": "T1"}}


# --- by every door, in every way of being away ---


@each_trouble
@pytest.mark.usefixtures("outage")
def test_a_text_is_kept_and_counts_when_the_database_is_back(door: Door, trouble: Trouble) -> None:
    before = last_message(door)
    with away(trouble, door.db):
        began = time.monotonic()
        assert "is kept and counts once they are back" in read(door.texts(ALMA, "2", sid="SM7"))
        assert time.monotonic() - began < TWILIO_WAITS
        assert [it.door for it in on_disk(door)] == ["text"]
    assert take_in(door) == 1
    assert digits(door) == [("alma", "2")]
    (echo,) = said_to(door, ALMA, since=before)
    assert "need help" in echo
    assert not door.intake.keeping.has_some()


@each_trouble
def test_slack_is_answered_in_time_and_the_answer_follows(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        for trigger, command in enumerate(["/outage declare ehr the EHR is down", "/outage status"]):
            began = time.monotonic()
            answer = door.types("U0EVE", command, trigger=f"t{trigger}")
            assert time.monotonic() - began < SLACK_WAITS
            assert answer.status == 200
            assert "database has not answered" in answer.body
    assert take_in(door) == 1
    assert [outage.summary for outage in outages(door)] == ["the EHR is down"]
    told = said_to(door, "U0EVE")[-1]
    assert "You sent `/outage declare ehr the EHR is down` at 04:10" in told
    assert "Declared O-1" in told


@each_trouble
def test_what_was_given_up_and_yet_committed_is_not_done_twice(door: Door, trouble: Trouble) -> None:
    """A server that hangs may still carry out what it was given."""
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
    assert take_in(door) == 1
    assert risks(door) == 1


# --- what people are told meanwhile, and what they are told later ---


@pytest.mark.usefixtures("outage")
def test_a_patient_risk_is_not_left_waiting_in_silence(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        said = read(door.texts(ALMA, "9 bed fell", sid="SM7"))
        assert "CANNOT be passed on" in said
        assert "CALL 5555 AT ONCE" in said
    take_in(door)
    assert risks(door) == 1
    (echo,) = (row for row in door.db.read_now(lambda tx: list(tx.exec(select(Message)))) if row.kind == "echo_risk")
    assert (echo.address, echo.lane) == (ALMA, outbox.Lane.LIFE_SAFETY)


@pytest.mark.usefixtures("outage")
def test_a_one_needs_no_thanks_now_or_later(door: Door, trouble: Trouble) -> None:
    before = last_message(door)
    with away(trouble, door.db):
        assert read(door.texts(ALMA, "1", sid="SM7")) == ""
        assert read(door.texts(BEN, "STOP", sid="SM8")) == "", "the carrier answers that"
    assert take_in(door) == 2
    assert digits(door)[0] == ("alma", "1")
    assert said_to(door, ALMA, since=before) == []
    assert door.lines("opted_out")


def test_a_stranger_hears_of_it_later(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.texts(STRANGER, "hello", sid="SM7")
    take_in(door)
    assert "not on our staff list" in said_to(door, STRANGER)[0]


@pytest.mark.usefixtures("outage")
def test_status_by_text_is_answered_later(door: Door, trouble: Trouble) -> None:
    before = last_message(door)
    with away(trouble, door.db):
        door.texts(ALMA, "STATUS", sid="SM7")
    take_in(door)
    assert "O-1" in said_to(door, ALMA, since=before)[0]


def test_a_key_in_a_call_is_kept(door: Door, trouble: Trouble, placed: int) -> None:
    before = last_message(door)
    path, call = f"/twilio/voice/{placed}", {"CallSid": "CA1", "CallStatus": "in-progress"}
    with away(trouble, door.db):
        assert "is kept" in heard(door.twilio(path, call | {"Digits": "2"}))
        assert "is kept" in heard(door.twilio(path, call | {"Digits": "2"}))
    assert take_in(door) == 2
    assert digits(door) == [("alma", "2")]
    assert len(said_to(door, ALMA, since=before)) == 1, "one echo, however often it was pressed"


def test_a_patient_risk_by_key_says_whom_to_call(door: Door, trouble: Trouble, placed: int) -> None:
    with away(trouble, door.db):
        said = heard(door.twilio("/twilio/call", {"CallSid": "CA2", "From": ALMA, "Digits": "9"}))
        assert "cannot be passed on" in said
        assert said.count("5 5 5 5") == 2
    take_in(door)
    assert risks(door) == 1
    assert any("PATIENT RISK" in text for text in said_to(door, ALMA))


def test_a_call_whose_words_cannot_be_read_says_so(door: Door, trouble: Trouble, placed: int) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "1")
        answer = door.twilio(f"/twilio/voice/{placed}", {"CallSid": "CA1", "CallStatus": "in-progress"})
        assert "cannot be reached" in heard(answer)
        assert "text STATUS to this number" in heard(answer)
        assert asks(answer) == [], "nobody can answer a question that was not read out"


def test_who_calls_us_may_answer_all_the_same(door: Door, trouble: Trouble, placed: int) -> None:
    with away(trouble, door.db):
        answer = door.twilio("/twilio/call", {"CallSid": "CA2", "From": ALMA})
        assert "cannot be reached" in heard(answer)
        assert asks(answer)
        heard(door.twilio("/twilio/call", {"CallSid": "CA2", "From": ALMA, "Digits": "1"}))
    take_in(door)
    assert digits(door) == [("alma", "1")]


def test_a_receipt_is_kept(door: Door, trouble: Trouble, placed: int) -> None:
    with away(trouble, door.db):
        for status in ("in-progress", "ringing"):
            form = {"CallSid": "CA1", "CallStatus": status}
            assert door.twilio(f"/twilio/receipts/{placed}", form).status == 204
    assert take_in(door) == 2
    row = door.db.read_now(lambda tx: tx.get(Message, placed))
    assert row and row.state == "delivered"


def test_since_when_is_told_in_slack(door: Door, trouble: Trouble, clock: MovedClock) -> None:
    with away(trouble, door.db):
        door.types("U0EVE", "/outage status", trigger="t1")
        clock.forward(minutes=5)
        assert "since 04:10" in door.types("U0EVE", "/outage status", trigger="t2").body
        assert "since 04:10" in door.types("U0EVE", "/outage declare ehr down", trigger="t3").body


@pytest.mark.parametrize(
    "command", ["/outage status", "/outage help", "/outage close", "/outage void", "/task list", "/outage"]
)
def test_what_only_shows_or_asks_is_not_kept(door: Door, trouble: Trouble, command: str) -> None:
    with away(trouble, door.db):
        answer = door.types("U0EVE", command)
        assert answer.status == 200
        assert "nothing was done" in answer.body
        assert not door.intake.keeping.has_some()


def test_the_form_says_how_to_declare_without_it(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        assert "/outage declare ehr,email" in door.types("U0EVE", "/outage").body


def test_a_form_is_kept_and_declares_once(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        for _ in range(2):
            answer = json.loads(door.acts(form("the EHR is down")).body)
            assert answer["response_action"] == "update"
            assert "Kept." in json.dumps(answer)
    assert take_in(door) == 2
    assert len(outages(door)) == 1
    assert ["Declared O-1" in text for text in said_to(door, "U0EVE") if "You sent the form" in text] == [True]


@pytest.mark.usefixtures("outage")
def test_a_click_is_kept_and_counts_once(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        for _ in range(2):
            assert door.acts(click("check_9", "O-1 9")).status == 200
        assert door.acts(click("check_1", "O-1 1", user="U0DANA", trigger="t10")).status == 200
    assert take_in(door) == 3
    assert risks(door) == 1
    assert sum("You sent a click" in text for text in said_to(door, "U0BEN")) == 1
    assert not any("You sent a click" in text for text in said_to(door, "U0DANA")), "a 1 needs no answer"


def test_a_refusal_that_comes_later_is_told_too(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.types("U0BEN", "/outage declare ehr the EHR is down")
    take_in(door)
    assert outages(door) == []
    assert "You may not declare" in said_to(door, "U0BEN")[0]


# --- PINs ---


def test_a_command_whose_pin_cannot_be_checked_is_not_kept(door: Door, trouble: Trouble) -> None:
    door.db.run(access.set_pin, "eve", access.hash_pin("482913"))
    with away(trouble, door.db):
        assert "so nothing was done. Try again" in read(door.texts(EVE, "OUTAGE 482913 ehr down", sid="SM7"))
        door.texts(BEN, "482913", sid="SM8")
        door.texts(ALMA, "1 482913", sid="SM9")
        door.texts(ALMA, "outage, pin 482913?", sid="SM10")
        assert "482913" not in raw(door)
        assert [it.facts["sid"] for it in on_disk(door)] == ["SM8", "SM9"]
    take_in(door)
    assert outages(door) == []


@locked
def test_a_command_whose_pin_was_checked_is_kept_without_it(door: Door, trouble: Trouble) -> None:
    """Reading still works on a SQLite that somebody else has locked for writing."""
    door.db.run(access.set_pin, "eve", access.hash_pin("482913"))
    with away(trouble, door.db):
        assert "is kept" in read(door.texts(EVE, "OUTAGE 482913 ehr the EHR is down", sid="SM7"))
        assert "482913" not in raw(door)
    take_in(door)
    assert [outage.summary for outage in outages(door)] == ["the EHR is down"]


def test_a_declaration_by_keypad_is_kept_without_its_pin(door: Door, trouble: Trouble) -> None:
    door.db.run(access.set_pin, "eve", access.hash_pin("4829"))
    keyed = {"CallSid": "CA7", "From": EVE}
    assert "Press 1 to declare" in heard(door.twilio("/twilio/call", keyed | {"Digits": "4829"}))
    with away(trouble, door.db):
        assert "cannot tell you" in heard(door.twilio("/twilio/call", keyed | {"Digits": "4829"})), "no PIN is kept"
        door.twilio("/twilio/call?by=eve", keyed | {"Digits": "1"})
        assert [it.door for it in on_disk(door)] == ["declare_by_call"]
        assert "4829" not in raw(door)
    assert take_in(door) == 1
    assert [outage.code for outage in outages(door)] == ["O-1"]


# --- patients ---


@pytest.mark.usefixtures("outage")
def test_no_patient_lies_on_the_disk_and_the_sender_is_told_all_the_same(door: Door, trouble: Trouble) -> None:
    before = last_message(door)
    with away(trouble, door.db):
        door.texts(ALMA, "2 Garcia MRN 4482913 in bed 4", sid="SM7")
        door.types("U0EVE", "/task <@U01234567|ben> due:15m move Mrs Garcia", trigger="t1")
        door.acts(form("Mr Garcia is in the MRI"))
        assert "Garcia" not in raw(door) and "4482913" not in raw(door)
        assert "<@U01234567|ben> due:15m" in raw(door)
    assert take_in(door) == 3
    assert digits(door) == [("alma", "2")]
    assert any("no patient details" in text for text in said_to(door, ALMA, since=before))
    (held,) = door.lines("note_held")
    assert held.detail["text"] == "[removed] [removed] in bed 4"
    assert "Garcia" not in " ".join(str(line.model_dump()) for line in door.lines())


# --- order, and each once ---


@pytest.mark.usefixtures("outage")
def test_what_comes_behind_something_that_waits_waits_too(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "2", sid="SM7")
    door.texts(ALMA, "1", sid="SM8")
    assert [it.facts["sid"] for it in on_disk(door)] == ["SM7", "SM8"]
    assert take_in(door) == 2
    door.texts(ALMA, "4", sid="SM9")
    assert digits(door) == [("alma", "2"), ("alma", "1"), ("alma", "4")]


@each_trouble
def test_what_is_in_hand_when_it_goes_away_keeps_its_order(door: Door, trouble: Trouble) -> None:
    """Some wait for Slack's two seconds and some for longer: who came first stands first all the same."""
    facts = {"number": STRANGER, "body": "x", "reply": {"says": "free", "note": ""}, "proven": ""}

    def came(n: int) -> tuple[str, dict[str, Any]]:
        return ("text", facts | {"sid": f"SM{n}"}) if n % 3 else ("click", CLICK | {"once": f"SM{n}"})

    async def many() -> None:
        await asyncio.gather(*(door.intake.commit(*came(n), instead=lambda: None) for n in range(60)))

    with away(trouble, door.db):
        asyncio.run(many())
        assert [it.facts.get("sid") or it.facts.get("once") for it in on_disk(door)] == [f"SM{n}" for n in range(60)]
    assert take_in(door) == 60


CLICK = {"user": "U0BEN", "name": "check_1", "value": "O-1 1"}


@pytest.mark.usefixtures("outage")
def test_the_same_text_kept_twice_counts_once(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        for _ in range(3):
            door.texts(ALMA, "9", sid="SM7")
    assert take_in(door) == 3
    assert risks(door) == 1


@pytest.mark.usefixtures("outage")
def test_a_kill_between_taking_in_and_emptying_repeats_nothing(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
        door.texts(BEN, "2", sid="SM8")
        door.texts(STRANGER, "hello", sid="SM9")
        door.twilio("/twilio/receipts/4711", {"MessageSid": "SM1", "MessageStatus": "delivered"})
        door.twilio("/twilio/call", {"CallSid": "CA2", "From": STRANGER, "Digits": "9"})
        door.types("U0EVE", "/task @ben due:15m fetch paper", trigger="t1")
        door.types("U0NOBODY", "/task T7", trigger="t2")
        door.acts(click("check_2", "O-1 2"))
        door.acts(form("mail is down, too"))
    before = door.intake.keeping.spool.file.read_bytes()
    assert take_in(door) == 9
    once = door.rows()
    door.intake.keeping.spool.file.write_bytes(before)
    assert take_in(door) == 9
    again = door.rows()
    assert again - once == Counter(journal=1), "a receipt for no message of ours is noted each time"


def test_two_processes_take_it_in_once(door: Door, trouble: Trouble) -> None:
    other = Door(door.db, patience=1.0)
    with away(trouble, door.db):
        for number in range(20):
            (door if number % 2 else other).texts(ALMA, "9", sid=f"SM{number}")
        assert [it.facts["sid"] for it in on_disk(door)] == [f"SM{number}" for number in range(20)], "one order for all"

    async def both() -> list[int]:
        return await asyncio.gather(door.intake.take_in(), other.intake.take_in())

    assert sorted(asyncio.run(both())) == [0, 20]
    assert risks(door) == 20


def test_one_that_cannot_be_taken_in_does_not_hold_up_the_rest(door: Door, trouble: Trouble) -> None:
    now = datetime.now(UTC)
    odd = [Kept("fax", now, {}), Kept("text", now, {"sid": "SM1"}), Kept("receipt", now, {"message": 1, "got": {}})]
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
        door.intake.keeping.spool.append(odd)
        door.texts(ALMA, "9", sid="SM8")
    assert take_in(door) == 2
    assert risks(door) == 2
    assert [line.about for line in door.lines("set_aside")] == ["fax", "text", "receipt"]
    assert json.loads(door.get("/readyz").body)["set_aside"] == 3
    assert not door.intake.keeping.has_some()


# --- what remains visible ---


def test_the_journal_says_how_long_it_was_away_and_what_was_taken_in(
    door: Door, trouble: Trouble, clock: MovedClock
) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
        clock.forward(seconds=30)
        door.texts(BEN, "9", sid="SM8")
    take_in(door)
    (line,) = door.lines("database_was_away")
    assert line.detail == {
        "since": "2026-11-22 04:10:00+00:00", "until": "2026-11-22 04:10:30+00:00", "taken_in": 2,
    }  # fmt: skip


def test_the_journal_hears_of_it_even_if_nothing_came_in(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.get("/readyz")
        for _ in range(3):
            assert take_in(door) == 0
    assert take_in(door) == 0
    (line,) = door.lines("database_was_away")
    assert line.detail["taken_in"] == 0
    assert not door.intake.keeping.has_some()


def test_readiness_says_that_it_is_away_and_how_much_waits(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
        door.texts(ALMA, "9", sid="SM8")
        answer = door.get("/readyz")
        assert answer.status == 503
        said = json.loads(answer.body)
        assert (said["ready"], said["kept"]) == (False, 2)
        assert said["away_since"].startswith("2026-11-22T04:10")
        assert door.get("/healthz").status == 200
    take_in(door)
    assert json.loads(door.get("/readyz").body)["kept"] == 0


# --- who gets nothing ---


def test_who_is_not_who_they_say_they_are_gets_403_and_nothing_is_stored(door: Door, trouble: Trouble) -> None:
    text = {"MessageSid": "SM1", "From": ALMA, "Body": "9", "CallSid": "CA1", "MessageStatus": "sent"}
    with away(trouble, door.db):
        for path in ("/twilio/sms", "/twilio/receipts/7", "/twilio/voice/7", "/twilio/call"):
            assert door.twilio(path, text, token="stolen").status == 403
        assert door.slack(b"command=%2Foutage&user_id=U0EVE", secret="stolen").status == 403
        assert not door.intake.keeping.has_some()


def test_a_disk_that_takes_nothing_either_is_an_error_that_calls_for_another_try(door: Door, trouble: Trouble) -> None:
    Path(door.db.settings.spool_dir).write_text("a file, where a folder should be")
    with away(trouble, door.db):
        for answer in unkept(door):
            assert answer.status == 503
            assert "Nothing was done" in answer.body
        assert take_in(door) == 0
    assert read(door.texts(ALMA, "1", sid="SM1")) == ""
    assert door.rows()["arrival"] == 1


def unkept(door: Door) -> list[Answer]:
    return [
        door.texts(ALMA, "1", sid="SM1"),
        door.twilio("/twilio/receipts/7", {"MessageSid": "SM1", "MessageStatus": "sent"}),
        door.types("U0EVE", "/outage declare ehr down"),
        door.acts(click("check_1", "O-1 1")),
    ]


def test_a_database_that_is_back_and_gone_again_is_waited_for(door: Door, trouble: Trouble) -> None:
    with away(trouble, door.db):
        door.texts(ALMA, "9", sid="SM7")
    trouble.begin()
    assert take_in(door) == 0
    trouble.end()
    back(door.db)
    assert take_in(door) == 1
    assert risks(door) == 1
