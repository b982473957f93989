"""Roll-calls and questions of one's own: who is asked, what their digits count for, and how it is counted."""

import pytest
from sqlmodel import col, select

from bot import board, checkins, outbox, timers
from bot.access import Refused
from bot.checkins import Count, Kind
from bot.clock import MovedClock
from bot.command import answers, asking, digest
from bot.command.asking import Wanted, wanted
from bot.db import Database, Tx
from tests.domain.test_rounds import declare, passes, person, says, standing
from tests.people import CAST, hire

EVERYBODY = len(CAST)


@pytest.fixture
def night(db: Database) -> Database:
    db.run(hire)
    db.run(declare)
    return db


def asks(db: Database, text: str) -> str:
    return db.run(lambda tx: asking.checkin(tx, person(tx, "eve"), text, "slack"))


def count(db: Database, kind: Kind) -> Count:
    def counted(tx: Tx) -> Count:
        rounds = select(checkins.Round).where(checkins.Round.kind == kind).order_by(col(checkins.Round.id))
        opened = tx.exec(rounds).all()[-1]
        return checkins.count(tx, opened)

    return db.read_now(counted)


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", Wanted()),
        ("O-1", Wanted(code="O-1")),
        ("all", Wanted(only=[])),
        ("units:5w,3W", Wanted(only=["5W", "3W"])),
        ("O-1 units:5W enough forms?", Wanted(code="O-1", only=["5W"], text="enough forms?")),
        ("roles:lab_lead all well?", Wanted(only=[], roles=["lab_lead"], text="all well?")),
        ("allergies are on paper?", Wanted(text="allergies are on paper?")),
        ("roll-call", Wanted(verb="roll-call")),
        ("O-1 roll-call units:5W", Wanted(code="O-1", verb="roll-call", only=["5W"])),
    ],
)
def test_what_a_check_in_asks_for(text: str, means: Wanted) -> None:
    assert wanted(text) == means


def test_a_roll_call_asks_everybody_on_shift_and_counts_who_is_where(night: Database) -> None:
    assert f"{EVERYBODY} people on shift are asked" in asks(night, "roll-call")
    says(night, "alma", "1")
    assert says(night, "abe", "HERE 3W")
    says(night, "kit", "AWAY")
    assert count(night, Kind.ROLL_CALL) == Count(EVERYBODY, fine=2, need=0, away=1, missing=EVERYBODY - 3)
    figures = night.read_now(lambda tx: board.status(tx)["outages"][0]["roll_call"])
    assert figures == {"asked": EVERYBODY, "on_site": 2, "away": 1, "missing": EVERYBODY - 3}
    shown = asks(night, "roll-call list")
    assert "2 on site, 1 away, 10 not accounted for" in shown
    assert "3W: Cho Fern" in shown and "Alma" not in shown


def test_one_for_some_units_asks_only_those(night: Database) -> None:
    assert "3 people on shift in 5W" in asks(night, "roll-call units:5W")
    assert says(night, "cho", "HERE 3W")
    assert count(night, Kind.ROLL_CALL).fine == 0
    assert says(night, "cho", "HERE 5W")  # not asked, and on site all the same
    assert count(night, Kind.ROLL_CALL) == Count(3, fine=1, need=0, away=0, missing=3)


def test_a_1_to_a_roll_call_is_no_ok_for_the_unit(night: Database) -> None:
    asks(night, "roll-call")
    says(night, "ben", "1")
    assert (count(night, Kind.ROLL_CALL).fine, standing(night)["5W"]) == (1, "silent")
    says(night, "ben", "1")  # said again it is the same answer
    assert standing(night)["5W"] == "silent"
    says(night, "ben", "1 5W")
    assert standing(night)["5W"] == "ok"


def test_silence_becomes_one_entry_for_the_charge_nurse(night: Database, clock: MovedClock) -> None:
    asks(night, "roll-call")
    for who in ("ben", "cho"):
        says(night, who, "1")
    passes(night, clock, minutes=10)
    bodies = select(outbox.Message.body).where(outbox.Message.person_id == "ben", outbox.Message.kind == "digest")
    assert any("not accounted for: Alma Quill, Abe Loom" in body for body in night.read_now(lambda tx: tx.exec(bodies)))
    whom = select(digest.Concern.person_id).where(digest.Concern.what == digest.ROLL_CALL, digest.Concern.about == "3W")
    assert night.read_now(lambda tx: tx.exec(whom).all()) == []  # nobody is missing there


def test_it_closes_after_an_hour_and_the_command_centre_hears_the_count(night: Database, clock: MovedClock) -> None:
    asks(night, "roll-call")
    passes(night, clock, minutes=60)
    kept = night.read_now(lambda tx: tx.exec(select(timers.Timer.kind)).all())
    assert not {asking.MISSED, asking.OVER} & set(kept)
    says(night, "ben", "1")
    assert standing(night)["5W"] == "ok"


def test_a_question_of_ones_own_is_answered_by_the_same_digits(night: Database) -> None:
    assert "13 people are asked: MERCY ASKS: Can you stay until noon? Reply 1=yes/OK" in asks(
        night, "all Can you stay until noon?"
    )
    says(night, "alma", "1")
    assert says(night, "ben", "2")
    assert count(night, Kind.QUESTION) == Count(13, fine=1, need=1, away=0, missing=11)
    assert standing(night) == {"3W": "silent", "5W": "silent"}
    shown = night.read_now(lambda tx: board.status(tx)["outages"][0]["checkin"])
    assert (shown["ok"], shown["help"]) == (1, 0)


def test_it_may_be_put_to_the_holders_of_a_role(night: Database) -> None:
    assert "2 people are asked" in asks(night, "roles:pharmacist_in_charge Cabinets open?")
    says(night, "kit", "1")
    assert count(night, Kind.QUESTION) == Count(2, fine=1, need=0, away=0, missing=1)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("Is all well?", "Say `/checkin`"),
        ("roles:lab_lead", "Say `/checkin`"),
        ("roles:lab_lead All well?", "Nobody on shift is lab_lead"),
        ("roles:nurse All well?", "There is no role nurse"),
        ("units:9Z", "9Z is not a unit of O-1"),
        ("units:9Z All well?", "There is no unit 9Z"),
        ("roll-call now", "Say `/checkin roll-call`"),
        ("roll-call list", "has had no roll-call"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_way_on(night: Database, text: str, because: str) -> None:
    with pytest.raises(Refused, match=because.replace("`", ".")):
        asks(night, text)


def test_a_person_told_in_person_is_counted_so_and_their_unit_too(night: Database) -> None:
    def tell(tx: Tx, whom: str) -> answers.Echo:
        return answers.person_told(tx, person(tx, "dana"), person(tx, whom), "Jon")

    assert night.run(tell, "alma") == ("echo", {"text": "Alma Quill told in person by Jon"})
    assert night.run(tell, "ben")
    shown = night.read_now(lambda tx: board.status(tx)["outages"][0])
    assert shown["reach"]["told_in_person"] == 2
    assert shown["checkin"]["silent"] == shown["checkin"]["asked"]
    assert standing(night) == {"3W": "silent", "5W": "told"}
    waiting = select(outbox.Message.id).where(outbox.Message.person_id == "alma", outbox.Message.state == "queued")
    assert night.read_now(lambda tx: tx.exec(waiting).all()) == []
