"""What is found out of an outage makes tasks needless; of what several playbooks ask alike, one task remains."""

import pytest
from sqlmodel import select

from bot import journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.command import course, facts, opening, words
from bot.command.opening import Declared
from bot.db import Tx
from bot.outages import Outage
from bot.playbooks import library
from bot.tasks import Task, TaskState
from tests.people import hire


@pytest.fixture
def eve(tx: Tx) -> roster.Person:
    hire(tx)
    person = tx.get(roster.Person, "eve")
    assert person
    return person


def declare(tx: Tx, eve: roster.Person, said: str) -> Declared:
    return opening.declare(tx, eve, words.declaration(said, library().find), "slack")


def task(tx: Tx, step: str) -> Task | None:
    return tx.exec(select(Task).where(Task.step == step)).first()


def of(tx: Tx) -> Outage:
    return outages.find(tx)


def happened(tx: Tx, what: str) -> list[journal.Line]:
    return list(tx.exec(select(journal.Line).where(journal.Line.what == what)))


def test_a_fact_that_holds_cancels_what_waits_and_its_opposite_brings_it_back(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    assert "Not needed any more: EHR-X3" in facts.fact(tx, eve, "", "hie_unavailable", "slack")
    gone = task(tx, "EHR-X3")
    assert gone and gone.state == TaskState.CANCELLED and happened(tx, "skipped")
    assert "Needed again: EHR-X3" in facts.fact(tx, eve, "", "hie-unavailable no", "slack")
    assert gone.state == TaskState.WAITING
    assert facts.fact(tx, eve, "", "hie_unavailable no", "slack") == "O-1: hie_unavailable is no."


def test_only_an_owner_who_was_asked_is_told(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    asked = task(tx, "EHR-X3")
    assert asked
    tasks.take(tx, asked, "dana", "", "shift")
    facts.fact(tx, eve, "", "hie_unavailable", "slack")
    told = [message for message in tx.exec(select(outbox.Message)) if "not needed" in message.body]
    assert [message.person_id for message in told] == ["dana"]
    assert f"{asked.code} is not needed any more (hie unavailable)" in told[0].body


def test_what_somebody_has_in_hand_is_left_alone(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    taken = task(tx, "EHR-X3")
    assert taken
    taken.state = TaskState.ACCEPTED
    assert facts.fact(tx, eve, "", "hie_unavailable yes", "slack") == "O-1: hie_unavailable is yes."
    assert taken.state == TaskState.ACCEPTED


def test_a_fact_known_before_its_playbook_starts_counts(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "email mail is down")
    of(tx).facts = {"hie_unavailable": "yes"}
    declare(tx, eve, "ehr Epic is down too")
    there = task(tx, "EHR-X3")
    assert there and there.state == TaskState.CANCELLED


def test_facts_are_listed_and_an_unknown_one_is_told_what_is_meant(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    facts.fact(tx, eve, "O-1", "read_only_available yes, at the red PC", "slack")
    listed = facts.fact(tx, eve, "O-1", "", "slack")
    assert "known: read_only_available_yes_no: yes, at the red PC" in listed
    assert "To find out: start_time" in listed and "hie_unavailable" in listed
    with pytest.raises(Refused, match="Did you mean hie_unavailable"):
        facts.fact(tx, eve, "", "hie_unavailble", "slack")
    with pytest.raises(Refused, match="You may not update"):
        facts.fact(tx, roster.person(tx, "alma") or eve, "", "hie_unavailable", "slack")


def test_the_declarer_reads_what_to_find_out(tx: Tx, eve: roster.Person) -> None:
    said = declare(tx, eve, "ehr,email Epic and mail are down").filled
    assert said.find_out.startswith("start_time, sites_affected") and said.find_out.count("start_time") == 1


def test_of_two_tasks_that_ask_the_same_only_the_covering_one_starts(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr,scheduling Epic and the theatre list are down")
    assert task(tx, "SCH-E1") and not task(tx, "EHR-E5") and not task(tx, "EHR-X4")


def test_a_service_that_joins_takes_over_what_it_covers(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    before = task(tx, "EHR-E5")
    assert before and before.state == TaskState.WAITING
    declare(tx, eve, "scheduling the theatre list is down")
    assert before.state == TaskState.CANCELLED and before.note == "skipped: SCH-E1" and task(tx, "SCH-E1")


def test_what_still_works_is_what_all_playbooks_agree_on(tx: Tx, eve: roster.Person) -> None:
    said = declare(tx, eve, "ehr,phones Epic and the phones are down").filled
    assert 'what still works: "Slack, texts, overhead calls"' in said.added
    assert 'what to do: "Use paper' in said.added
    assert happened(tx, "missing")[0].detail["lines"] == ["what to do", "what still works"]


def test_what_the_declarer_says_is_not_asked_for_again(tx: Tx, eve: roster.Person) -> None:
    said = declare(tx, eve, "ehr Epic is down, use paper. works: phones in the tower")
    assert said.filled.added == "" and not happened(tx, "missing")
    assert "Still works: phones in the tower" in posted(tx)


def test_below_level_2_nothing_is_missing(tx: Tx, eve: roster.Person) -> None:
    assert declare(tx, eve, "ehr level:1 Epic is slow").filled.added == ""
    assert "Still works" not in posted(tx)


def test_message_with_a_curly_quote(tx: Tx, eve: roster.Person) -> None:
    """The linter converts, and shows the change of segments and of the finish time."""
    changed = declare(tx, eve, "ehr Épic says “down” 😀").filled.changed
    assert "É" not in changed and '“ is now "' in changed and "😀 is now left out" in changed
    assert "each text stays 1 segment (11, done by 04:10), not 2 or more (22, done by 04:10)" in changed
    assert declare(tx, eve, 'new ehr Epic says "down"').filled.changed == ""


def texted(tx: Tx) -> dict[str, str]:
    """All texts to each person."""
    found: dict[str, str] = {}
    for message in tx.exec(select(outbox.Message)):
        if message.channel == "sms":
            found[message.person_id] = f"{found.get(message.person_id, '')}\n{message.body}"
    return found


def posted(tx: Tx) -> str:
    return "\n".join(message.body for message in tx.exec(select(outbox.Message)) if message.channel == "slack")


def test_an_update_may_say_what_still_works(tx: Tx, eve: roster.Person) -> None:
    declare(tx, eve, "ehr Epic is down")
    said = course.update(tx, eve, "", "Works: phones, Slack", None, "slack")
    assert "EHR DOWN. STILL WORKS: phones, Slack. Call 5555. Next 04:40" in said
    assert of(tx).facts["still_works"] == "phones, Slack"
    said = course.update(tx, eve, "", "read-only: red-label PC", None, "slack")
    assert "READ-ONLY RECORDS: red-label PC. Look only, chart on paper" in said


def test_the_state_of_the_emergency_department_reaches_partners_at_level_4(tx: Tx, eve: roster.Person) -> None:
    tx.add(roster.Partner(id="ems", name="Ambulances", mobile="+12025550177"))
    declare(tx, eve, "ed ED board is down")
    for level, told in ((2, 0), (4, 1)):
        of(tx).level = level
        course.update(tx, eve, "", "diversion: no trauma", None, "slack")
        to_partner = [message for message in tx.exec(select(outbox.Message)) if message.person_id == "#partner:ems"]
        assert len(to_partner) == told
    assert "ED STATUS: no trauma, reason ED systems down. Unstable patients are still accepted" in to_partner[0].body


def test_everybody_hears_an_update_in_their_language(tx: Tx, eve: roster.Person) -> None:
    for id, language in (("alma", "fr"), ("abe", "es"), ("gwen", "pl")):
        person = tx.get(roster.Person, id)
        assert person
        person.language = language
    roster.forget(tx)
    declare(tx, eve, "ehr,email level:3")
    texts = texted(tx)
    assert "PANNE dossier patient et messagerie" in texts["alma"] and "Répondez 1=lu" in texts["alma"]
    assert "SIN EHR y correo" in texts["abe"] and "EHR and email DOWN" in texts["gwen"]
    course.update(tx, eve, "", "vendor works on it", None, "slack")
    texts = texted(tx)
    assert "toujours en panne: dossier patient et messagerie. EN: vendor works on it" in texts["alma"]
