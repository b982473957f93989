"""The simulated people, the agenda that they live by, and the JSON through which a page sees them."""

import asyncio
import re
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import aiohttp
import pytest

from bot.clock import MovedClock
from bot.simulator import Fault, Temperament
from bot.simulator.agenda import Agenda
from bot.simulator.staff import CHOSEN, deal, listen, react
from tests.contract.stage import ALMA, BEN, NIGHT, Stage

pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),
]

FAST, LATE, NEVER = Temperament(texts="fast"), Temperament(texts="late"), Temperament(texts="never")
ALERT = "MERCY: Epic and email DOWN. Use paper (downtime box). Reply 1=read 9=PATIENT RISK, or call 5555. Next 04:40"
CHECK = "MERCY 5W: Epic DOWN. Answer for 5W: 1=OK 2=need staff 3=need forms 4=not affected 9=PATIENT RISK. We call"
CARD = "MERCY 5W LIST T7 by 04:25: tell all staff; print MAR+census. Text DONE T7 or NEED T7"
TASK = "MERCY IT: Epic DOWN. You lead IT. Join bridge 555-0199. Text 1 T2=I have it, 2 T2=cannot. We also call you"
DIGEST = "MERCY O-1 04:20: NO ANSWER 3W, 5W (texted, called). Send someone, then text TOLD 5W. OK 5 of 10. Risk: 0"
HOLDING = "MERCY 04:40: no new word. Treat Epic as DOWN, stay on paper. Next 05:10. No reply needed"


@pytest.fixture
def stage():
    with Stage() as stage:
        yield stage


def replies(text, temperament=FAST, seed=1):
    return [words for _, words in react(text, temperament, Random(seed))]


# ---- staff read like people


def test_staff_answer_with_a_digit_that_was_offered():
    assert {replies(ALERT, seed=seed)[0] for seed in range(200)} <= {"1", "9"}
    assert {replies(CHECK, seed=seed)[0] for seed in range(300)} == set(CHOSEN)


def test_most_are_fine():
    fine = sum(replies(CHECK, seed=seed) == ["1"] for seed in range(300))
    assert 200 < fine < 280


def test_staff_take_a_task_and_do_it_later():
    answers = react(TASK, FAST, Random(1))
    assert [words for _, words in answers] == ["1 T2", "DONE T2"] and answers[0][0] + 60 < answers[1][0]
    assert {tuple(replies(TASK, seed=seed)) for seed in range(100)} == {("1 T2", "DONE T2"), ("2 T2",)}


def test_staff_work_off_a_card_and_visit_a_unit():
    assert replies(CARD) == ["DONE T7"] and replies(DIGEST) == ["TOLD 5W"]


@pytest.mark.parametrize("text", [HOLDING, "MERCY: thank you", "10 beds=free", ""])
def test_staff_say_nothing_to_what_asks_nothing(text):
    assert replies(text) == []


def test_some_are_late_and_some_never_answer():
    assert react(ALERT, LATE, Random(1))[0][0] > 300 > react(ALERT, FAST, Random(1))[0][0]
    assert react(ALERT, NEVER, Random(1)) == []


@pytest.mark.parametrize(
    ("heard", "keys"),
    [
        ("Epic is down. Press 1 if your unit is OK, 2 if you need staff, 9 for patient risk", {"1", "2", "9"}),
        ("Press 1 to take it, 2 if you cannot", {"1", "2"}),
        ("Thank you. Goodbye", {""}),
    ],
)
def test_staff_press_a_key_that_was_named(heard, keys):
    assert {listen(heard, Random(seed)) for seed in range(300)} == keys


def test_the_same_seed_gives_the_same_people():
    assert [deal(Random(seed)) for seed in range(50)] == [deal(Random(seed)) for seed in range(50)]
    assert len({deal(Random(seed)) for seed in range(200)}) > 4


def test_simulated_staff_answer_texts_and_calls_by_themselves(stage):
    stage.sim.staff.add(ALMA, FAST)
    asked = '<Response><Gather action="/keys/7"><Say>Press 1 if OK</Say></Gather></Response>'
    stage.answers["/voice/7"] = lambda heard: asked
    stage.text(body=ALERT)
    stage.call()
    stage.settle()
    assert [heard.path for heard in stage.heard] == ["/receipts/7", "/receipts/7"]
    stage.forward(seconds=6)
    assert stage.sim.phone(ALMA).calls[0].heard == ["Press 1 if OK"]
    stage.forward(minutes=2)
    assert stage.sim.phone(ALMA).calls[0].pressed == ["1"]
    assert [heard.form["Body"] for heard in stage.heard if heard.path == "/twilio/sms"] == ["1"]


def test_an_echo_does_not_talk_with_itself(stage):
    stage.sim.staff.add(ALMA, FAST)
    stage.answers["/twilio/sms"] = lambda heard: f"<Response><Message>{ALERT}</Message></Response>"
    stage.text(body=ALERT)
    for _ in range(40):
        stage.forward(seconds=80)
    assert len([heard for heard in stage.heard if heard.path == "/twilio/sms"]) == 20


def test_a_visitor_takes_a_phone_over(stage):
    stage.sim.staff.add(ALMA, FAST)
    stage.text(body=ALERT)
    stage.settle()
    stage.sim.staff.remove(ALMA)
    stage.forward(minutes=5)
    assert "/twilio/sms" not in [heard.path for heard in stage.heard]


# ---- the agenda


def agenda(width=1):
    clock = MovedClock(NIGHT)
    return Agenda(clock.now, width), clock


def noting(done, word):
    async def act():
        done.append(word)

    return act


def test_what_is_due_is_done_in_its_order():
    plan, clock = agenda()
    done = []
    plan.after(2, noting(done, "third"))
    plan.after(1, noting(done, "first"))
    plan.after(1, noting(done, "second"))
    plan.after(60, noting(done, "never"))
    clock.forward(seconds=2)
    assert asyncio.run(plan.settle()) == 3 and done == ["first", "second", "third"] and not plan.busy


def test_what_was_cancelled_is_not_due():
    plan, clock = agenda()
    plan.after(1, noting([], "x")).cancelled = True
    plan.after(5, noting([], "y"))
    assert plan.next_due() == clock.now() + timedelta(seconds=5)


def test_a_failure_fails_the_settling():
    plan, _ = agenda()

    async def act():
        raise ZeroDivisionError

    plan.after(0, act)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(plan.settle())


def test_live_mode_does_things_when_the_clock_says_so():
    async def live():
        plan, _ = agenda(width=4)
        done, told = [], asyncio.Event()
        running = asyncio.create_task(plan.run())
        plan.after(3600, noting(done, "later"))

        async def act():
            done.append("now")
            told.set()

        plan.after(0, act)
        await asyncio.wait_for(told.wait(), 5)
        running.cancel()
        return done

    assert asyncio.run(live()) == ["now"]


# ---- what nobody expected, and starting over


def test_everything_that_nobody_looked_at_is_unseen(stage):
    stage.text()
    stage.call(to=BEN)
    stage.sim.slack.add_channel("C0COMMAND")
    stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="O-1"))
    stage.settle()
    assert len(stage.sim.unseen()) == 3
    for thing in stage.sim.unseen():
        thing.seen = True
    stage.run(stage.sim.phone(ALMA).text("1"))
    assert stage.sim.unseen() == []


def test_a_simulator_started_later_hands_out_new_ids():
    ids = set()
    for minutes in range(3):
        with Stage(at=NIGHT + timedelta(minutes=minutes)) as stage:
            ids |= {stage.text().sid, stage.call().sid, stage.sim.slack.workspace.fresh_id("Ev")}
    assert len(ids) == 9


def test_a_reset_forgets_what_happened(stage):
    stage.text()
    stage.run(stage.sim.phone(ALMA).text("STOP"))
    stage.sim.twilio.faults.add(Fault(kind="outage", on="call"))
    stage.run(stage.sim.reset())
    assert list(stage.sim.phone(ALMA).thread) == [] and stage.sim.next_due() is None
    assert stage.text().status == "queued" and stage.call().status == "queued"


# ---- over HTTP


def ask(stage, verb, path, **body):
    async def asking():
        async with aiohttp.ClientSession() as session, session.request(verb, stage.sim.url + path, json=body) as answer:
            return answer.status, await answer.json()

    return stage.run(asking())


def test_a_page_sees_everything(stage):
    stage.text()
    stage.settle()
    status, state = ask(stage, "GET", "/sim/state")
    phone = state["phones"][0]
    assert status == 200 and phone["number"] == ALMA and phone["texts"][0]["body"] == "EHR is down"
    assert set(state) == {"now", "phones", "slack", "faults", "complaints"}


def test_a_page_texts_and_presses_keys(stage):
    stage.answers["/voice/7"] = lambda heard: '<Response><Gather action="/keys/7" numDigits="1"/></Response>'
    assert ask(stage, "POST", f"/sim/phones/{ALMA}/text", body="1")[0] == 200
    stage.call()
    stage.settle()
    status, call = ask(stage, "POST", f"/sim/phones/{ALMA}/press", digits="1")
    assert status == 200 and call["pressed"] == ["1"]
    assert [heard.path for heard in stage.heard][:3] == ["/twilio/sms", "/voice/7", "/keys/7"]


def test_a_page_commands_and_sets_faults(stage):
    ask(stage, "POST", "/sim/slack/people", users=[{"id": "U0ALMA", "name": "Alma"}], channels=[{"id": "C0COMMAND"}])
    status, _ = ask(stage, "POST", "/sim/slack/command", user="U0ALMA", text="declare ehr", channel="C0COMMAND")
    assert status == 200 and stage.heard[0].form["text"] == "declare ehr"
    assert ask(stage, "POST", "/sim/faults", kind="refuse", to=ALMA, code=21614)[0] == 200
    assert ask(stage, "GET", "/sim/state")[1]["faults"]["twilio"][0]["code"] == 21614
    assert ask(stage, "DELETE", "/sim/faults")[0] == 200
    assert ask(stage, "POST", "/sim/staff", add=[ALMA, BEN])[1].keys() == {ALMA, BEN}


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/sim/phones/555/text", {"body": "1"}, "no phone number"),
        (f"/sim/phones/{ALMA}/text", {}, "body is missing"),
        (f"/sim/phones/{ALMA}/press", {"digits": "1"}, "No call"),
        (f"/sim/phones/{ALMA}", {"voice": "sings"}, "none of by_hand"),
        ("/sim/slack/click", {"user": "U0ALMA", "channel": "C0", "action_id": "ok"}, "channel_not_found"),
        ("/sim/faults", {"kind": "rain"}, "there are refuse"),
        ("/sim/faults", {"kind": "refuse", "colour": "red"}, "A fault has kind"),
    ],
)
def test_a_page_is_told_what_is_wrong(stage, path, body, says):
    status, answer = ask(stage, "POST", path, **body)
    assert status == 400 and says in answer["error"]


def test_it_runs_as_a_process_of_its_own():
    async def running():
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "bot.simulator", "--port", "0"]
        process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE)
        try:
            lines = [(await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip() for _ in range(8)]
            async with aiohttp.ClientSession() as session, session.get(f"{lines[0]}/sim/state") as answer:
                return lines, answer.status
        finally:
            process.terminate()
            await process.communicate()

    lines, status = asyncio.run(running())
    assert status == 200 and re.fullmatch(r"http://127\.0\.0\.1:\d+", lines[0])
    assert lines[1] == f"TWILIO_API_URL={lines[0]}" and f"SLACK_API_URL={lines[0]}/api/" in lines
