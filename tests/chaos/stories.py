"""The stories: what goes on at the providers and in the house while the processes are killed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.simulator import Fault
from tests.chaos import kills, truth
from tests.chaos.acts import Act, commanding, declaring, holding_up, once_declared, replying, telling
from tests.chaos.night import Night
from tests.chaos.stage import hurried, opened
from tests.chaos.truth import Tally

Says = Callable[[str, int], None]  # what goes on, and how many kills there were

LONGEST = 300.0  # seconds of the clock until all must be quiet after the last kill
MUCH_LATER = 1200.0  # seconds in which whatever nobody confirmed must have been asked about
HURRY = 60.0  # how many times faster than real time that goes

#: Trouble with a POST: before the provider takes it, after, and merely late.
TROUBLE = (
    Fault("hangup_after_accept", on="sms", share=0.1), Fault("error_after_accept", on="sms", share=0.05),
    Fault("unreadable", on="sms", share=0.05), Fault("hangup_before_accept", on="sms", share=0.05),
    Fault("outage", on="sms", share=0.03), Fault("slow", on="sms", seconds=1.0, share=0.2),
    Fault("hangup_after_accept", on="call", share=0.2),
)  # fmt: skip
SLOW = (Fault("slow", on="sms", seconds=1.5, share=0.4), Fault("slow", on="call", seconds=1.5, share=0.4))
RECEIPTS = (
    Fault("receipts_repeated", on="sms", share=0.2), Fault("receipts_out_of_order", on="sms", share=0.2),
    Fault("receipts_late", on="sms", seconds=3.0, share=0.2), Fault("undelivered", on="sms", code=30008, share=0.05),
)  # fmt: skip
CLIMBING: Mapping[str, tuple[str, ...]] = {
    "silence": (*(f"{3 + 3 * n}s {'landline' if n % 2 else 'call'}" for n in range(30)), "95s visit"),
    "untaken": tuple(f"{4 + 5 * n}s {'remind' if n % 2 else 'superior'}" for n in range(12)),
    "risk": ("0m role house_supervisor", "4s role medical_care_director", "8s role safety", "12s commander"),
}


@dataclass(frozen=True)
class Story:
    """`people` are the staff, `per_second` is the sender's rate in segments, the rest is the providers' doing."""

    name: str
    act: Act
    people: int = 120
    per_second: float = 0
    latency: float = 0.05
    receipt_delay: float = 0.2
    faults: tuple[Fault, ...] = ()
    many: int = 2  # webs, and workers, on PostgreSQL
    ladders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    much_later: bool = False  # is everything confirmed in the end?


STORIES = {
    story.name: story for story in (
        Story("declaration", declaring, people=60),
        Story("expansion", once_declared(telling), people=3000),
        Story("claim", once_declared(telling), people=300, per_second=80, latency=0.02),
        Story("send", once_declared(telling), people=300, latency=0.4, faults=SLOW),
        Story("settle", once_declared(telling), people=300, per_second=100, latency=0.1, faults=TROUBLE),
        Story("receipt", once_declared(telling), people=300, per_second=100, receipt_delay=0.7, faults=RECEIPTS,
              much_later=True),
        Story("reply", once_declared(replying, commanding, holding_up), people=60),
        Story("escalation", once_declared(), people=60, ladders=CLIMBING),
    )
}  # fmt: skip

#: All of it at once, for a few kills.
SHIFT = Story("shift", once_declared(telling, replying), people=60, per_second=60, many=1,
              faults=(*TROUBLE, *RECEIPTS), ladders={"silence": CLIMBING["silence"][:8]})  # fmt: skip


async def play(
    story: Story, database: str, url: str, folder: Path, seed: str, count: int, says: Says, *, hurry: bool = False
) -> Tally:
    """Play a story on a fresh database while its processes are killed `count` times, and compare both sides.

    With `hurry` the end is played by a fast clock in this process, so that no lease is waited for.
    """
    async with opened(
        folder, url, story.people, story.ladders, story.faults, seed,
        per_second=story.per_second, latency=story.latency, receipt_delay=story.receipt_delay, many=story.many,
    ) as night:  # fmt: skip
        says("kills", 0)
        await _killed(night, story, count, lambda number: says("kills", number))
        return await _ended(night, story, database, hurry, lambda text: says(text, count))


async def _killed(night: Night, story: Story, count: int, done: Callable[[int], None]) -> None:
    async with asyncio.TaskGroup() as acting:
        acting.create_task(story.act(night))
        await kills.kill(night, count, done)
        night.over.set()


async def _ended(night: Night, story: Story, database: str, hurry: bool, says: Callable[[str], None]) -> Tally:
    tally = Tally(story.name, database)
    if hurry:
        night.sim.twilio.faults.clear()
        async with hurried(night):
            await night.until_quiet(LONGEST, says)
    else:
        await night.until_quiet(LONGEST, says)
    if story.much_later and not hurry:
        says("until everything is asked for")
        async with hurried(night, HURRY):
            await night.until_later(MUCH_LATER)
        await truth.unconfirmed(night, tally)
    await night.kill_all()
    says("both sides are compared")
    return await truth.compare(night, tally)
