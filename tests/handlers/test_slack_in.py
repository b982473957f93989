"""Slack: who asked, once, and an answer to the caller alone."""

import json

import pytest
from sqlmodel import select

from bot.outages import Outage, Service
from tests.handlers.door import Door

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # drills play this on both

DECLARE = "/outage declare ehr the EHR is down"


def outages(door: Door) -> list[Outage]:
    return door.db.read_now(lambda tx: list(tx.exec(select(Outage))))


@pytest.mark.parametrize("command", [DECLARE, "/outage", "/outage status", "/task list", "/checkin"])
def test_an_unknown_account_is_told_plainly_and_journaled(door: Door, command: str) -> None:
    answer = door.types("U0NOBODY", command)
    assert answer.status == 200
    assert "U0NOBODY" in answer.body
    assert "nothing was done" in answer.body
    assert [(line.what, line.about) for line in door.lines()] == [("unknown_account", "U0NOBODY")]
    assert outages(door) == []


def test_an_unknown_account_that_submits_a_form_declares_nothing(door: Door) -> None:
    view = {"id": "V1", "callback_id": "declare", "state": {"values": {}}, "type": "modal"}
    answer = door.acts({"type": "view_submission", "user": {"id": "U0NOBODY"}, "view": view, "team": {"id": "T1"}})
    assert "nothing was done" in answer.body
    assert [line.what for line in door.lines()] == ["unknown_account"]


def test_a_declaration_is_answered_with_its_figures(door: Door) -> None:
    answer = door.types("U0EVE", DECLARE)
    assert answer.status == 200
    assert "O-1" in answer.body
    assert "/outage void O-1" in answer.body


def test_a_form_that_is_submitted_twice_declares_once(door: Door) -> None:
    said = {"text": "the EHR is down", "works": "desk phones"}
    values = {name: {"v": {"type": "plain_text_input", "value": value}} for name, value in said.items()}
    view = {"id": "V1", "callback_id": "declare", "state": {"values": values}, "type": "modal"}
    payload = {"type": "view_submission", "user": {"id": "U0EVE"}, "view": view, "team": {"id": "T1"}}
    assert json.loads(door.acts(payload).body)["response_action"] == "update"
    before = door.rows()
    assert door.acts(payload).status == 200
    assert door.rows() == before
    assert [outage.facts for outage in outages(door)] == [{"still_works": "desk phones"}]


def test_the_same_trigger_has_no_second_effect(door: Door) -> None:
    door.types("U0EVE", DECLARE, trigger="t1")
    before = door.rows()
    assert door.types("U0EVE", DECLARE, trigger="t1").status == 200
    assert door.rows() == before


def test_a_click_counts_once_and_stands_even_when_slack_takes_no_reply(door: Door) -> None:
    door.types("U0EVE", DECLARE, trigger="t1")
    action = {"action_id": "check_9", "value": "O-1 9", "type": "button", "block_id": "b"}
    click = {"type": "block_actions", "user": {"id": "U0BEN"}, "actions": [action], "team": {"id": "T1"}}
    click |= {"trigger_id": "t9", "response_url": "http://127.0.0.1:9/nobody-listens"}
    assert door.acts(click).status == 200
    assert len(door.lines("patient_risk")) == 1
    assert door.acts(click).status == 200
    assert len(door.lines("patient_risk")) == 1


def test_the_word_payload_in_a_command_is_a_word(door: Door) -> None:
    answer = door.types("U0EVE", "/outage declare ehr the payload=system of the EHR is down")
    assert answer.status == 200
    assert outages(door)[0].summary == "the payload=system of the EHR is down"


def test_a_person_without_permission_is_told_who_has_it(door: Door) -> None:
    answer = door.types("U0BEN", DECLARE)
    assert "Eve Sand" in answer.body
    assert outages(door) == []
    (line,) = door.lines("refused")
    assert line.who == "ben"


def test_what_is_refused_changes_nothing(door: Door) -> None:
    """ "Nothing was changed" must be true of what the verb had begun, too."""
    door.types("U0EVE", DECLARE, trigger="t1")
    door.db.run(lambda tx: setattr(tx.exec(select(Outage)).one(), "state", "closed"))
    before = states(door)
    answer = door.types("U0EVE", "/outage restore O-1", trigger="t2")
    assert "Nothing was" in answer.body
    assert states(door) == before


@pytest.mark.parametrize("text", ["frobnicate", "status O-9", "close O-9", "raise 9", "command @nobody", "“quotes”"])
def test_what_makes_no_sense_is_answered_and_not_an_error(door: Door, text: str) -> None:
    answer = door.types("U0EVE", f"/outage {text}")
    assert answer.status == 200
    assert answer.body


def test_a_verb_in_any_case_is_a_verb(door: Door) -> None:
    assert "O-1" in door.types("U0EVE", "/outage DECLARE ehr down").body


def states(door: Door) -> list[tuple[str, str]]:
    return door.db.read_now(lambda tx: list(tx.exec(select(Service.service, Service.state))))
