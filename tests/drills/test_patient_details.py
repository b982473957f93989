"""A patient's name, record number or date of birth in a text: held back, and the sender told."""

from bot import journal
from bot.db import Tx
from tests.people import COMMAND_CHANNEL, Channel, Person, Stage


def journaled(tx: Tx) -> str:
    return " ".join(str(line.detail) for line in tx.exec(journal.select(journal.Line)))


def test_inbound_text_smith_mrn_123456_bed_4(
    stage: Stage, alma: Person, dana: Person, eve: Person, command_centre: Channel
) -> None:
    """Not mirrored to Slack, the sender is told not to send patient details, the log stores the redacted form."""
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("Smith MRN 123456 bed 4").gets_sms("no patient details")
    command_centre.shows("Alma Quill", "held back")
    alma.replies("Smith MRN 123456 again").is_left_alone()
    mirrored = " ".join(m.text for m in stage.sim.slack.messages(COMMAND_CHANNEL))
    texted = " ".join(text.body for phone in (dana.phone, eve.phone) for text in phone.inbox)
    kept = stage.ask(journaled)
    assert all("Smith" not in said and "123456" not in said for said in (mirrored, texted, kept))
    assert "[removed]" in kept


def test_the_digit_before_it_acts_at_once_and_its_note_is_held(
    stage: Stage, alma: Person, ben: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("2 Smith born 3/4/1950 fell").gets_sms("Ben").gets_sms("no patient details")
    ben.gets_sms("5W NEEDS HELP")
    assert "fell" not in ben.phone.inbox[-1].body
    alma.replies("9 MRN 123456 bleeding").gets_sms("PATIENT RISK 5W")
    assert "1950" not in stage.ask(journaled) and "123456" not in stage.ask(journaled)


def test_a_1_with_a_patient_in_it_counts_and_is_answered(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("1 Mrs Garcia in bed 4 is fine").gets_sms("no patient details")
    assert stage.outage()["checkin"]["ok"] == 1
