"""Recovery: units return in an order, back-entry is counted, whoever was told is told again, nothing stale leaves."""

import re
from collections import Counter

from bot import outages, roster
from bot.db import Tx
from bot.simulator import Fault
from tests.people import COMMAND_CHANNEL, Person, Stage


def lists(person: Person) -> list[str]:
    """The codes of the lists that were texted to this person, latest last."""
    return [re.findall(r"LIST (T\d+)", text.body)[0] for text in person.phone.inbox if "LIST T" in text.body]


def test_units_return_in_the_order_that_the_commander_approves(
    stage: Stage, ben: Person, cho: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    assert "Nothing is back" in eve.runs("/outage order 3W").text
    stage.seen()
    eve.runs("/outage restore")
    assert "9Z is not a unit" in eve.runs("/outage order 9Z").text
    stage.seen()
    said = eve.runs("/outage order 3w").text
    assert "3W returns now" in said and "Then 5W" in said
    cho.gets_sms("3W", "YOUR TURN", "back-entry")
    ben.gets_sms("5W", "STAY ON PAPER", "Order: 3W, 5W")
    assert not [text for text in ben.phone.inbox if "YOUR TURN" in text.body]
    cho.replies(f"DONE {lists(cho)[-1]} 34").gets_sms("done")
    ben.gets_sms("5W", "YOUR TURN")
    assert stage.outage()["recovery"] == {"units": 2, "done": 1, "records": 34}
    assert "Back-entry 1 of 2 units done, 34 records" in eve.runs("/outage status").text
    ben.replies(f"DONE {lists(ben)[-1]} 180")
    assert stage.outage()["recovery"] == {"units": 2, "done": 2, "records": 214}
    assert not stage.ask(lambda tx: outages.find(tx, "O-1").return_order)


def test_an_order_with_the_restore_holds_back_the_lists_of_those_who_wait(
    stage: Stage, ben: Person, cho: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    assert "5W returns now" in eve.runs("/outage restore order:5W,3W it works").text
    stage.forward(hours=2)
    late = [text.body for text in cho.phone.inbox if "OVERDUE" in text.body and lists(cho)[-1] in text.body]
    assert not late, "nobody is chased for what is not her turn yet"
    eve.runs("/outage close O-1 everybody may log in")
    eve.clicks("sure_close", "D0EVE")
    assert not stage.ask(lambda tx: outages.find(tx, "O-1").return_order)
    stage.forward(hours=2)
    assert [text.body for text in cho.phone.inbox if "OVERDUE" in text.body]


def partner(tx: Tx) -> None:
    tx.add(roster.Partner(id="ems", name="County EMS", kind="ems", mobile="+12025550190"))


def test_partners_who_were_told_are_told_of_the_end_or_of_the_mistake(stage: Stage, dana: Person, eve: Person) -> None:
    stage.tell(partner)
    ems = stage.sim.phone("+12025550190")
    eve.runs("/outage declare level:3 ehr Epic is down")
    eve.runs("/outage close O-1 it was a cable")
    eve.clicks("sure_close", "D0EVE")
    stage.settle()
    assert not ems.inbox, "who was not told is not told of the end"
    eve.runs("/outage declare level:4 ehr Epic is down")
    stage.settle()
    assert len(ems.inbox) == 1
    eve.runs("/outage void")
    eve.clicks("sure_void", "D0EVE")
    stage.settle()
    assert "sent by mistake" in ems.inbox[-1].body and len(ems.inbox) == 2


def test_after_the_all_clear_nothing_leaves_but_the_all_clear(stage: Stage, alma: Person, eve: Person) -> None:
    """Texts wait, are in doubt or are to be sent again while the providers fail; it is closed; then they recover."""
    stops = [stage.sim.twilio.faults.add(Fault(kind, on=on)) for kind, on in (
        ("hangup_before_accept", "sms"), ("hangup_before_accept", "call"), ("hangup_before_accept", "list"),
    )]  # fmt: skip
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=20)
    eve.runs("/outage update the vendor works on it")
    stage.forward(minutes=3)
    eve.runs("/outage close O-1 a loose cable")
    eve.clicks("sure_close", "D0EVE")
    stage.forward(seconds=10)
    before = {text.sid for text in stage.sim.twilio.messages}
    for stop in stops:
        stage.sim.twilio.faults.remove(stop)
    for _ in range(12):  # doubt has its own rhythm, beside the timers
        stage.forward(seconds=20)
    left = Counter(text.body.partition(":")[2] for text in stage.sim.twilio.messages if text.sid not in before)
    assert all("the downtime is over" in body or "ALL CLEAR" in body for body in left), left
    assert [text.body for text in alma.phone.inbox if "ALL CLEAR" in text.body]
    assert stage.status()["engine"]["doubtful"] == 0
    assert not [call for call in stage.sim.twilio.calls]
    for message in stage.sim.slack.messages(COMMAND_CHANNEL):
        message.seen = True
