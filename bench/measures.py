"""What is measured, and how: a declaration alone, then one more while people in Slack ask and update."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import func, select
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from bench.hospital import SLACK_ID
from bot.clock import Clock
from bot.db import read_engine
from bot.outbox import UNDECIDED, Message
from bot.simulator import NUMBER, SLACK_SECRET, TWILIO_SID, TWILIO_TOKEN

ACCOUNT = f"/2010-04-01/Accounts/{TWILIO_SID}/Messages.json"
GLANCE = 0.05  # seconds between two looks at how far it is
PEEK = 0.005  # seconds between two looks for the first text at the provider
ASK_EVERY = 0.25  # seconds between two questions from Slack
UPDATES = 3  # each is another text to everybody
UPDATE_EVERY = 0.75  # seconds
MESSAGE = Message.__table__  # type: ignore[attr-defined]

Progress = Callable[[int, int], None]


@dataclass
class FanOut:
    """One declaration, in seconds since its command was sent; `first_text` is since it was answered."""

    answered: float
    first_text: float
    handed: float
    texts: int
    lost: int
    doubled: int


@dataclass
class Slash:
    """How long commands from Slack took to be answered while a fan-out ran, in seconds."""

    taken: dict[str, list[float]] = field(default_factory=dict)
    doubled: int = 0

    def figures(self, name: str) -> dict[str, float]:
        times = sorted(self.taken[name])
        return {"count": len(times), "p99": times[math.ceil(len(times) * 0.99) - 1], "max": times[-1]}


class Desk:
    """Whoever measures: sends commands as Slack sends them, looks into the provider and into the rows."""

    def __init__(self, app_url: str, provider_url: str, database_url: str, limit: float):
        self.app_url, self.provider_url, self.limit = app_url, provider_url, limit
        self.engine = read_engine(database_url)
        self.signer = SignatureVerifier(SLACK_SECRET)
        alone = aiohttp.TCPConnector(force_close=True)  # a connection each, or one may close just as it is used again
        self.http = aiohttp.ClientSession(connector=alone, timeout=aiohttp.ClientTimeout(total=limit))

    async def close(self) -> None:
        await self.http.close()
        self.engine.dispose()

    async def is_up(self) -> None:
        """Wait until Muster takes requests. Raises TimeoutError."""
        async with asyncio.timeout(self.limit):
            while True:
                try:
                    async with self.http.get(f"{self.app_url}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectorError:
                    pass
                await asyncio.sleep(GLANCE)

    async def command(self, text: str) -> float:
        """`/outage text`, signed; returns the seconds until it was answered. RuntimeError when it was refused."""
        form = {
            "command": "/outage", "text": text, "user_id": SLACK_ID, "team_id": "T0BENCH", "channel_id": "D0BENCH",
            "trigger_id": f"{time.monotonic_ns()}", "response_url": f"{self.provider_url}/slack-reply/none",
        }  # fmt: skip
        body, stamp = urlencode(form), str(int(Clock().now().timestamp()))
        signed = {
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": self.signer.generate_signature(timestamp=stamp, body=body) or "",
        }  # fmt: skip
        began = time.perf_counter()
        async with self.http.post(f"{self.app_url}/slack/events", data=body, headers=signed) as answer:
            said = await answer.text()
        if answer.status != 200 or "Nothing was" in said:
            raise RuntimeError(f"/outage {text} was answered {answer.status}: {said[:300]}")
        return time.perf_counter() - began

    async def first_text(self, began: float) -> float:
        """Seconds since `began` until the provider has a text."""
        while not await self.texts(1):
            await asyncio.sleep(PEEK)
        return time.perf_counter() - began

    async def texts(self, most: int = 0) -> list[dict[str, str]]:
        """The texts that the provider has, at most so many; 0 = all."""
        found: list[dict[str, str]] = []
        path: str | None = f"{ACCOUNT}?PageSize={most or 1000}"
        login = aiohttp.BasicAuth(TWILIO_SID, TWILIO_TOKEN)
        while path:
            async with self.http.get(self.provider_url + path, auth=login) as page:
                told = await page.json()
            found += told["messages"]
            path = None if most else told["next_page_uri"]
        return found

    async def forget(self) -> None:
        """The provider forgets every text."""
        async with self.http.post(f"{self.provider_url}/sim/reset") as answer:
            answer.raise_for_status()

    async def all_handed(self, at_least: int, progress: Progress) -> datetime:
        """Wait until nothing is on its way to a provider any more; returns when the last was taken."""
        async with asyncio.timeout(self.limit):
            while True:
                total, undecided, last = await asyncio.to_thread(self.how_far)
                progress(total - undecided, max(total, at_least))
                if total >= at_least and not undecided and last:
                    return last
                await asyncio.sleep(GLANCE)

    def how_far(self) -> tuple[int, int, datetime | None]:
        """Messages in all, those on their way, and when the last one was taken."""
        query = select(MESSAGE.c.state, func.count(), func.max(MESSAGE.c.handed_at)).group_by(MESSAGE.c.state)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        undecided = sum(count for state, count, _ in rows if state in UNDECIDED)
        last = max((at for _, _, at in rows if at), default=None)
        return sum(count for _, count, _ in rows), undecided, last


async def alone(desk: Desk, people: int, progress: Progress) -> FanOut:
    """Declare to everybody and do nothing else until all is handed over."""
    at, began = Clock().now(), time.perf_counter()
    looking = asyncio.create_task(desk.first_text(began))
    answered = await desk.command("declare new ehr level:3 Epic is down")
    first, last = await looking, await desk.all_handed(people, progress)
    taken = Counter((text["to"], text["body"]) for text in await desk.texts())
    lost, doubled = people - len({to for to, _ in taken}), taken.total() - len(taken)
    return FanOut(answered, first - answered, (last - at).total_seconds(), taken.total(), lost, doubled)


async def commands(desk: Desk, people: int, progress: Progress) -> Slash:
    """Declare to everybody once more; meanwhile ask for the status at a steady pace, and send updates."""
    before, _, _ = await asyncio.to_thread(desk.how_far)
    slash = Slash({"declare": [await desk.command("declare new email level:3 Mail is down")]})
    asked: dict[str, list[asyncio.Task[float]]] = {"status": [], "update": []}
    began = time.perf_counter()
    async with asyncio.TaskGroup() as all_of_them:
        sending = all_of_them.create_task(desk.all_handed(before + people, progress))
        while not sending.done() or len(asked["update"]) < UPDATES:
            # At its own pace, whether the ones before were answered or not: a queue that grows must show.
            asked["status"].append(all_of_them.create_task(desk.command("status")))
            if len(asked["update"]) < UPDATES and time.perf_counter() - began > len(asked["update"]) * UPDATE_EVERY:
                text = f"update O-2 Mail is still down, news {len(asked['update'])}"
                asked["update"].append(all_of_them.create_task(desk.command(text)))
            await asyncio.sleep(ASK_EVERY)
    slash.taken |= {name: [task.result() for task in tasks] for name, tasks in asked.items()}
    await desk.all_handed(before + people, progress)
    taken = Counter((text["to"], text["body"]) for text in await desk.texts())
    slash.doubled = taken.total() - len(taken)
    return slash


async def bare(provider_url: str, people: int, progress: Progress) -> float:
    """The same number of texts by the SDK's own async client at 100 connections, and nothing else; in seconds."""
    http = AsyncTwilioHttpClient(pool_connections=True)  # aiohttp's pool holds 100 connections
    client = Client(TWILIO_SID, TWILIO_TOKEN, http_client=http)
    client.api.base_url = provider_url
    done = 0

    async def send(number: int) -> None:
        nonlocal done
        await client.messages.create_async(to=f"+1212{2_000_000 + number}", from_=NUMBER, body="Epic is down")
        done += 1

    began = time.perf_counter()
    flood = asyncio.gather(*(send(number) for number in range(people)))
    while not flood.done():
        progress(done, people)
        await asyncio.wait([flood], timeout=GLANCE)
    await flood
    progress(done, people)
    taken = time.perf_counter() - began
    await http.session.close()
    return taken
