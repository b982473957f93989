"""A hospital's phones and Slack, simulated: fake providers that speak the real ones' wire protocols over real HTTP.

Point TWILIO_API_URL and SLACK_API_URL at it, and nothing in the app changes. It knows nothing of the app's insides.
In tests a clock is moved and `settle()` does what is due; in live mode it runs by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from bot.simulator import state
from bot.simulator.agenda import Agenda
from bot.simulator.call import Call
from bot.simulator.faults import Fault, Faults
from bot.simulator.phones import Phone, Phones, Text
from bot.simulator.slack import Slack
from bot.simulator.slack_people import Said
from bot.simulator.staff import Staff, Temperament
from bot.simulator.twilio import Twilio
from bot.simulator.webhooks import Complaint, Webhooks
from bot.simulator.workspace import Message

__all__ = ["Call", "Complaint", "Fault", "Faults", "Message", "Phone", "Said", "Simulator", "Temperament", "Text"]

TWILIO_SID = "AC" + "5" * 32
TWILIO_TOKEN = "simulated-twilio-token"
SLACK_SECRET = "simulated-slack-signing-secret"
SLACK_TOKEN = "xoxb-simulated"
NUMBER = "+12025550199"
LIVE_WIDTH = 20  # acts at once in live mode
GOODBYE = 0.2  # seconds that open connections get when it stops


class Simulator:
    """Fake Twilio, fake Slack, phones and staff on one loopback port.

    `app_url` is the app under test (it may be set later); `now` the clock that everything goes by; `numbers` and
    `services` (messaging service: its numbers) are the account's senders; `latency` is how long a request takes, in
    seconds of real time; `receipt_delay` and the rates are by the clock. `strangers` lets any Slack id exist.
    """

    def __init__(
        self,
        app_url: str = "",
        twilio_sid: str = TWILIO_SID,
        twilio_token: str = TWILIO_TOKEN,
        slack_secret: str = SLACK_SECRET,
        slack_token: str = SLACK_TOKEN,
        *,
        now: Callable[[], datetime],
        numbers: Sequence[str] = (NUMBER,),
        services: Mapping[str, Sequence[str]] | None = None,
        latency: float = 0.0,
        receipt_delay: float = 0.0,
        segments_per_second: float = 0.0,
        calls_per_second: float = 0.0,
        words_per_second: float = 0.0,
        pace: float = 1.0,
        seed: int = 0,
        width: int = 1,
        strangers: bool = False,
    ) -> None:
        self.now = now
        self.url = ""
        self.agenda = Agenda(now, width)
        self.webhooks = Webhooks(app_url, twilio_token, now)
        self.phones = Phones()
        self.twilio = Twilio(twilio_sid, twilio_token, self.phones, self.webhooks, self.agenda)
        self.slack = Slack(slack_secret, slack_token, self.webhooks, now, strangers)
        self.staff = Staff(self.phones, self.agenda, seed, pace)
        self.phones.line = self.twilio
        self.twilio.own(list(numbers), {sid: list(pool) for sid, pool in (services or {}).items()})
        self.twilio.latency = self.slack.latency = latency
        self.twilio.messages.receipt_delay = receipt_delay
        self.twilio.messages.segments_per_second = segments_per_second
        self.twilio.calls.per_second = calls_per_second
        self.twilio.calls.talk.words_per_second = words_per_second
        self._runner: web.AppRunner | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def app_url(self) -> str:
        """The app under test."""
        return self.webhooks.app_url

    @app_url.setter
    def app_url(self, url: str) -> None:
        self.webhooks.app_url = url

    @property
    def complaints(self) -> deque[Complaint]:
        """What the providers' consoles show: webhooks that the app answered badly, late or not at all."""
        return self.webhooks.complaints

    @property
    def busy(self) -> bool:
        """Whether something is under way or due now."""
        return self.agenda.busy

    def phone(self, number: str) -> Phone:
        """The phone with this number. Raises ValueError when it is no E.164 number."""
        return self.phones[number]

    async def start(self, port: int = 0, live: bool = False) -> str:
        """Serves both providers on 127.0.0.1 and returns the address; port 0 is a free one. `live` = runs by itself."""
        app = web.Application()
        app.add_routes([*self.twilio.routes(), *self.slack.routes(), *state.routes(self)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=GOODBYE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = self.slack.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        await self.webhooks.start()
        if live:
            self._running = asyncio.create_task(self.run())
        return self.url

    async def stop(self) -> None:
        """Stops what runs and closes everything."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await self.agenda.clear()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.webhooks.stop()
        self._running = self._runner = None

    async def settle(self) -> int:
        """Does all that is due by the clock until nothing is; returns how much that was."""
        return await self.agenda.settle()

    def next_due(self) -> datetime | None:
        """When the simulator wants to do something next; None when it wants nothing."""
        return self.agenda.next_due()

    async def run(self) -> None:
        """Live mode: does what is due when it is due, until it is cancelled."""
        self.agenda.width = max(self.agenda.width, LIVE_WIDTH)
        await self.agenda.run()

    async def reset(self) -> None:
        """Nothing ever happened; phones, their people, Slack users and channels stay."""
        await self.agenda.clear()
        self.twilio.forget()
        self.slack.forget()
        self.phones.forget()
        self.complaints.clear()

    def snapshot(self) -> dict[str, object]:
        """What GET /sim/state shows, for a page in the same process."""
        return state.snapshot(self)

    def unseen(self) -> list[Text | Call | Message]:
        """Every text, call and Slack message that nobody marked as `seen` yet: what nobody expected."""
        texts: list[Text | Call | Message] = [text for phone in self.phones for text in phone.inbox if not text.seen]
        calls = [call for call in self.twilio.calls if not call.seen]
        channels = self.slack.workspace.channels.values()
        messages = [message for channel in channels for message in channel.messages if not message.seen]
        hidden = [message for message in self.slack.workspace.ephemerals if not message.seen]
        return [*texts, *calls, *messages, *hidden]
