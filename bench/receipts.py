"""How many signed delivery receipts a second are committed and answered; and a fan-out that is reported on at once."""

from bench.databases import Rows, enqueue
from bench.doors import against_bare, receipt
from bench.processes import Progress
from bench.report import Figure
from bench.stage import Stage
from bench.wire import Answers

RECEIPTS, RUNS, MESSAGES = 3_000, 3, 10_000
RATIO, SLOWEST = 0.60, 5.0  # seconds
SENT = "select id, provider_id, address from message where state = 'sent' order by id"


def measure(stage: Stage, database: str) -> list[Figure]:
    """Texts are sent, then reported on; then others are, each reported on twice as soon as it is taken."""
    runs, count, more = stage.times(RUNS), stage.load(RECEIPTS), stage.load(MESSAGES)
    with stage.bar("receipts", database) as bar, stage.database(database) as (url, rows):
        enqueue(url, count * runs)
        stage.provider.begin()
        muster = stage.muster(url)
        with muster.runs() as pid:
            stage.provider.takes(count * runs, stage.limit, bar.says("texts, to be reported on"))
            rows.settled(stage.limit)
            sent = [receipt(muster, *row) for row in rows.all(SENT)]
            loads = [sent[run * count : (run + 1) * count] for run in range(runs)]
            doors = against_bare(muster, pid, loads, bar.says("receipts, bare and ours"))
            at_once, rate = reported(stage, url, rows, more, count * runs, bar.says("two receipts a text at once"))
            lost = count * runs + more - rows.states().get("delivered", 0) + stage.provider.taken()["doubled"]
    return [
        *doors.figures("receipts", database, "receipts", RATIO),
        Figure("receipts", database, "slowest in a fan-out", at_once.of(1.0), "s", SLOWEST, "<",
               says=f"{more:,} texts, two receipts each at once, counted from the text"),
        Figure("receipts", database, "p99 in a fan-out", at_once.of(0.99), "s"),
        Figure("receipts", database, "that fan-out", rate, "/s"),
        Figure("receipts", database, "not answered 2xx or not delivered", lost + at_once.bad + doors.bad, "texts",
               0, "="),
    ]  # fmt: skip


def reported(stage: Stage, url: str, rows: Rows, count: int, first: int, progress: Progress) -> tuple[Answers, float]:
    """A fan-out whose provider posts two receipts for each text at once: how they were answered, and how many texts a
    second left."""
    stage.provider.begin(receipts=True)
    enqueue(url, count, first)
    stage.provider.takes(count, stage.limit, progress)
    ended, taken = rows.settled(stage.limit), stage.provider.taken()
    return stage.provider.reported(2 * count, stage.limit, progress), count / (ended - taken["first"])
