"""Calls by Twilio. A voicemail picks up too, so only a pressed key is an answer."""

from collections.abc import Mapping

from twilio.twiml.voice_response import Gather, VoiceResponse

from bot.channels import BadAddress, Envelope, Receipt, Rejected, Sent, Throttled
from bot.channels.twilio import CANDIDATES, LeanClient, cannot_ask, client, fault, oldest_first, recent, taken

RING = 25  # seconds, to stay before most voicemails
WAIT = 8  # seconds for a key
SPEAKS = {"en": "en-US", "es": "es-US"}

#: CallStatus of a receipt → our state; `completed` means that something picked up
STATUS = {
    "queued": "sent", "initiated": "sent", "ringing": "sent", "in-progress": "sent", "completed": "delivered", "busy": "failed",
    "failed": "failed", "no-answer": "failed", "canceled": "failed",
}  # fmt: skip
#: codes of a refused call, beside those that any request can bring
REFUSALS = {
    21214: (BadAddress, "This number cannot be called"),
    21217: (BadAddress, "This number cannot be called"),
    21215: (Rejected, "We may not call this country. IT: look at the voice permissions"),
    13227: (Rejected, "We may not call this country. IT: look at the voice permissions"),
    22005: (Throttled, "Too many calls are waiting"),
}
REASONS = {
    "busy": "the line was busy",
    "failed": "the call could not be placed",
    "no-answer": "nobody picked up",
    "canceled": "the call was taken back",
}


class Voice:
    """Calls. Made inside a running loop; what is spoken is fetched from us when somebody picks up."""

    name = "voice"

    def __init__(self, *, account_sid: str, auth_token: str, public_url: str, sender: str, api_url: str = "",
                 timeout: float = 10.0, connections: int = 20):  # fmt: skip
        self._http = LeanClient(timeout, connections)
        self._client = client(account_sid, auth_token, api_url, self._http)
        self._sender, self._public_url = sender, public_url.rstrip("/")

    async def send(self, envelope: Envelope) -> Sent:
        """Places a call, once. Raises SendError."""
        receipts = f"{self._public_url}/twilio/receipts/{envelope.id}"
        try:
            call = await self._client.calls.create_async(
                to=envelope.to, from_=self._sender, url=f"{self._public_url}/twilio/voice/{envelope.id}", timeout=RING,
                status_callback=receipts, status_callback_event=["initiated", "ringing", "answered", "completed"],
            )  # fmt: skip
            return Sent(provider_id=taken(call.sid))
        except Exception as error:
            raise fault(error, REFUSALS) from error

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """The calls at Twilio that could be this one, oldest first. Raises Unavailable."""
        try:
            found = await self._client.calls.list_async(to=envelope.to, limit=CANDIDATES)
        except Exception as error:
            raise cannot_ask(error) from error
        return [Sent(provider_id=call.sid) for call in oldest_first([call for call in found if recent(call, envelope)])]

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._http.close()


def receipt(form: Mapping[str, str]) -> Receipt | None:
    """A call's status callback; None for a status that tells nothing. A call that nobody took leaves it to the ladder."""
    status = form.get("CallStatus", "")
    state = STATUS.get(status)
    if state is None:
        return None
    return Receipt(
        provider_id=form.get("CallSid", ""),
        state=state,
        code=status if state == "failed" else "",
        reason=REASONS.get(status, ""),
    )


def ask(text: str, action_url: str, language: str, times: int = 2) -> str:
    """Say the text and wait for one key, `times` times over; then hang up."""
    response = VoiceResponse()
    for _ in range(times):
        gather = Gather(action=action_url, method="POST", input="dtmf", num_digits=1, timeout=WAIT)
        gather.say(text, language=SPEAKS.get(language, "en-US"))
        response.append(gather)
    response.hangup()
    return str(response)


def say_and_hang_up(text: str, language: str) -> str:
    response = VoiceResponse()
    response.say(text, language=SPEAKS.get(language, "en-US"))
    response.hangup()
    return str(response)
