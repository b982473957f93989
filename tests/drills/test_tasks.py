"""Cards and tasks: offered, taken, refused, finished, blocked, handed on; and chased when nothing happens."""

import re

from tests.people import Channel, Person, Stage


def code_of(person: Person, words: str) -> str:
    """The code of the task that was offered with these words."""
    text = next(text.body for text in reversed(person.phone.inbox) if words.casefold() in text.body.casefold())
    return re.findall(r"\bT\d+\b", text)[0]


def test_the_role_text_offers_the_first_task(stage: Stage, finn: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    finn.gets_sms("MERCY service desk", "Epic is down", "Text 1 T", "I have it")
    finn.gets_sms("Text 1 T").gets_slack("service desk").gets_slack("tasks")


def test_a_card_is_one_code_for_all_a_unit_has_to_do(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    ben.gets_sms("Answer for 5W")
    ben.gets_sms("5W LIST T", "by 04:25", "tell all staff", "paper charts", "DONE T", "NEED T")
    ben.replies("1")
    before = stage.outage()["tasks"]["done"]
    card = code_of(ben, "LIST")
    ben.replies(f"DONE {card}.2").gets_sms(f"{card}.2 done")
    assert stage.outage()["tasks"]["done"] == before + 1
    ben.replies(f"DONE {card}").gets_sms(f"{card} done")
    stage.seen()
    stage.forward(minutes=16)
    assert not [text.body for text in ben.phone.inbox if "OVERDUE" in text.body]


def test_taken_warned_and_done_with_its_proof(stage: Stage, finn: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    code = code_of(finn, "confirm outage")
    finn.replies(f"1 {code}").gets_sms(f"{code} is yours", f"DONE {code}")
    finn.replies(f"DONE {code}").gets_sms(code, "time")
    finn.replies(f"{code} 0405").gets_sms(f"{code}")
    assert stage.outage()["tasks"]["done"] >= 1


def test_who_cannot_hands_it_to_the_backup_at_once(stage: Stage, kit: Person, lea: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    kit.gets_sms("pharmacy", "Text 1 T")
    code = code_of(kit, "pharmacy")
    lea.gets_sms("Epic is down")
    kit.replies(f"2 {code} alone here").gets_sms(f"{code} goes to Lea")
    lea.gets_sms(code, "I have it").replies(f"1 {code}").gets_sms(f"{code} is yours")
    kit.is_left_alone(minutes=6)


def test_a_task_nobody_takes_climbs_to_the_backup_and_the_superior(
    stage: Stage, kit: Person, lea: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    kit.lets_it_ring()
    stage.forward(minutes=5)
    assert [call.to for call in stage.sim.twilio.calls if call.to == kit.number]
    stage.forward(minutes=3)
    code = code_of(kit, "pharmacy")
    lea.gets_sms(code, "I have it").replies(f"1 {code}").gets_sms(f"{code} is yours")
    calls = len([call for call in stage.sim.twilio.calls if call.to == kit.number])
    stage.forward(minutes=10)
    assert len([call for call in stage.sim.twilio.calls if call.to == kit.number]) == calls


def test_a_blocked_priority_1_reaches_the_superior_singly(
    stage: Stage, finn: Person, dana: Person, eve: Person, iris: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    code = code_of(finn, "read-only")
    finn.replies(f"1 {code}").gets_sms("is yours")
    finn.replies(f"BLOCKED {code} vendor does not answer").gets_sms(f"{code} blocked", "is told")
    told = [text.body for phone in stage.sim.phones for text in phone.inbox if "vendor does not answer" in text.body]
    assert len(told) == 1 and code in told[0]
    assert stage.outage()["tasks"]["blocked"] == 1


def test_a_code_works_for_its_owner_backup_or_manager_only(
    stage: Stage, alma: Person, finn: Person, dana: Person, eve: Person
) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    code = code_of(finn, "read-only")
    alma.replies(f"1 {code}").gets_sms(f"{code} is not open to you")
    dana.replies(f"1 {code}").gets_sms(f"{code} is yours")
    finn.replies("DONE T99").gets_sms("T99 is not open to you", "Open to you: T")


def test_what_is_overdue_climbs_by_digest(stage: Stage, kit: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    code = code_of(kit, "pharmacy")
    kit.replies(f"1 {code}").gets_sms("is yours")
    stage.forward(minutes=10)
    kit.gets_sms(code, "due at 04:25")
    stage.forward(minutes=5)
    kit.gets_sms(code, "OVERDUE since 04:25")
    stage.forward(minutes=10)
    late = [
        text.body for phone in stage.sim.phones for text in phone.inbox if "LATE" in text.body and code in text.body
    ]
    assert late


def test_nobody_on_shift_for_a_role_falls_back_and_is_journaled(stage: Stage, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.gets_sms("house supervisor")
    fallen = stage.ask(_fell_back)
    assert {"switchboard", "communications_leader"} & {line["role"] for line in fallen}
    assert all(line["to"] for line in fallen)


def test_an_errand_by_slash_command(stage: Stage, alma: Person, eve: Person, command_centre: Channel) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    assert "offered to Alma" in eve.runs("/task alma due:15m bring radios to the ED").text
    alma.gets_sms("bring radios to the ED", "I have it")
    code = code_of(alma, "bring radios")
    alma.replies(f"1 {code}").gets_sms("is yours")
    assert "done" in eve.runs(f"/task done {code}").text


def _fell_back(tx):  # type: ignore[no-untyped-def]
    from sqlmodel import select

    from bot.journal import Line

    return [line.detail for line in tx.exec(select(Line).where(Line.what == "fell_back"))]
