"""Texts through Twilio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twilio.twiml.messaging_response import MessagingResponse

from bot import texting
from bot.channels import BadAddress, Envelope, Misconfigured, OptedOut, Receipt, Rejected, Sent
from bot.channels.twilio import (
    ACCOUNT,
    CANDIDATES,
    LeanClient,
    Refusals,
    cannot_ask,
    client,
    fault,
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
    21606: (Rejected, "Our sending number cannot text this phone. IT: check the senders"),
    21610: (OptedOut, "This person replied STOP and gets no texts from us"),
    21611: (Rejected, "Our sending number has hours of texts waiting. IT: add a sender"),
    21612: (Rejected, "No way was found to text this phone from our number"),
    21614: (BadAddress, "This is not a mobile phone"),
    21617: (Rejected, "The text was too long"),
    21635: (BadAddress, "This is a landline, which cannot take texts"),
    21703: (Misconfigured, "The messaging service has no sender that fits. IT: add one in Twilio"),
    21704: (Misconfigured, "The messaging service has no sender at all. IT: add one in Twilio"),
    21705: (Misconfigured, "Twilio does not know our messaging service. IT: check its SID"),
    63038: (Misconfigured, "Our account has used up its messages for today. IT: ask Twilio to raise the limit"),
}

# MessageStatus: our state and its rank. "sent" may be the last one that a carrier ever reports.
STATUSES = {
    "accepted": ("sent", 0), "scheduled": ("sent", 0), "queued": ("sent", 1), "sending": ("sent", 2),
    "sent": ("sent", 3), "partially_delivered": ("sent", 3),
    "undelivered": ("failed", 4), "failed": ("failed", 4), "canceled": ("failed", 4),
    "delivered": ("delivered", 5), "read": ("delivered", 6),
}  # fmt: skip

OPTED_OUT = "21610"

# ErrorCode of a receipt: what happened, and whether another channel may do better.
DELIVERY = {
    OPTED_OUT: ("this person replied STOP", True),
    "30001": ("too much was waiting at Twilio", True),
    "30002": ("Twilio suspended our account", True),
    "30003": ("the phone is off or has no service", True),
    "30004": ("the phone or its carrier blocks our texts", True),
    "30005": ("the number does not exist (any more)", True),
    "30006": ("a landline, or a carrier that cannot be reached", True),
    "30007": ("the carrier took it for spam", True),
    "30008": ("the carrier gave no reason", True),
    "30022": ("over the carrier's rate for our number", True),
    "30023": ("over the carrier's daily limit for us", True),
    "30024": ("our number is not set up with the carrier yet", True),
    "30027": ("over the carrier's daily limit for us", True),
    "30032": ("our toll-free number is not verified", True),
    "30033": ("our registration with the carriers is suspended", True),
    "30034": ("our number is not registered with the carriers", True),
    "30035": ("our number is still being set up", True),
    "30036": ("it waited longer than it was worth", False),
    "30410": ("the carrier took too long", True),
    "30450": ("Twilio's fraud protection held it back", True),
}

TRIAL_PREFIX = "Sent from your Twilio trial account - "
SHORTEST, LONGEST = 5, 36_000  # seconds that Twilio lets a text wait


class Sms:
    """Texts. Made inside a running loop; give `sender` (E.164) or `messaging_service_sid`; `timeout` in seconds."""

    name = "sms"

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
        self._public_url = public_url.rstrip("/")
        self._sender = {"from_": sender, "messaging_service_sid": messaging_service_sid}

    async def send(self, envelope: Envelope) -> Sent:
        """Hands a text to Twilio, once. Raises SendError."""
        try:
            message = await self._client.messages.create_async(**self._form(envelope))
            return Sent(provider_id=taken(message.sid))
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
            Sent(provider_id=message.sid, delivered=message.status in ("delivered", "read"))
            for message in oldest_first(mine)
        ]

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._http.close()

    def _form(self, envelope: Envelope) -> dict[str, Any]:
        form: dict[str, Any] = {
            "to": envelope.to,
            "body": envelope.body,
            "status_callback": f"{self._public_url}/twilio/receipts/{envelope.id}",
            **{name: value for name, value in self._sender.items() if value},
        }
        if envelope.not_after:
            worth = int((envelope.not_after - envelope.claimed_at).total_seconds())
            form["validity_period"] = min(max(worth, SHORTEST), LONGEST)
        return form


def receipt(form: Mapping[str, str]) -> Receipt | None:
    """What a status callback reports, or None when it is nothing that we know."""
    status = form.get("MessageStatus") or form.get("SmsStatus") or ""
    sid = form.get("MessageSid") or form.get("SmsSid") or ""
    if status not in STATUSES or not sid:
        return None
    state, rank = STATUSES[status]
    if state != "failed":
        return Receipt(provider_id=sid, state=state, rank=rank)
    code = form.get("ErrorCode") or ""
    reason, try_other = DELIVERY.get(code, ("the carrier did not deliver it", status != "canceled"))
    opted_out = code == OPTED_OUT
    return Receipt(
        provider_id=sid, state=state, rank=rank, code=code, reason=reason, opted_out=opted_out, try_other=try_other
    )


def reply_twiml(text: str | None) -> str:
    """The document that answers an inbound text; None answers nothing."""
    document = MessagingResponse()
    if text:
        document.message(text)
    return str(document)


def _could_be(message: Any, envelope: Envelope) -> bool:
    return recent(message, envelope) and _normal(message.body or "") == _normal(envelope.body)


def _normal(body: str) -> str:
    """Without what Twilio does to a body: the prefix of trial accounts, look-alike letters, spaces."""
    return " ".join(texting.fold(body.removeprefix(TRIAL_PREFIX)).split())
