"""What a demo page, or a person with curl, sees of the simulator and does in it: JSON under /sim."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.simulator.call import Call
from bot.simulator.faults import KINDS, Fault
from bot.simulator.phones import VOICES, Phone
from bot.simulator.slack_people import Said
from bot.simulator.webhooks import Answer
from bot.simulator.workspace import SlackError

if TYPE_CHECKING:
    from bot.simulator import Simulator

LAST = 100  # texts and messages shown of each phone and channel

Json = dict[str, Any]
Act = Callable[["Simulator", web.Request, Json], Awaitable[object]]


def routes(sim: Simulator) -> list[web.RouteDef]:
    """The table of contents."""
    phone = "/sim/phones/{number}"
    return [
        web.get("/sim/state", _endpoint(sim, _state)),
        web.post(phone, _endpoint(sim, _set_phone)),
        web.post(f"{phone}/text", _endpoint(sim, _text)),
        web.post(f"{phone}/call", _endpoint(sim, _call)),
        web.post(f"{phone}/press", _endpoint(sim, _press)),
        web.post(f"{phone}/answer", _endpoint(sim, _pick_up)),
        web.post(f"{phone}/hangup", _endpoint(sim, _hang_up)),
        web.post("/sim/slack/command", _endpoint(sim, _command)),
        web.post("/sim/slack/click", _endpoint(sim, _click)),
        web.post("/sim/slack/submit", _endpoint(sim, _submit)),
        web.post("/sim/slack/people", _endpoint(sim, _people)),
        web.post("/sim/staff", _endpoint(sim, _staff)),
        web.post("/sim/faults", _endpoint(sim, _fault)),
        web.delete("/sim/faults", _endpoint(sim, _no_faults)),
        web.post("/sim/reset", _endpoint(sim, _reset)),
    ]


def snapshot(sim: Simulator) -> Json:
    """Everything there is to see."""
    return {
        "now": sim.now().isoformat(),
        "phones": [_phone(sim, phone) for phone in sim.phones],
        "slack": _slack(sim),
        "faults": {"twilio": _faults(sim.twilio.faults), "slack": _faults(sim.slack.faults), "kinds": KINDS},
        "complaints": [vars(complaint) | {"at": complaint.at.isoformat()} for complaint in sim.complaints],
    }


async def _state(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return snapshot(sim)


async def _set_phone(sim: Simulator, request: web.Request, sent: Json) -> Json:
    phone = _of(sim, request)
    keys = [str(each) for each in sent.get("keys", [])]
    phone.set_voice(str(sent.get("voice", phone.voice)), *keys, ring_seconds=float(sent.get("ring_seconds", 0)))
    return _phone(sim, phone)


async def _text(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _answer(await _of(sim, request).text(_word(sent, "body")))


async def _call(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _one_call(await _of(sim, request).call(*[str(each) for each in sent.get("keys", [])]))


async def _press(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _one_call(await _of(sim, request).press(_word(sent, "digits")))


async def _pick_up(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _one_call(await _of(sim, request).pick_up())


async def _hang_up(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _one_call(await _of(sim, request).hang_up())


async def _command(sim: Simulator, request: web.Request, sent: Json) -> Json:
    command, text = str(sent.get("command", "/outage")), str(sent.get("text", ""))
    return _said(sim, await sim.slack.command(_word(sent, "user"), command, text, str(sent.get("channel", ""))), sent)


async def _click(sim: Simulator, request: web.Request, sent: Json) -> Json:
    user, action, value, choose = _word(sent, "user"), _word(sent, "action_id"), sent.get("value"), sent.get("choose")
    if not sent.get("channel"):
        return _said(sim, await sim.slack.click_view(user, action, value, choose), sent)
    said = await sim.slack.click(user, _word(sent, "channel"), sent.get("ts"), action, value, choose)
    return _said(sim, said, sent)


async def _submit(sim: Simulator, request: web.Request, sent: Json) -> Json:
    return _said(sim, await sim.slack.submit(_word(sent, "user"), None, sent.get("values", {})), sent)


async def _people(sim: Simulator, request: web.Request, sent: Json) -> Json:
    """{"users": [{"id", "name", "email"}], "channels": [{"id", "name"}]} join the workspace."""
    for user in sent.get("users", []):
        sim.slack.add_user(_word(user, "id"), str(user.get("name", "")), str(user.get("email", "")))
    for channel in sent.get("channels", []):
        sim.slack.add_channel(_word(channel, "id"), str(channel.get("name", "")))
    return {"users": len(sim.slack.workspace.users), "channels": len(sim.slack.workspace.channels)}


async def _staff(sim: Simulator, request: web.Request, sent: Json) -> Json:
    """{"add": [numbers], "remove": [numbers]}: phones that simulated people take or leave."""
    for number in sent.get("add", []):
        sim.staff.add(str(number))
    for number in sent.get("remove", []):
        sim.staff.remove(str(number))
    return {number: vars(person.temperament) for number, person in sim.staff.people.items()}


async def _fault(sim: Simulator, request: web.Request, sent: Json) -> Json:
    provider = sim.slack if sent.pop("provider", "twilio") == "slack" else sim.twilio
    try:
        return provider.faults.add(Fault(**sent)).as_dict()
    except TypeError as error:
        raise ValueError(f"A fault has kind, to, on, times, code, seconds, share: {error}") from error


async def _no_faults(sim: Simulator, request: web.Request, sent: Json) -> Json:
    sim.twilio.faults.clear()
    sim.slack.faults.clear()
    return {}


async def _reset(sim: Simulator, request: web.Request, sent: Json) -> Json:
    await sim.reset()
    return {}


def _endpoint(sim: Simulator, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    """JSON in, JSON out; what cannot be done is a 400 with a sentence."""

    async def endpoint(request: web.Request) -> web.Response:
        try:
            text = await request.text()
            sent = json.loads(text) if text.strip() else {}
            if not isinstance(sent, dict):
                raise ValueError("the body is no JSON object")
            return web.json_response(await act(sim, request, sent))
        except (ValueError, LookupError, SlackError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return endpoint


def _of(sim: Simulator, request: web.Request) -> Phone:
    return sim.phones[request.match_info["number"]]


def _word(sent: Json, name: str) -> str:
    if not sent.get(name):
        raise ValueError(f"{name} is missing")
    return str(sent[name])


def _phone(sim: Simulator, phone: Phone) -> Json:
    texts = [vars(text) | {"at": text.at.isoformat()} for text in list(phone.thread)[-LAST:]]
    opted_out = any(number == phone.number for number, _ in sim.twilio.messages.opt_outs)
    person = sim.staff.people.get(phone.number)
    return {
        "number": phone.number, "voice": phone.voice, "voices": list(VOICES), "opted_out": opted_out, "texts": texts,
        "calls": [_one_call(call) for call in phone.calls], "staff": vars(person.temperament) if person else None,
    }  # fmt: skip


def _one_call(call: Call) -> Json:
    asked = {"asked": call.gather is not None, "at": call.created.isoformat()}
    names = ("sid", "sender", "to", "direction", "status", "heard", "pressed")
    return {name: getattr(call, name) for name in names} | asked


def _slack(sim: Simulator) -> Json:
    slack = sim.slack.workspace
    channels = [
        channel.as_json() | {"messages": [message.as_json() for message in list(channel.messages)[-LAST:]]}
        for channel in slack.channels.values()
    ]
    last = list(slack.ephemerals)[-LAST:]
    hidden = [row.as_json() | {"channel": row.channel, "only_for": row.only_for} for row in last]
    users = [user.as_json() for user in slack.users.values()]
    return {"users": users, "channels": channels, "ephemerals": hidden, "modals": slack.modals, "homes": slack.homes}


def _faults(faults: Any) -> list[Json]:
    return [fault.as_dict() for fault in faults]


def _answer(answer: Answer | None) -> Json:
    return {"status": answer.status, "body": answer.body} if answer else {"status": 0, "body": "nobody answered"}


def _said(sim: Simulator, said: Said, sent: Json) -> Json:
    known = {"status": said.status, "elapsed": round(said.elapsed, 3), "in_time": said.in_time, "errors": said.errors}
    return known | {"text": said.text, "json": said.json, "modal": sim.slack.modal(str(sent.get("user", "")))}
