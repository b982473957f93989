"""`python -m bench.bare URL COUNT`: the twilio SDK in a loop, and nothing else: what the sender is measured against.

Async: the SDK's own client with its pool of 100 connections, 100 senders, on uvloop. `--sync`: its sync client in a
plain loop. Prints when the last text was answered, and how many seconds it has computed.
"""

import argparse
import asyncio
import time

import uvloop
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from bench.texts import text
from bench.wire import LINES
from bot.simulator import TWILIO_SID, TWILIO_TOKEN


def client(url: str, http: object = None) -> Client:
    made = Client(TWILIO_SID, TWILIO_TOKEN, http_client=http, environment={"": ""})
    made.api.base_url = url
    return made


async def send_all(url: str, count: int) -> None:
    http = AsyncTwilioHttpClient(pool_connections=True)  # aiohttp's pool holds 100 connections
    messages, waiting = client(url, http).messages, iter(range(count))

    async def sender() -> None:
        for number in waiting:
            await messages.create_async(**text(number))

    before = time.process_time()
    await asyncio.gather(*(sender() for _ in range(LINES)))
    print(time.time(), time.process_time() - before, flush=True)
    await http.close()


def send_all_in_turn(url: str, count: int) -> None:
    messages = client(url).messages
    before = time.process_time()
    for number in range(count):
        messages.create(**text(number))
    print(time.time(), time.process_time() - before, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--sync", action="store_true")
    given = parser.parse_args()
    if given.sync:
        send_all_in_turn(given.url, given.count)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(send_all(given.url, given.count))
