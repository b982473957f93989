"""Texts through Twilio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twilio.twiml.messaging_response import MessagingResponse

from bot import texting
from bot.channels import BadAddress, Envelope, Handed, Misconfigured, OptedOut, Receipt, Rejected, Sent, Wants
from bot.channels.lean import LeanClient, client
from bot.channels.twilio import (
    ACCOUNT,
    CANDIDATES,
    Refusals,
    became,
    cannot_ask,
    fault,
    knock,
    oldest_first,
    recent,
    taken,
)

# Codes of the REST call. https://www.twilio.com/docs/api/errors
REFUSALS: Refusals = {
    **ACCOUNT,
    21212: (Misconfigured, "Twilio does not accept our sending number. IT: check TWILIO_FROM"),
    21408: (Rejected, "Texts to that country are switched off. IT: allow it in Twilio's Geo Permissions"),
    21601: (Misconfigured, "Our sending number cannot send texts. IT: check TWILIO_FROM"),
    21602: (Rejected, "The text was empty"),
    21603: (Misconfigured, "Our texts name no sender. IT: set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID"),
    21606: (Rejected, "Our sending number cannot text this phone. IT: check the senders"),
    21610: (OptedOut, "This person replied STOP and gets no texts from us"),
    21611: (Rejected, "Our sending number has hours of texts waiting. IT: add a sender"),
    21612: (Rejected, "No way was found to text this phone from our number"),
    21614: (BadAddress, "This is not a mobile phone"),
    21617: (Rejected, "The text was too long"),
    21635: (BadAddress, "This is a landline, which cannot take texts"),
    21703: (Rejected, "The messaging service has no sender for this phone. IT: add one in Twilio"),
    21704: (Misconfigured, "The messaging service has no sender at all. IT: add one in Twilio"),
    21705: (Misconfigured, "Twilio does not know our messaging service. IT: check its SID"),
    63038: (Rejected, "Our account has used up its texts for today. IT: ask Twilio to raise the limit"),
}

# MessageStatus: our state and its rank. "sent" may be the last one that a carrier ever reports.
STATUSES = {
    "accepted": ("sent", 0), "scheduled": ("sent", 0), "queued": ("sent", 1), "sending": ("sent", 2),
    "sent": ("sent", 3), "partially_delivered": ("sent", 3),
    "undelivered": ("failed", 4), "failed": ("failed", 4), "canceled": ("failed", 4),
    "delivered": ("delivered", 5), "read": ("delivered", 6),
}  # fmt: skip

OPTED_OUT = "21610"

# ErrorCode of a receipt: what happened, and what is to follow. A code that is not here wants another channel.
DELIVERY = {
    OPTED_OUT: ("this person replied STOP", Wants.NEVER),
    "21703": ("the messaging service has no sender for this phone", Wants.OTHER),
    "21704": ("the messaging service has no sender at all", Wants.OTHER),
    "21705": ("Twilio does not know our messaging service", Wants.OTHER),
    "30001": ("too much was waiting at Twilio", Wants.OTHER),
    "30002": ("Twilio suspended our account", Wants.OTHER),
    "30003": ("the phone is off or has no service", Wants.OTHER),
    "30004": ("the phone or its carrier blocks our texts", Wants.OTHER),
    "30005": ("the number does not exist (any more)", Wants.NEVER),
    "30006": ("a landline, or a carrier that cannot be reached", Wants.NEVER),
    "30007": ("the carrier took it for spam", Wants.OTHER),
    "30008": ("the carrier gave no reason", Wants.OTHER),
    "30022": ("over the carrier's rate for our number", Wants.OTHER),
    "30023": ("over the carrier's daily limit for us", Wants.OTHER),
    "30024": ("our number is not set up with the carrier yet", Wants.OTHER),
    "30027": ("over the carrier's daily limit for us", Wants.OTHER),
    "30032": ("our toll-free number is not verified", Wants.OTHER),
    "30033": ("our registration with the carriers is suspended", Wants.OTHER),
    "30034": ("our number is not registered with the carriers", Wants.OTHER),
    "30035": ("our number is still being set up", Wants.OTHER),
    "30036": ("it waited longer than it was worth", Wants.NOTHING),
    "30410": ("the carrier took too long", Wants.OTHER),
    "30450": ("Twilio's fraud protection held it back", Wants.OTHER),
    "30610": ("Twilio's quiet hours held it back", Wants.OTHER),
    "30640": ("Twilio may not text this number", Wants.OTHER),
}
UNKNOWN = ("the carrier did not deliver it", Wants.OTHER)
TAKEN_BACK = ("the text was taken back", Wants.NOTHING)

NO_REPLY = str(MessagingResponse())  # most texts get none, and thousands come within minutes
TRIAL_PREFIX = "Sent from your Twilio trial account - "
SHORTEST, LONGEST = 5, 36_000  # seconds that Twilio lets a text wait


class Sms:
    """Texts. Made inside a running loop; give `sender` (E.164) or `messaging_service_sid`; `timeout` in seconds."""

    name = "sms"
    askable = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_url: str,
        sender: str = "",
        messaging_service_sid: str = "",
        api_url: str = "",
        timeout: float = 10.0,
        connections: int = 100,
    ) -> None:
        self._http = LeanClient(timeout, connections)
        self._client = client(account_sid, auth_token, api_url, self._http)
        self._path = f"/Accounts/{account_sid}/Messages.json"
        self._receipts = f"{public_url.rstrip('/')}/twilio/receipts"
        self._sender = {"MessagingServiceSid": messaging_service_sid} if messaging_service_sid else {}
        self._sender |= {"From": sender} if sender else {}

    async def send(self, envelope: Envelope) -> Sent:
        """Hands a text to Twilio, once. Raises SendError."""
        try:
            # The SDK's own create without what it would make of the answer: of that only the SID is wanted.
            answer = await self._client.api.v2010.create_async("POST", self._path, data=self._form(envelope))
            return Sent(provider_id=taken(answer["sid"]))
        except Exception as error:
            raise fault(error, REFUSALS) from error

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """The texts at Twilio that could be this one, oldest first. Raises Unavailable."""
        try:
            found = await self._client.messages.list_async(to=envelope.to, limit=CANDIDATES)
        except Exception as error:
            raise cannot_ask(error) from error
        mine = [message for message in found if _could_be(message, envelope)]
        return [
            Sent(
                provider_id=message.sid,
                delivered=message.status in ("delivered", "read"),
                created_at=message.date_created,
            )
            for message in oldest_first(mine)
        ]

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        """What Twilio has of these texts now, by our id; those not asked about are left out. Raises SendError."""
        found = await became(self._client.messages, handed, after="date_sent_after", before="date_sent_before")
        read = {one.id: _receipt(text.sid, text.status, str(text.error_code or "")) for one, text in found}
        return {id: got for id, got in read.items() if got}

    async def probe(self) -> None:
        """Shows whether Twilio answers and accepts us. Raises SendError."""
        await knock(self._client.messages)

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._http.close()

    def _form(self, envelope: Envelope) -> dict[str, Any]:
        form = {"To": envelope.to, "Body": envelope.body, "StatusCallback": f"{self._receipts}/{envelope.id}"}
        if envelope.not_after:
            worth = int((envelope.not_after - envelope.claimed_at).total_seconds())
            form["ValidityPeriod"] = str(min(max(worth, SHORTEST), LONGEST))
        return form | self._sender


def receipt(form: Mapping[str, str], account_sid: str = "") -> Receipt | None:
    """What a status callback reports; None when it is nothing that we know, or another account's than this one."""
    if account_sid and form.get("AccountSid", account_sid) != account_sid:
        return None
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    return _receipt(form.get("MessageSid") or form.get("SmsSid") or "", status, form.get("ErrorCode") or "")


def reply_twiml(text: str | None) -> str:
    """The document that answers an inbound text; None answers nothing."""
    if not text:
        return NO_REPLY
    document = MessagingResponse()
    document.message(text)
    return str(document)


def _receipt(sid: str, status: str, code: str) -> Receipt | None:
    if status not in STATUSES or not sid:
        return None
    state, rank = STATUSES[status]
    if state != "failed":
        return Receipt(provider_id=sid, state=state, rank=rank)
    reason, wants = TAKEN_BACK if status == "canceled" else DELIVERY.get(code, UNKNOWN)
    opted_out = code == OPTED_OUT
    return Receipt(provider_id=sid, state=state, rank=rank, code=code, reason=reason, wants=wants, opted_out=opted_out)


def _could_be(message: Any, envelope: Envelope) -> bool:
    return recent(message, envelope) and _normal(message.body or "") == _normal(envelope.body)


def _normal(body: str) -> str:
    """Without what Twilio does to a body: the prefix of trial accounts, look-alike letters, spaces."""
    return " ".join(texting.fold(body.removeprefix(TRIAL_PREFIX)).split())
