"""The kills: SIGKILL at random moments, and a start again after each."""

import asyncio
import contextlib
from collections.abc import Callable

from tests.chaos.night import Night
from tests.chaos.processes import Process

WHILE_STARTING, ON_THE_WIRE = 0.2, 0.5  # of the kills: one that is not up yet, one that has just claimed messages
ALL_AT_ONCE = 0.15  # of the kills take every process, as a power cut does
STARTING, LIFE, FLIGHT = 1.5, 2.0, 0.4  # seconds at most until the kill: of a start, once it is up, after a claim
AWAY = 0.4  # seconds at most until it is started again
GLANCE = 0.03


async def kill(night: Night, count: int, done: Callable[[int], None]) -> None:
    """Kill one of the processes, or all of them, so many times; in the end all are started again."""
    for process in night.processes:
        process.start()
    await _up(night)
    await night.begun.wait()
    for number in range(1, count + 1):
        victims = await _victims(night)
        for victim in victims:
            await victim.kill()
        night.kills += 1
        night.caught |= await _on_the_wire(night)
        await asyncio.sleep(night.moments.uniform(0, AWAY))
        for victim in victims:
            victim.start()
        done(number)


async def _victims(night: Night) -> list[Process]:
    """Which are killed next; returns at the moment at which they must be."""
    chance, all_of_them = night.moments.random(), night.moments.random() < ALL_AT_ONCE
    if chance < WHILE_STARTING:
        victim = night.moments.choice(night.processes)
        await asyncio.sleep(night.moments.uniform(0, STARTING))
    elif chance < WHILE_STARTING + ON_THE_WIRE:
        victim = night.moments.choice([process for process in night.processes if process.words != ("web",)])
        await victim.up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIFE):
                while not await _on_the_wire(night) - night.caught:
                    await asyncio.sleep(GLANCE)
        await asyncio.sleep(night.moments.uniform(0, FLIGHT))
    else:
        victim = night.moments.choice(night.processes)
        await victim.up()
        await asyncio.sleep(night.moments.uniform(0, LIFE))
    return night.processes if all_of_them else [victim]


async def _on_the_wire(night: Night) -> set[str]:
    sending = await night.rows.of("select id, claim from message where state = 'sending'")
    return {f"{row.id} {row.claim}" for row in sending}


async def _up(night: Night) -> None:
    for process in night.processes:
        await process.up()
