"""A night is set up and taken down: the database, the roster, the providers, the processes, and its hurried end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import uvicorn

from bot import roster
from bot.app import App
from bot.clock import Clock, FastClock
from bot.simulator import Fault, Simulator
from tests.chaos import hospital
from tests.chaos.databases import Rows, migrate
from tests.chaos.night import RECEIPT, Night
from tests.chaos.processes import Front, Process, free_port

WIDTH = 50  # receipts that the provider posts at once
FAST = 15.0  # how many times faster than real time a hurried end goes
MEND = 0.1  # seconds of real time between two looks at leases and doubt then
NUMBERS = "select mobile as number from person union select landline from person union select landline from unit"


@contextlib.asynccontextmanager
async def opened(
    folder: Path, database_url: str, people: int, ladders: Mapping[str, Iterable[str]], faults: Iterable[Fault],
    seed: str, *, per_second: float, latency: float, receipt_delay: float, many: int,
) -> AsyncIterator[Night]:  # fmt: skip
    """A hospital on a fresh database, its providers in trouble, nothing of it running yet.

    `many` is how many webs and workers there are on PostgreSQL.
    """
    clock = FastClock(Clock().now(), 1.0)
    sim = Simulator(now=clock.now, strangers=True, latency=latency, receipt_delay=receipt_delay, width=WIDTH)
    dice = Random(seed), Random(f"{seed} kills")
    night = Night(folder, database_url, hospital.people(people), *dice, Rows(database_url), clock, sim)
    ports = [free_port() for _ in range(1 if night.on_sqlite else many)]
    front = Front(ports)
    try:
        await sim.start(live=True)
        sim.app_url = await front.open()
        hospital.write(folder, people, ladders)
        night.environment = hospital.environment(folder, database_url, sim.app_url, sim.url, per_second)
        await _moves_in(night)
        night.processes = _processes(night, ports)
        _listens_in(night)
        for each in faults:
            sim.twilio.faults.add(Fault(each.kind, on=each.on, code=each.code, seconds=each.seconds, share=each.share))
        yield night
    finally:
        await night.kill_all()
        await front.close()
        await sim.stop()


@contextlib.asynccontextmanager
async def hurried(night: Night, speed: float = FAST) -> AsyncIterator[None]:
    """The same program on the same rows in this process, by a clock that runs fast, instead of the processes."""
    await night.kill_all()
    night.clock.run(speed)
    app = App(night.settings(), night.clock)
    await app.start()
    try:
        async with _served(night, app), app.beating(), _mended(app):
            yield
    finally:
        await app.stop()
        night.clock.run(1.0)


@contextlib.asynccontextmanager
async def _served(night: Night, app: App) -> AsyncIterator[None]:
    port, front = free_port(), night.sim.app_url
    server = uvicorn.Server(uvicorn.Config(app.web, port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    night.sim.app_url = f"http://127.0.0.1:{port}"
    try:
        yield
    finally:
        night.sim.app_url = front
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def _mended(app: App) -> AsyncIterator[None]:
    """Its own beats go by real time: here they come as often as the clock is fast."""

    async def mend() -> None:
        while True:
            await app.mend()
            await asyncio.sleep(MEND)

    mending = asyncio.create_task(mend())
    try:
        yield
    finally:
        mending.cancel()
        await asyncio.gather(mending, return_exceptions=True)


async def _moves_in(night: Night) -> None:
    await asyncio.to_thread(migrate, night.database_url)
    staff, units = night.folder / "staff.csv", night.folder / "units.csv"
    await night.runs(lambda tx: roster.import_files(tx, staff, units))
    for row in await night.rows.of(NUMBERS):
        if row.number:
            night.sim.phone(row.number).set_voice("answers")


def _processes(night: Night, ports: list[int]) -> list[Process]:
    if night.on_sqlite:
        return [Process(("run",), night.folder, night.environment, ports[0])]
    webs = [Process(("web",), night.folder, night.environment, port) for port in ports]
    workers = [Process(("worker",), night.folder, night.environment, number=n) for n, _ in enumerate(ports)]
    return [*webs, *workers]


def _listens_in(night: Night) -> None:
    """Write down which receipts were answered with a 2xx: those must show in the rows."""
    post = night.sim.webhooks.signed_post

    async def signed_post(path: str, form: Any) -> Any:
        answer = await post(path, form)
        found = RECEIPT.search(path)
        if found and answer and answer.ok:
            night.receipts.setdefault(int(found[1]), set()).add(form.get("MessageStatus") or form.get("CallStatus", ""))
        return answer

    night.sim.webhooks.signed_post = signed_post  # type: ignore[method-assign,assignment]
