"""How long a beat takes when nothing is due: timers, channels and the spool are looked at, and all is left as it is."""

import asyncio
import time
from datetime import timedelta

from bench.report import Figure, middle
from bench.stage import Stage
from bot import timers
from bot.app import App
from bot.db import Tx, insert_new
from bot.settings import Settings
from bot.simulator import NUMBER, TWILIO_SID, TWILIO_TOKEN

TIMERS, TIMES = 10_000, 100
TARGET = 20.0  # ms


def measure(stage: Stage, database: str) -> list[Figure]:
    with stage.bar("beat", database) as bar, stage.database(database) as (url, _):
        progress = bar.says("beats")
        count = stage.load(TIMES) or 1
        took = asyncio.run(_beats(stage, url, count))
        progress(count, count)
    says = f"{TIMERS:,} timers open"
    return [
        middle("beat", database, "a beat with nothing due", took, "ms", target=TARGET, sense="<", says=says),
        Figure("beat", database, "the slowest of them", max(took), "ms"),
    ]


async def _beats(stage: Stage, url: str, count: int) -> list[float]:
    """ms of each beat of an app of its own."""
    spool = str(stage.folder / "beat-spool")
    app = App(Settings.load(
        None, database_url=url, spool_dir=spool, org_name="Mercy Hospital", public_url="http://127.0.0.1:1",
        twilio_account_sid=TWILIO_SID, twilio_auth_token=TWILIO_TOKEN, twilio_from=NUMBER, twilio_voice_from=NUMBER,
        twilio_api_url=stage.provider.url,
    ))  # fmt: skip
    await app.start()
    try:
        await app.db.transact(open_timers)
        await app.beat()  # the first one opens connections
        return [await _timed(app) for _ in range(count)]
    finally:
        await app.stop()


async def _timed(app: App) -> float:
    since = time.perf_counter()
    await app.beat()
    return (time.perf_counter() - since) * 1000


def open_timers(tx: Tx) -> None:
    """So many as an outage of 28 days in many units has open, none of them due today."""
    insert_new(tx, timers.TABLE, [
        {"kind": "ladder.climb", "subject": f"{number}", "due_at": tx.now + timedelta(days=1, seconds=number),
         "data": {}, "tries": 0}
        for number in range(TIMERS)
    ])  # fmt: skip
