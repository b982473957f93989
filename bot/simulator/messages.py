"""Twilio's messages: from the POST to the phone, with their receipts; and texts that come in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial

from bot.simulator import twiml
from bot.simulator.agenda import Agenda
from bot.simulator.faults import DELIVERY, RECEIPTS, Fault, Faults
from bot.simulator.optouts import OptOuts
from bot.simulator.phones import Phone, Phones, Text
from bot.simulator.segments import segments
from bot.simulator.webhooks import Answer, Webhooks

LONGEST_QUEUE = timedelta(hours=10)
MOST = 200_000  # messages kept


@dataclass(kw_only=True, eq=False)
class Message:
    """A message resource. `steps` are the statuses that it has still to walk through."""

    sid: str
    to: str
    sender: str  # the number; "" until the service has chosen one
    service: str
    body: str
    direction: str
    status: str
    created: datetime
    callback: str = ""
    validity: float = 36_000.0  # seconds
    error_code: int | None = None
    sent_at: datetime | None = None
    updated: datetime | None = None
    steps: list[str] = field(default_factory=list)
    receipts: Fault | None = None
    held: list[str] = field(default_factory=list)

    def as_json(self, account: str) -> dict[str, object]:
        """The resource exactly as Twilio shows it: numbers as strings, dates as RFC 2822."""
        uri = f"/2010-04-01/Accounts/{account}/Messages/{self.sid}"
        waiting = self.status == "accepted"
        return {
            "account_sid": account, "api_version": "2010-04-01", "body": self.body,
            "date_created": rfc2822(self.created), "date_sent": rfc2822(self.sent_at),
            "date_updated": rfc2822(self.updated or self.created), "direction": self.direction,
            "error_code": self.error_code, "error_message": f"error {self.error_code}" if self.error_code else None,
            "from": None if waiting else self.sender, "messaging_service_sid": self.service or None, "num_media": "0",
            "num_segments": "0" if waiting else str(segments(self.body)), "price": None, "price_unit": None,
            "sid": self.sid, "status": self.status, "subresource_uris": {"media": f"{uri}/Media.json"}, "to": self.to,
            "uri": f"{uri}.json",
        }  # fmt: skip


class Messages:
    """All texts of the account, their queue, their walk and the opt-out list."""

    def __init__(self, account: str, phones: Phones, webhooks: Webhooks, agenda: Agenda, faults: Faults) -> None:
        self.account = account
        self.phones = phones
        self.webhooks = webhooks
        self.agenda = agenda
        self.faults = faults
        self.opt_outs = OptOuts()
        self.numbers: list[str] = []
        self.sms_path = "/twilio/sms"
        self.receipt_delay = 0.0  # seconds between two statuses
        self.tells_all = True  # a receipt of each status, and not of the last one alone
        self.segments_per_second = 0.0  # of one sender; 0 = no limit
        self._kept: dict[str, Message] = {}
        self._free: dict[str, datetime] = {}  # when a sender has sent what it has
        # Not the account alone: a simulator that is started again must not hand out SIDs that the app knows.
        self._random = random.Random(f"texts {account} {agenda.now()}")

    def __iter__(self) -> Iterator[Message]:
        """Newest first."""
        return reversed(list(self._kept.values()))

    def get(self, sid: str) -> Message | None:
        """The message with this SID."""
        return self._kept.get(sid)

    def forget(self) -> None:
        """No message was ever sent, nobody has opted out."""
        self._kept.clear()
        self._free.clear()
        self.opt_outs.forget()

    def overfull(self, sender: str) -> bool:
        """Whether this sender has more in its queue than it can send in 10 hours."""
        now = self.agenda.now()
        return self._free.get(sender, now) - now > LONGEST_QUEUE

    def send(self, *, to: str, sender: str, service: str, body: str, callback: str, validity: float) -> Message:
        """Takes a text: queues it by the sender's rate and plans its walk."""
        status = "accepted" if service else "queued"
        message = self._keep(to=to, sender=sender, service=service, body=body, direction="outbound-api", status=status)
        message.callback, message.validity = callback, validity
        message.receipts = self.faults.strike(RECEIPTS, "sms", to)
        message.steps = ["queued"] * bool(service) + self._ending(message, self.faults.strike(DELIVERY, "sms", to))
        self._plan(message)
        return message

    async def hurry(self, message: Message) -> None:
        """Walks the message to its end at once."""
        while message.steps:
            await self._step(message)

    async def text_in(self, phone: Phone, body: str, to: str = "") -> Answer | None:
        """A person texts one of our numbers: the network's own words first, then the app's webhook."""
        to = to or self.numbers[0]
        message = self._keep(to=to, sender=phone.number, service="", body=body, direction="inbound", status="received")
        mine = Text(body=body, at=self.agenda.now(), sid=message.sid, sender=phone.number, mine=True, seen=True)
        phone.thread.append(mine)
        if says := self.opt_outs.heed(phone.number, to, body):
            phone.receive(Text(body=says, at=self.agenda.now(), sender=to, network=True, seen=True))
        answer = await self.webhooks.signed_post(self.sms_path, self._inbound_form(message))
        for reply in self._replies(answer):
            self._reply(phone, to, reply)
        return answer

    def _keep(self, **fields: str) -> Message:
        sid = f"SM{self._random.getrandbits(128):032x}"
        message = Message(sid=sid, created=self.agenda.now(), **fields)  # type: ignore[arg-type]
        self._kept[sid] = message
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return message

    def _ending(self, message: Message, fault: Fault | None) -> list[str]:
        if fault is None:
            return ["sent", "delivered"]
        if fault.kind == "stuck":
            return []
        message.error_code = int(fault.code or 30008)
        return ["failed"] if fault.kind == "failed" else ["sent", "undelivered"]

    def _plan(self, message: Message) -> None:
        """The first step comes when the sender's rate allows it; a text that would wait too long fails instead."""
        now, start = self.agenda.now(), self.agenda.now()
        if self.segments_per_second:
            start = max(now, self._free.get(message.sender, now))
            self._free[message.sender] = start + timedelta(seconds=segments(message.body) / self.segments_per_second)
        if start - now > LONGEST_QUEUE:
            message.steps, message.error_code, start = ["failed"], 30001, now
        elif (start - now).total_seconds() > message.validity:
            message.steps, message.error_code = ["failed"], 30036
            start = now + timedelta(seconds=message.validity)
        if message.steps:
            self.agenda.at(start + timedelta(seconds=self.receipt_delay), partial(self._walk, message))

    async def _walk(self, message: Message) -> None:
        if not message.steps:
            return
        await self._step(message)
        if message.steps:
            self.agenda.after(self.receipt_delay, partial(self._walk, message))

    async def _step(self, message: Message) -> None:
        status = message.steps.pop(0)
        message.status, message.updated = status, self.agenda.now()
        if status == "sent":
            message.sent_at = self.agenda.now()
        if status == "delivered":
            self._arrive(message)
        await self._tell(message, status)

    def _arrive(self, message: Message) -> None:
        text = Text(body=message.body, at=self.agenda.now(), sid=message.sid, sender=message.sender)
        self.phones[message.to].receive(text)

    async def _tell(self, message: Message, status: str) -> None:
        """Posts a receipt, unless a fault makes it late, double, disordered or withheld."""
        kind, last = message.receipts.kind if message.receipts else "", not message.steps
        if not message.callback or kind == "receipts_withheld" or not (last or self.tells_all):
            return
        post = partial(self._post_receipt, message, status)
        if kind == "receipts_late" and message.receipts:
            self.agenda.after(message.receipts.seconds, post)
        elif kind == "receipts_out_of_order" and not last:
            message.held.append(status)
        else:
            times = 2 if kind == "receipts_repeated" else 1
            for told in [status] * times + message.held[::-1]:
                await self._post_receipt(message, told)

    async def _post_receipt(self, message: Message, status: str) -> None:
        form = {
            "AccountSid": self.account, "ApiVersion": "2010-04-01", "From": message.sender, "To": message.to,
            "MessageSid": message.sid, "MessageStatus": status, "SmsSid": message.sid, "SmsStatus": status,
        }  # fmt: skip
        if message.service:
            form["MessagingServiceSid"] = message.service
        if status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = f"{self.agenda.now():%y%m%d%H%M}"
        if status in ("failed", "undelivered"):
            form["ErrorCode"] = str(message.error_code)
        answer = await self.webhooks.signed_post(message.callback, form)
        if answer and answer.ok and answer.body and answer.content_type not in ("text/xml", "application/xml"):
            self.webhooks.complain(12300, message.callback, f"a receipt was answered with {answer.content_type}")

    def _inbound_form(self, message: Message) -> dict[str, str]:
        form = {
            "ToCountry": "US", "ToState": "", "SmsMessageSid": message.sid, "NumMedia": "0", "ToCity": "",
            "FromZip": "", "SmsSid": message.sid, "FromState": "", "SmsStatus": "received", "FromCity": "",
            "Body": message.body, "FromCountry": "US", "To": message.to, "ToZip": "",
            "NumSegments": str(segments(message.body)), "MessageSid": message.sid, "AccountSid": self.account,
            "From": message.sender, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        pool = self.opt_outs.pool(message.to)
        return form | ({"MessagingServiceSid": pool} if pool != message.to else {})

    def _replies(self, answer: Answer | None) -> list[str]:
        """What the app's answer makes the person read: TwiML messages, or, as with Twilio, any plain text."""
        if answer is None or not answer.ok or not answer.body.strip():
            return []
        if answer.content_type == "text/plain":
            return [answer.body]
        try:
            return [verb.body for verb in twiml.verbs(answer.body) if isinstance(verb, twiml.Message)]
        except twiml.BadTwiml as error:
            self.webhooks.complain(12100, self.webhooks.full(self.sms_path), str(error))
            return []

    def _reply(self, phone: Phone, sender: str, body: str) -> None:
        if self.opt_outs.has(phone.number, sender):
            self.webhooks.complain(21610, self.sms_path, f"a reply to {phone.number}, who opted out")
            return
        message = self._keep(
            to=phone.number, sender=sender, service="", body=body, direction="outbound-reply", status="delivered"
        )
        message.sent_at = self.agenda.now()
        self._arrive(message)


def rfc2822(moment: datetime | None) -> str | None:
    """Twilio's dates, in whole seconds."""
    return format_datetime(moment) if moment else None
