"""Engine, transactions and the one claim statement, for SQLite and PostgreSQL.

A verb is a plain function whose first argument is a `Tx`. Verbs run in a writer thread; the writer takes
all that are waiting, runs each in its own savepoint and commits once, so that durability is paid for once
per batch and a verb that fails rolls back alone.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from alembic import command as alembic
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Row, Table, create_engine, event, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from bot.clock import Clock
from bot.render import Render
from bot.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 200  # verbs in one commit at most
BREATH = 0.0015  # seconds the SQLite writer pauses between batches, or another process waits for whole seconds
WRITERS = 4  # threads on PostgreSQL
RUN_AGAIN = {"40P01", "40001"}  # deadlock, serialization failure: the verb is run again alone
MIGRATIONS = Path(__file__).parent / "migrations"


class WrongSchema(Exception):
    """The database's schema is older or newer than this program; `muster migrate` brings it up to date."""


class Tx(Session):
    """A session that knows the time, taken once for the whole transaction, the settings and the words."""

    now: datetime
    settings: Settings
    render: Render

    def wakes(self) -> None:
        """Tell the dispatcher, once this is committed, that something is due."""
        self.info["wakes"] = True


@dataclass
class Job:
    verb: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    alone: bool
    done: "Future[Any]" = field(default_factory=Future)


class BatchLost(Exception):
    """The database rolled the whole transaction back under our feet (full disk, I/O error)."""


class Database:
    """One database: `transact` for verbs, `alone` for verbs that must not share a commit, `read` for queries."""

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
        """Run a verb in a transaction, perhaps together with others; returns once it is committed."""
        return await asyncio.wrap_future(self._submit(Job(verb, args, kwargs, alone=False)))

    async def alone(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb in a transaction of its own."""
        return await asyncio.wrap_future(self._submit(Job(verb, args, kwargs, alone=True)))

    async def read(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a thread, on a connection that cannot write."""
        return await asyncio.to_thread(self.read_now, query, *args, **kwargs)

    def read_now(self, query: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.reader.connect() as connection, self.tx_on(connection) as tx:
            return query(tx, *args, **kwargs)

    def run(self, verb: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `transact`, for callers without an event loop (the command line)."""
        return self._submit(Job(verb, args, kwargs, alone=False)).result()

    def close(self) -> None:
        with self._more:
            self._closed = True
            self._more.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)
        self.engine.dispose()
        self.reader.dispose()

    def _submit(self, job: Job) -> "Future[Any]":
        with self._more:
            if self._closed:
                raise RuntimeError("the database is closed")
            self._jobs.append(job)
            self._more.notify()
        return job.done

    def _write(self) -> None:
        while batch := self._next_batch():
            try:
                self._commit(batch)
            except Exception as lost:
                self._again(batch, lost)
            if self.on_sqlite:
                time.sleep(BREATH)

    def _next_batch(self) -> list[Job]:
        """All that waits, up to a verb that must be alone; nothing when closing."""
        with self._more:
            while not self._jobs and not self._closed:
                self._more.wait()
            batch: list[Job] = []
            while self._jobs and len(batch) < BATCH and not (batch and (self._jobs[0].alone or batch[0].alone)):
                batch.append(self._jobs.popleft())
            return batch

    def _commit(self, batch: list[Job]) -> None:
        answers: list[tuple[Job, Any, BaseException | None]] = []
        wakes = False
        with self.engine.connect() as connection, connection.begin():
            for job in batch:
                answers.append((job, *self._try(connection, job)))
                wakes = wakes or bool(connection.info.pop("wakes", False))
        for job, value, problem in answers:
            job.done.set_exception(problem) if problem else job.done.set_result(value)
        if wakes:
            self.wake()

    def _try(self, connection: Connection, job: Job) -> tuple[Any, BaseException | None]:
        try:
            with self.tx_on(connection) as tx:
                value = job.verb(tx, *job.args, **job.kwargs)
                tx.commit()
                connection.info["wakes"] = connection.info.get("wakes") or tx.info.get("wakes")
                return value, None
        except Exception as problem:
            if must_run_again(problem) or not still_open(connection):
                raise BatchLost from problem
            return None, problem

    def _again(self, batch: list[Job], lost: Exception) -> None:
        """Nobody of a lost batch has been answered: each verb gets one more chance, alone."""
        for job in batch:
            if len(batch) == 1 and not isinstance(lost, BatchLost):
                job.done.set_exception(lost)
                continue
            try:
                self._commit([job])
            except Exception as problem:
                job.done.set_exception(problem.__cause__ or problem)

    def tx_on(self, connection: Connection) -> Tx:
        """A transaction within the connection's own, for whoever holds the connection."""
        tx = Tx(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        tx.now, tx.settings, tx.render = self.clock.now(), self.settings, self.render
        return tx


def claim(
    tx: Tx, table: Table, due: Sequence[Any], order: Sequence[Any], limit: int, values: dict[str, Any]
) -> list[Row[Any]]:
    """Take up to `limit` due rows for ourselves in one statement; rows another worker holds are passed over.

    SQLite has no row locks and needs none under BEGIN IMMEDIATE: its compiler drops the lock clause.
    RETURNING promises no order, so the caller sorts.
    """
    picked = select(table.c.id).where(*due).order_by(*order).limit(limit).with_for_update(skip_locked=True)
    taken = update(table).where(table.c.id.in_(picked.cte("picked").select())).values(**values)
    return list(tx.execute(taken.returning(*table.c)).all())


def insert_new(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that break no unique key and pass over the others; returns how many were new."""
    if not rows:
        return 0
    dialect = sqlite if tx.get_bind().dialect.name == "sqlite" else postgresql
    done = 0
    for start in range(0, len(rows), 500):
        statement = dialect.insert(table).values(rows[start : start + 500]).on_conflict_do_nothing()
        key = next(iter(table.primary_key))
        done += len(tx.execute(statement.returning(key)).all())  # a row count is not told with every driver
    return done


def upsert(tx: Tx, table: Table, keys: Sequence[str], row: dict[str, Any]) -> None:
    """Insert the row, or bring the one with the same keys up to date."""
    dialect = sqlite if tx.get_bind().dialect.name == "sqlite" else postgresql
    fresh = {name: value for name, value in row.items() if name not in keys}
    tx.execute(dialect.insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=fresh))


def one_at_a_time(tx: Tx, name: str) -> None:
    """Hold others who ask for the same name back until this transaction ends (SQLite has one writer anyway)."""
    if tx.get_bind().dialect.name == "postgresql":
        tx.execute(text("select pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def must_run_again(problem: BaseException) -> bool:
    return isinstance(problem, DBAPIError) and getattr(problem.orig, "sqlstate", None) in RUN_AGAIN


def still_open(connection: Connection) -> bool:
    raw = connection.connection.dbapi_connection
    return bool(getattr(raw, "in_transaction", True))


def write_engine(url: str) -> Engine:
    return _engine(url, begin="BEGIN IMMEDIATE", pragmas=("PRAGMA foreign_keys=ON",))


def read_engine(url: str) -> Engine:
    return _engine(url, begin="BEGIN", pragmas=("PRAGMA query_only=ON",))


def _engine(url: str, begin: str, pragmas: tuple[str, ...]) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("PRAGMA busy_timeout=30000", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *pragmas):
            raw.execute(pragma)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def migrate(url: str) -> None:
    """Bring the schema up to the newest migration. On SQLite a kill in the middle leaves the old schema whole."""
    alembic.upgrade(_alembic(url), "head")


def schema_state(url: str) -> str:
    """`current`, `empty`, or a sentence that says which schema was found and what to do."""
    newest = ScriptDirectory.from_config(_alembic(url)).get_current_head()
    engine = read_engine(url)
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    if found == newest:
        return "current"
    return "empty" if found is None else f"the schema is {found}, this program needs {newest}: run `muster migrate`"


def _alembic(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config
