"""What staff read is what was said: a task's words, a declarer's own, in whatever language; and nothing beyond."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot import command, journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.command import course, end, errands, opening
from bot.db import Tx


def eve(tx: Tx) -> roster.Person:
    found = roster.person(tx, "eve")
    assert found
    return found


def speaks(tx: Tx, **languages: str) -> None:
    for id, language in languages.items():
        person = roster.person(tx, id)
        assert person
        person.language = language
        tx.add(person)
    tx.flush()


def declare(tx: Tx, *services: str, text: str = "") -> outages.Outage:
    return outages.find(tx, command.declare(tx, eve(tx), command.Request(list(services), text), "slack").code)


def texts(tx: Tx, person_id: str) -> list[str]:
    tx.flush()
    mine = select(outbox.Message).where(outbox.Message.person_id == person_id).order_by(outbox.Message.id)
    return [message.body for message in tx.exec(mine)]


def to_be_told(tx: Tx, outage: outages.Outage, words: str) -> tasks.Task:
    """The one task that an update is to fill has these words."""
    one, *rest = tasks.of_outage(tx, outage.id or 0, tasks.TaskState.WAITING)
    for task in rest:
        task.tells = False
    one.tells, one.sms, one.offer_at = True, words, tx.now
    tx.flush()
    return one


ACCENTED = ["Don’t use the portal", "Radiology – call first...", "Avisad a radiología, sí"]


@pytest.mark.parametrize("words", ACCENTED)
def test_a_task_in_any_letters_is_told_by_an_update(noon: Tx, words: str) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, words)
    command.update(noon, eve(noon), outage.code, "still down", None, "slack")
    assert task.state == tasks.TaskState.DONE and words[-5:].strip(" .í") in texts(noon, "alma")[-1]


@pytest.mark.parametrize("words", ACCENTED)
def test_a_task_in_any_letters_is_told_when_nobody_writes_and_once(noon: Tx, words: str) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, words)
    for _ in range(2):
        noon.now += timedelta(minutes=30)
        course.hold(noon, outage.id or 0)
    first, second = texts(noon, "alma")[-2:]
    assert task.state == tasks.TaskState.DONE
    assert words[-5:].strip(" .í") in first and "no new word" in second


def test_words_that_fit_no_text_leave_the_holding_text(noon: Tx) -> None:
    outage = declare(noon, "ehr")
    task = to_be_told(noon, outage, "a very long way to say it " * 12)
    course.hold(noon, outage.id or 0)
    assert "no new word. Treat EHR as DOWN" in texts(noon, "alma")[-1]
    assert task.state == tasks.TaskState.WAITING


SLOW = "Epic is slow but works, keep using it"


@pytest.mark.parametrize("language", ["es", "es-mx", "fr", "fr-ca"])
def test_a_declarers_own_words_stand_alone_in_every_language(noon: Tx, language: str) -> None:
    speaks(noon, alma=language, cho=language)
    declare(noon, "ehr", text=SLOW)
    for id in ("alma", "cho"):
        assert f"EN: {SLOW[:10]}" in texts(noon, id)[0]
        assert not any(word in texts(noon, id)[0] for word in ("SIN ", "PANNE", "DOWN"))


@pytest.mark.parametrize(("language", "says"), [("es-mx", "aun SIN"), ("fr-ca", "toujours en panne")])
def test_a_regional_language_reads_the_facts_of_its_base(noon: Tx, language: str, says: str) -> None:
    speaks(noon, alma=language, abe=language.split("-")[0])
    outage = declare(noon, "ehr", "email_documents")
    command.update(noon, eve(noon), outage.code, "vendor works on it", None, "slack")
    assert texts(noon, "alma") == texts(noon, "abe") and says in texts(noon, "alma")[-1]


@pytest.mark.parametrize("text", ["CT scanner 2 is broken, use CT 1", ""])
def test_where_no_service_was_named_none_is_called_down_or_back(noon: Tx, text: str) -> None:
    speaks(noon, abe="es")
    outage = declare(noon, text=text)
    command.update(noon, eve(noon), outage.code, "engineer is here", None, "slack")
    course.hold(noon, outage.id or 0)
    command.restore(noon, eve(noon), outage.code, [], "", "slack")
    update, holding, over = texts(noon, "alma")[1:]
    assert update == "MERCY 12:00: engineer is here. Call 5555. Next 12:30"
    assert holding == "MERCY 12:00: no new word. Use paper. Questions or risk: call 5555. Next 12:30. No reply needed"
    assert over.startswith(f"MERCY 12:00: THIS IS OVER: {text}." if text else "MERCY 12:00: ALL BACK.")
    assert (f"YA PASO, EN: {text}." if text else "TODO VUELVE.") in texts(noon, "abe")[-1]


def test_what_a_second_declarer_wrote_is_told(noon: Tx) -> None:
    speaks(noon, abe="es")
    declare(noon, "ehr")
    joined = command.declare(noon, eve(noon), command.Request(["email_documents"], "Mail loses attachments"), "slack")
    assert joined.merged == "joined" and not joined.unsent
    assert texts(noon, "alma")[-1].startswith("MERCY 12:00: Mail loses attachments.")
    assert texts(noon, "abe")[-1].startswith("MERCY 12:00: EN: Mail loses attachments.")


def test_what_joins_without_words_is_told_in_everybodys_language(noon: Tx) -> None:
    speaks(noon, alma="fr", abe="es")
    declare(noon, "ehr")
    command.declare(noon, eve(noon), command.Request(["email_documents"]), "slack")
    assert "PANNE " in texts(noon, "alma")[-1] and "SIN " in texts(noon, "abe")[-1]


@pytest.mark.parametrize(
    ("channel", "how"), [("slack", "/outage update O-1"), ("cli", "muster update O-1"), ("sms", "UPDATE O-1")]
)
def test_whose_words_were_not_sent_is_told_how_to_send_them(noon: Tx, channel: str, how: str) -> None:
    declare(noon, "ehr", text="Epic is down")
    before = texts(noon, "alma")
    again = command.Request(["ehr"], "Labs may be lost")
    merged = command.declare(noon, eve(noon), again, channel)
    assert merged.unsent.startswith(how) and texts(noon, "alma") == before
    assert not command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), channel).unsent


def test_an_exercise_is_refused_while_a_real_outage_runs(noon: Tx) -> None:
    outage = declare(noon, "ehr")
    with pytest.raises(Refused, match=f"{outage.code} is real and runs, so no drill may start now"):
        command.declare(noon, eve(noon), command.Request(["email_documents"], exercise=True), "slack")


PATIENT = "John Smith MRN 12345678"
SAYS_SO = "looked like a patient's was taken out"


def test_no_patient_leaves_whoever_names_one(noon: Tx) -> None:
    answers = [opening.declare(noon, eve(noon), command.Request(["ehr"], f"Epic is down, {PATIENT}"), "slack").warning]
    alma = roster.person(noon, "alma")
    assert alma
    answers.append(course.update(noon, eve(noon), "O-1", f"moved {PATIENT} to 3W", None, "slack"))
    answers.append(course.correct(noon, eve(noon), "O-1", f"{PATIENT} stays", "slack"))
    answers.append(errands.errand(noon, eve(noon), alma, f"move {PATIENT}", 900))
    answers.append(end.restore(noon, eve(noon), "O-1", [], f"{PATIENT} was moved", "slack"))
    answers.append(end.close(noon, eve(noon), "O-1", f"{PATIENT} is well", "slack"))
    noon.flush()
    assert [answer for answer in answers if SAYS_SO not in answer] == []
    kept = [str(row) for kind in (outbox.Message, journal.Line, tasks.Task, outages.Outage)
            for row in noon.exec(select(kind))]  # fmt: skip
    assert [row for row in kept if "12345678" in row or "Smith" in row] == []
