"""Calls through Twilio. A voicemail picks up too, so only a pressed key is an answer."""

from collections.abc import Mapping, Sequence

from twilio.twiml.voice_response import Gather, VoiceResponse

from bot.channels import BadAddress, Envelope, Handed, Misconfigured, Receipt, Rejected, Sent, Throttled, Wants
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
    10004: (Throttled, "Too many calls of ours are running at once; it goes out in a moment"),
    13227: (Rejected, "Calls to that country are switched off. IT: allow it in Twilio's voice permissions"),
    21205: (Misconfigured, "Twilio does not accept our address for calls. IT: check PUBLIC_URL"),
    21210: (Misconfigured, "Twilio does not accept our calling number. IT: check TWILIO_VOICE_FROM"),
    21212: (Misconfigured, "Twilio does not accept our calling number. IT: check TWILIO_VOICE_FROM"),
    21214: (BadAddress, "This number cannot be called"),
    21215: (Rejected, "Calls to that country are switched off. IT: allow it in Twilio's voice permissions"),
    21217: (BadAddress, "This number cannot be called"),
    21219: (Rejected, "A Twilio trial account may not call this number. IT: upgrade the account"),
    22005: (Rejected, "A whole day of calls is waiting at Twilio"),
}

# CallStatus: our state and its rank. Once it was picked up, a late failure is no news.
STATUSES = {
    "queued": ("sent", 0), "initiated": ("sent", 1), "ringing": ("sent", 2),
    "busy": ("failed", 3), "no-answer": ("failed", 3), "failed": ("failed", 3), "canceled": ("failed", 3),
    "in-progress": ("delivered", 4), "completed": ("delivered", 5),
}  # fmt: skip

# Why a call did not reach anybody, and what is to follow; ringing again is the ladder's business.
REASONS = {
    "busy": ("the line was busy", Wants.NOTHING),
    "no-answer": ("nobody picked up", Wants.NOTHING),
    "failed": ("the call could not be put through", Wants.OTHER),
    "canceled": ("the call was taken back", Wants.NOTHING),
}

EVENTS = ["initiated", "ringing", "answered", "completed"]
RING = 25  # seconds, to stay before most voicemails
WAIT = 8  # seconds for a key
BETWEEN = 4  # seconds after the last key of a number, until it counts as whole
SPEAKS = {"en": "en-US", "es": "es-US", "fr": "fr-FR", "de": "de-DE", "pt": "pt-BR", "it": "it-IT", "pl": "pl-PL"}


class Voice:
    """Calls. Made inside a running loop; what is spoken is fetched from us when somebody picks up. Times in seconds."""

    name = "voice"
    askable = True

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        public_url: str,
        sender: str,
        api_url: str = "",
        timeout: float = 10.0,
        connections: int = 20,
    ) -> None:
        self._http = LeanClient(timeout, connections)
        self._client = client(account_sid, auth_token, api_url, self._http)
        self._sender, self._public_url = sender, public_url.rstrip("/")

    async def send(self, envelope: Envelope) -> Sent:
        """Place a call, once. Raises SendError."""
        try:
            call = await self._client.calls.create_async(
                to=envelope.to,
                from_=self._sender,
                url=f"{self._public_url}/twilio/voice/{envelope.id}",
                status_callback=f"{self._public_url}/twilio/receipts/{envelope.id}",
                status_callback_event=EVENTS,
                timeout=RING,
            )
            return Sent(provider_id=taken(call.sid))
        except Exception as error:
            raise fault(error, REFUSALS) from error

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """The calls at Twilio that could be this one, oldest first. Raises Unavailable."""
        try:
            found = await self._client.calls.list_async(to=envelope.to, limit=CANDIDATES)
        except Exception as error:
            raise cannot_ask(error) from error
        mine = [call for call in found if recent(call, envelope)]
        return [
            Sent(
                provider_id=call.sid,
                delivered=call.status in ("in-progress", "completed"),
                created_at=call.date_created,
            )
            for call in oldest_first(mine)
        ]

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        """What Twilio has of these calls now, by our id; those not asked about are left out. Raises SendError."""
        found = await became(self._client.calls, handed, after="start_time_after", before="start_time_before")
        read = {one.id: _receipt(call.sid, call.status, "") for one, call in found}
        return {id: got for id, got in read.items() if got}

    async def probe(self) -> None:
        """Shows whether Twilio answers and accepts us. Raises SendError."""
        await knock(self._client.calls)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()


def receipt(form: Mapping[str, str], account_sid: str = "") -> Receipt | None:
    """What a call's status callback reports; None when it is nothing that we know, or another account's."""
    if account_sid and form.get("AccountSid", account_sid) != account_sid:
        return None
    code = form.get("ErrorCode") or form.get("SipResponseCode") or ""
    return _receipt(form.get("CallSid", ""), form.get("CallStatus", ""), code)


def ask(text: str, action_url: str, language: str, times: int = 2, *, number: bool = False) -> str:
    """Say the text and wait for one key, or for a `number` that `#` or a pause ends, `times` times over; then hang up.

    Silence goes on to the next verb and not to `action_url`: a voicemail would be asked for ever.
    """
    document = VoiceResponse()
    keys = {"finish_on_key": "#", "timeout": BETWEEN} if number else {"num_digits": 1, "timeout": WAIT}
    for _ in range(times):
        gather = Gather(action=action_url, method="POST", input="dtmf", **keys)
        gather.say(_spoken(text), language=_voice(language))
        document.append(gather)
    document.hangup()
    return str(document)


def say_and_hang_up(text: str, language: str) -> str:
    """Say the text and end the call."""
    document = VoiceResponse()
    document.say(_spoken(text), language=_voice(language))
    document.hangup()
    return str(document)


def _receipt(sid: str, status: str, code: str) -> Receipt | None:
    if status not in STATUSES or not sid:
        return None
    state, rank = STATUSES[status]
    if state != "failed":
        return Receipt(provider_id=sid, state=state, rank=rank)
    reason, wants = REASONS[status]
    return Receipt(provider_id=sid, state=state, rank=rank, code=code or status, reason=reason, wants=wants)


def _spoken(text: str) -> str:
    """Without the control characters that XML cannot carry; Twilio would end the call over one."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _voice(language: str) -> str:
    return language if "-" in language else SPEAKS.get(language, "en-US")
