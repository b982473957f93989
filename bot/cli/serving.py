"""The processes, and the schema.

The app is imported where it is needed: the web and the providers' SDKs take half a second, and no other command
needs them.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from bot import db
from bot.cli.ground import ready, say
from bot.settings import Serving, Settings

T = TypeVar("T")
SWITCH = 0.001  # seconds that a thread may keep the others waiting, the one that answers requests among them


def migrate() -> None:
    """Bring the database's schema up to date."""
    db.migrate(Settings.load().database_url)
    say("The schema is up to date.")


def run() -> None:
    """Everything in one process: web, worker, clock."""
    play(_serve(ready(Serving), with_beats=True))


def web() -> None:
    """Only the web side: what comes in is taken and committed."""
    play(_serve(ready(Serving), with_beats=False))


def worker() -> None:
    """Only the worker: what is due is sent, climbed and sealed."""
    play(_work(ready()))


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


async def _serve(settings: Settings, with_beats: bool) -> None:
    from bot.app import App

    app = App(settings)
    await app.start()
    settle_down()
    say(f"Muster listens on http://{settings.host}:{settings.port}")
    try:
        await app.serve(settings.host, settings.port, with_beats=with_beats)
    finally:
        await app.stop()


async def _work(settings: Settings) -> None:
    """Until a signal ends it; what is in flight is settled first."""
    from bot.app import App

    app, ended = App(settings), asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    await app.start()
    settle_down()
    try:
        async with app.beating():
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
