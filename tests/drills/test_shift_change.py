"""07:00: those who have open tasks go home, and nothing is left behind."""

import re
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from bot import journal, roster, tasks, timers
from bot.db import Tx
from tests.people import CAST, Person, Stage

NIGHT, SEVEN, EVENING = (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((21, 19), (22, 7), (22, 19)))
GOES_HOME, COMES = {"ben", "kit"}, {"lea", "rosa"}


@pytest.fixture
def rosa(stage: Stage) -> Person:
    return Person(stage, "rosa", "+12025550131")


def lay_rota(tx: Tx) -> None:
    """Ben and Kit work until seven; Rosa and Lea come then; all others work through."""
    tx.add(roster.Person(id="rosa", name="Rosa Kell", unit="5W", site="MAIN", mobile="+12025550131",
                         roles=["unit_charge"], place=40))  # fmt: skip
    tx.flush()
    for id in [*(row[0] for row in CAST), "rosa"]:
        hours = (NIGHT, SEVEN) if id in GOES_HOME else (SEVEN, EVENING) if id in COMES else (NIGHT, EVENING)
        tx.add(roster.Shift(person_id=id, starts_at=hours[0], ends_at=hours[1]))
    roster.forget(tx)


def at_ten_to_seven(stage: Stage, eve: Person, kit: Person) -> str:
    """An outage is declared, and Kit has taken the pharmacy's task; returns its code."""
    stage.tell(lay_rota)
    stage.forward(hours=2, minutes=40)
    eve.runs("/outage declare ehr Epic is down")
    stage.settle()
    code = re.findall(r"T\d+", next(text.body for text in kit.phone.inbox if "pharmacy" in text.body))[0]
    kit.replies(f"1 {code}")
    stage.seen()
    return code


def named(tx: Tx, code: str) -> list[tuple[str, str]]:
    found = tx.exec(select(tasks.Task).where(tasks.Task.number == int(code[1:])).order_by(tasks.Task.id))
    return [(task.owner, task.state) for task in found]


@pytest.mark.both_databases  # a whole change of shifts
def test_at_seven_open_tasks_are_offered_to_the_relief_and_stay_until_taken(
    stage: Stage, kit: Person, lea: Person, eve: Person
) -> None:
    code = at_ten_to_seven(stage, eve, kit)
    lea.is_left_alone(minutes=9)
    stage.forward(minutes=1)
    lea.gets_sms(code, "from Kit Rowan", "I have it")
    stage.forward(minutes=5)
    kit.gets_sms(code, "I have it")  # nobody took it yet: the outgoing owner is the first to hear
    lea.replies(f"1 {code}").gets_sms(f"{code} is yours")
    assert stage.ask(lambda tx: named(tx, code)) == [("lea", "accepted"), ("kit", "handed_over")]
    kit.is_left_alone(minutes=14)


def test_what_the_relief_does_not_take_goes_to_the_superior(
    stage: Stage, kit: Person, lea: Person, gwen: Person, eve: Person
) -> None:
    code = at_ten_to_seven(stage, eve, kit)
    stage.forward(minutes=10)
    lea.gets_sms(code).lets_it_ring()
    stage.seen()
    stage.forward(minutes=15)
    gwen.has_sms(code, "from Kit Rowan").replies(f"1 {code}").has_sms(f"{code} is yours")
    assert stage.ask(lambda tx: named(tx, code)) == [("gwen", "accepted"), ("kit", "handed_over")]


def test_the_units_list_and_question_follow_the_shift(
    stage: Stage, ben: Person, rosa: Person, kit: Person, eve: Person
) -> None:
    at_ten_to_seven(stage, eve, kit)
    ben.lets_it_ring()
    stage.forward(minutes=10)
    rosa.has_sms("5W LIST T").has_sms("Answer for 5W")
    card = re.findall(r"5W LIST (T\d+)", rosa.phone.inbox[0].body + rosa.phone.inbox[1].body)[0]
    rosa.replies("1").replies(f"DONE {card}").has_sms(f"{card} done")
    stage.seen()
    ben.is_left_alone(minutes=15)


def test_a_units_task_that_the_relief_does_not_take_goes_to_its_charge_nurse(
    stage: Stage, kit: Person, jon: Person, iris: Person, rosa: Person, eve: Person
) -> None:
    at_ten_to_seven(stage, eve, kit)
    stage.forward(minutes=10)
    stage.seen()
    code = stage.tell(_unit_task)
    jon.replies(f"1 {code}")
    jon.replies("AWAY")
    dana_has = [text.body for text in stage.sim.phone("+12025550116").inbox if code in text.body]
    assert dana_has, "nobody else holds the role: the commander above it is asked"
    stage.forward(minutes=15)
    rosa.has_sms(code, "from Jon Pike")


def _unit_task(tx: Tx) -> str:
    from bot import outages

    outage = outages.find(tx)
    task = tasks.open_new(tx, outage, tasks.Kind.PLAYBOOK, "Refill the box", "refill the box", prio=2, due_s=3600,
                          unit="5W", role="logistics_chief", owner="jon")  # fmt: skip
    tasks.announce(tx, outage, roster.person(tx, "jon"), [task])  # type: ignore[arg-type]
    return task.code


def test_away_asks_the_relief_at_once(stage: Stage, kit: Person, lea: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.settle()
    code = re.findall(r"T\d+", next(text.body for text in kit.phone.inbox if "pharmacy" in text.body))[0]
    kit.replies(f"1 {code}")
    stage.seen()
    kit.replies("AWAY").gets_sms("not on shift")
    lea.gets_sms(code, "from Kit Rowan").replies(f"1 {code}").gets_sms("is yours")
    kit.is_left_alone(minutes=14)


def test_where_no_rota_says_so_nobody_goes_home(stage: Stage, kit: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    kit.takes_tasks()
    assert stage.ask(lambda tx: tx.exec(select(timers.Timer).where(timers.Timer.kind == tasks.ENDS)).all()) == []
    stage.forward(hours=3)
    said = stage.ask(lambda tx: [line.what for line in tx.exec(select(journal.Line))])
    assert "relief_asked" not in said
