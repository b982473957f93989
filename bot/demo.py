"""`muster demo`: a hospital at ten past four in the morning, whole in one process and on no account of anybody's.

The app is the real one. Its providers, its staff and its clock are not: Twilio and Slack are the simulator's, most
phones answer by themselves, and the clock runs fast. A visitor declares, watches, and holds a few of the phones.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from sqlmodel import col, select

from bot import access, roster
from bot.app import App
from bot.clock import Clock, FastClock
from bot.db import Tx, migrate
from bot.settings import Settings
from bot.simulator import NUMBER, SLACK_SECRET, SLACK_TOKEN, TWILIO_SID, TWILIO_TOKEN, Fault, Simulator, Temperament
from handlers import demo
from handlers.demo import Held, Scene

FOUR_TEN = time(4, 10, tzinfo=UTC)
WARD = "5W"  # whose phones the visitor holds
PIN = "4821"  # of the house supervisors, for commands by text
COMMAND_CHANNEL = "C0COMMAND"
RATES = {"sms_per_second": 10, "calls_per_second": 5}
PORTS = 50  # tried one after another
SEED = 4
WORDS_PER_SECOND = 2.5  # of a voice in a call
AT_THE_PHONE = {"ringing": 2.0, "in-progress": 1.0}  # how fast the clock runs at most, so that one can get there
LOOK = 0.25  # seconds between two looks at the visitor's phones
RELIEF = timedelta(minutes=10)  # how often the rota is laid anew

# Whatever the seed deals, these show what the ladders are for: a ward that stays dark until somebody goes there, one
# that a call wakes, one where only the phone on the wall is heard.
NEVER = Temperament(texts="never", voice="ignores")
WAKES = Temperament(texts="never", voice="answers", rings=8.0)
IN_CHARGE = {"3W": NEVER, "LAB": WAKES, "IMG": NEVER}
ON_THE_WALL = {WARD: NEVER, "3W": NEVER, "IMG": WAKES}
CARRIER_LOST = 30003  # Twilio's code for a phone that is switched off


async def serve(port: int, speed: float) -> None:
    """Run until Ctrl-C, from `port` or the next free one; the clock is `speed` times as fast as real time.

    Prints the page's address, alone on the first line, and what to try. Raises access.Refused when no port is free.
    """
    ended = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    with listen(port) as door, TemporaryDirectory(prefix="muster-demo-") as folder:
        address = "http://{}:{}".format(*door.getsockname())
        _say(address, folder, speed)
        async with hospital(address, f"sqlite:///{folder}/muster.db", speed) as (app, scene):
            await _open(app, scene, door, ended)


def listen(port: int) -> socket.socket:
    """A socket that listens on this loopback port or the next free one. Raises access.Refused."""
    for each in range(port, min(port + PORTS, 65_536)) if port else [0]:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", each))
    raise access.Refused(f"No port from {port} to {port + PORTS - 1} is free.")


@contextlib.asynccontextmanager
async def hospital(address: str, database_url: str, speed: float) -> AsyncIterator[tuple[App, Scene]]:
    """The app on a fresh database with the sample hospital in it, and the simulator that it talks to."""
    clock = FastClock(datetime.combine(Clock().now(), FOUR_TEN), speed)
    sim = Simulator(
        address, now=clock.now, seed=SEED, receipt_delay=1.0, segments_per_second=RATES["sms_per_second"],
        calls_per_second=RATES["calls_per_second"], words_per_second=WORDS_PER_SECOND,
    )  # fmt: skip
    await sim.start(live=True)
    app = App(settings(address, database_url, sim.url), clock)
    try:
        await asyncio.to_thread(migrate, database_url)
        await app.start()
        await app.db.transact(roster.load_sample)
        scene = Scene(db=app.db, sim=sim, clock=clock, speed=speed, command_channel=COMMAND_CHANNEL)
        await _staff(scene)
        demo.add(app.web, scene)
        yield app, scene
    finally:
        await sim.stop()
        await app.stop()


def settings(address: str, database_url: str, providers: str) -> Settings:
    """The demo's own settings; blank ones are defaults, so nothing in somebody's environment gets through."""
    given: dict[str, Any] = dict.fromkeys(Settings.model_fields, "") | RATES
    given |= {
        "database_url": database_url, "public_url": address, "org_name": "Mercy Hospital", "org_short": "MERCY",
        "callback_number": "5555", "twilio_account_sid": TWILIO_SID, "twilio_auth_token": TWILIO_TOKEN,
        "twilio_from": NUMBER, "twilio_voice_from": NUMBER, "twilio_api_url": providers,
        "slack_bot_token": SLACK_TOKEN, "slack_signing_secret": SLACK_SECRET, "slack_api_url": f"{providers}/api/",
        "slack_command_channel": COMMAND_CHANNEL,
    }  # fmt: skip
    return Settings.load(None, **given)


@contextlib.asynccontextmanager
async def tended(scene: Scene) -> AsyncIterator[None]:
    """While it lasts, shifts change, and time runs slower while a phone of the visitor rings or is talked on."""
    tending = asyncio.create_task(_tend(scene))
    try:
        yield
    finally:
        tending.cancel()


async def _tend(scene: Scene) -> None:
    relief = scene.clock.now() + RELIEF
    while True:
        await asyncio.sleep(LOOK)
        speed = min([scene.speed, *(AT_THE_PHONE[phone.call_now.status] for phone in scene.phones if phone.call_now)])
        if speed != scene.clock.speed:
            scene.clock.run(speed)
        if scene.clock.now() >= relief:
            relief = scene.clock.now() + RELIEF
            await scene.db.transact(roster.lay_rota)
            _hand_out(scene, await scene.db.read(held))


async def _open(app: App, scene: Scene, door: socket.socket, ended: asyncio.Event) -> None:
    config = uvicorn.Config(app.web, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    async with app.beating(), tended(scene), asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[door]))
        await ended.wait()
        server.should_exit = True


async def _staff(scene: Scene) -> None:
    """Everybody gets a phone and, who has one, a Slack account; then the visitor takes a few of the phones."""
    sim = scene.sim
    for person, temperament in await scene.db.read(temperaments):
        for number in (person.mobile, person.mobile2, person.landline):
            temperament = sim.staff.add(number, temperament) if number else temperament
        if person.slack_id:
            sim.slack.add_user(person.slack_id, person.name)
    units = await scene.db.read(lambda tx: list(tx.exec(select(roster.Unit))))
    for unit in units:
        sim.staff.add(unit.landline, ON_THE_WALL.get(unit.code, WAKES))
        sim.slack.add_channel(unit.slack_channel, unit.code)
    sim.slack.add_channel(COMMAND_CHANNEL, "command-centre")
    await scene.db.transact(_set_pins, await asyncio.to_thread(access.hash_pin, PIN))
    sim.twilio.faults.add(Fault("undelivered", to=await scene.db.read(switched_off), on="sms", code=CARRIER_LOST))
    _hand_out(scene, await scene.db.read(held))


def _set_pins(tx: Tx, hashed: str) -> None:
    for person in tx.exec(select(roster.Person)).all():
        if "house_supervisor" in person.roles:
            access.set_pin(tx, person.id, hashed)


def temperaments(tx: Tx) -> list[tuple[roster.Person, Temperament | None]]:
    """Everybody, and how they are; None is left to the seed."""
    people = tx.exec(select(roster.Person).order_by(col(roster.Person.place)))
    return [(person, IN_CHARGE.get(person.unit) if "unit_charge" in person.roles else None) for person in people]


def switched_off(tx: Tx) -> str:
    """The number of somebody at the bedside, whom no text reaches."""
    return bedside(tx, "4E")[-1].mobile


def held(tx: Tx) -> list[Held]:
    """Whose phones the visitor holds this shift."""
    found = [
        (bedside(tx, WARD)[0], f"bedside nurse, {WARD}"),
        (roster.charge(tx, WARD), f"charge nurse, {WARD}"),
        *((person, "house supervisor") for person in roster.holders(tx, "house_supervisor")[:1]),
    ]
    return [Held(person.mobile, person.name, part) for person, part in found if person and person.mobile]


def bedside(tx: Tx, unit: str) -> list[roster.Person]:
    """Those on shift in the unit who hold no role and read English texts."""
    here = [roster.person(tx, who) for who, duty in roster.on_shift(tx).items() if duty.unit == unit and not duty.roles]
    able = [person for person in here if person and person.mobile and not person.no_sms and person.language == "en"]
    return sorted(able, key=lambda person: person.place)


def _hand_out(scene: Scene, now: list[Held]) -> None:
    """The visitor's phones of the last shift go back to simulated people; a part that nobody has keeps its phone."""
    parts = {held.part: held for held in [*scene.held, *now]}
    for before in scene.held:
        if before not in parts.values():
            scene.sim.staff.add(before.number)
    for fresh in parts.values():
        if fresh not in scene.held:
            scene.sim.staff.remove(fresh.number)
    scene.held = list(parts.values())


def _say(address: str, folder: str, speed: float) -> None:
    for line in (
        f"{address}/",
        "Open that page. On it:",
        "  1. Declare that the EHR and email are down.",
        "  2. Watch the units answer. 3W never does: it is texted, called, rung on the wall, then somebody is sent.",
        "  3. Answer from the phones: 1 from the charge nurse, 9 from the bedside, a task taken or not.",
        "  4. As a manager in Slack: /outage update Vendor says 06:00, then restore, verify and close.",
        f"  5. Without Slack, from the supervisor's phone: UPDATE {PIN} Vendor says 06:00.",
        f"It is 04:10 there, and one minute takes {60 / speed:g} seconds (--speed). The database is in {folder}.",
        "Ctrl-C ends it, and leaves nothing behind.",
    ):
        print(line, flush=True)
