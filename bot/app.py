"""The composition root: builds everything, and `beat` does all that is due once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import structlog
import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient

import handlers
from bot import journal, outbox, playbooks, timers
from bot.channels import Channel
from bot.channels.slack import Slack
from bot.channels.sms import Sms
from bot.channels.voice import Voice
from bot.clock import Clock
from bot.command import delivery
from bot.db import Database
from bot.dispatcher import Dispatcher
from bot.render import Render
from bot.settings import Settings
from handlers import web
from handlers.timers import HANDLERS

BEATS = {"tick": 0.25, "sweep": 1.0, "reconcile": 1.0, "sign": 1.0, "seal": 1.0}  # seconds; rows hold the truth
PAUSE = 0.25  # seconds after a beat that failed

log = structlog.get_logger()
for chatty in ("apscheduler", "slack_bolt"):  # a beat still at work, a token in the environment: no news to anybody
    logging.getLogger(chatty).setLevel(logging.ERROR)


class App:
    """Muster in one process. Make it, `await start()` inside the event loop, `beat` it or `run` it, `await stop()`."""

    def __init__(self, settings: Settings, clock: Clock | None = None):
        self.settings = settings
        self.db = Database(settings, clock or Clock(), Render.of(settings), self._wake)
        self.dispatcher: Dispatcher | None = None
        self.web: FastAPI = FastAPI()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bells: dict[str, asyncio.Event] = {}  # rung when something is due: one for the timers, one a channel

    async def start(self) -> None:
        """Build the channels and the web application; complaints about playbooks and templates are told here."""
        self._loop = asyncio.get_running_loop()
        rates = {"sms": self.settings.sms_per_second, "voice": self.settings.calls_per_second}
        self.dispatcher = Dispatcher(self.db, channels(self.settings), rates)
        bolt = (
            handlers.slack(self.db, slack_client(self.settings), self.settings.slack_bot_token)
            if self.settings.slack_ready
            else None
        )
        self.web = web.build(self.db, bolt)
        for complaint in [*await self.db.transact(playbooks.keep), *self.db.render.complaints]:
            log.warning(complaint)

    async def stop(self) -> None:
        if self.dispatcher:
            await self.dispatcher.close()
        await asyncio.to_thread(self.db.close)

    async def beat(self) -> int:
        """Fire what is due and send what is waiting, once; returns how much that was."""
        return await self.fire() + await self._dispatching().dispatch()

    async def fire(self) -> int:
        """Fire the timers that are due."""
        fired = 0
        while count := await self.db.alone(timers.fire_due, HANDLERS):
            fired += count
        return fired

    async def mend(self) -> int:
        """What time alone does, once: leases, validity, doubt."""
        return await self.sweep() + await self.reconcile()

    async def sweep(self) -> int:
        return await self.db.alone(delivery.sweep)

    async def reconcile(self) -> int:
        return await self._dispatching().reconcile()

    async def sign(self) -> None:
        """The worker's sign of life."""
        await self.db.transact(delivery.health, outbox.BEAT, "ok")

    async def seal(self) -> int:
        return await self.db.alone(journal.seal)

    async def tick(self) -> None:
        """The net below the bells: another process may have written something that is due."""
        self._ring()

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat by the clock, and at once when a commit calls for it. Each channel and the timers go their own way, so
        that trouble on one never delays another."""
        works = {"timers": self.fire} | {
            name: partial(self._dispatching().line, name) for name in self._dispatching().channels
        }
        self._bells = {name: asyncio.Event() for name in works}
        pumps = [asyncio.create_task(self._pump(name, work)) for name, work in works.items()]
        scheduler = AsyncIOScheduler(timezone="UTC")
        for name, seconds in BEATS.items():
            scheduler.add_job(
                getattr(self, name), "interval", seconds=seconds, id=name, coalesce=True, misfire_grace_time=None
            )
        scheduler.start()
        await self.sign()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def serve(self, host: str, port: int, *, with_beats: bool = True) -> None:
        """Listen, and beat beside it, until a signal ends it."""
        server = uvicorn.Server(uvicorn.Config(self.web, host=host, port=port, log_level="warning", access_log=False))
        if not with_beats:
            await server.serve()
            return
        async with self.beating():
            await server.serve()

    def _wake(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        for bell in self._bells.values():
            bell.set()

    async def _pump(self, name: str, work: Callable[[], Awaitable[int]]) -> None:
        while True:
            await self._bells[name].wait()
            self._bells[name].clear()
            try:
                await work()
            except Exception:
                log.exception("a beat failed; the next one goes on", beat=name)
                await asyncio.sleep(PAUSE)

    def _dispatching(self) -> Dispatcher:
        if self.dispatcher is None:
            raise RuntimeError("start() comes first")
        return self.dispatcher


def channels(settings: Settings) -> dict[str, Channel]:
    """The channels that are set up; made inside the event loop."""
    found: dict[str, Channel] = {}
    if settings.sms_ready:
        found["sms"] = Sms(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            api_url=settings.twilio_api_url,
            public_url=settings.public_url,
            sender=settings.twilio_from,
            messaging_service_sid=settings.twilio_messaging_service_sid,
        )
    if settings.voice_ready:
        found["voice"] = Voice(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            api_url=settings.twilio_api_url,
            public_url=settings.public_url,
            sender=settings.twilio_voice_from or settings.twilio_from,
        )
    if settings.slack_ready:
        found["slack"] = Slack(token=settings.slack_bot_token, base_url=settings.slack_api_url)
    return found


def slack_client(settings: Settings) -> AsyncWebClient:
    client = AsyncWebClient(base_url=settings.slack_api_url, retry_handlers=[], timeout=3)  # Bolt puts the token in
    client.proxy = None  # the settings say where Slack is, not somebody's shell
    return client
