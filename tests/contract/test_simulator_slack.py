"""The fake Slack, held against the real SDK over real HTTP."""

import json
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, InputBlock, PlainTextInputElement, SectionBlock
from slack_sdk.models.blocks.basic_components import Option
from slack_sdk.models.blocks.block_elements import StaticSelectElement
from slack_sdk.models.views import View
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.simulator import Fault
from tests.contract.stage import Stage

ALMA, BEN = "U0ALMA", "U0BEN"
BUTTON = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}}
METADATA = {"event_type": "muster", "event_payload": {"id": "7"}}
BUTTONS = [
    SectionBlock(text="5W: are you OK?"),
    ActionsBlock(
        elements=[
            ButtonElement(text="OK", action_id="ok", value="7:1"),
            ButtonElement(text="Need help", action_id="help", value="7:2"),
        ]
    ),
]
FORM = View(
    type="modal", title="Declare an outage", submit="Declare", callback_id="declare", private_metadata="C0COMMAND",
    blocks=[
        InputBlock(label="What", block_id="what", element=PlainTextInputElement(action_id="text")),
        InputBlock(label="Level", block_id="level", element=StaticSelectElement(
            action_id="choice", options=[Option(text="Partial", value="2"), Option(text="Full", value="3")],
            initial_option=Option(text="Partial", value="2"),
        )),
    ],
)  # fmt: skip


@pytest.fixture
def stage():
    with Stage() as stage:
        stage.sim.slack.add_user(ALMA, "Alma Ode", "alma@hospital.example")
        stage.sim.slack.add_user(BEN, "Ben Ode", "ben@hospital.example")
        stage.sim.slack.add_channel("C0COMMAND", "command-centre")
        yield stage


def refused(stage, coroutine):
    """The error word of a method that says no."""
    with pytest.raises(SlackApiError) as error:
        stage.run(coroutine)
    return error.value.response["error"]


def test_it_knows_its_own_token(stage):
    answer = stage.run(stage.slack.auth_test())
    assert answer["ok"] and answer["user_id"] and answer["bot_id"] and answer["team_id"]
    stage.slack.token = "xoxb-wrong"
    assert refused(stage, stage.slack.auth_test()) == "invalid_auth"


def test_an_unknown_method_is_said(stage):
    assert refused(stage, stage.slack.api_call("emoji.list")) == "unknown_method"


def test_it_posts_updates_and_shows_history_with_metadata(stage):
    posted = stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="EHR is down", metadata=METADATA))
    stage.clock.forward(minutes=1)
    stage.run(stage.slack.chat_update(channel="C0COMMAND", ts=posted["ts"], text="EHR is back", blocks=BUTTONS))
    seen = stage.run(stage.slack.conversations_history(channel="C0COMMAND", include_all_metadata=True))["messages"]
    assert [message["text"] for message in seen] == ["EHR is back"]
    assert seen[0]["metadata"] == METADATA and seen[0]["ts"] == posted["ts"] and seen[0]["edited"]
    plain = stage.run(stage.slack.conversations_history(channel="C0COMMAND"))["messages"]
    assert "metadata" not in plain[0]


def test_history_is_newest_first_since_a_time_and_in_pages(stage):
    for number in range(5):
        stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text=f"{number}"))
        stage.clock.forward(minutes=1)
    since = str((stage.clock.now() - timedelta(minutes=3, seconds=30)).timestamp())
    page = stage.run(stage.slack.conversations_history(channel="C0COMMAND", oldest=since, limit=2))
    assert [message["text"] for message in page["messages"]] == ["4", "3"] and page["has_more"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = stage.run(stage.slack.conversations_history(channel="C0COMMAND", oldest=since, limit=2, cursor=cursor))
    assert [message["text"] for message in rest["messages"]] == ["2"] and not rest["has_more"]


def test_replies_form_a_thread(stage):
    ts = stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="O-1"))["ts"]
    stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="5W is OK", thread_ts=ts))
    thread = stage.run(stage.slack.conversations_replies(channel="C0COMMAND", ts=ts))["messages"]
    assert [message["text"] for message in thread] == ["O-1", "5W is OK"]
    assert len(stage.run(stage.slack.conversations_history(channel="C0COMMAND"))["messages"]) == 1


def test_a_post_to_a_person_goes_to_the_conversation_with_her(stage):
    posted = stage.run(stage.slack.chat_postMessage(channel=ALMA, text="You lead IT"))
    opened = stage.run(stage.slack.conversations_open(users=ALMA))["channel"]["id"]
    assert posted["channel"] == opened == "D0ALMA"
    assert [message.text for message in stage.sim.slack.messages(ALMA)] == ["You lead IT"]
    assert refused(stage, stage.slack.chat_update(channel=ALMA, ts=posted["ts"], text="x")) == "channel_not_found"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0FOREIGN", "text": "x"}, "not_in_channel"),
        ({"channel": "C0COMMAND", "text": ""}, "no_text"),
        ({"channel": "C0COMMAND", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0COMMAND", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": "C0COMMAND", "text": "x", "metadata": {"id": "7"}}, "invalid_metadata_format"),
        ({"channel": "U0GONE", "text": "x"}, "user_disabled"),
    ],
)
def test_it_refuses_to_post(stage, given, error):
    stage.sim.slack.add_channel("C0FOREIGN", member=False)
    stage.sim.slack.add_user("U0GONE", deleted=True)
    assert refused(stage, stage.slack.api_call("chat.postMessage", json=given)) == error


@pytest.mark.parametrize(
    "block",
    [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}},
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "actions", "elements": []},
        {"type": "actions", "elements": [BUTTON | {"text": {"text": "x" * 76}}]},
        {"type": "actions", "elements": [BUTTON | {"value": "x" * 2_001}]},
        {"type": "actions", "elements": [BUTTON, BUTTON]},
        {"type": "input", "element": {"type": "static_select", "action_id": "a", "options": []}},
    ],
)
def test_it_refuses_blocks_beyond_slacks_limits(stage, block):
    post = stage.slack.api_call("chat.postMessage", json={"channel": "C0COMMAND", "text": "x", "blocks": [block]})
    assert refused(stage, post) == "invalid_blocks"


def test_an_ephemeral_message_is_in_no_history(stage):
    stage.run(stage.slack.chat_postEphemeral(channel="C0COMMAND", user=ALMA, text="Only you"))
    assert [message.text for message in stage.sim.slack.ephemerals(ALMA)] == ["Only you"]
    assert stage.run(stage.slack.conversations_history(channel="C0COMMAND"))["messages"] == []


def test_it_knows_people_and_channels(stage):
    assert stage.run(stage.slack.users_lookupByEmail(email="Alma@hospital.example"))["user"]["id"] == ALMA
    assert refused(stage, stage.slack.users_lookupByEmail(email="eve@else.example")) == "users_not_found"
    assert stage.run(stage.slack.users_info(user=BEN))["user"]["real_name"] == "Ben Ode"
    assert {user["id"] for user in stage.run(stage.slack.users_list())["members"]} >= {ALMA, BEN}
    assert [each["name"] for each in stage.run(stage.slack.conversations_list())["channels"]] == ["command-centre"]
    assert stage.run(stage.slack.conversations_info(channel="C0COMMAND"))["channel"]["is_member"]


def test_it_pins_once(stage):
    ts = stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="O-1"))["ts"]
    stage.run(stage.slack.pins_add(channel="C0COMMAND", timestamp=ts))
    assert refused(stage, stage.slack.pins_add(channel="C0COMMAND", timestamp=ts)) == "already_pinned"
    assert len(stage.run(stage.slack.pins_list(channel="C0COMMAND"))["items"]) == 1
    stage.run(stage.slack.pins_remove(channel="C0COMMAND", timestamp=ts))
    assert refused(stage, stage.slack.pins_remove(channel="C0COMMAND", timestamp=ts)) == "no_pin"


# ---- what can go wrong


def test_it_can_ask_for_patience(stage):
    stage.sim.slack.faults.add(Fault(kind="throttle", on="chat.postMessage", seconds=7, times=1))
    with pytest.raises(SlackApiError) as error:
        stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="x"))
    assert error.value.response.status_code == 429 and error.value.response.headers["Retry-After"] == "7"
    assert stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="x"))["ok"]


def test_it_can_refuse_with_any_word_and_be_down(stage):
    stage.sim.slack.faults.add(Fault(kind="refuse", on="views.publish", code="fatal_error"))
    stage.sim.slack.faults.add(Fault(kind="outage", on="chat.postMessage", code=502))
    assert refused(stage, stage.slack.views_publish(user_id=ALMA, view={"type": "home", "blocks": []})) == "fatal_error"
    with pytest.raises(SlackApiError) as error:
        stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="x"))
    assert error.value.response.status_code == 502


def test_it_can_take_a_message_and_hang_up(stage):
    stage.sim.slack.faults.add(Fault(kind="hangup_after_accept", times=1))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="x", metadata=METADATA))
    history = stage.run(stage.slack.conversations_history(channel="C0COMMAND", include_all_metadata=True))
    assert [message["metadata"] for message in history["messages"]] == [METADATA]


# ---- people


def test_a_command_is_signed_and_answered(stage):
    stage.answers["/slack/events"] = lambda heard: web.json_response({"text": "DECLARED O-1"})
    said = stage.run(stage.sim.slack.command(ALMA, "/outage", "declare ehr", channel="C0COMMAND"))
    form = stage.heard[0].form
    assert (form["command"], form["text"], form["user_id"]) == ("/outage", "declare ehr", ALMA)
    assert (form["channel_id"], form["channel_name"]) == ("C0COMMAND", "command-centre")
    assert said.in_time and said.text == "DECLARED O-1"
    assert [message.text for message in stage.sim.slack.ephemerals(ALMA)] == ["DECLARED O-1"]


def test_a_command_nobody_hears_is_a_complaint(stage):
    stage.sim.app_url = "http://127.0.0.1:9"
    said = stage.run(stage.sim.slack.command(ALMA, "/outage", "status"))
    assert said.status == 0 and not said.in_time and stage.sim.complaints[0].code == "dispatch_failed"


def test_a_response_url_may_be_used_five_times_within_half_an_hour(stage):
    said = stage.run(stage.sim.slack.command(ALMA, "/outage", "status", channel="C0COMMAND"))
    reply = AsyncWebhookClient(stage.heard[0].form["response_url"])
    statuses = [stage.run(reply.send(text=f"{n}", response_type="in_channel")).status_code for n in range(6)]
    assert statuses == [200] * 5 + [404] and said.text == "0\n1\n2\n3\n4"
    assert len(stage.sim.slack.messages("C0COMMAND")) == 5
    stage.run(stage.sim.slack.command(ALMA, "/outage", "status"))
    stage.clock.forward(minutes=31)
    late = AsyncWebhookClient(stage.heard[1].form["response_url"])
    assert stage.run(late.send(text="late")).status_code == 404


def test_a_click_carries_the_message_and_may_replace_it(stage):
    ts = stage.run(stage.slack.chat_postMessage(channel="C0COMMAND", text="5W?", blocks=BUTTONS))["ts"]
    stage.run(stage.sim.slack.click(BEN, "C0COMMAND", ts, "help"))
    payload = json.loads(stage.heard[0].form["payload"])
    assert payload["type"] == "block_actions" and payload["user"]["id"] == BEN and payload["message"]["ts"] == ts
    assert (payload["actions"][0]["action_id"], payload["actions"][0]["value"]) == ("help", "7:2")
    reply = AsyncWebhookClient(payload["response_url"])
    stage.run(reply.send(text="5W needs help", replace_original=True))
    assert [message.text for message in stage.sim.slack.messages("C0COMMAND")] == ["5W needs help"]


def test_a_click_finds_the_newest_message_and_says_what_there_is(stage):
    stage.run(stage.slack.chat_postMessage(channel=ALMA, text="old", blocks=BUTTONS))
    ts = stage.run(stage.slack.chat_postMessage(channel=ALMA, text="new", blocks=BUTTONS))["ts"]
    stage.run(stage.sim.slack.click(ALMA, ALMA, None, "ok"))
    assert json.loads(stage.heard[0].form["payload"])["message"]["ts"] == ts
    with pytest.raises(LookupError, match="ok=7:1, help=7:2"):
        stage.run(stage.sim.slack.click(ALMA, ALMA, ts, "risk"))


def test_a_trigger_opens_one_modal_within_three_seconds(stage):
    for seconds in (0, 4):
        stage.run(stage.sim.slack.command(ALMA, "/outage"))
        stage.clock.forward(seconds=seconds)
        trigger = stage.heard[-1].form["trigger_id"]
        if seconds:
            assert refused(stage, stage.slack.views_open(trigger_id=trigger, view=FORM)) == "expired_trigger_id"
        else:
            stage.run(stage.slack.views_open(trigger_id=trigger, view=FORM))
            assert refused(stage, stage.slack.views_open(trigger_id=trigger, view=FORM)) == "exchanged_trigger_id"
    assert refused(stage, stage.slack.views_open(trigger_id="1.2.3", view=FORM)) == "invalid_trigger_id"


def with_form(stage, user=ALMA):
    stage.run(stage.sim.slack.command(user, "/outage"))
    return stage.run(stage.slack.views_open(trigger_id=stage.heard[-1].form["trigger_id"], view=FORM))["view"]


def test_a_form_is_filled_in_and_sent(stage):
    view = with_form(stage)
    said = stage.run(stage.sim.slack.submit(ALMA, values={"what": "Epic is down", "level": "3"}))
    payload = json.loads(stage.heard[-1].form["payload"])
    values = payload["view"]["state"]["values"]
    assert payload["type"] == "view_submission" and payload["view"]["id"] == view["id"]
    assert payload["view"]["private_metadata"] == "C0COMMAND"
    assert values["what"]["text"]["value"] == "Epic is down"
    assert values["level"]["choice"]["selected_option"]["value"] == "3"
    assert said.status == 204 and stage.sim.slack.modal(ALMA)  # only a 200 closes it


def test_what_is_not_filled_in_keeps_its_initial_value(stage):
    with_form(stage)
    stage.run(stage.sim.slack.submit(ALMA))
    values = json.loads(stage.heard[-1].form["payload"])["view"]["state"]["values"]
    assert values["what"]["text"]["value"] is None
    assert values["level"]["choice"]["selected_option"]["value"] == "2"
    with pytest.raises(LookupError, match="has no field who; it has what, level"):
        stage.run(stage.sim.slack.submit(ALMA, values={"who": "me"}))


def test_a_form_closes_complains_changes_or_gets_another_on_top(stage):
    with_form(stage)
    answer = {"response_action": "errors", "errors": {"what": "Say what is down"}}
    stage.answers["/slack/events"] = lambda heard: web.json_response(answer)
    said = stage.run(stage.sim.slack.submit(ALMA, values={"what": "?"}))
    assert said.errors == {"what": "Say what is down"} and stage.sim.slack.modal(ALMA)["callback_id"] == "declare"
    answer = {"response_action": "push", "view": FORM.to_dict() | {"callback_id": "sure"}}
    stage.run(stage.sim.slack.submit(ALMA, values={"what": "?"}))
    assert stage.sim.slack.modal(ALMA)["callback_id"] == "sure"
    stage.answers["/slack/events"] = lambda heard: web.Response()
    stage.run(stage.sim.slack.submit(ALMA, values={"what": "?"}))
    stage.run(stage.sim.slack.submit(ALMA, values={"what": "?"}))
    assert stage.sim.slack.modal(ALMA) is None


def test_a_modal_is_updated_unless_it_changed_meanwhile(stage):
    view = with_form(stage)
    stage.run(stage.slack.views_update(view_id=view["id"], hash=view["hash"], view=FORM))
    conflict = stage.slack.views_update(view_id=view["id"], hash=view["hash"], view=FORM)
    assert refused(stage, conflict) == "hash_conflict"


def test_the_home_tab_is_opened_published_and_clicked(stage):
    stage.run(stage.sim.slack.open_home(ALMA))
    assert stage.heard[0].json["event"] == stage.heard[0].json["event"] | {"type": "app_home_opened", "user": ALMA}
    home = View(type="home", blocks=BUTTONS)
    stage.run(stage.slack.views_publish(user_id=ALMA, view=home))
    stage.run(stage.sim.slack.click_view(ALMA, "ok"))
    payload = json.loads(stage.heard[1].form["payload"])
    assert payload["view"]["type"] == "home" and payload["actions"][0]["value"] == "7:1"


def test_an_event_can_come_again(stage):
    event = {"type": "app_mention", "user": ALMA, "text": "status"}
    for retry in range(2):
        stage.run(stage.sim.slack.event(event, event_id="Ev1", retry=retry))
    assert [heard.json["event_id"] for heard in stage.heard] == ["Ev1", "Ev1"]
    assert stage.heard[1].headers["X-Slack-Retry-Num"] == "1"
