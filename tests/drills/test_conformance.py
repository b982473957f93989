"""What a hospital would try before it trusts Muster: each scenario of the acceptance list is one test, here or where
its feature is tested."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot import access, doctor, escalations, journal, roster, tasks
from bot.clock import MovedClock
from bot.db import Tx
from bot.settings import Settings
from bot.simulator import Fault
from tests.drills.test_providers_in_trouble import Gateway, gateway
from tests.people import COMMAND_CHANNEL, Person, Stage

__all__ = ["gateway"]
TESTS = Path(__file__).parents[1]

#: The scenario → its test. Digits and roles are the contract's, where the list was written before it.
SCENARIOS = {
    "Declare ehr+email at level 3 at 04:00 from an SMS by an authorised house supervisor with PIN; first notice handed "
    "to provider in under 60 s": "drills/test_conformance.py::test_declared_at_night_by_sms_and_pin",
    "Primary SMS provider times out; 100% of that wave re-sent by the second; nobody gets two copies of a delivered "
    "message": "drills/test_conformance.py::test_the_second_provider_sends_the_whole_wave_and_nobody_gets_it_twice",
    "Charge nurse answers 9 (patient risk): voice page within 30 s, board red, task opened":
        "drills/test_conformance.py::test_a_charge_nurse_answers_9",
    "Ward 5 silent 10 min: second channel, then phone, then runner task to house supervisor; marking 'told in person' "
    "turns it told":
        "drills/test_the_charge_nurse_never_answers.py::test_a_silent_unit_is_texted_called_rung_and_visited",
    "Nurse replies 'Cancel' in place of 2: opted out; coordinator warned in the same minute; her tasks move to backup; "
    "voice still allowed only if policy says so":
        "drills/test_opting_out.py::test_a_nurse_replies_cancel_in_place_of_2",
    "On-call role has an empty calendar: preflight shows it; at alert the fallback chain is used and logged":
        "drills/test_preflight.py::test_on_call_role_has_an_empty_calendar",
    "Process killed with 300 timers pending; on restart the due ones fire once, no duplicate messages, log has no gap":
        "drills/test_conformance.py::test_300_timers_survive_the_end_of_the_process",
    "Two people declare the same outage 40 s apart: one incident, both credited, second is told it was merged":
        "drills/test_two_managers_and_restarts.py::test_two_managers_declare_at_once",
    "Exercise: every outbound text starts with EXERCISE; outside partners blocked; export says exercise":
        "drills/test_conformance.py::test_an_exercise_says_so_everywhere_and_reaches_no_partner",
    "Message with a curly quote: converted, and the 1 to 2 segment change and finish-time change are shown":
        "drills/test_conformance.py::test_a_curly_quote_is_converted_and_its_cost_is_shown",
    "Restored: back-entry tasks start at R+0; all-clear refused while prio-1 recovery tasks are open unless overridden "
    "with reason": "drills/test_conformance.py::test_restored_back_entry_and_the_all_clear",
    "Shift change at 07:00: open tasks offered to relief; unaccepted go to unit charge":
        "drills/test_shift_change.py::test_a_units_task_that_the_relief_does_not_take_goes_to_its_charge_nurse",
    "Inbound text 'Smith MRN 123456 bed 4': not mirrored to Slack, sender told not to send patient details, log stores "
    "redacted form": "drills/test_conformance.py::test_a_patients_name_in_a_text_goes_nowhere",
    "Egress audit lists no Microsoft-hosted host for configured providers":
        "drills/test_conformance.py::test_the_egress_audit_names_what_is_microsofts",
}  # fmt: skip


@pytest.mark.parametrize("test", SCENARIOS.values())
def test_each_scenario_is_a_test(test: str) -> None:
    file, _, name = test.partition("::")
    written = ast.parse((TESTS / file).read_text())
    assert name in {node.name for node in written.body if isinstance(node, ast.FunctionDef)}


def test_declared_at_night_by_sms_and_pin(stage: Stage, alma: Person, dana: Person) -> None:
    hashed = access.hash_pin("4711")
    stage.tell(lambda tx: access.set_pin(tx, "dana", hashed))
    said = stage.clock.now()
    dana.replies("OUTAGE 4711 ehr,email L3 Epic and mail are down").gets_sms("DECLARED O-1 level 3")
    alma.gets_sms("Epic and mail are down", "1=read")
    first = min(text.at for phone in stage.sim.phones for text in phone.inbox)
    assert first - said < timedelta(seconds=60)
    outage = stage.outage()
    assert (outage["level"], outage["services"], outage["commander"]) == (3, ["ehr", "email_documents"], "dana")


def test_the_second_provider_sends_the_whole_wave_and_nobody_gets_it_twice(
    stage: Stage, gateway: Gateway, eve: Person
) -> None:
    for on in ("sms", "list"):
        stage.sim.twilio.faults.add(Fault("hangup_before_accept", on=on))
    eve.runs("/outage declare level:3 ehr Epic is down")
    for _ in range(12):
        stage.forward(seconds=30)
    reach = stage.outage()["reach"]
    assert reach["sent"] + reach["delivered"] == reach["people"] == 13
    assert len({each["to"] for each in gateway.took}) == 13, "everybody heard by the second provider"
    assert len({(each["to"], each["message"]) for each in gateway.took}) == len(gateway.took)
    assert not list(stage.sim.twilio.messages)
    stage.seen()


def test_a_charge_nurse_answers_9(stage: Stage, ben: Person, dana: Person, gwen: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.takes_tasks()
    dana.lets_it_ring()
    ben.replies("9").has_sms("PATIENT RISK 5W", "being called")
    stage.forward(seconds=30)
    dana.gets_call()
    assert stage.outage()["units"]["risk"] == 1
    risks = stage.ask(lambda tx: list(tx.exec(select(tasks.Task).where(tasks.Task.kind == tasks.Kind.RISK))))
    assert [(task.unit, task.state, task.speaker) for task in risks] == [("5W", "offered", "charge nurse")]
    stage.forward(minutes=1, seconds=30)
    gwen.has_sms("PATIENT RISK 5W").gets_call("Patient risk in 5 W")
    stage.seen()


def test_300_timers_survive_the_end_of_the_process(stage: Stage) -> None:
    def wait(tx: Tx) -> None:
        for number in range(300):
            rungs = [{"after": 60 + 2 * number, "do": "remind"}]
            escalations.start(tx, "undone", f"task:{9000 + number}", rungs, outage_id=None)

    def climbed(tx: Tx) -> list[str]:
        lines = tx.exec(select(journal.Line).where(journal.Line.what == "climbed"))
        return [line.about for line in lines]

    stage.tell(wait)
    stage.stop()
    stage.clock.forward(seconds=60 + 2 * 149)
    stage.start()
    stage.settle()
    assert sorted(stage.ask(climbed)) == sorted(f"task:{9000 + number}" for number in range(150))
    stage.forward(minutes=10)
    assert sorted(stage.ask(climbed)) == sorted(f"task:{9000 + number}" for number in range(300))
    assert not list(stage.sim.twilio.messages)


def test_an_exercise_says_so_everywhere_and_reaches_no_partner(stage: Stage, alma: Person, ben: Person) -> None:
    from bot import command

    def begin(tx: Tx) -> None:
        tx.add(roster.Partner(id="ems", name="County EMS", kind="ems", mobile="+12025550190"))
        by = roster.person(tx, "eve")
        assert by
        command.declare(tx, by, command.Request(services=["ehr"], text="practice", level=4, exercise=True), "cli")

    stage.tell(begin)
    ben.lets_it_ring()
    stage.forward(minutes=6)
    stage.tell(lambda tx: command.close(tx, _eve(tx), "O-1", "done", "cli"))
    stage.forward(minutes=1)
    texts = [text.body for text in stage.sim.twilio.messages]
    posts = [message.text for message in stage.sim.slack.messages(COMMAND_CHANNEL)]
    assert texts and posts
    assert [said for said in texts + posts if not said.startswith(("EXERCISE - ", "*EXERCISE", "EXERCISE"))] == []
    assert not stage.sim.phone("+12025550190").inbox
    alma.has_sms("EXERCISE - MERCY: practice")
    assert stage.ask(lambda tx: _status(tx)["exercise"]) is True
    stage.seen()


def test_a_curly_quote_is_converted_and_its_cost_is_shown(stage: Stage, alma: Person, eve: Person) -> None:
    said = eve.runs("/outage declare ehr Epic’s down").text
    assert "’ is now '" in said and "stays 1 segment" in said and "not 2 or more" in said and "done by" in said
    alma.gets_sms("Epic's down")


def test_restored_back_entry_and_the_all_clear(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    eve.runs("/outage restore")
    ben.has_sms("5W LIST", "back-enter minimum set")
    eve.runs("/outage close")
    assert "priority-1 recovery tasks are open" in eve.clicks("sure_close", "D0EVE").text
    assert stage.outage()["state"] == "restored"
    eve.runs("/outage close O-1 all units entered by hand")
    assert "closed" in eve.clicks("sure_close", "D0EVE").text
    stage.seen()


def test_a_patients_name_in_a_text_goes_nowhere(stage: Stage, alma: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    alma.gets_sms("Epic is down")
    alma.replies("Smith MRN 123456 bed 4").gets_sms("no patient details")
    slack = [message.text for message in stage.sim.slack.messages(COMMAND_CHANNEL)]
    lines = stage.ask(lambda tx: [str(line.detail) for line in tx.exec(select(journal.Line))])
    texts = [text.body for phone in stage.sim.phones for text in phone.inbox]
    assert not [said for said in slack + lines + texts if "Smith" in said or "123456" in said]
    assert any("removed" in line for line in lines)
    stage.seen()


PROVIDERS = {
    "twilio_account_sid": "AC" + "0" * 32, "twilio_auth_token": "x" * 32, "twilio_from": "+12025550199",
    "twilio_voice_from": "+12025550199", "slack_bot_token": "xoxb-1", "slack_signing_secret": "x" * 32,
    "public_url": "https://muster.example.org", "heartbeat_url": "https://beat.example.org/1",
    "sms_fallback_urls": "json://texts.example.net/{to}",
}  # fmt: skip


def test_the_egress_audit_names_what_is_microsofts() -> None:
    named = doctor.hosts(Settings.load(None, **PROVIDERS))
    assert [host.host for host in named] == [
        "api.twilio.com", "slack.com", "texts.example.net", "beat.example.org", "muster.example.org",
    ]  # fmt: skip
    assert not [host for host in named if host.microsoft]
    theirs = {"sms_fallback_urls": "o365://tenant:account/id/secret/{to}",
              "public_url": "https://muster.azurewebsites.net"}  # fmt: skip
    named = doctor.hosts(Settings.load(None, **PROVIDERS | theirs))
    assert {host.use for host in named if host.microsoft} == {"fallback gateway 1", "our own address"}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mailtos://u:p[w@gmail.com/?to={to}", {"gmail.com": False}),
        (
            "mailto://u:p@a.org?smtp=smtp.office365.com&to={to}&from=a@b.org",
            {"a.org": False, "smtp.office365.com": True},
        ),
        ("jsons://[2001:db8::1]:8443/send?to={to}", {"2001:db8::1": False}),
    ],
)  # fmt: skip
def test_the_egress_audit_reads_passwords_and_queries(url: str, found: dict[str, bool]) -> None:
    named = doctor.hosts(Settings.load(None, sms_fallback_urls=url))
    assert {host.host: host.microsoft for host in named if "fallback" in host.use} == found


def test_the_doctor_says_what_is_missing_and_what_is_broken(
    database_url: str, clock: MovedClock, tmp_path: Path
) -> None:
    (tmp_path / "ehr.yaml").write_text("playbook: ehr\ntitle: Broken\nphases: {immediate: {anchor: never}}\n")
    stage = Stage(database_url, clock, playbooks_dir=str(tmp_path), callback_number="")
    found = stage.ask(doctor.examine)
    stage.close()
    assert any("ehr.yaml" in each for each in found.broken)
    assert any("CALLBACK_NUMBER" in each for each in found.missing)
    assert any("downtime_box of site MAIN" in each for each in found.missing)
    assert found.channels == {"sms": True, "voice": True, "slack": True}


def _eve(tx: Tx) -> roster.Person:
    found = roster.person(tx, "eve")
    assert found
    return found


def _status(tx: Tx) -> dict[str, object]:
    from bot import board

    shown: dict[str, object] = board.status(tx, "O-1")["outages"][0]
    return shown
