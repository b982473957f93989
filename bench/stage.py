"""What every measure stands on: the load that was asked for, fresh databases, the provider, and bars."""

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode
from urllib.request import Request

from rich.progress import Progress as Bars
from slack_sdk.signature import SignatureVerifier

from bench.databases import Rows, Shelf
from bench.hospital import SLACK_ID
from bench.processes import Muster, Progress, Provider, http, python
from bot.simulator import SLACK_SECRET

QUICK = 10  # times less


@dataclass
class Stage:
    """`messages` and `runs` as asked for, 0 = each measure's own."""

    folder: Path
    shelf: Shelf
    provider: Provider
    bars: Bars
    messages: int = 0
    runs: int = 0
    quick: bool = False
    limit: float = 300.0  # seconds for one step
    notes: list[str] = field(default_factory=list)  # what was left out, and why
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def load(self, usual: int) -> int:
        return (self.messages or usual) // (QUICK if self.quick else 1)

    def times(self, usual: int) -> int:
        """How many runs; with `quick` one is enough unless more were asked for."""
        return self.runs or (1 if self.quick else usual)

    @contextlib.contextmanager
    def database(self, kind: str, people: int = 0) -> Iterator[tuple[str, Rows]]:
        with self.shelf.fresh(kind, people) as url, Rows(url) as rows:
            yield url, rows

    def muster(self, database_url: str, **more: object) -> Muster:
        return Muster(self.folder / f"muster-{next(self._numbers)}", database_url, self.provider.url, **more)

    @contextlib.contextmanager
    def bar(self, measure: str, database: str) -> Iterator["Bar"]:
        row = self.bars.add_task(f"{measure} {database}", total=None)
        try:
            yield Bar(self.bars, row, f"{measure} {database}")
        finally:
            self.bars.remove_task(row)


@dataclass
class Bar:
    """One line of progress; `says` tells what is under way and gives what moves it."""

    bars: Bars
    row: int
    name: str

    def says(self, what: str) -> Progress:
        self.bars.update(self.row, description=f"{self.name}: {what}", completed=0, total=None)  # type: ignore[arg-type]
        return lambda done, total: self.bars.update(self.row, completed=done, total=total)  # type: ignore[arg-type]


class Speed(NamedTuple):
    """Texts a second, and the CPU that a thousand of them took, in ms."""

    rate: float
    cpu: float


def bare(stage: Stage, count: int, progress: Progress, sync: bool = False) -> Speed:
    """The SDK in a loop, from the first POST to the last answer."""
    stage.provider.begin()
    process = python("bench.bare", stage.provider.url, str(count), *(["--sync"] if sync else []))
    stage.provider.takes(count, stage.limit, progress)
    said, _ = process.communicate(timeout=stage.limit)
    ended, computed = map(float, said.split())
    return Speed(count / (ended - stage.provider.taken()["first"]), computed / count * 1e6)


def slash(muster: Muster, provider: Provider, text: str) -> float:
    """`/outage text`, signed as Slack signs; returns the seconds until it was answered. Raises RuntimeError."""
    form = {
        "command": "/outage", "text": text, "user_id": SLACK_ID, "team_id": "T0BENCH", "channel_id": "D0BENCH",
        "trigger_id": f"{time.monotonic_ns()}", "response_url": f"{provider.url}/api/none",
    }  # fmt: skip
    body, stamp = urlencode(form), str(int(time.time()))
    signature = SignatureVerifier(SLACK_SECRET).generate_signature(timestamp=stamp, body=body) or ""
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
    began = time.perf_counter()
    with http.open(Request(f"{muster.url}/slack/events", body.encode(), headers), timeout=120) as answer:
        said = answer.read().decode()
    if "Nothing was" in said:
        raise RuntimeError(f"/outage {text} was answered: {said[:300]}")
    return time.perf_counter() - began
