"""HTTP/1.1 as bare as it gets, so that only what is measured costs time: connections stay open, lengths are stated."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import uvloop

Done = Callable[[int, float], None]  # status, seconds
LINES = 100  # connections at a time
UNANSWERED = 0  # the status of a request whose connection broke


class Framed(asyncio.Protocol):
    """Cuts what arrives into messages, each a head and a body."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._arrived = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while (end := self._arrived.find(b"\r\n\r\n")) >= 0:
            head, rest = self._arrived[:end], end + 4 + length(self._arrived[:end])
            if len(self._arrived) < rest:
                return
            body, self._arrived = self._arrived[end + 4 : rest], self._arrived[rest:]
            self.got(head, body)

    def got(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


def length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


@dataclass
class Answers:
    """What a load was answered: how often with which status, and after how many seconds each."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0

    def note(self, status: int, seconds: float) -> None:
        self.seconds.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def of(self, share: float) -> float:
        """Within so many seconds that share was answered; 1.0 = all."""
        ordered = sorted(self.seconds)
        return ordered[max(ceil(len(ordered) * share) - 1, 0)] if ordered else 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / (self.ended - self.began)

    @property
    def bad(self) -> int:
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


class Line(Framed):
    """One connection of a pool; it asks one thing at a time."""

    def __init__(self, pool: "Pool"):
        super().__init__()
        self.pool = pool
        self.asked: tuple[float, Done] | None = None

    def ask(self, request: bytes, due: float, done: Done) -> None:
        self.asked = due, done
        self.transport.write(request)

    def got(self, head: bytes, body: bytes) -> None:
        self._answered(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.pool.lost(self)
        if self.asked:
            self._answered(UNANSWERED)

    def _answered(self, status: int) -> None:
        if self.asked:
            (due, done), self.asked = self.asked, None
            if status != UNANSWERED:
                self.pool.is_free(self)
            done(status, time.monotonic() - due)


class Pool:
    """So many connections to one address; what finds none free waits, and its waiting counts."""

    def __init__(self, url: str, lines: int = LINES):
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        self.host, self.port, self.most, self.open = host, int(port), lines, 0
        self._free: list[Line] = []
        self._waiting: deque[tuple[bytes, float, Done]] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    def ask(self, request: bytes, due: float, done: Done) -> None:
        """Send it on a free connection. `due` is since when its answer is waited for (`time.monotonic`)."""
        if self._free:
            self._free.pop().ask(request, due, done)
            return
        self._waiting.append((request, due, done))
        self._open_another()

    def is_free(self, line: Line) -> None:
        if self._waiting:
            line.ask(*self._waiting.popleft())
        else:
            self._free.append(line)

    def lost(self, line: Line) -> None:
        self.open -= 1
        if line in self._free:
            self._free.remove(line)
        if self._waiting:
            self._open_another()

    def close(self) -> None:
        for line in list(self._free):
            line.transport.close()

    def _open_another(self) -> None:
        if self.open < self.most:
            self.open += 1
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            _, line = await asyncio.get_running_loop().create_connection(lambda: Line(self), self.host, self.port)
        except OSError:
            self.open -= 1
            if self._waiting:
                _, due, done = self._waiting.popleft()
                done(UNANSWERED, time.monotonic() - due)
            if self._waiting:
                self._open_another()
        else:
            self.is_free(line)


def flood(url: str, requests: list[bytes]) -> Answers:
    """Send all, each as soon as one of 100 connections is free."""
    return _run(_flood(url, requests))


def at_rate(url: str, requests: deque[bytes], per_second: float, enough: threading.Event) -> Answers:
    """Send so many a second of what there is, however slowly they are answered, until it is enough."""
    return _run(_at_rate(url, requests, per_second, enough))


def _run(load: Coroutine[Any, Any, Answers]) -> Answers:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load)


async def _flood(url: str, requests: list[bytes]) -> Answers:
    pool, answers, all_done = Pool(url), Answers(began=time.monotonic()), asyncio.Event()
    waiting = iter(requests)

    def next_one() -> None:
        request = next(waiting, None)
        if request is not None:
            pool.ask(request, time.monotonic(), note)

    def note(status: int, seconds: float) -> None:
        answers.note(status, seconds)
        next_one()
        if len(answers.seconds) == len(requests):
            all_done.set()

    for _ in range(min(LINES, len(requests))):
        next_one()
    await all_done.wait()
    answers.ended = time.monotonic()
    pool.close()
    return answers


async def _at_rate(url: str, requests: deque[bytes], per_second: float, enough: threading.Event) -> Answers:
    pool, answers, asked = Pool(url), Answers(began=time.monotonic()), 0
    due = answers.began
    while not enough.is_set():
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if requests:
            pool.ask(requests.popleft(), due, answers.note)
            asked += 1
            due += 1 / per_second
        else:
            due = time.monotonic() + 1 / per_second
    while len(answers.seconds) < asked:
        await asyncio.sleep(0.01)
    answers.ended = time.monotonic()
    pool.close()
    return answers
