"""How many signed replies a second are committed and answered, and how long one takes while a fan-out runs."""

import threading
import time
from collections import deque

from bench.databases import Rows
from bench.doors import against_bare, reply
from bench.hospital import mobile
from bench.processes import GLANCE, Muster, Progress
from bench.report import Figure
from bench.stage import Stage, slash
from bench.wire import Answers, at_rate

REPLIES, RUNS, AUDIENCE = 3_000, 3, 10_000
PER_SECOND, LONGEST = 200, 20  # replies a second while a fan-out runs, and for so many seconds at most
RATIO, SLOWEST = 0.40, 1000.0  # ms
KEPT = "select count(*) from answer"


def measure(stage: Stage, database: str) -> list[Figure]:
    """While a declaration goes out, people reply as they are told; once all is out, everybody replies again."""
    audience, runs = stage.load(AUDIENCE), stage.times(RUNS)
    count = min(stage.load(REPLIES), audience // runs)
    with stage.bar("inbound", database) as bar, stage.database(database, audience) as (url, rows):
        muster = stage.muster(url)
        loads = [[reply(muster, mobile(run * count + n), 1) for n in range(count)] for run in range(runs)]
        with muster.runs() as pid:
            during = while_sending(stage, muster, audience, bar.says("replies while a fan-out runs"))
            rows.settled(stage.limit)
            doors = against_bare(muster, pid, loads, bar.says("replies, bare and ours"))
            lost = len(during.seconds) + count * runs - rows.one(KEPT)
    return [
        *doors.figures("inbound", database, "replies", RATIO),
        Figure("inbound", database, f"p99 at {PER_SECOND}/s in a fan-out", during.of(0.99) * 1000, "ms", SLOWEST, "<",
               says=f"{len(during.seconds):,} replies, {audience:,} people"),
        Figure("inbound", database, f"max at {PER_SECOND}/s in a fan-out", during.of(1.0) * 1000, "ms"),
        Figure("inbound", database, "not answered 2xx or not kept", doors.bad + during.bad + lost, "texts", 0, "="),
    ]  # fmt: skip


def while_sending(stage: Stage, muster: Muster, audience: int, progress: Progress) -> Answers:
    """Declare to everybody; until all have their text, whoever has one replies, in the order in which they got it."""
    stage.provider.begin()
    replies, enough, heard = deque[bytes](), threading.Event(), list[Answers]()
    load = threading.Thread(target=lambda: heard.append(at_rate(muster.url, replies, PER_SECOND, enough)))
    slash(muster, stage.provider, "declare new ehr level:4 Epic is down")
    load.start()
    try:
        _people_reply(stage, muster, audience, replies, progress)
    finally:
        enough.set()
        load.join()
    stage.provider.reaches(audience, stage.limit, progress)
    return heard[0]


def _people_reply(stage: Stage, muster: Muster, audience: int, replies: deque[bytes], progress: Progress) -> None:
    """Add a reply of each who has got a text, once, until all have one or it has lasted long enough."""
    until, told, seen = time.monotonic() + LONGEST, set[str](), 0
    while len(told) < audience and time.monotonic() < until:
        texted = stage.provider.ask(f"people?after={seen}")
        new = [number for number in dict.fromkeys(texted) if number not in told]
        told, seen = told.union(new), seen + len(texted)
        replies.extend(reply(muster, number) for number in new)
        progress(len(told), audience)
        time.sleep(GLANCE)


def tell_all(stage: Stage, muster: Muster, rows: Rows, audience: int, progress: Progress) -> None:
    """Declare to everybody, and wait until all is sent."""
    stage.provider.begin()
    slash(muster, stage.provider, "declare new ehr level:4 Epic is down")
    stage.provider.reaches(audience, stage.limit, progress)
    rows.settled(stage.limit)
