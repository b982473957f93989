"""Transactions: who waits for whom, and what happens when one fails."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlmodel import Session

from bot.clock import Clock
from bot.db.engines import is_lost, read_engine, write_engine
from bot.render import Render
from bot.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 200  # verbs in one commit at most
BREATH = 0.0015  # seconds the SQLite writer pauses between batches, or another process waits for whole seconds
WRITERS = 4  # threads on PostgreSQL
IN_TURN = "select pg_advisory_xact_lock(2712847317)"


class Tx(Session):
    """A session that knows the time, taken once for the whole transaction, the settings and the words."""

    now: datetime
    settings: Settings
    render: Render

    def wakes(self) -> None:
        """Tell the dispatcher, once this is committed, that something is due."""
        self.info["wakes"] = True


@dataclass(eq=False)
class Job:
    """A verb that waits for its transaction, and what became of it."""

    verb: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    alone: bool = False  # in a transaction of its own
    in_turn: bool = True  # after all others that are in turn, in whatever process
    done: "Future[Any]" = field(default_factory=Future)
    value: Any = None
    problem: BaseException | None = None
    wakes: bool = False

    def answer(self) -> None:
        if self.problem:
            self.done.set_exception(self.problem)
        else:
            self.done.set_result(self.value)


class BatchLost(Exception):
    """The database rolled the whole transaction back under our feet (full disk, I/O error, deadlock)."""


class Database:
    """One database: `transact` for verbs, `alone` for verbs that must not share a commit, `read` for queries.

    A verb reads, decides and writes. On SQLite there is one writer, so nothing it has read can change meanwhile; on
    PostgreSQL the same is had by taking turns, in all processes. Only claims take no turn (`at_once`): they lock
    the rows they take, and must not wait behind a declaration to ten thousand people.
    """

    def __init__(self, settings: Settings, clock: Clock, render: Render, wake: Callable[[], None] = lambda: None):
        self.settings, self.clock, self.render, self.wake = settings, clock, render, wake
        self.engine = write_engine(settings.database_url)
        self.reader = read_engine(settings.database_url)
        self.on_sqlite = self.engine.dialect.name == "sqlite"
        self._jobs: deque[Job] = deque()
        self._more = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._write, name=f"writer-{n}", daemon=True)
            for n in range(1 if self.on_sqlite else WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    async def transact(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction, perhaps together with others; returns once it is committed.

        Whoever stops waiting takes the verb back only while it has not begun.
        """
        return await asyncio.wrap_future(self._submit(Job(verb, args, kwargs)))

    async def alone(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction of its own."""
        return await asyncio.wrap_future(self._submit(Job(verb, args, kwargs, alone=True)))

    async def at_once(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction of its own that takes no turn: for claims, which lock what they take."""
        return await asyncio.wrap_future(self._submit(Job(verb, args, kwargs, alone=True, in_turn=False)))

    async def read(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a thread, on a connection that cannot write."""
        return await asyncio.to_thread(lambda: self.read_now(query, *args, **kwargs))

    def read_now(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.reader.connect() as connection, self.tx_on(connection) as tx:
            return query(tx, *args, **kwargs)

    def run(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `transact`, for callers without an event loop (the command line)."""
        return self._submit(Job(verb, args, kwargs)).result()

    def close(self) -> None:
        """Commit what waits, and let go of the connections."""
        with self._more:
            self._closed = True
            self._more.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)
        self.engine.dispose()
        self.reader.dispose()

    def tx_on(self, connection: Connection) -> Tx:
        """A transaction within the connection's own, for whoever holds the connection."""
        tx = Tx(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        tx.now, tx.settings, tx.render = self.clock.now(), self.settings, self.render
        return tx

    def _submit(self, job: Job) -> "Future[Any]":
        with self._more:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.append(job)
            self._more.notify()
        return job.done

    def _write(self) -> None:
        while batch := self._next_batch():
            # Whoever stopped waiting by now gets no effect; from here on nobody can take a verb back, so that what is
            # committed and what is answered stay the same.
            batch = [job for job in batch if job.done.set_running_or_notify_cancel()]
            self._run(batch)
            if any(job.wakes for job in batch):
                self._tell()
            for job in batch:
                job.answer()
            if self.on_sqlite:
                time.sleep(BREATH)

    def _tell(self) -> None:
        try:
            self.wake()
        except RuntimeError:
            pass  # the event loop has closed; polling is the net

    def _next_batch(self) -> list[Job]:
        """All that waits, up to a verb that must be alone; nothing when closing."""
        with self._more:
            while not self._jobs and not self._closed:
                self._more.wait()
            batch: list[Job] = []
            while self._jobs and len(batch) < BATCH and not (batch and (self._jobs[0].alone or batch[0].alone)):
                batch.append(self._jobs.popleft())
            return batch

    def _run(self, batch: list[Job]) -> None:
        """Commit the verbs together. Of a batch that was lost each gets one more chance, alone: nobody was answered.

        Not so when the connection broke in the COMMIT itself: it may have gone through, and nothing may be done twice.
        """
        try:
            self._commit(batch)
        except BaseException as lost:
            nobody_knows = getattr(lost, "connection_invalidated", False)
            for job in batch:
                if isinstance(lost, BatchLost) or (len(batch) > 1 and not nobody_knows):
                    self._run_again(job)
                else:
                    _failed(job, lost)

    def _run_again(self, job: Job) -> None:
        try:
            self._commit([job])
        except BaseException as problem:
            _failed(job, problem)

    def _commit(self, batch: list[Job]) -> None:
        if not batch:
            return
        with self.engine.connect() as connection, connection.begin():
            if not self.on_sqlite and batch[0].in_turn:
                connection.exec_driver_sql(IN_TURN)
            for job in batch:
                self._try(connection, job)

    def _try(self, connection: Connection, job: Job) -> None:
        """Run a verb in its savepoint: it fails alone, unless it takes the whole transaction with it."""
        job.value, job.problem, job.wakes = None, None, False
        try:
            with self.tx_on(connection) as tx:
                job.value = job.verb(tx, *job.args, **job.kwargs)
                tx.commit()
                job.wakes = bool(tx.info.get("wakes"))
        except BaseException as problem:
            if is_lost(connection, problem):
                raise BatchLost from problem
            _failed(job, problem)


def _failed(job: Job, problem: BaseException) -> None:
    """What the caller is told. A StopIteration cannot be told: asyncio would leave the caller waiting for ever."""
    problem = (problem.__cause__ or problem) if isinstance(problem, BatchLost) else problem
    job.value, job.wakes = None, False
    job.problem = RuntimeError(repr(problem)) if isinstance(problem, StopIteration) else problem
