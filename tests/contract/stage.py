"""A stage for the simulator's own tests: the real SDKs pointed at it, and a tiny app that checks signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from bot.clock import MovedClock
from bot.simulator import Simulator
from bot.simulator.workspace import Json

NIGHT = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)
TOKEN, SECRET, BOT_TOKEN = "twilio-token", "slack-secret", "xoxb-1"
NUMBER, SERVICE, POOL = "+12025550100", "MG" + "1" * 32, "+12025550101"
ALMA, BEN = "+12025550111", "+12025550112"


@dataclass
class Heard:
    """One request that reached the app with a good signature."""

    path: str
    form: dict[str, str]
    json: Json
    headers: dict[str, str]


Answer = Callable[[Heard], web.Response | str]


class Stage:
    """`run` steps the one loop that everything lives in; `answers` says what the app answers to a path."""

    def __init__(self, at: datetime = NIGHT, **options: Any) -> None:
        self.clock = MovedClock(at)
        self.heard: list[Heard] = []
        self.answers: dict[str, Answer] = {}
        self._runner = asyncio.Runner()
        self._options = options

    def __enter__(self) -> Stage:
        self.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._close())
        self._runner.close()

    def run(self, coroutine: Coroutine[object, object, Any]) -> Any:
        return self._runner.run(coroutine)

    def settle(self) -> None:
        self.run(self.sim.settle())

    def forward(self, **by: float) -> None:
        """Moves the clock and lets the simulator do what became due."""
        self.clock.forward(**by)
        self.settle()

    def text(self, to: str = ALMA, body: str = "EHR is down", **more: Any) -> Any:
        """One text through the SDK."""
        given = {"from_": NUMBER, "status_callback": f"{self.app_url}/receipts/7"} | more
        return self.run(self.twilio.messages.create_async(to=to, body=body, **given))

    def call(self, to: str = ALMA, **more: Any) -> Any:
        """One call through the SDK."""
        given = {"from_": NUMBER, "url": f"{self.app_url}/voice/7", "status_callback": f"{self.app_url}/calls/7"} | more
        return self.run(self.twilio.calls.create_async(to=to, **given))

    def receipts(self) -> list[str]:
        """The statuses that the app was told, in the order in which it was told."""
        return [heard.form["MessageStatus"] for heard in self.heard if heard.path.startswith("/receipts/")]

    def progress(self) -> list[tuple[str, str]]:
        """What the app was told about calls: (status, sequence number)."""
        told = [heard.form for heard in self.heard if heard.path.startswith("/calls/")]
        return [(form["CallStatus"], form["SequenceNumber"]) for form in told]

    async def _open(self) -> None:
        self.sim = Simulator(
            "", "AC1", TOKEN, SECRET, BOT_TOKEN,
            now=self.clock.now, numbers=[NUMBER], services={SERVICE: [POOL]}, **self._options,
        )  # fmt: skip
        await self.sim.start()
        await self._open_app()
        self._http = AsyncTwilioHttpClient()
        self.twilio = Client("AC1", TOKEN, http_client=self._http)
        self.twilio.api.base_url = self.sim.url
        self.slack = AsyncWebClient(BOT_TOKEN, base_url=f"{self.sim.url}/api/", retry_handlers=[])

    async def _open_app(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._hear)
        self._app = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._app.setup()
        await web.TCPSite(self._app, "127.0.0.1", 0).start()
        self.app_url = self.sim.app_url = f"http://127.0.0.1:{self._app.addresses[0][1]}"

    async def _close(self) -> None:
        await self._http.close()
        await self.sim.stop()
        await self._app.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.text()
        if not self._signed(request, body, dict(await request.post())):
            return web.Response(status=403)
        is_json = request.content_type == "application/json"
        form = {} if is_json else {name: str(value) for name, value in (await request.post()).items()}
        heard = Heard(request.path, form, await request.json() if is_json else {}, dict(request.headers))
        self.heard.append(heard)
        answer = self.answers.get(request.path, lambda _: web.Response(status=204))(heard)
        return web.Response(text=answer, content_type="text/xml") if isinstance(answer, str) else answer

    def _signed(self, request: web.Request, body: str, form: dict[str, object]) -> bool:
        if request.path.startswith("/slack/"):
            clock = SimpleNamespace(now=lambda: self.clock.now().timestamp())
            return SignatureVerifier(SECRET, clock=clock).is_valid_request(body, dict(request.headers))
        url = f"{self.app_url}{request.path_qs}"
        return RequestValidator(TOKEN).validate(url, form, request.headers.get("X-Twilio-Signature", ""))
