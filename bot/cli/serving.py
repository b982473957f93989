"""The processes, and the schema.

The app is imported where it is needed: the web and the providers' SDKs take half a second, and no other command
needs them.
"""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import DBAPIError

from bot import db
from bot.cli.ground import fit, say, warn
from bot.settings import Serving, Settings

T = TypeVar("T")
LOOK = 1.0  # seconds between two looks whether a database that was away at the start is back
SWITCH = 0.001  # seconds that a thread may keep the others waiting, the one that answers requests among them


def migrate() -> None:
    """Bring the database's schema up to date."""
    db.migrate(Settings.load().database_url)
    say("The schema is up to date.")


def run() -> None:
    """Everything in one process: web, worker, clock."""
    play(_serve(*_start(Serving), with_beats=True))


def web() -> None:
    """Only the web side: what comes in is taken and committed."""
    play(_serve(*_start(Serving), with_beats=False))


def worker() -> None:
    """Only the worker: what is due is sent, climbed and sealed."""
    play(_work(*_start(Settings)))


def demo(
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8000,
    speed: Annotated[float, typer.Option(min=1, max=20, help="How many times faster than real time.")] = 6.0,
) -> None:
    """A made-up hospital with simulated phones and Slack: no account, no server."""
    from bot.demo import serve

    asyncio.run(serve(port, speed))


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop, a quarter faster on the wire, where that exists."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(scene)
    return uvloop.run(scene)


def _start(kind: type[Settings]) -> tuple[Settings, bool]:
    """The settings, and whether the schema is known to fit. A database that is away stops no start: somebody must be
    there to keep what comes in."""
    settings = kind.load()
    try:
        fit(settings)
    except DBAPIError as trouble:
        if not db.is_away(trouble):
            raise
        warn("The database does not answer. What comes in is kept on disk until it does; then its schema is looked at.")
        return settings, False
    return settings, True


@contextlib.asynccontextmanager
async def _fitting(settings: Settings, fits: bool) -> AsyncIterator[None]:
    """What was not seen at the start is looked at as soon as the database answers; a schema that does not fit ends the
    process. Raises WrongSchema."""
    looking = None if fits else asyncio.create_task(_fit_later(settings))
    try:
        yield
    finally:
        if looking:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking


async def _fit_later(settings: Settings) -> None:
    while True:
        await asyncio.sleep(LOOK)
        try:
            await asyncio.to_thread(fit, settings)
            return
        except db.WrongSchema as wrong:
            warn(str(wrong))
            signal.raise_signal(signal.SIGTERM)
            raise
        except DBAPIError as trouble:
            if not db.is_away(trouble):
                raise


async def _serve(settings: Settings, fits: bool, with_beats: bool) -> None:
    from bot.app import App

    app = App(settings)
    await app.start()
    settle_down()
    say(f"Muster listens on http://{settings.host}:{settings.port}")
    try:
        async with _fitting(settings, fits):
            await app.serve(settings.host, settings.port, with_beats=with_beats)
    finally:
        await app.stop()


async def _work(settings: Settings, fits: bool) -> None:
    """Until a signal ends it; what is in flight is settled first."""
    from bot.app import App

    app, ended = App(settings), asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    await app.start()
    settle_down()
    try:
        async with _fitting(settings, fits), app.beating():
            await ended.wait()
    finally:
        await app.stop()


def settle_down() -> None:
    """What was made by the start stays for good: looking through it for garbage again and again took a sixth of the
    time of a fan-out."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    sys.setswitchinterval(SWITCH)
