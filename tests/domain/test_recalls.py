"""Who is asked to come in, in which order, who is left alone, and how the count is kept."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from bot import journal, outages, outbox, recalls, roster, timers
from bot.access import Refused
from bot.command import recalling, whose
from bot.command.recall_words import Wanted, wanted
from bot.recalls import CallState, RecallState
from bot.texting import parse_reply
from handlers import sms
from handlers.timers import HANDLERS
from tests.conftest import START

PEOPLE = 14
in_any_order = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def house(tx):
    """A boss on shift, and nurses who are not; the rota covers the hour."""
    tx.add_all([roster.Site(code="MAIN"), roster.Site(code="EAST")])
    tx.add_all([roster.Unit(code="ICU", site="MAIN"), roster.Unit(code="3W", site="MAIN"),
                roster.Unit(code="4E", site="EAST")])  # fmt: skip
    tx.add(roster.Person(id="boss", name="Boss", unit="ICU", mobile="+12025550199", permissions=["manage"]))
    tx.flush()
    duty(tx, "boss", -6, 3)
    outages.begin(tx, level=3, sites=["MAIN"], by="boss", commander="boss", summary="", exercise=False)
    return tx


def nurse(tx, id, unit="3W", **known):
    number = tx.exec(select(roster.Person)).all()
    usual = {"name": id, "mobile": f"+1202555{len(number):04}", "skills": ["rn"], "place": len(number)}
    tx.add(roster.Person(id=id, unit=unit, **usual | known))
    tx.flush()


def duty(tx, who, start, end, kind="shift", **known):
    tx.add(roster.Shift(person_id=who, kind=kind, starts_at=tx.now + timedelta(hours=start),
                        ends_at=tx.now + timedelta(hours=end), **known))  # fmt: skip
    tx.flush()
    roster.forget(tx)


def call(tx, need=1, **asked):
    boss = tx.get_one(roster.Person, "boss")
    return recalling.recall(tx, boss, "", Wanted(need=need, skill="rn", **asked), "slack")


def asked(tx, made):
    return {each.person_id for each in recalls.calls(tx, made)}


def says(tx, who, digit, code=""):
    return whose.hear(tx, [tx.get_one(roster.Person, who)], digit, code, "sms")


def passes(tx, **by):
    tx.now += timedelta(**by)
    while timers.fire_due(tx, HANDLERS):
        pass


# --- who ---


def test_on_call_first_then_the_unit_then_all_with_the_waits_between(house):
    nurse(house, "away")
    nurse(house, "own", "ICU")
    nurse(house, "ready")
    duty(house, "ready", -2, 4, "oncall")
    made = call(house, unit="ICU")
    assert asked(house, made) == {"ready"}
    passes(house, minutes=10)
    assert asked(house, made) == {"ready", "own"}
    passes(house, minutes=9)
    assert asked(house, made) == {"ready", "own"}
    passes(house, minutes=1)
    assert asked(house, made) == {"ready", "own", "away"}


def test_no_more_than_five_times_the_need_are_woken_at_once(house):
    for number in range(8):
        nurse(house, f"n{number}")
    made = call(house)
    assert len(asked(house, made)) == 5
    passes(house, minutes=15)
    assert len(asked(house, made)) == 8


def test_who_was_called_lately_comes_last_and_her_own_site_first(house):
    for id, unit in (("tired", "3W"), ("fresh", "3W"), ("far", "4E")):
        nurse(house, id, unit)
    first = call(house, site="MAIN")
    says(house, "tired", "1")
    house.now += timedelta(days=2)
    recalling.stop(house, house.get_one(roster.Person, "boss"), first.code, "slack")
    duty(house, "boss", -1, 3)
    found = recalls.pool(house, recalls.begin(house, outages.find(house), "slack", by="boss", need=1, skill="rn",
                                              site="MAIN", starts_at=house.now))  # fmt: skip
    assert [one.person.id for one in found.waves[3]] == ["fresh", "tired", "far"]


GUARDS = {
    "on shift already": lambda tx: duty(tx, "n", -1, 3),
    "resting": lambda tx: duty(tx, "n", -12, -4),
    "max hours": lambda tx: [duty(tx, "n", -24 * day, -24 * day + 12) for day in (2, 3, 4, 5)],
    "on leave or away": lambda tx: tx.add(
        roster.Leave(person_id="n", starts_at=tx.now - timedelta(days=1), ends_at=tx.now + timedelta(days=1))
    ),
    "opted out of texts": lambda tx: setattr(tx.get_one(roster.Person, "n"), "opted_out_at", tx.now),
    "no phone": lambda tx: setattr(tx.get_one(roster.Person, "n"), "mobile", ""),
    "other site": lambda tx: setattr(tx.get_one(roster.Person, "n"), "site", "EAST"),
}


@pytest.mark.parametrize("reason", GUARDS)
def test_whoever_should_not_come_is_left_alone_and_counted(house, reason):
    nurse(house, "n")
    GUARDS[reason](house)
    house.flush()
    with pytest.raises(Refused, match=f"1 {reason}"):
        call(house, site="MAIN")
    lifted = reason in recalls.LIFTED
    if lifted:
        assert asked(house, call(house, urgent=True)) == {"n"}
    else:
        with pytest.raises(Refused, match="Nothing was sent"):
            call(house, site="MAIN", urgent=True)


def test_one_phone_is_asked_once(house):
    nurse(house, "n")
    nurse(house, "twin", mobile=house.get_one(roster.Person, "n").mobile)
    made = call(house)
    assert asked(house, made) == {"n"}
    assert recalls.pool(house, made).excluded == {"shared phone": 1}


def test_nobody_is_in_two_calls(house):
    nurse(house, "n")
    call(house)
    with pytest.raises(Refused, match="1 in another recall"):
        call(house)


@pytest.mark.parametrize(("hours", "also"), [(0, {"voice"}), (8, set())])
def test_who_is_asked_at_night_is_called_as_well(house, hours, also):
    house.now += timedelta(hours=hours)
    nurse(house, "ready")
    nurse(house, "home")
    duty(house, "ready", -2, 4, "oncall")
    call(house)
    passes(house, minutes=10)
    ways = select(outbox.Message.person_id, outbox.Message.channel).where(outbox.Message.kind == "recall")
    assert set(house.exec(ways)) == {(who, way) for who in ("ready", "home") for way in {"sms", *also}}


def test_an_exercise_says_so(house):
    nurse(house, "n")
    outages.find(house).exercise = True
    made = call(house)
    texted = [outbox.Message.kind == "recall", outbox.Message.channel == "sms"]
    said = house.exec(select(outbox.Message.body).where(*texted)).one()
    assert made.exercise and said.startswith("EXERCISE - MERCY STAFF CALL R1 (voluntary)")


# --- the count ---

acts = st.lists(st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from("1123444HAW")), max_size=40)


@in_any_order
@given(need=st.integers(1, 4), acts=acts)
def test_the_count_holds_in_any_order(house, need, acts):
    with house.begin_nested() as savepoint:
        now = house.now
        for number in range(PEOPLE):
            nurse(house, f"n{number}", "ICU" if number % 2 else "3W")
        made = call(house, need=need, unit="ICU")
        told = _holds(house, made, 0)
        for number, act in acts:
            _act(house, made, f"n{number}", act)
            told = _holds(house, made, told)
        house.now = now
        savepoint.rollback()
    house.expire_all()
    roster.forget(house)


def _act(tx, made, who, act):
    person = tx.get_one(roster.Person, who)
    if act == "W":
        passes(tx, minutes=6)
    elif act == "H":
        recalling.arrived(tx, person, "sms")
    elif act == "A":
        recalling.dropped(tx, person, "sms")
    elif who in asked(tx, made):
        says(tx, who, act, made.code)


def _holds(tx, made, told):
    now, ended = recalls.figures(tx, made), made.state not in recalls.RUNNING
    assert now.coming <= made.need and now.reserve <= made.reserves
    assert ended or (made.state == RecallState.FILLED) == (now.coming == made.need)
    assert ended or now.reserve == 0 or now.coming == made.need
    messages = list(tx.exec(select(outbox.Message).order_by(col(outbox.Message.id))))
    state = {each.person_id: each.state for each in recalls.calls(tx, made)}
    called = [each.person_id for each in messages[told:] if (each.kind, each.channel) == ("recall", "sms")]
    assert {state[person] for person in called} <= {CallState.ASKED, CallState.SILENT}
    assert len(called) == len(set(called)) <= made.need * recalls.AT_ONCE
    rest = [message.person_id for message in messages[told:] if message.kind == "recall_filled"]
    assert {state[person] for person in rest} <= {CallState.NOT_NEEDED}
    return len(messages)


def test_when_its_time_is_over_the_reserve_may_rest(house):
    for id in ("a", "b", "c"):
        nurse(house, id)
    made = call(house)
    assert says(house, "a", "1")[0] == "recall_coming"
    assert says(house, "b", "2")[0] == "recall_reserve"
    assert says(house, "c", "2")[0] == "recall_filled"
    passes(house, minutes=61)
    assert made.state == RecallState.CLOSED
    heard = house.exec(select(outbox.Message.person_id).where(outbox.Message.kind == "recall_released")).all()
    assert heard == ["b"]


def test_away_after_a_yes_brings_in_the_reserve(house):
    for id in ("a", "b"):
        nurse(house, id)
    made = call(house)
    says(house, "a", "1")
    says(house, "b", "2")
    recalling.dropped(house, house.get_one(roster.Person, "a"), "sms")
    assert [each.person_id for each in recalls.calls(house, made, CallState.COMING)] == ["b"]
    needed = house.exec(select(outbox.Message.person_id).where(outbox.Message.kind == "recall_needed")).all()
    assert needed == ["b"]


def test_without_an_answer_or_with_a_no_a_digit_may_still_change_it(house):
    nurse(house, "a")
    call(house)
    assert "cannot come" in says(house, "a", "4")[1]["text"]
    assert says(house, "a", "2")[0] == "recall_coming"


def test_without_a_rota_it_says_why_nobody_can_be_asked(tx):
    tx.add(roster.Unit(code="3W"))
    tx.add(roster.Person(id="boss", name="Boss", unit="3W", permissions=["manage"]))
    outages.begin(tx, level=3, sites=[], by="boss", commander="boss", summary="", exercise=False)
    nurse(tx, "n")
    with pytest.raises(Refused, match=r"1 on shift already\. No shifts were imported, so everybody counts as on shift"):
        call(tx)


def test_only_a_manager_calls_staff_in(house):
    nurse(house, "n")
    with pytest.raises(Refused, match="You may not recall"):
        recalling.recall(house, house.get_one(roster.Person, "n"), "", Wanted(need=1, skill="rn"), "slack")


# --- what is asked for ---


def test_the_words_of_a_staff_call(tx):
    asked = wanted('need:4 skill:"icu rn" unit:ICU from:06:00 reserve:50 override please', tx.now, "UTC")
    assert asked == Wanted(need=4, skill="icu rn", unit="ICU", reserve=50, urgent=True, odd=["please"],
                           starts_at=tx.now.replace(hour=6, minute=0, second=0, microsecond=0))  # fmt: skip
    assert wanted("from:03:00", tx.now, "UTC").starts_at.date() == tx.now.date() + timedelta(days=1)
    assert wanted("within:90m", tx.now, "UTC").starts_at == tx.now + timedelta(minutes=90)
    assert wanted("need:x within:soon", tx.now, "UTC").wrong == ["need:x", "within:soon"]
    soon = tx.now + timedelta(seconds=20)
    assert wanted(f"from:{tx.now:%H:%M}", soon, "UTC").starts_at == tx.now.replace(second=0, microsecond=0)
    assert wanted("skill:r\0n", tx.now, "UTC").skill == "rn"


@pytest.mark.parametrize("words", ["need:1 from:6am", "need:501", "need:" + "0" * 6 + "9" * 9, "need:1 within:soon"])
def test_what_cannot_be_read_calls_nobody(house, words):
    nurse(house, "a")
    boss = house.get_one(roster.Person, "boss")
    with pytest.raises(Refused, match=r"Not understood: .* at most 500\. Nothing was sent"):
        recalling.staff_call(house, boss, f"skill:rn {words}", "slack")


@given(st.text(max_size=60))
def test_any_words_at_all_are_read(text):
    assert wanted(text, START, "America/Chicago") is not None


# --- how it ends ---


def heard(tx, who):
    """What a person was sent in writing, once all that waits has left."""
    for message in tx.exec(select(outbox.Message).where(outbox.Message.state == outbox.State.QUEUED)):
        message.state = outbox.State.SENT
    tx.flush()
    written = [outbox.Message.person_id == who, outbox.Message.channel != "voice"]
    return list(tx.exec(select(outbox.Message.kind).where(*written).order_by("id")))


def test_whoever_heard_the_call_hears_that_it_is_off_and_is_answered_for_a_day(house):
    for id in ("a", "b", "c"):
        nurse(house, id)
    made, outage = call(house), outages.find(house)
    says(house, "b", "4")
    assert heard(house, "a") == ["recall"]
    recalling.call_off_all(house, outage, "closed")
    assert heard(house, "a") == ["recall", "recall_off"]
    assert "recall_off" not in heard(house, "b")
    outages.move(house, outage, outages.OutageState.VOIDED, "boss", "")
    assert says(house, "a", "1") == says(house, "a", "2", made.code) == ("recall_off", {"code": "R1"})
    house.now += timedelta(hours=25)
    assert says(house, "c", "1") is None


def test_what_has_not_left_the_house_is_not_called_off(house):
    nurse(house, "a")
    call(house)
    recalling.call_off_all(house, outages.find(house), "closed")
    assert heard(house, "a") == ["recall"]


def test_an_unfilled_call_ends_an_hour_after_its_start_and_frees_its_people(house):
    for id in ("a", "b"):
        nurse(house, id)
    made = call(house, need=2, starts_at=house.now + timedelta(hours=1))
    says(house, "a", "2")
    passes(house, minutes=119)
    assert made.state == RecallState.OPEN
    passes(house, minutes=1)
    assert made.state == RecallState.CLOSED
    assert "1 of 2 coming. 0 said that they are there. It is closed. Still short? Call again" in news(house)[-1]
    assert "R1 is over, you need not come in" in says(house, "b", "1")[1]["text"]
    assert asked(house, call(house)) == {"a", "b"}


def test_whoever_comes_in_two_hours_is_waited_for_and_counted(house):
    for id in ("a", "b"):
        nurse(house, id)
    made = call(house)
    says(house, "a", "3")
    says(house, "b", "2")
    passes(house, minutes=145)
    assert made.state == RecallState.FILLED
    texts(house, "a", "HERE 3W")
    assert (made.state, recalls.figures(house, made).arrived) == (RecallState.CLOSED, 1)
    assert "recall_released" in heard(house, "b")


def test_whoever_drops_out_on_the_way_opens_it_again_and_the_reserve_is_given_its_time(house):
    for id in ("a", "b"):
        nurse(house, id)
    made = call(house)
    says(house, "a", "3")
    says(house, "b", "3")
    passes(house, minutes=140)
    says(house, "a", "4")
    assert "recall_needed" in heard(house, "b")
    passes(house, minutes=149)
    assert made.state == RecallState.FILLED
    texts(house, "b", "HERE 3W")
    assert made.state == RecallState.CLOSED


def test_who_comes_or_drops_out_after_it_was_closed_is_not_lost(house):
    for id in ("a", "b"):
        nurse(house, id)
    made = call(house, need=2, reserve=0)
    says(house, "a", "1")
    says(house, "b", "1")
    passes(house, minutes=90)
    assert made.state == RecallState.CLOSED
    texts(house, "a", "HERE 3W")
    assert recalls.figures(house, made).arrived == 1
    assert "cannot come" in texts(house, "b", "4").facts["text"]
    assert "b cannot come after all. It is closed. Still short? Call again" in news(house)[-1]


def news(tx):
    said = select(outbox.Message.body).where(outbox.Message.kind == "recall_news")
    return list(tx.exec(said.where(outbox.Message.person_id == "boss").order_by("id")))


def test_stop_names_the_calls_that_are_open(house):
    nurse(house, "a")
    call(house)
    with pytest.raises(Refused, match="Open: R1"):
        recalling.stop(house, house.get_one(roster.Person, "boss"), "R9", "slack")


# --- by text ---


def texts(tx, who, said):
    number = tx.get_one(roster.Person, who).mobile
    return sms.hear(tx, f"{who} {said} {tx.now}", number, said, parse_reply(said))


def test_a_code_that_is_no_call_of_theirs_changes_nothing(house):
    nurse(house, "a")
    call(house)
    assert "Open for you: R1. Text 2 R1" in texts(house, "a", "2 R7").facts["text"]
    assert "R1 is no staff call to you, so nothing was changed" in texts(house, "boss", "2 R1").facts["text"]
    assert not house.exec(select(journal.Line).where(journal.Line.what == "answered")).all()


def test_here_from_a_shared_phone_counts_for_all_who_are_coming(house):
    nurse(house, "a")
    nurse(house, "b", mobile=house.get_one(roster.Person, "a").mobile)
    duty(house, "a", -2, 3)
    made = call(house)
    says(house, "b", "1")
    texts(house, "b", "HERE 3W")
    assert [each.person_id for each in recalls.calls(house, made) if each.arrived_at] == ["b"]


# --- open again ---


def test_when_it_opens_again_whoever_offered_is_asked_first_and_who_was_silent_last(house):
    for number in range(6):
        nurse(house, f"n{number}")
    made = call(house, reserve=0)
    says(house, "n0", "1")
    assert says(house, "n1", "2")[0] == "recall_filled"
    assert heard(house, "n1") == ["recall"]
    says(house, "n0", "4")
    assert heard(house, "n1") == ["recall", "recall"]
    assert [heard(house, id) for id in ("n2", "n5")] == [["recall"], []]
    passes(house, minutes=10)
    assert heard(house, "n5") == ["recall"]
    passes(house, minutes=15)
    assert heard(house, "n2") == ["recall", "recall"]
    assert says(house, "n1", "1")[0] == "recall_coming"
    assert made.state == RecallState.FILLED


def test_a_manager_who_texts_status_reads_how_it_stands(house):
    nurse(house, "a")
    call(house)
    said = texts(house, "boss", "STATUS").sms(house.render)
    assert "R1 0 of 1 coming" in said
    assert "R1" not in texts(house, "a", "STATUS").sms(house.render)
