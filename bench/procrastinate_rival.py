"""Procrastinate with twilio's async SDK, as its users write it.

`python -m bench.procrastinate_rival defer COUNT` queues so many texts, `… work COROUTINES` sends until it is ended.
"""

import asyncio
import os
import sys
from typing import Any

import uvloop
from procrastinate import App, PsycopgConnector
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from bench.bare import client
from bench.texts import text

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE"]))
provider: Client


@app.task(name="send")
async def send(**fields: Any) -> None:
    await provider.messages.create_async(**fields)


async def defer(count: int) -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await send.batch_defer_async(*(text(number) for number in range(count)))


async def work(coroutines: int) -> None:
    global provider
    provider = client(os.environ["BENCH_PROVIDER"], AsyncTwilioHttpClient(pool_connections=True))
    async with app.open_async():
        await app.run_worker_async(concurrency=coroutines)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run({"defer": defer, "work": work}[sys.argv[1]](int(sys.argv[2])))
