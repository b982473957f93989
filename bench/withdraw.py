"""How soon an answer takes back what is still queued, while thousands of texts wait at a sender with a rate."""

import threading
import time

from bench.databases import Rows
from bench.doors import reply
from bench.hospital import mobile
from bench.processes import Muster
from bench.report import Figure, middle
from bench.stage import Stage, slash
from bench.wire import flood

AUDIENCE, ANSWERS, FEWER = 10_000, 20, 5
PER_SECOND = 1  # segments: nearly all wait
PAUSE = 0.1  # seconds between two answers
TARGET = 50.0  # ms
WRITTEN = "select count(distinct address) >= :people from message where channel = 'sms'"
WITHDRAWN = "select count(*) from message where address = :address and channel = 'sms' and state = 'withdrawn'"
QUEUED = "select count(*) from message where address = :address and channel = 'sms' and state = 'queued'"


def measure(stage: Stage, database: str) -> list[Figure]:
    audience, answers = stage.load(AUDIENCE), FEWER if stage.quick else ANSWERS
    with stage.bar("withdraw", database) as bar, stage.database(database, audience) as (url, rows):
        muster = stage.muster(url, SMS_PER_SECOND=PER_SECOND)
        stage.provider.begin()
        with muster.runs():
            progress = bar.says(f"{audience:,} are queued, {answers} answer")
            slash(muster, stage.provider, "declare new ehr level:4 Epic is down")
            rows.seen(WRITTEN, stage.limit, every=0.1, people=audience)
            queued, times = rows.states().get("queued", 0), list[float]()
            for number in range(answers):
                times.append(_answered(muster, rows, audience - 1 - number) * 1000)
                progress(number + 1, answers)
    return [
        middle("withdraw", database, "reply to committed withdrawal", times, "ms", target=TARGET, sense="<",
               says=f"{answers} replies, {queued:,} texts queued"),
        Figure("withdraw", database, "the slowest of them", max(times), "ms"),
    ]  # fmt: skip


def _answered(muster: Muster, rows: Rows, person: int) -> float:
    """Seconds from the POST of a reply to the withdrawal that another connection sees."""
    time.sleep(PAUSE)
    address = mobile(person)
    if not rows.one(QUEUED, address=address):
        raise RuntimeError(f"nothing was queued for {address}, so nothing could be withdrawn")
    asked = threading.Thread(target=flood, args=(muster.url, [reply(muster, address)]))
    began = time.time()
    asked.start()
    seen = rows.seen(WITHDRAWN, address=address)
    asked.join()
    return seen - began
