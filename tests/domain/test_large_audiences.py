"""A house of thousands: the declaration is answered at once, the rest is written in batches, and each is told once."""

import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert
from sqlmodel import col, func, select

from bot import command, outbox, roster, timers
from bot.clock import MovedClock
from bot.command import answers, opening
from bot.db import Database, Tx
from bot.outbox import BATCH, Expansion, Message, Notice, Recipient
from bot.outbox.say import PORTION
from bot.roster import Person, Shift, Site, Unit
from handlers.timers import HANDLERS

UNITS = ("5W", "3W", "4E")
MANY = 2600


def hire(tx: Tx, many: int = MANY) -> None:
    """So many people in three units: Eve declares, Dana supervises, somebody is in charge of each unit."""
    tx.add_all([Site(code="MAIN"), Site(code="EAST", help_phone="7777")])
    tx.add_all([Unit(code=code, site="EAST" if code == "4E" else "MAIN") for code in UNITS])
    tx.flush()
    tx.connection().execute(insert(Person.__table__), staff(many))  # type: ignore[attr-defined]
    roster.forget(tx)


@cache
def staff(many: int) -> list[dict[str, Any]]:
    """Their rows, made once: that takes longer than to write them."""
    held = ["incident_commander", "house_supervisor", "unit_charge", "unit_charge", "unit_charge", "labor_pool_leader"]
    rows = []
    for n in range(many):
        mobile = f"+1212{5_000_000 + n}" if n % 10 != 9 else ""
        own = {"roles": [held[n]] if n < len(held) else [], "permissions": ["admin"] if n == 0 else []}
        unit = UNITS[(n - 2) % 3]
        person = Person(id=f"s{n}", name=f"Person {n}", unit=unit, site="EAST" if unit == "4E" else "MAIN", place=n,
                        mobile=mobile, language="es" if n % 4 == 3 else "en", **own)  # fmt: skip
        rows.append(person.model_dump())
    return rows


def eve(tx: Tx) -> Person:
    return tx.exec(select(Person).where(Person.id == "s0")).one()


def declare(tx: Tx, level: int = 3, sites: list[str] | None = None) -> opening.Declared:
    request = command.Request(services=["ehr"], text="Epic is down", level=level, sites=sites or [])
    return command.declare(tx, eve(tx), request, "cli")


def batch(db: Database) -> int:
    """One beat of the timers."""
    return db.run(timers.fire_due, HANDLERS)


def all_batches(db: Database) -> None:
    for _ in range(100):
        if not batch(db):
            return
    raise AssertionError("it never ends")


def told(db: Database, kind: str = "alert") -> Counter[str]:
    """Who is written for the notices of a kind, and how often."""
    query = select(Recipient.person_id).join(Notice, col(Notice.id) == Recipient.notice_id).where(Notice.kind == kind)
    return db.run(lambda tx: Counter(tx.exec(query)))


def left(db: Database, kind: str = "alert") -> int:
    notice = select(func.max(Notice.id)).where(Notice.kind == kind)
    return db.run(lambda tx: outbox.still_to_write(tx, tx.exec(notice).one()))


@pytest.fixture
def house(db: Database) -> Database:
    db.run(hire)
    return db


def test_the_answer_counts_everybody_though_few_are_written(house: Database) -> None:
    done = house.run(declare)
    assert (done.people, done.unreachable, done.segments) == (MANY, MANY // 10, MANY - MANY // 10)
    assert sum(told(house).values()) == BATCH
    assert left(house) == MANY - BATCH
    assert house.run(lambda tx: outbox.audience(tx, 1)) == MANY


def test_whoever_has_a_part_in_it_is_written_at_once(house: Database) -> None:
    house.run(declare)
    assert {f"s{n}" for n in range(6)} <= set(told(house))
    first = select(Message.person_id).where(Message.notice_id == 1).order_by(col(Message.id)).limit(5)
    assert set(house.run(lambda tx: tx.exec(first).all()[:3])) == {"s2", "s3", "s4"}  # life safety: the unit checks
    assert len(house.run(lambda tx: {who for who in tx.exec(first) if int(who[1:]) < 6})) == 5


def test_in_the_end_each_is_told_once(house: Database) -> None:
    house.run(declare)
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}
    assert left(house) == 0
    states = select(Message.channel, Message.state, func.count()).where(Message.notice_id == 1)
    counted = house.run(lambda tx: set(tx.exec(states.group_by(Message.channel, Message.state)).all()))
    assert counted == {("sms", "queued", MANY - MANY // 10), ("none", "unreachable", MANY // 10)}
    reasons = select(Message.reason).where(Message.state == "unreachable").distinct()
    assert house.run(lambda tx: list(tx.exec(reasons))) == ["no phone number and no Slack account on file"]


def test_later_batches_say_the_same_in_the_same_words(house: Database) -> None:
    house.run(declare)
    all_batches(house)
    words = select(Person.language, Person.site, Message.language, Message.body)
    to_staff = words.join(Message, col(Message.person_id) == Person.id).where(Message.notice_id == 1, Person.place > 5)
    said = house.run(lambda tx: set(tx.exec(to_staff.where(Message.channel == "sms")).all()))
    assert len(said) == 4  # two languages at two sites, one of which has a help phone of its own
    assert all(own == spoken and ("7777" in body) == (site == "EAST") for own, site, spoken, body in said)


def test_whoever_shares_a_phone_or_opted_out_counts_in_later_batches_too(house: Database) -> None:
    def change(tx: Tx) -> None:
        people = {n: tx.get(Person, f"s{n}") for n in (2000, 2500, 2501)}
        people[2500].mobile = people[2000].mobile  # type: ignore[union-attr]
        people[2501].opted_out_at = tx.now  # type: ignore[union-attr]

    house.run(change)
    house.run(declare)
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}
    said = select(Message.person_id, Message.reason).where(col(Message.person_id).in_(["s2000", "s2500", "s2501"]))
    reasons = house.run(lambda tx: dict(tx.exec(said).all()))
    assert reasons == {"s2000": "", "s2501": "opted out of texts and has no other address"}


def test_a_house_of_a_thousand_is_written_at_once(db: Database) -> None:
    db.run(hire, BATCH - 10)
    db.run(declare)
    assert sum(told(db).values()) == BATCH - 10
    assert db.run(lambda tx: tx.exec(select(Expansion)).all()) == []


def test_a_batch_that_fails_is_written_again_from_the_cursor(house: Database) -> None:
    house.run(declare)

    def dies(tx: Tx) -> None:
        outbox.expand(tx, 1)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        house.run(dies)
    assert sum(told(house).values()) == BATCH
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}


KILLED = """
import os, signal, sys
from sqlalchemy import event
from bot import timers
from bot.clock import MovedClock
from bot.db import Database
from bot.render import Render
from bot.settings import Settings
from handlers.timers import HANDLERS
from datetime import datetime
clock = MovedClock(datetime.fromisoformat(sys.argv[2]))
db = Database(Settings.load(None, database_url=sys.argv[1]), clock, Render("M"))
done = []
@event.listens_for(db.engine, "before_cursor_execute")
def count(connection, cursor, statement, parameters, context, many):
    done.append("INTO message" in statement)
    if sum(done) == 2 and "UPDATE expansion" in statement:  # the second batch is written, and not committed
        os.kill(os.getpid(), signal.SIGKILL)
while db.run(timers.fire_due, HANDLERS):
    pass
"""


def test_a_kill_in_the_middle_of_a_batch_loses_nobody(house: Database, clock: MovedClock) -> None:
    house.run(declare)
    url = house.settings.database_url
    killed = subprocess.run([sys.executable, "-c", KILLED, url, clock.now().isoformat()], check=False)
    assert killed.returncode == -9
    assert sum(told(house).values()) == 2 * BATCH
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}


def test_news_begin_when_the_alert_is_written(house: Database) -> None:
    house.run(declare)
    answer = house.run(lambda tx: command.update(tx, eve(tx), "O-1", "Still down", None, "cli"))
    assert f"Sent to {MANY} people" in answer
    assert (sum(told(house, "update").values()), left(house, "update")) == (0, MANY)
    while left(house):
        batch(house)
        assert not told(house, "update") or not left(house)
    all_batches(house)
    assert told(house, "update") == told(house) == {f"s{n}": 1 for n in range(MANY)}


def test_a_void_in_the_middle_ends_it_and_goes_to_those_who_got_it(house: Database) -> None:
    house.run(declare)
    house.run(arrives, ["s7", "s8", "s2"])
    answer = house.run(lambda tx: command.void(tx, eve(tx), "O-1", "cli"))
    assert "3 people" in answer
    all_batches(house)
    assert sum(told(house).values()) == BATCH and left(house) == 0
    assert set(told(house, "void")) == {"s7", "s8", "s2"}


def test_whoever_shares_a_phone_that_got_the_alert_hears_that_it_is_void(house: Database) -> None:
    house.run(lambda tx: setattr(tx.get(Person, "s12"), "mobile", tx.get(Person, "s11").mobile))
    house.run(declare)
    house.run(arrives, ["s11"])
    house.run(lambda tx: command.void(tx, eve(tx), "O-1", "cli"))
    assert set(told(house, "void")) == {"s11", "s12"}


def test_the_all_clear_in_the_middle_goes_to_those_who_were_told(house: Database) -> None:
    house.run(declare)
    answer = house.run(lambda tx: command.close(tx, eve(tx), "O-1", "all is well", "cli"))
    all_batches(house)
    assert f"all clear sent to {BATCH} people" in answer
    assert told(house, "closed") == told(house) and sum(told(house).values()) == BATCH


def test_what_waited_is_withdrawn_part_by_part_and_not_claimed_meanwhile(db: Database) -> None:
    waits = select(func.count()).where(Message.notice_id == 1, Message.state == "queued")
    db.run(hire, PORTION + 800)
    db.run(declare)
    all_batches(db)
    before = db.run(lambda tx: tx.exec(waits).one())
    db.run(lambda tx: command.close(tx, eve(tx), "O-1", "all is well", "cli"))
    assert 0 < db.run(lambda tx: tx.exec(waits).one()) <= before - PORTION + 20  # some of them the tasks' own
    claimed = {row.id for row in db.run(outbox.claim, "sms", "worker", 50)}
    of_alert = select(func.count()).where(col(Message.id).in_(claimed), Message.notice_id == 1)
    assert claimed and db.run(lambda tx: tx.exec(of_alert).one()) == 0
    all_batches(db)
    assert db.run(lambda tx: tx.exec(waits).one()) == 0


def test_a_higher_level_reaches_newcomers_by_the_alert_and_the_others_by_its_news(house: Database) -> None:
    house.run(declare, 2, ["EAST"])
    all_batches(house)
    before = set(told(house))
    assert 800 < len(before) < MANY / 2
    answer = house.run(lambda tx: command.raise_level(tx, eve(tx), "O-1", 3, "cli"))
    assert f"{MANY - len(before)} more people are told, {len(before)} hear of the level" in answer
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}
    assert set(told(house, "raised")) == before


def test_a_higher_level_while_the_alert_is_written_tells_each_once(house: Database) -> None:
    house.run(declare)
    house.run(lambda tx: command.raise_level(tx, eve(tx), "O-1", 4, "cli"))
    assert house.run(lambda tx: outbox.audience(tx, 1)) == MANY
    all_batches(house)
    assert told(house) == {f"s{n}": 1 for n in range(MANY)}
    assert sum(told(house, "raised").values()) == BATCH


def test_a_later_batch_tells_who_was_on_shift_when_it_was_declared(house: Database, clock: MovedClock) -> None:
    house.run(works, range(0, MANY, 2), clock.now() - timedelta(hours=2), timedelta(hours=3))
    house.run(works, range(1, MANY, 2), clock.now() + timedelta(hours=1), timedelta(hours=3))
    house.run(declare)
    clock.forward(hours=2)
    all_batches(house)
    assert {int(who[1:]) % 2 for who in set(told(house)) - {f"s{n}" for n in range(6)}} == {0}
    assert len(told(house)) == pytest.approx(MANY / 2, abs=6)


def test_a_silent_hour_is_held_for_all_but_the_commander(house: Database, clock: MovedClock) -> None:
    house.run(declare)
    all_batches(house)
    clock.forward(minutes=31)
    all_batches(house)
    heard = told(house, "holding") + told(house, "update")
    assert set(heard) == {f"s{n}" for n in range(1, MANY)}


@pytest.mark.parametrize("level", range(5))
def test_the_preview_says_what_the_declaration_will(house: Database, level: int) -> None:
    request = command.Request(services=["ehr"], text="Epic is down", level=level)
    seen = house.run(lambda tx: opening.preview(tx, eve(tx), request))
    done = house.run(declare, level)
    assert (seen.people, seen.unreachable, seen.segments) == (done.people, done.unreachable, done.segments)
    assert (seen.finish, seen.warning) == (done.finish, done.warning)


def test_it_warns_of_what_takes_longer_than_ten_minutes(house: Database) -> None:
    house.settings = house.settings.model_copy(update={"sms_per_second": 2})
    done = house.run(declare)
    assert "2 segments a second" in done.warning and "20 min" in done.warning and "go first" in done.warning
    worth = select(func.min(Message.not_after)).where(Message.notice_id == 1, Message.person_id == "s900")
    assert house.run(lambda tx: tx.exec(worth).one()) >= house.clock.now() + timedelta(minutes=60)
    all_batches(house)
    last = select(func.max(Message.not_after)).where(Message.notice_id == 1)
    assert house.run(lambda tx: tx.exec(last).one()) > house.clock.now() + timedelta(minutes=75)


def test_nobody_reads_the_house_to_hear_an_answer(house: Database) -> None:
    if not house.on_sqlite:
        pytest.skip("SQLite says plainly what it scans")
    house.run(works, range(MANY), house.clock.now() - timedelta(hours=1), timedelta(hours=8))
    house.run(declare)
    all_batches(house)
    for who, digit in (("s700", "1"), ("s701", "2"), ("s2", "2"), ("s3", "1"), ("s702", "9")):
        with watched(house) as plans:
            house.run(lambda tx, who=who, digit=digit: answers.answer(tx, [tx.get(Person, who)], digit, "", "sms"))
        scans = {line for line in plans if line.split()[:2] in [["SCAN", name] for name in LARGE]}
        assert {line for line in scans if not line.endswith(OF_A_FEW)} == set(), f"{digit} from {who}"


LARGE = ("person", "shift", "recipient", "message")
OF_A_FEW = ("person_with_role", "person_of_the_house", "person_permitted")  # indexes over some rows only


class watched:
    """What SQLite plans for every statement of a while."""

    def __init__(self, db: Database):
        self.db, self.plans = db, set[str]()

    def __enter__(self) -> set[str]:
        event.listen(self.db.engine, "before_cursor_execute", self._plan)
        return self.plans

    def __exit__(self, *_: object) -> None:
        event.remove(self.db.engine, "before_cursor_execute", self._plan)

    def _plan(self, connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH"):
            raw = connection.connection.dbapi_connection
            assert raw
            self.plans |= {row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)}  # type: ignore[attr-defined]


def arrives(tx: Tx, people: list[str]) -> None:
    for message in tx.exec(select(Message).where(Message.notice_id == 1, col(Message.person_id).in_(people))):
        message.state = outbox.State.DELIVERED


def works(tx: Tx, people: range, starts: datetime, lasts: timedelta) -> None:
    shift = {"kind": "shift", "source": "rota", "role": "", "unit": "", "starts_at": starts, "ends_at": starts + lasts}
    rows = [shift | {"person_id": f"s{n}"} for n in people]
    tx.connection().execute(insert(Shift.__table__), rows)  # type: ignore[attr-defined]
