"""Texts through any other gateway, by Apprise: what is used while Twilio is unavailable.

A gateway answers yes or no, and a no hides why. It is never known to be definite, nobody can be asked, and no receipt
comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests

from bot import texting
from bot.channels import Envelope, Handed, Misconfigured, Receipt, SendError, Sent, Unavailable

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

TO = "{to}"  # where the number belongs in the address
ANYBODY = "+12025550100"  # nothing is sent to it
CONNECT, READ = 4.0, 5.0  # seconds; more than that the address cannot ask for
AT_ONCE = 100  # texts that wait for this gateway at the same time, each in a thread

# Where an answer has to go, since the gateway's own number leads nowhere.
TEXT_TO, CALL = "Reply to {}", "Call {}"

# Apprise posts by `requests`, which would heed a proxy, a sign-in and certificates that somebody's shell names. Nothing
# else here uses it.
requests.Session.trust_env = property(lambda session: False, lambda session, wanted: None)  # type: ignore[assignment]

for chatty in ("apprise", "urllib3.connectionpool"):  # they would write numbers and texts into the log
    logging.getLogger(chatty).addFilter(lambda record: False)  # uvicorn would take back that it is disabled


class Others:
    """One gateway: an Apprise address with {to} in it, where the phone's number goes, as %2B15550100.

    Apprise's SMS services keep the plus or drop it as their gateway wants it; json://, xml:// and form:// pass it on.
    `place` counts from 1. `text_to`, else `call`, is the number that staff answer to. `timeout` is in seconds.
    """

    askable = False

    def __init__(self, url: str, place: int, *, text_to: str = "", call: str = "", timeout: float = 10.0) -> None:
        self.name = f"others-{place}"
        self._url, self._place, self._timeout = url, place, timeout
        self._note = TEXT_TO.format(text_to) if text_to else CALL.format(call) if call else ""
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=self.name)
        self._asset = _asset()
        self._gateway(ANYBODY)  # Apprise loads all its services at the first: now, and not within an outage

    async def send(self, envelope: Envelope) -> Sent:
        """Hands a text to the gateway, once. Raises SendError."""
        try:
            gateway, text = self._gateway(envelope.to), signed(envelope.body, self._note)
            if gateway is None:
                raise Misconfigured(f"Gateway {self._place} cannot be used. IT: check SMS_FALLBACK_URLS")
            await self._answer(self._threads.submit(gateway.notify, body=text, title="", body_format="text"))
        except SendError:
            raise
        except Exception as error:
            raise Unavailable("The other gateway failed, and nobody can say whether it went out") from error
        return Sent(provider_id=f"{self.name}:{envelope.id}")

    async def look_for(self, envelope: Envelope) -> list[Sent]:
        """No gateway can be asked. Raises Unavailable."""
        raise Unavailable("The other gateway cannot be asked whether it went out")

    async def receipts(self, handed: Sequence[Handed]) -> dict[int, Receipt]:
        """Nothing: no gateway can be asked."""
        return {}

    async def probe(self) -> None:
        """Nothing can be asked without sending: the next text shows it."""

    async def close(self) -> None:
        """Lets go of the threads; what is on the wire ends by itself within seconds."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, job: Future[bool]) -> None:
        try:
            said_yes = await asyncio.wait_for(asyncio.wrap_future(job), self._timeout)
        except TimeoutError:
            if job.cancel():
                raise Unavailable("The other gateway is too slow; it is tried again", doubt=False, retry=True) from None
            raise Unavailable("The other gateway did not answer, and cannot be asked whether it went out") from None
        if not said_yes:
            raise Unavailable("The other gateway said no, and does not say whether it went out")

    def _gateway(self, number: str) -> NotifyBase | None:
        """Apprise's plugin for this address and number; None when it cannot make sense of them."""
        from apprise import Apprise

        made = Apprise.instantiate(self._url.replace(TO, quote(number, safe="")), asset=self._asset)
        if made:
            made.socket_connect_timeout = min(made.socket_connect_timeout, CONNECT)
            made.socket_read_timeout = min(made.socket_read_timeout, READ)
            made.request_rate_per_sec = 0  # else it would sleep for seconds between two requests for one text
        return made


def signed(body: str, note: str) -> str:
    """The body, and under it where to answer; in plain letters if only they keep it in fewer segments."""
    whole = f"{body}\n{note}" if note else body
    plain = texting.fold(whole)
    return plain if texting.segments(plain) < texting.segments(whole) else whole


def _asset() -> AppriseAsset:
    """How Apprise is to behave: it keeps nothing on disk, follows no redirect, and looks nowhere for its language."""
    from apprise import AppriseAsset  # it loads hundreds of modules: only a hospital with a gateway waits for it

    return AppriseAsset(
        app_id="Muster",
        http_redirects=False,
        interpret_emojis=False,
        language="en",
        pem_autogen=False,
        pgp_autogen=False,
        storage_mode="memory",
        timezone="UTC",
    )
