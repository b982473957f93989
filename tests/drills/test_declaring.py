"""A declaration is never refused for its wording, and its answer says what was made of it."""

from pathlib import Path

from bot.clock import MovedClock
from bot.texting import is_gsm7, segments
from tests.people import Channel, Person, Stage


def test_the_answer_has_figures_the_text_and_the_way_to_undo_it(
    stage: Stage, eve: Person, command_centre: Channel
) -> None:
    said = eve.runs("/outage declare ehr,email level:3 Epic and mail are down, use paper").text
    for words in (
        "Declared O-1",
        "level 3",
        "13 people",
        "MERCY: Epic and mail are down, use paper",
        "/outage void O-1",
    ):
        assert words in said
    command_centre.shows("O-1", "Eve Sand", "Epic and mail are down")


def test_by_the_form(stage: Stage, alma: Person, eve: Person) -> None:
    assert eve.runs("/outage").status == 200
    form = {"services": ["ehr"], "level": "3", "text": "Epic “slow”, then gone"}
    said = stage.do(stage.sim.slack.submit(eve.slack, None, form))
    assert said.in_time and not said.errors
    alma.gets_sms('Epic "slow", then gone', "1=read")
    assert stage.outage()["level"] == 3


def test_the_form_says_what_each_level_would_come_to(stage: Stage, eve: Person) -> None:
    eve.runs("/outage")
    shown = str(stage.sim.slack.modal(eve.slack))
    for words in ("declared everywhere now", "*Level 0*: 2 people", "*Level 3*: 13 people, 13 segments, done by 04:10"):
        assert words in shown


def test_what_is_unknown_is_left_out_and_said(stage: Stage, alma: Person, eve: Person) -> None:
    said = eve.runs("/outage declare frobnicator level:9 sites:moon is down").text
    assert "Declared O-1" in said and "only the core playbook" in said and "ehr" in said
    assert "level:9" in said and "MOON" in said and "MAIN" in said
    alma.gets_sms("frobnicator is down")
    assert (stage.outage()["services"], stage.outage()["level"]) == ([], 2) or stage.outage()["services"] == ["core"]


def test_a_text_too_long_with_odd_characters_is_folded_and_cut_at_a_word(
    stage: Stage, alma: Person, eve: Person
) -> None:
    said = eve.runs("/outage declare ehr “Épic” — the medical récord 😀 " + "cannot be reached " * 20).text
    assert "Declared O-1" in said
    stage.settle()
    text = alma.phone.inbox[-1].body
    assert is_gsm7(text) and segments(text) == 1 and "1=read" in text and "Next 04:40" in text
    assert text.split("...")[0] in said.replace("&lt;", "<").replace("&gt;", ">")


def test_a_person_without_an_address_is_on_the_unreached_list(stage: Stage, eve: Person) -> None:
    from bot import board, outages, roster

    stage.tell(lambda tx: tx.add(roster.Person(id="nobody", name="Nat Void", unit="5W", site="MAIN", place=99)))
    assert "1 cannot be reached" in eve.runs("/outage declare ehr Epic is down").text
    lost = stage.ask(lambda tx: board.unreached(tx, outages.find(tx, "O-1")))
    assert [(person["id"], person["reason"]) for person in lost] == [
        ("nobody", "no phone number and no Slack account on file")
    ]
    assert stage.outage()["reach"]["unreachable"] == 1


def test_without_a_mobile_slack_is_used(stage: Stage, eve: Person) -> None:
    from bot import roster

    stage.sim.slack.add_user("U0NILS", "Nils")
    stage.tell(
        lambda tx: tx.add(
            roster.Person(id="nils", name="Nils Fen", unit="5W", site="MAIN", slack_id="U0NILS", place=99)
        )
    )
    eve.runs("/outage declare ehr Epic is down")
    assert [message.text for message in stage.sim.slack.messages("U0NILS")]


def test_the_ward_channel_and_the_command_channel_are_posted_to(
    stage: Stage, eve: Person, ward: Channel, command_centre: Channel
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ward.shows("Epic is down", "Next update 04:40")
    command_centre.shows("O-1", "Epic is down")


def test_a_service_with_two_phones_on_one_number_is_told_once(stage: Stage, alma: Person, eve: Person) -> None:
    from bot import roster

    twin = roster.Person(id="twin", name="Tam Twin", unit="5W", site="MAIN", mobile=alma.number, place=99)
    stage.tell(lambda tx: tx.add(twin))
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down").replies("1").is_left_alone()
    assert stage.outage()["checkin"]["ok"] == 2
    assert stage.outage()["reach"]["delivered"] >= 2


def test_at_four_in_the_morning_a_broken_playbook_is_replaced(
    database_url: str, clock: MovedClock, tmp_path: Path
) -> None:
    (tmp_path / "ehr.yaml").write_text("playbook: ehr\ntitle: Broken\nphases: {immediate: {anchor: never}}\n")
    stage = Stage(database_url, clock, playbooks_dir=str(tmp_path))
    eve, alma = Person(stage, "eve", "+12025550116"), Person(stage, "alma", "+12025550111")
    assert "Declared O-1" in eve.runs("/outage declare ehr Epic is down").text
    alma.gets_sms("Epic is down", "Use paper")
    stage.close()


def test_unknown_accounts_and_verbs_are_told_plainly(stage: Stage, eve: Person) -> None:
    stage.sim.slack.add_user("U0STRANGER", "Stranger")
    said = stage.do(stage.sim.slack.command("U0STRANGER", "/outage", "declare ehr"))
    assert "not on the staff list" in said.text
    assert "is not a verb of /outage" in eve.runs("/outage explode now").text
    assert "Declare one with /outage declare" in eve.runs("/outage update hello").text
    assert stage.status()["outages"] == []


def test_sms_that_is_refused_goes_another_way(stage: Stage, alma: Person, ben: Person, eve: Person) -> None:
    from bot.simulator import Fault

    stage.sim.twilio.faults.add(Fault(kind="refuse", to=ben.number, on="sms", code=21614))
    stage.sim.twilio.faults.add(Fault(kind="undelivered", to=alma.number, on="sms", code=30003))
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_call("Epic is down")
    ben.gets_call("check of 5 W").presses("1")
    assert stage.outage()["units"]["ok"] == 1


def test_doubt_is_resolved_by_asking(stage: Stage, alma: Person, abe: Person, eve: Person) -> None:
    from bot.simulator import Fault

    stage.sim.twilio.faults.add(Fault(kind="hangup_after_accept", to=alma.number, times=1))
    stage.sim.twilio.faults.add(Fault(kind="hangup_before_accept", to=abe.number, times=1))
    stage.sim.twilio.faults.add(Fault(kind="receipts_withheld", to=alma.number))
    eve.runs("/outage declare ehr Epic is down")
    stage.forward(seconds=40)
    alma.gets_sms("Epic is down").is_left_alone(minutes=3)
    abe.gets_sms("Epic is down").is_left_alone()


def test_what_slack_escapes_reaches_a_phone_as_it_was_typed(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic &amp; mail are down")
    alma.gets_sms("Epic & mail are down")


def test_the_declarer_reads_what_is_open_and_writes_down_what_was_found(
    stage: Stage, alma: Person, eve: Person, ben: Person
) -> None:
    said = eve.runs("/outage declare ehr Epic’s records are gone").text
    assert "’ is now '" in said and 'what still works: "phones, pagers' in said and "Find out: start_time" in said
    assert "Not needed any more: EHR-X3" in eve.runs("/outage fact hie_unavailable").text
    assert "hie_unavailable: yes" in eve.runs("/outage fact").text
    assert "You may not update an outage" in ben.runs("/outage fact hie_unavailable no").text
    stage.seen()
    assert "STILL WORKS: phones" in eve.runs("/outage update works: phones, Slack").text
    alma.gets_sms("EHR DOWN. STILL WORKS: phones, Slack. Call 5555. Next 04:40")
    stage.seen()
