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
from bot import exercises, journal, playbooks, timers
from bot.channels.set_up import set_up
from bot.clock import Clock
from bot.command import delivery, preflight
from bot.db import Away, Database
from bot.dispatcher import Dispatcher
from bot.render import Render
from bot.settings import Settings
from handlers import web
from handlers.timers import HANDLERS

#: Seconds between two beats; rows hold the truth
BEATS = {
    "tick": 0.25, "take_in": 1.0, "sweep": 1.0, "reconcile": 1.0, "probe": 1.0, "confirm": 15.0, "sign": 1.0,
    "seal": 1.0, "plan_drills": 60.0,
}  # fmt: skip
PRESSED = 50  # requests that are being answered; with more, sending waits for them
PAUSE = 0.25  # seconds after a beat that failed

log = structlog.get_logger()
for chatty in ("apscheduler", "slack_bolt"):  # a beat still at work, a token in the environment: no news to anybody
    logging.getLogger(chatty).setLevel(logging.ERROR)


class App:
    """Muster in one process. Make it, `await start()` inside the event loop, `beat` it or `run` it, `await stop()`."""

    def __init__(self, settings: Settings, clock: Clock | None = None, patience: float = 1.0):
        """`patience` is the doors' (`Intake`)."""
        self.settings = settings
        self.db = Database(settings, clock or Clock(), Render.of(settings), self._wake)
        self.intake = handlers.open_doors(self.db, patience)
        self.dispatcher: Dispatcher | None = None
        self.web: FastAPI = FastAPI()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bells: dict[str, asyncio.Event] = {}  # rung when something is due: one for the timers, one a channel

    async def start(self) -> None:
        """Build the channels and the web application; complaints about playbooks, words and drills are told here."""
        self._loop = asyncio.get_running_loop()
        rates = {"sms": self.settings.sms_per_second, "voice": self.settings.calls_per_second}
        self.dispatcher = Dispatcher(self.db, set_up(self.settings), rates)
        bolt = (
            handlers.slack(self.intake, slack_client(self.settings), self.settings.slack_bot_token)
            if self.settings.slack_ready
            else None
        )
        self.web = web.build(self.intake, bolt)
        for complaint in [*await self._keep_playbooks(), *self.db.render.complaints, *self._drills()]:
            log.warning(complaint)

    def _drills(self) -> list[str]:
        """What is wrong in a hospital's own drills."""
        return exercises.shelf(playbooks.library(self.settings.playbooks_dir), self.settings.templates_dir).complaints

    async def _keep_playbooks(self) -> list[str]:
        """Remember the last good ones; returns what is wrong with the others. A database that is away stops no start:
        somebody must be there to keep what comes in."""
        try:
            await self.db.transact(preflight.arm)
            await self.db.transact(exercises.catch_up)  # before what else is overdue
            return await self.db.transact(playbooks.keep)
        except Away:
            return ["the database does not answer; what comes in is kept on disk until it is back"]

    async def stop(self) -> None:
        if self.dispatcher:
            await self.dispatcher.close()
        await asyncio.to_thread(self.db.close)
        self.intake.close()

    async def beat(self) -> int:
        """Fire what is due and send what is waiting, once; returns how much that was."""
        return await self.take_in() + await self.fire() + await self._dispatching().dispatch()

    async def take_in(self) -> int:
        """What was kept on disk while the database was away."""
        return await self.intake.take_in()

    async def fire(self) -> int:
        """Fire the timers that are due."""
        fired = 0
        while count := await self.db.alone(timers.fire_due, HANDLERS):
            fired += count
        return fired

    async def send(self, channel: str) -> int:
        """Send what waits on one channel."""
        return await self._dispatching().line(channel)

    async def mend(self) -> int:
        """What time alone does, once: leases, validity, doubt, providers that come back, receipts that stay away."""
        return await self.sweep() + await self.reconcile() + await self.probe() + await self.confirm()

    async def sweep(self) -> int:
        return await self.db.alone(delivery.sweep)

    async def reconcile(self) -> int:
        return await self._dispatching().reconcile()

    async def probe(self) -> int:
        return await self._dispatching().probe()

    async def confirm(self) -> int:
        return await self._dispatching().confirm()

    async def sign(self) -> None:
        """The worker's sign of life."""
        await self.db.transact(delivery.beat)

    async def seal(self) -> int:
        return await self.db.alone(journal.seal)

    async def plan_drills(self) -> int:
        """Drills that a file schedules are planned a day ahead."""
        return await self.db.alone(exercises.plan_due)

    async def tick(self) -> None:
        """The net below the bells: another process may have written something that is due."""
        self._ring()

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat by the clock, and at once when a commit calls for it. Each channel and the timers go their own way, so
        that trouble on one never delays another."""
        works = {"timers": self.fire} | {
            name: partial(self.send, name) for name in self._dispatching().channels
        }
        self._bells = {name: asyncio.Event() for name in works}
        pumps = [asyncio.create_task(self._pump(name, work)) for name, work in works.items()]
        self.db.listen()
        with contextlib.suppress(Away):  # what comes in is kept on disk until it is back
            await self.sign()
        try:
            async with self.ticking(*BEATS):
                yield
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def ticking(self, *names: str) -> AsyncIterator[None]:
        """Do these by the clock."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        for name in names:
            work, seconds = getattr(self, name), BEATS[name]
            scheduler.add_job(
                _unless_away, "interval", args=[work], seconds=seconds, id=name, coalesce=True, misfire_grace_time=None
            )
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    async def serve(self, host: str, port: int, *, with_beats: bool = True) -> None:
        """Listen, and beat beside it, until a signal ends it. Without beats what was kept on disk is taken in all the
        same."""
        server = uvicorn.Server(uvicorn.Config(self.web, host=host, port=port, log_level="warning", access_log=False))
        self._dispatching().heed(lambda: len(server.server_state.tasks) > PRESSED)
        async with self.beating() if with_beats else self.ticking("take_in"):
            await server.serve()

    def _wake(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        for bell in self._bells.values():
            bell.set()
        if self.dispatcher:
            self.dispatcher.ring()

    async def _pump(self, name: str, work: Callable[[], Awaitable[int]]) -> None:
        while True:
            await self._bells[name].wait()
            self._bells[name].clear()
            try:
                await work()
            except Away:
                await asyncio.sleep(PAUSE)
            except Exception:
                log.exception("a beat failed; the next one goes on", beat=name)
                await asyncio.sleep(PAUSE)

    def _dispatching(self) -> Dispatcher:
        if self.dispatcher is None:
            raise RuntimeError("start() comes first")
        return self.dispatcher


async def _unless_away(work: Callable[[], Awaitable[object]]) -> None:
    """While the database is away there is nothing to beat for; that it is away has been said."""
    with contextlib.suppress(Away):
        await work()


def slack_client(settings: Settings) -> AsyncWebClient:
    client = AsyncWebClient(base_url=settings.slack_api_url, retry_handlers=[], timeout=3)  # Bolt puts the token in
    client.proxy = None  # the settings say where Slack is, not somebody's shell
    return client
