"""One database: verbs and queries by the thread that they need, and what is known of whether it answers."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from bot.clock import Clock
from bot.db.away import PATIENCE, Away, Watch
from bot.db.engines import knock_engine, read_engine, write_engine
from bot.db.jobs import Job, Line, answer
from bot.db.listen import Listener
from bot.db.tx import Tx
from bot.db.writer import Writer
from bot.render import Render
from bot.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 (an item)

BREATH = 0.0015  # seconds the SQLite writer pauses between batches, or another process waits for whole seconds
FREE = 3  # threads on PostgreSQL for verbs that take no turn
FOR_A_PERSON = 30.0  # seconds that a command at a prompt waits for a database that is away


class Database:
    """One database: `transact` for verbs, `alone` for verbs that must not share a commit, `read` for queries.

    A verb reads, decides and writes. On SQLite there is one writer, so nothing it has read can change meanwhile; on
    PostgreSQL the same is had by taking turns, in all processes. Only claims (`at_once`) and what comes in great
    numbers (`together`) take no turn: they lock the rows they change, and must not wait behind a long story.

    While the database is away everything here raises Away, at the latest after PATIENCE and one look.
    """

    def __init__(self, settings: Settings, clock: Clock, render: Render, wake: Callable[[], None] = lambda: None):
        self.settings, self.clock, self.render, self.wake = settings, clock, render, wake
        self.engine = write_engine(settings.database_url)
        self.reader = read_engine(settings.database_url)
        self.on_sqlite = self.engine.dialect.name == "sqlite"
        self.breath = BREATH if self.on_sqlite else 0.0
        self.away_since: datetime | None = None
        self._writer = Writer(self.engine, self._tx_on, self._found, lambda: self.away_since is not None)
        self._knocker = knock_engine(settings.database_url)
        self._turns, self._free = Line(), Line()
        self._at_work: set[Job] = set()  # begun, and not answered yet
        self._threads = [self._thread(self._turns, 1)]
        if not self.on_sqlite:  # there one thread writes, and all stand in its line
            self._threads += [self._thread(self._free, n) for n in range(FREE)]
        self._watch = Watch(self._worried, self._answers, self._found)
        self._listener: Listener | None = None

    async def transact(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction, perhaps together with others; returns once it is committed.

        Whoever stops waiting takes the verb back only while it has not begun.
        """
        return await self._done(Job.here(verb, args, kwargs))

    async def alone(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction of its own."""
        return await self._done(Job.here(verb, args, kwargs, alone=True))

    async def at_once(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction of its own that takes no turn: for claims, which lock what they take."""
        return await self._done(Job.here(verb, args, kwargs, alone=True, in_turn=False))

    async def together(self, verb: Callable[[Tx, list[I]], list[T]], item: I) -> T:
        """Have `verb` done for this item, in one call with all other items that wait for the same verb.

        It takes no turn, so the verb must lock the rows that it changes, in the order of their ids. When a call
        fails, each item is tried again alone.
        """
        return await self._done(Job.here(verb, (item,), {}, in_turn=False, each=True))

    async def read(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a thread, on a connection that cannot write."""
        self._demand()
        job = Job.here(query, args, kwargs)
        job.loop.run_in_executor(None, self._read, job)  # type: ignore[union-attr]
        return await job.done  # type: ignore[misc]

    def read_now(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.reader.connect() as connection, self.tx_on(connection) as tx:
            return query(tx, *args, **kwargs)

    def run(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `transact`, for callers without an event loop (the command line), who wait longer."""
        until = time.monotonic() + FOR_A_PERSON
        while True:
            try:
                job = Job(verb, args, kwargs)
                self._put(job)
                return job.done.result()
            except Away as away:
                if away.unknown or time.monotonic() > until:
                    raise
                time.sleep(PATIENCE)

    def listen(self) -> None:
        """From now on `wake` is also called for what other processes commit, where the database can tell of it."""
        if not self.on_sqlite and self._listener is None:
            self._listener = Listener(self.settings.database_url, lambda: self.wake())

    def hurry(self) -> None:
        """Nobody else writes, and nothing comes in crowds: from now on no time is given to either."""
        self.breath = self._turns.gather = self._free.gather = 0.0

    def close(self) -> None:
        """Commit what waits, and let go of the connections."""
        self._watch.close()
        if self._listener:
            self._listener.close()
        self._turns.close()
        self._free.close()
        for thread in self._threads:
            thread.join(timeout=10)
        for engine in (self.engine, self.reader, self._knocker):
            engine.dispose()

    def tx_on(self, connection: Connection) -> Tx:
        """A transaction within the connection's own, for whoever holds the connection."""
        return self._tx_on(connection, True)

    def _tx_on(self, connection: Connection, in_savepoint: bool) -> Tx:
        mode: Any = "create_savepoint" if in_savepoint else "rollback_only"
        tx = Tx(connection, join_transaction_mode=mode, expire_on_commit=False)
        tx.now, tx.settings, tx.render = self.clock.now(), self.settings, self.render
        return tx

    async def _done(self, job: Job) -> Any:
        self._demand()
        self._put(job)
        return await job.done  # type: ignore[misc]

    def _demand(self) -> None:
        if self.away_since:
            raise Away

    def _put(self, job: Job) -> None:
        (self._turns if job.in_turn or self.on_sqlite else self._free).put(job)

    def _thread(self, line: Line, number: int) -> threading.Thread:
        thread = threading.Thread(target=self._write, args=(line,), name=f"writer-{number}", daemon=True)
        thread.start()
        return thread

    def _write(self, line: Line) -> None:
        while batch := line.take():
            with self._working(batch):
                rest = self._writer.run(batch)
                line.put_back(rest)
            batch = [job for job in batch if job not in rest]
            if any(job.wakes for job in batch):
                self._tell()
            answer(batch)
            if self.breath:
                time.sleep(self.breath)

    def _read(self, job: Job) -> None:
        with self._working([job]):
            try:
                job.value = self.read_now(job.verb, *job.args, **job.kwargs)
            except BaseException as problem:
                job.fails(self._writer.named(problem))
        answer([job])

    @contextmanager
    def _working(self, jobs: list[Job]) -> Any:
        self._at_work |= set(jobs)
        try:
            yield
        finally:
            self._at_work -= set(jobs)

    def _tell(self) -> None:
        try:
            self.wake()
        except RuntimeError:
            pass  # the event loop has closed; polling is the net

    def _worried(self) -> bool:
        """Is the database known to be away, or does somebody wait so long that it may be?"""
        if self.away_since or self.on_sqlite:  # a locked SQLite says so by itself
            return self.away_since is not None
        late = time.monotonic() - PATIENCE
        return any(job.since < late for job in self._outstanding())

    def _outstanding(self) -> Iterable[Job]:
        return itertools.chain(list(self._at_work), self._turns.waiting(), self._free.waiting())

    def _answers(self) -> bool:
        """Does the database answer somebody who comes anew?"""
        try:
            with self._knocker.connect() as connection, connection.begin():
                connection.exec_driver_sql("select 1")
            return True
        except Exception:
            return False

    def _found(self, answers: bool) -> None:
        """Whoever waits while it is away is told so; when it is back, what is due is looked for."""
        if answers and self.away_since:
            self.away_since = None
            self._tell()
        elif not answers:
            self.away_since = self.away_since or self.clock.now()
            waiting = [job for job in self._outstanding() if job.loop]
            for job in waiting:
                job.given_up = True
            answer(waiting, Away())
