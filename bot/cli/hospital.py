"""The made-up hospital that a drill is played in: an app on a database of its own, its providers simulated."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, time, timedelta
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from sqlalchemy import event
from sqlmodel import col, select

from bot import demo, exercises, outages, roster
from bot.access import Refused
from bot.app import App
from bot.cli.serving import settle_down
from bot.clock import MovedClock
from bot.db import Tx, migrate
from bot.drills import COMMAND_CHANNEL, DECLARER, MOST, House, Play, hire, populate
from bot.settings import Settings
from bot.simulator import Simulator

DAY = date(2026, 1, 12)  # a Monday; always the same, so that the same seed tells the same story
NIGHT = range(7, 19)  # outside these local hours it is night
WHY = "simulated people"
RECEIPT = 2.0  # seconds between two receipts of a text
WIDTH = 50  # receipts at once
PATIENCE = 60.0  # times as long as the providers wait: how busy this machine is is not what a drill is about
OWN = ("org_name", "org_short", "timezone", "default_language", "callback_number", "playbooks_dir", "templates_dir")


async def play(
    scenario: str, staff: int, speed: float, seed: int, tell: Callable[[float, float], None]
) -> dict[str, Any]:
    """Play a drill to its end; returns its sheet. Raises Refused for one that is not there, or too many people."""
    if staff > MOST:
        raise Refused(f"A made-up hospital has at most {MOST} people.")
    with TemporaryDirectory(prefix="muster-drill-") as folder:
        async with _hospital(f"sqlite:///{folder}/muster.db", seed) as (app, sim, clock):
            script = await app.db.read(exercises.scenario, scenario)
            clock.set(_begins(script, app.settings))
            house = House(staff, script.off_shift_pct, _is_night(script), timedelta(minutes=script.minutes))
            await app.db.transact(hire, house)
            await app.db.read(populate, sim, seed, house)
            bedside = await app.db.read(_bedside)
            settle_down()
            held = await app.db.transact(_start, script)
            playing = Play(app, sim, clock, script, bedside, speed, lambda minutes: tell(minutes, script.minutes))
            await playing.run(held)
            found = await app.db.read(_sheet)
            return {"scenario": script.drill, "staff": staff, "seed": seed, "minutes": script.minutes, **found}


@contextlib.asynccontextmanager
async def _hospital(database_url: str, seed: int) -> AsyncIterator[tuple[App, Simulator, MovedClock]]:
    clock = MovedClock(datetime.combine(DAY, time(), UTC))
    sim = Simulator(now=clock.now, seed=seed, receipt_delay=RECEIPT, width=WIDTH)
    sim.slack.patience *= PATIENCE
    sim.twilio.messages.tells_all = False  # half of what a drill costs would be receipts of what is known already
    await sim.start()
    with demo.listen(0) as door:
        address = "http://{}:{}".format(*door.getsockname())
        app = App(_settings(address, database_url, sim.url), clock, PATIENCE)
        await asyncio.to_thread(migrate, database_url)
        event.listen(app.db.engine, "connect", _need_not_last)
        app.db.hurry()
        await app.start()
        config = uvicorn.Config(app.web, log_level="warning", access_log=False, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[door]))
        while not server.started:
            await asyncio.sleep(0.01)
        sim.app_url = address
        try:
            yield app, sim, clock
        finally:
            server.should_exit = True
            await serving
            await sim.stop()
            await app.stop()


def _need_not_last(connection: Any, _: Any) -> None:
    """The database goes away with the drill, so no commit waits for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


def _settings(address: str, database_url: str, providers: str) -> Settings:
    """The house's own words and playbooks; its accounts are simulated."""
    ours = Settings.load()
    own = {name: getattr(ours, name) for name in OWN if getattr(ours, name)}
    made_up = demo.settings(address, database_url, providers)
    return made_up.model_copy(update=own | {"slack_command_channel": COMMAND_CHANNEL})


def _begins(script: exercises.Scenario, settings: Settings) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(script.starts), ZoneInfo(settings.timezone)).astimezone(UTC)


def _is_night(script: exercises.Scenario) -> bool:
    return time.fromisoformat(script.starts).hour not in NIGHT


def _start(tx: Tx, script: exercises.Scenario) -> exercises.Drill:
    by = roster.person(tx, DECLARER)
    if by is None:
        raise Refused("The made-up hospital has nobody to declare.")
    return exercises.start(tx, by, script, WHY, live=False)


def _bedside(tx: Tx) -> list[str]:
    people = tx.exec(select(roster.Person).order_by(col(roster.Person.place)))
    return [person.mobile for person in people if person.mobile and not person.roles]


def _sheet(tx: Tx) -> dict[str, Any]:
    outage = tx.exec(select(outages.Outage).order_by(col(outages.Outage.id))).first()
    if outage is None:
        raise Refused("Nothing was declared in this drill, so there is nothing to score.")
    return exercises.sheet(tx, outage)
