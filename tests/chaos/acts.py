"""What goes on while processes are killed: each act plays until that is over, and writes down what was promised."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from tests.chaos.databases import held_up
from tests.chaos.hospital import COMMANDER, PIN
from tests.chaos.night import Night, Reply
from tests.chaos.processes import cut_off

Act = Callable[[Night], Coroutine[Any, Any, None]]

LOW_WATER = 80  # messages in the queue; below it something more is said
LOOK = 0.2  # seconds between two looks at the queue
COMMAND_EVERY = (0.5, 4.0)  # seconds
REPLY_EVERY = 0.06  # seconds
AGAIN = (0.1, 2.0)  # seconds until the same text comes again
REPEATED = 0.3  # of the replies that were answered come a second time all the same
DIGITS = "1" * 30 + "4" * 6 + "239"  # what staff answer, about as often as they do
CUT_OFF = (0.4, 1.2)  # of the time that a command takes, after which it is cut off
BETWEEN = 2.5  # seconds between two declarations at most
FREE, HELD = (1.0, 5.0), (1.0, 4.0)  # seconds that the database can be written to, and cannot


def once_declared(*acts: Act) -> Act:
    """One declaration to everybody; once it was answered the kills begin, and the acts, side by side."""

    async def play(night: Night) -> None:
        while not await night.commands_slack(f"declare new level:4 ehr {(word := night.word())} is down", word):
            await asyncio.sleep(LOOK)
        night.begun.set()
        await asyncio.gather(*(act(night) for act in acts))

    return play


async def telling(night: Night) -> None:
    """More is told whenever the queue runs low."""
    while not night.over.is_set():
        if await night.waiting("queued") < LOW_WATER:
            word = night.word()
            await night.commands_slack(f"update O-1 {word} is what is new", word)
        await asyncio.sleep(LOOK)


async def commanding(night: Night) -> None:
    """A command now and then, whatever the database does."""
    while not night.over.is_set():
        word = night.word()
        await night.commands_slack(f"update O-1 {word} is what is new", word)
        await asyncio.sleep(night.dice.uniform(*COMMAND_EVERY))


async def declaring(night: Night) -> None:
    """Outages by every door; the command line's process is cut off at any moment, no text is repeated."""
    await night.does("pin", "set", COMMANDER, say=PIN)
    doors = itertools.cycle((_by_command_line, _by_slack, _by_command_line, _by_text))
    takes = await _by_whole_command(night)
    night.begun.set()
    while not night.over.is_set():
        await next(doors)(night, night.word(), takes)
        await asyncio.sleep(night.dice.uniform(0, BETWEEN))


async def replying(night: Night) -> None:
    """Staff answer; a text that nobody took comes again under the same number, and some others do as well."""
    able = [person for person in night.people if person.number]
    sending: set[asyncio.Task[None]] = set()
    while not night.over.is_set():
        reply = Reply(night.dice.choice(able), night.dice.choice(DIGITS), night.word())
        night.replies.append(reply)
        sending = {task for task in sending if not task.done()} | {asyncio.create_task(_reply(night, reply))}
        await asyncio.sleep(REPLY_EVERY)
    await asyncio.gather(*sending)


async def holding_up(night: Night) -> None:
    """Again and again somebody else holds the database, so that nothing can be written for a while."""
    while not night.over.is_set():
        await asyncio.sleep(night.dice.uniform(*FREE))
        await asyncio.to_thread(held_up, night.database_url, night.dice.uniform(*HELD))


async def _reply(night: Night, reply: Reply) -> None:
    sid = f"SM{night.dice.getrandbits(128):032x}"
    tries = 2 if night.dice.random() < 0.5 else 1  # Twilio itself does not come again, a person's phone might
    repeats = night.dice.random() < REPEATED
    for _ in range(tries):
        status = await night.texts_in(reply.person.number, f"{reply.digit} {reply.word}", sid)
        reply.heard = reply.heard or 200 <= status < 300
        if reply.heard and not repeats:
            return
        await asyncio.sleep(night.dice.uniform(*AGAIN))


async def _by_slack(night: Night, word: str, takes: float) -> None:
    await night.processes[0].up()
    await night.commands_slack(f"declare new level:3 ehr {word} is down", word)


async def _by_text(night: Night, word: str, takes: float) -> None:
    """Answered with a 2xx means declared: the receipt comes as a text of its own."""
    await night.processes[0].up()
    number, sid = night.people[0].number, f"SM{night.dice.getrandbits(128):032x}"
    status = await night.texts_in(number, f"OUTAGE {PIN} new ehr L3 {word} is down", sid)
    night.commands[word] = 200 <= status < 300


async def _by_whole_command(night: Night) -> float:
    """One that is left alone; how many seconds it takes."""
    word, began = night.word(), time.perf_counter()
    night.commands[word] = "Declared" in await night.does(*_declares(word))
    return time.perf_counter() - began


async def _by_command_line(night: Night, word: str, takes: float) -> None:
    after = takes * night.dice.uniform(*CUT_OFF)
    said = await cut_off(_declares(word), night.folder, night.environment, after)
    night.kills += 1
    night.commands[word] = "Declared" in said


def _declares(word: str) -> tuple[str, ...]:
    return "declare", "new ehr", "--summary", f"{word} is down", "--level", "3", "--yes", "--as", COMMANDER
