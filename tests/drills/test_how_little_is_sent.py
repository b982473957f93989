"""The first hour of a level-3 outage of two services over 10 units (messages.md): who gets how many texts."""

import re
from collections import Counter

import pytest
from sqlmodel import select

from bot import checkins, outages, roster
from bot.clock import MovedClock
from bot.db import Tx
from tests.people import Person, Stage

pytestmark = pytest.mark.both_databases  # a whole shift: ten units, two services, every kind of message

CHARGE = ("s33", "s45", "s55", "s68", "s82", "s91", "s104", "s114")  # in charge at night, and nothing else
PHARMACY = "s98"  # in charge of the pharmacy's unit, and the pharmacist in charge as well
SUPERVISOR, BEDSIDE = "s2", ("s39", "s41", "s50", "s64")


def first_hour(database_url: str, clock: MovedClock, silent: tuple[str, ...]) -> tuple[Counter[str], Stage]:
    """Everybody asked takes and finishes what is theirs, but for the silent; returns the texts by person."""
    stage = Stage(database_url, clock, roster.load_sample)
    stage.sim.slack.workspace.strangers = True
    people = stage.ask(lambda tx: {one.mobile: one.id for one in tx.exec(select(roster.Person)) if one.mobile})
    stage.tell(declare)
    answered: set[tuple[str, str]] = set()
    for _ in range(12):
        for phone in list(stage.sim.phones):
            if people.get(phone.number) and people[phone.number] not in silent:
                react(stage, Person(stage, people[phone.number], phone.number), answered)
        stage.forward(minutes=5)
    texts = Counter({people[phone.number]: len(phone.inbox) for phone in stage.sim.phones if phone.number in people})
    return texts, stage


def react(stage: Stage, person: Person, answered: set[tuple[str, str]]) -> None:
    for text in person.phone.inbox:
        replies = ["1"] if "1=" in text.body and "9=PATIENT RISK" in text.body else []
        codes = re.findall(r"\bT\d+\b", text.body)
        replies += [f"1 {code}" for code in codes if "=I have" in text.body]
        replies += [f"DONE {code}" for code in codes if "DONE" in text.body]
        for reply in replies:
            if (person.id, reply) not in answered:
                answered.add((person.id, reply))
                stage.do(person.phone.text(reply))


def declare(tx: Tx) -> None:
    from bot import command

    request = command.Request(services=["ehr", "email_documents"], text="Epic and email are down", level=3)
    command.declare(tx, roster.permitted(tx, "close")[0], request, "cli")


def test_few_messages_when_everybody_answers(database_url: str, clock: MovedClock) -> None:
    texts, stage = first_hour(database_url, clock, silent=())
    stage.close()
    assert max(texts[person] for person in BEDSIDE) <= 4, texts
    assert max(texts[person] for person in (*CHARGE, PHARMACY)) <= 8, texts
    assert texts[SUPERVISOR] <= 15, texts


def test_few_messages_for_the_supervisor_with_three_silent_units(database_url: str, clock: MovedClock) -> None:
    texts, stage = first_hour(database_url, clock, silent=("s33", "s45", "s55"))
    standing = stage.ask(
        lambda tx: {row.unit: row.standing for row in checkins.units(tx, outages.find(tx, "O-1").id or 0)}
    )
    stage.close()
    assert {unit for unit, state in standing.items() if state == "silent"} == {"5W", "3W", "ICU"}
    assert texts[SUPERVISOR] <= 15, texts
    assert max(texts[person] for person in BEDSIDE) <= 4, texts
