"""Everybody in their own language: direct messages, buttons, posts, the phone on the wall, and what has no name."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from bot import command, outages, outbox, roster
from bot.command import end, rounds, rungs
from bot.db import Tx
from bot.escalations import Ladder
from bot.render import Render
from handlers import buttons, callers
from tests.people import hire, slack_id

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # words know no database


@pytest.fixture
def house(tx: Tx) -> Tx:
    """A hospital that speaks French; Ben and Dana read Spanish, Eve English."""
    hire(tx)
    tx.settings = tx.settings.model_copy(update={"default_language": "fr"})
    tx.render = Render.of(tx.settings)
    for id, language in (("ben", "es"), ("cho", "fr"), ("dana", "es")):
        person(tx, id).language = language
    tx.flush()
    roster.forget(tx)
    return tx


def person(tx: Tx, id: str) -> roster.Person:
    found = roster.person(tx, id)
    assert found
    return found


def declare(tx: Tx, *services: str, text: str = "") -> outages.Outage:
    done = command.declare(tx, person(tx, "eve"), command.Request(list(services), text), "slack")
    tx.flush()
    return outages.find(tx, done.code)


def sent(tx: Tx, kind: str, whom: str, channel: str = "slack") -> list[outbox.Message]:
    tx.flush()
    mine = [outbox.Message.person_id == whom, outbox.Message.channel == channel, outbox.Message.kind == kind]
    return list(tx.exec(select(outbox.Message).where(*mine).order_by(col(outbox.Message.id))))


def test_a_post_speaks_the_hospitals_language_and_a_direct_message_the_readers(house: Tx) -> None:
    declare(house, "email_documents")
    (post,) = [one for one in sent(house, "alert", "#C05W") if one.address == "C05W"]
    assert "PANNE messagerie" in post.body and "Question ou risque patient" in post.body
    assert [label for label, *_ in post.buttons] == ["1 Lu", "2 Besoin d'aide", "9 RISQUE PATIENT"]
    (role,) = sent(house, "alert", "dana")
    assert "SIN correo*, nivel 2" in role.body and role.buttons[0][0] == "Voy"
    rounds.ask_again(house, person(house, "eve"), "", [])
    (asked,) = sent(house, "check_again", "ben")
    assert "siguen SIN correo" in asked.body and asked.buttons[1][0] == "2 Falta personal"
    ben = slack_id("ben")
    assert "se avisó a" in buttons.do(house, ben, "t1", *asked.buttons[1][1:])
    assert buttons.do(house, ben, "t1", *asked.buttons[1][1:]) == "Esto ya estaba hecho."
    assert buttons.do(house, ben, "t2", *asked.buttons[0][1:]).startswith("Anotado: 1.")


@pytest.mark.parametrize(
    ("text", "checked", "again"),
    [
        ("CT 2 is broken", "CHECKED, this is over: CT 2 is broken.", "not over yet: CT 2 is broken."),
        ("", "ALL CHECKED and working.", "downtime is not over yet."),
    ],
)
def test_what_has_no_name_is_not_called_it_systems(house: Tx, text: str, checked: str, again: str) -> None:
    outage = declare(house, text=text)
    rounds.ask_again(house, person(house, "eve"), "", ["5W", "3W"])
    assert ("aun no paso, EN: CT" if text else "la caida sigue") in sent(house, "check_again", "ben", "sms")[0].body
    person(house, "cho").language = "en"
    rounds.ask_again(house, person(house, "eve"), "", ["3W"])
    assert f"MERCY 3W: {again}" in sent(house, "check_again", "cho", "sms")[-1].body
    end.restore(house, person(house, "eve"), outage.code, [], "", "slack")
    end.verify(house, person(house, "eve"), outage.code, "slack")
    assert checked in sent(house, "verified", "alma", "sms")[0].body
    assert ("c'est fini, EN: CT" if text else "tout est vérifié") in sent(house, "verified", "#C05W")[0].body


def test_a_units_own_phone_is_called_in_the_hospitals_language(house: Tx) -> None:
    declare(house, "ehr")
    ladder = house.exec(select(Ladder).where(col(Ladder.subject).endswith(":5W"))).one()
    rungs.landline(house, ladder, {})
    (call,) = [one for one in house.exec(select(outbox.Message)) if one.person_id == "#unit:5W"]
    assert call.language == "fr" and "En panne: dossier patient" in call.body and "Tapez 1 si" in call.body


def test_who_keys_a_pin_is_asked_in_their_language(house: Tx) -> None:
    person(house, "eve").language = "es"
    said, language = callers._judge(house, person(house, "eve").mobile, "eve").spoken(house.render)
    assert said.startswith("Su PIN es correcto. Pulse 1") and language == "es"
    assert callers.greeting(house, "+12025550190").language == "fr"
