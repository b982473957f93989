"""Verbs that wait for their transaction, in lines, and how their callers are answered."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

BATCH = 200  # verbs in one commit at most
GATHER = 0.015  # seconds that items wait for others of their sort: ten in one call cost a fifth of ten calls


@dataclass(eq=False)
class Job:
    """A verb that waits for its transaction, and what became of it."""

    verb: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    alone: bool = False  # in a transaction of its own
    in_turn: bool = True  # after all others that are in turn, in whatever process
    each: bool = False  # `verb` takes a list; `args` is one item of it
    loop: asyncio.AbstractEventLoop | None = None  # of the caller; None for a caller that has none
    done: "Future[Any] | asyncio.Future[Any]" = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    value: Any = None
    problem: BaseException | None = None
    wakes: bool = False
    given_up: bool = False  # its caller was told that the database is away

    @classmethod
    def here(cls, verb: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *,
             alone: bool = False, in_turn: bool = True, each: bool = False) -> "Job":  # fmt: skip
        """A job whose caller waits in the running event loop."""
        job = cls(verb, args, kwargs, alone, in_turn, each)
        job.loop = asyncio.get_running_loop()
        job.done = job.loop.create_future()
        return job

    def fails(self, problem: BaseException) -> None:
        """What the caller is told. A StopIteration cannot be told: asyncio would leave the caller waiting for ever."""
        self.value, self.wakes = None, False
        self.problem = RuntimeError(repr(problem)) if isinstance(problem, StopIteration) else problem


Told = tuple[Job, Any, BaseException | None]


def answer(jobs: Iterable[Job], problem: BaseException | None = None) -> None:
    """Tell the callers, those of one event loop by one call into it. Who has stopped waiting is told nothing.

    What they are told is taken down now: with `problem` it is that, whatever becomes of their verb later.
    """
    by_loop: dict[asyncio.AbstractEventLoop | None, list[Told]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append((job, job.value, problem or job.problem))
    for loop, some in by_loop.items():
        if loop is None:
            _tell(some)
            continue
        try:
            loop.call_soon_threadsafe(_tell, some)
        except RuntimeError:
            pass  # the event loop has closed, and nobody waits


def _tell(told: list[Told]) -> None:
    for job, value, problem in told:
        if job.done.done():
            continue
        if problem:
            job.done.set_exception(problem)
        else:
            job.done.set_result(value)


class Line:
    """Verbs in order of arrival, taken in batches."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._single = 0  # of those that wait, how many are no items that gain by waiting
        self._is_crowd = False  # did more than one come at once, the last time?
        self._more = threading.Condition()
        self._closed = False
        self.gather = GATHER

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        """Raises RuntimeError when it is closed."""
        with self._more:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.append(job)
            self._single += not job.each
            if not job.each or len(self._jobs) in (1, BATCH):  # else whoever gathers looks by itself, and soon
                self._more.notify()

    def put_back(self, jobs: list[Job]) -> None:
        """Those that were taken and not begun are next."""
        with self._more:
            self._jobs.extendleft(reversed(jobs))
            self._single += sum(not job.each for job in jobs)
            self._more.notify()

    def take(self) -> list[Job]:
        """All that waits and is still wanted, up to a verb that must be alone; nothing when closed and empty."""
        with self._more:
            while True:
                while (pause := self._pause()) is None or pause > 0:
                    self._more.wait(pause)
                batch: list[Job] = []
                while self._jobs and len(batch) < BATCH and not (batch and (self._jobs[0].alone or batch[0].alone)):
                    job = self._jobs.popleft()
                    self._single -= not job.each
                    if not job.done.done() and not job.given_up:  # whoever stopped waiting by now gets no effect
                        batch.append(job)
                if self._jobs:
                    self._more.notify()  # what is left need not wait for this batch
                if batch or (self._closed and not self._jobs):
                    self._is_crowd = len(batch) > 1
                    return batch

    def _pause(self) -> float | None:
        """Seconds until it is worth taking what waits; None for as long as nothing does."""
        if self._closed or self._single or len(self._jobs) >= BATCH or (self._jobs and not self._is_crowd):
            return 0
        return self._jobs[0].since + self.gather - time.monotonic() if self._jobs else None

    def waiting(self) -> list[Job]:
        with self._more:
            return list(self._jobs)

    def close(self) -> None:
        with self._more:
            self._closed = True
            self._more.notify_all()
