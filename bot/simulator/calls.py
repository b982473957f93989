"""Twilio's calls: ringing, answering, ending, and telling the app how it went."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from bot.simulator.agenda import Agenda
from bot.simulator.call import ENDED, Call
from bot.simulator.faults import DELIVERY, Faults
from bot.simulator.messages import rfc2822
from bot.simulator.phones import Phone, Phones
from bot.simulator.talk import Talk
from bot.simulator.webhooks import Webhooks

#: Which event of StatusCallbackEvent a status belongs to; every ending is "completed".
EVENTS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"} | dict.fromkeys(ENDED, "completed")
SIP = {"busy": "486", "no-answer": "487", "failed": "503", "canceled": "487", "completed": "200"}
LONGEST_QUEUE = timedelta(hours=24)
MOST = 50_000  # calls kept


class Calls:
    """All calls of the account."""

    def __init__(self, account: str, phones: Phones, webhooks: Webhooks, agenda: Agenda, faults: Faults) -> None:
        self.account = account
        self.phones = phones
        self.webhooks = webhooks
        self.agenda = agenda
        self.faults = faults
        self.talk = Talk(account, webhooks, agenda, self.end)
        self.numbers: list[str] = []
        self.call_path = "/twilio/call"
        self.per_second = 0.0  # calls started; 0 = no limit
        self._free: datetime | None = None  # when the next call may be started
        self._kept: dict[str, Call] = {}
        self._random = random.Random(f"calls {account} {agenda.now()}")  # new SIDs after each start, as with texts

    def __iter__(self) -> Iterator[Call]:
        """Newest first."""
        return reversed(list(self._kept.values()))

    def get(self, sid: str) -> Call | None:
        """The call with this SID."""
        return self._kept.get(sid)

    def forget(self) -> None:
        """No call was ever made."""
        self._kept.clear()
        self._free = None

    def overfull(self) -> bool:
        """Whether more calls wait than can be started in 24 hours."""
        return self._free is not None and self._free - self.agenda.now() > LONGEST_QUEUE

    def place(self, **fields: object) -> Call:
        """Takes a call and plans its ringing by the account's rate."""
        call = self._keep(direction="outbound-api", **fields)
        start = max(self.agenda.now(), self._free or self.agenda.now())
        if self.per_second:
            self._free = start + timedelta(seconds=1 / self.per_second)
        self.agenda.at(start, partial(self._ring, call))
        return call

    async def call_in(self, phone: Phone, to: str = "") -> Call:
        """A person rings one of our numbers and hears what the app says."""
        call = self._keep(direction="inbound", sender=phone.number, to=to or self.numbers[0], url=self.call_path)
        call.seen = True
        phone.calls.append(call)
        await self._connect(call, None)
        return call

    async def pick_up(self, call: Call) -> None:
        """The person answers; nothing happens unless it rings."""
        if call.status == "ringing":
            await self._connect(call, self.phones[call.to])

    async def press(self, call: Call, digits: str) -> None:
        """Keys are pressed; they count when the app asks for some."""
        call.keys += digits
        await self.talk.take_keys(call)

    async def hang_up(self, call: Call) -> None:
        """The person hangs up, or declines."""
        if call.status not in ENDED:
            await self.end(call, "completed" if call.status == "in-progress" else "busy")

    async def cancel(self, call: Call) -> None:
        """The app ends it: before it is answered it is canceled, after that completed."""
        await self.end(call, "completed" if call.status == "in-progress" else "canceled")

    async def end(self, call: Call, status: str) -> None:
        """The call is over, once."""
        if call.status in ENDED:
            return
        call.stop_waiting()
        call.status, call.ended, call.gather = status, self.agenda.now(), None
        call.verbs.clear()
        await self._tell(call, status)

    def _keep(self, **fields: object) -> Call:
        sid = f"CA{self._random.getrandbits(128):032x}"
        call = Call(sid=sid, created=self.agenda.now(), **fields)  # type: ignore[arg-type]
        self._kept[sid] = call
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return call

    async def _ring(self, call: Call) -> None:
        if call.status != "queued":
            return
        call.dialed = self.agenda.now()
        await self._tell(call, "initiated")
        if fault := self.faults.strike(DELIVERY, "call", call.to):
            return None if fault.kind == "stuck" else await self.end(call, "failed")
        phone = self.phones[call.to]
        call.status = "ringing"
        phone.calls.append(call)
        await self._tell(call, "ringing")
        await self._try(call, phone)

    async def _try(self, call: Call, phone: Phone) -> None:
        if phone.voice == "busy":
            return await self.end(call, "busy")
        call.waits.append(self.agenda.after(call.timeout, partial(self._give_up, call), in_turn=True))
        if phone.voice in ("answers", "machine"):
            call.waits.append(self.agenda.after(phone.ring_seconds, partial(self.pick_up, call), in_turn=True))

    async def _give_up(self, call: Call) -> None:
        if call.status == "ringing":
            await self.end(call, "no-answer")

    async def _connect(self, call: Call, phone: Phone | None) -> None:
        call.stop_waiting()
        call.status, call.started = "in-progress", self.agenda.now()
        if call.detect_machine and phone:
            call.answered_by = "machine_start" if phone.voice == "machine" else "human"
        await self._tell(call, "in-progress")
        await self.talk.begin(call, phone)

    async def _tell(self, call: Call, status: str) -> None:
        """Posts a progress event if the app asked for it."""
        if not call.callback or EVENTS[status] not in call.events:
            return
        form = call.form(self.account) | {"CallStatus": status, "Timestamp": rfc2822(self.agenda.now()) or ""}
        form |= {"CallbackSource": "call-progress-events", "SequenceNumber": str(call.sequence)}
        if status in ENDED:
            minutes = -(-call.duration // 60)
            form |= {"CallDuration": str(call.duration), "Duration": str(minutes), "SipResponseCode": SIP[status]}
        call.sequence += 1
        await self.webhooks.signed_post(call.callback, form)
