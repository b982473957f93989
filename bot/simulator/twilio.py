"""A fake Twilio: its REST interface over messages and calls, with its own refusals."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from bot.simulator.agenda import Agenda
from bot.simulator.call import ENDED, Call
from bot.simulator.calls import Calls
from bot.simulator.faults import REST, Fault, Faults, barred, spoiled
from bot.simulator.listing import page
from bot.simulator.messages import Message, Messages
from bot.simulator.phones import NUMBER, Phone, Phones
from bot.simulator.refusals import Refused, refusal
from bot.simulator.webhooks import Answer, Webhooks

LONGEST_BODY = 1_600
LONGEST_CALLBACK = 4_000

Form = Mapping[str, str]
Kept = TypeVar("Kept", Message, Call)
Act = Callable[[web.Request, Fault | None], Awaitable[web.Response]]


class Twilio:
    """One account. `numbers` are its own; `services` are messaging services and their numbers.

    `latency` is how long a POST takes, in seconds of real time; the rates of `messages` and `calls` are theirs to set.
    """

    def __init__(self, sid: str, token: str, phones: Phones, webhooks: Webhooks, agenda: Agenda) -> None:
        self.sid = sid
        self.phones = phones
        self.faults = Faults()
        self.messages = Messages(sid, phones, webhooks, agenda, self.faults)
        self.calls = Calls(sid, phones, webhooks, agenda, self.faults)
        self.latency = 0.0
        self.requests = 0
        self._login = "Basic " + base64.b64encode(f"{sid}:{token}".encode()).decode()

    def own(self, numbers: list[str], services: Mapping[str, list[str]]) -> None:
        """Sets which numbers and messaging services the account has; the first number takes calls and texts."""
        pooled = [number for pool in services.values() for number in pool]
        self.messages.numbers = self.calls.numbers = list(dict.fromkeys([*numbers, *pooled]))
        self.messages.opt_outs.services = {sid: list(pool) for sid, pool in services.items()}

    def routes(self) -> list[web.RouteDef]:
        """The table of contents."""
        base = "/2010-04-01/Accounts/{account}"
        return [
            web.post(f"{base}/Messages.json", self._endpoint("sms", self._send)),
            web.get(f"{base}/Messages.json", self._endpoint("list", self._list_messages)),
            web.get(base + "/Messages/{sid}.json", self._endpoint("fetch", self._fetch_message)),
            web.post(base + "/Messages/{sid}.json", self._endpoint("fetch", self._change_message)),
            web.post(f"{base}/Calls.json", self._endpoint("call", self._call)),
            web.get(f"{base}/Calls.json", self._endpoint("list", self._list_calls)),
            web.get(base + "/Calls/{sid}.json", self._endpoint("fetch", self._fetch_call)),
            web.post(base + "/Calls/{sid}.json", self._endpoint("fetch", self._change_call)),
        ]

    def forget(self) -> None:
        """Nothing ever happened."""
        self.messages.forget()
        self.calls.forget()
        self.faults.clear()

    async def text_in(self, phone: Phone, body: str, to: str = "") -> Answer | None:
        """A person texts the app."""
        return await self.messages.text_in(phone, body, to)

    async def call_in(self, phone: Phone, to: str = "") -> Call:
        """A person rings the app."""
        return await self.calls.call_in(phone, to)

    async def pick_up(self, call: Call) -> None:
        """A person answers a call of the app."""
        await self.calls.pick_up(call)

    async def press(self, call: Call, digits: str) -> None:
        """A person presses keys."""
        await self.calls.press(call, digits)

    async def hang_up(self, call: Call) -> None:
        """A person hangs up."""
        await self.calls.hang_up(call)

    def _endpoint(self, on: str, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Checks the login, lets the faults strike, and says no as Twilio says it."""

        async def endpoint(request: web.Request) -> web.Response:
            self.requests += 1
            given = await request.post() if request.method == "POST" else request.query
            fault = self.faults.strike(REST, on, str(given.get("To", "")))
            await asyncio.sleep(self._pause(request, fault))
            if answer := barred(request, fault, _throttled, _refused):
                return answer
            try:
                self._admit(request)
                return spoiled(request, fault, await act(request, fault))
            except Refused as refused:
                return refusal(refused.code)

        return endpoint

    def _pause(self, request: web.Request, fault: Fault | None) -> float:
        latency = self.latency if request.method == "POST" else 0.0
        return latency + (fault.seconds if fault and fault.kind == "slow" else 0.0)

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != self._login or request.match_info["account"] != self.sid:
            raise Refused(20003)

    async def _send(self, request: web.Request, fault: Fault | None) -> web.Response:
        form = await _fields(request)
        sender = self._checked_text(form)
        message = self.messages.send(
            to=form["To"], sender=sender, service=form.get("MessagingServiceSid", ""), body=form["Body"],
            callback=form.get("StatusCallback", ""), validity=float(form.get("ValidityPeriod", 36_000)),
        )  # fmt: skip
        answer = message.as_json(self.sid)
        if fault and fault.kind == "receipts_first":
            await self.messages.hurry(message)
        return web.json_response(answer, status=201)

    def _checked_text(self, form: Form) -> str:
        """The number that the text goes out from. Raises Refused, in the order in which Twilio looks."""
        to, body = form.get("To", ""), form.get("Body", "")
        if not NUMBER.fullmatch(to):
            raise Refused(21211)
        sender = self._sender(form)
        if to == sender:
            raise Refused(21211)
        if not body:
            raise Refused(21602)
        if len(body.encode("utf-16-le")) // 2 > LONGEST_BODY:
            raise Refused(21617)
        _check_callback(form)
        if self.messages.opt_outs.has(to, sender):
            raise Refused(21610)
        if not form.get("MessagingServiceSid") and self.messages.overfull(sender):
            raise Refused(21611)
        return sender

    def _sender(self, form: Form) -> str:
        number, service = form.get("From", ""), form.get("MessagingServiceSid", "")
        if not number and not service:
            raise Refused(21603)
        if service and service not in self.messages.opt_outs.services:
            raise Refused(21705)
        pool = self.messages.opt_outs.services[service] if service else self.messages.numbers
        if number and number not in pool:
            raise Refused(21606)
        if not pool:
            raise Refused(21704)
        return number or pool[sum(form["To"].encode()) % len(pool)]  # the same person always gets the same sender

    async def _list_messages(self, request: web.Request, fault: Fault | None) -> web.Response:
        return page(request, "messages", self.messages, self.sid)

    async def _fetch_message(self, request: web.Request, fault: Fault | None) -> web.Response:
        return web.json_response(_found(self.messages.get(request.match_info["sid"])).as_json(self.sid))

    async def _change_message(self, request: web.Request, fault: Fault | None) -> web.Response:
        message, form = _found(self.messages.get(request.match_info["sid"])), await _fields(request)
        if form.get("Status"):
            raise Refused(30409)  # only a scheduled message can be canceled, and here none is scheduled
        message.body = form.get("Body", message.body)
        return web.json_response(message.as_json(self.sid))

    async def _call(self, request: web.Request, fault: Fault | None) -> web.Response:
        form = await _fields(request)
        if not NUMBER.fullmatch(form.get("To", "")):
            raise Refused(21217)
        if form.get("From") not in self.calls.numbers:
            raise Refused(21210)
        if not _is_url(form.get("Url", "")):
            raise Refused(21205)
        _check_callback(form)
        if self.calls.overfull():
            raise Refused(22005)
        events = (await request.post()).getall("StatusCallbackEvent", ["completed"])
        call = self.calls.place(
            to=form["To"], sender=form["From"], url=form["Url"], callback=form.get("StatusCallback", ""),
            events=tuple(str(event) for event in events), timeout=float(form.get("Timeout", 60)),
            detect_machine="MachineDetection" in form,
        )  # fmt: skip
        return web.json_response(call.as_json(self.sid), status=201)

    async def _list_calls(self, request: web.Request, fault: Fault | None) -> web.Response:
        return page(request, "calls", self.calls, self.sid)

    async def _fetch_call(self, request: web.Request, fault: Fault | None) -> web.Response:
        return web.json_response(_found(self.calls.get(request.match_info["sid"])).as_json(self.sid))

    async def _change_call(self, request: web.Request, fault: Fault | None) -> web.Response:
        call, form = _found(self.calls.get(request.match_info["sid"])), await _fields(request)
        if call.status in ENDED or (form.get("Url") and call.status != "in-progress"):
            raise Refused(21220)
        if form.get("Url"):
            await self.calls.talk.fetch(call, form["Url"])
        elif form.get("Status") == "completed" or (form.get("Status") == "canceled" and call.status != "in-progress"):
            await self.calls.cancel(call)
        else:
            raise Refused(21220)
        return web.json_response(call.as_json(self.sid))


def _throttled(fault: Fault) -> web.Response:
    return refusal(20429)


def _refused(fault: Fault) -> web.Response:
    return refusal(int(fault.code or 21211))


def _found(kept: Kept | None) -> Kept:
    if kept is None:
        raise Refused(20404)
    return kept


async def _fields(request: web.Request) -> Form:
    return {name: str(value) for name, value in (await request.post()).items()}


def _check_callback(form: Form) -> None:
    callback = form.get("StatusCallback", "")
    if callback and (len(callback) > LONGEST_CALLBACK or not _is_url(callback)):
        raise Refused(21609)


def _is_url(url: str) -> bool:
    """Twilio takes no host name with an underscore."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in (parts.hostname or "")
