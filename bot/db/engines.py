"""How each database is opened, how its schema is brought up to date, and when a transaction is lost.

Alembic is imported where a schema is changed: it takes a tenth of a second, and most starts only look.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

RUN_AGAIN = {"40P01", "40001"}  # deadlock, serialization failure: the verb is run again alone
BUSY = 1000  # milliseconds that SQLite waits for somebody else's lock; then it counts as away
#: Of PostgreSQL: a server that vanishes without a word is noticed within seconds, not within two hours.
PATIENT = {"connect_timeout": 2, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
           "tcp_user_timeout": 10_000}  # fmt: skip
MIGRATIONS = Path(__file__).parent.parent / "migrations"


class WrongSchema(Exception):
    """The database's schema is older or newer than this program; the text says which and what to do."""


def write_engine(url: str) -> Engine:
    return _engine(url, begin="BEGIN IMMEDIATE", pragmas=("PRAGMA foreign_keys=ON",))


def knock_engine(url: str) -> Engine:
    """An engine that connects anew each time and gives up soon, to see whether the database answers."""
    if url.startswith("sqlite"):
        return _engine(url, begin="BEGIN IMMEDIATE", pragmas=("PRAGMA busy_timeout=100",), poolclass=NullPool)
    return create_engine(url, poolclass=NullPool, connect_args=PATIENT)


def read_engine(url: str) -> Engine:
    """An engine whose transactions cannot write and see the rows of one moment, on either database."""
    engine = _engine(url, begin="BEGIN", pragmas=("PRAGMA query_only=ON",))
    if url.startswith("sqlite"):
        return engine
    return engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")


def is_lost(connection: Connection, problem: BaseException) -> bool:
    """Whether the whole transaction is gone, and not only the part of the verb that met the problem.

    SQLite rolls everything back under our feet on a full disk or an I/O error; whoever goes on then writes without
    a transaction. On PostgreSQL a deadlock calls for it, and so does a connection that broke.
    """
    again = isinstance(problem, DBAPIError) and getattr(problem.orig, "sqlstate", "") in RUN_AGAIN
    return (
        again or connection.invalidated or not getattr(connection.connection.dbapi_connection, "in_transaction", True)
    )


def _engine(url: str, begin: str, pragmas: tuple[str, ...], **how: Any) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True, connect_args=PATIENT)
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY / 1000}, **how)

    @event.listens_for(engine, "connect")
    def on_connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves
        for pragma in (f"PRAGMA busy_timeout={BUSY}", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *pragmas):
            raw.execute(pragma)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def migrate(url: str) -> None:
    """Bring the schema up to the newest migration. On SQLite a kill in the middle leaves the old schema whole."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def schema_state(url: str) -> str:
    """`current`, `empty`, `older`, or a sentence that says why this program cannot use the schema."""
    known = sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    engine = read_engine(url)
    with engine.connect() as connection:
        found = _revision(connection)
    engine.dispose()
    if found == known[-1] or found is None:
        return "current" if found else "empty"
    if found in known:
        return "older"
    return f"its schema {found} is newer than this program, which knows {known[-1]}: install the newer Muster"


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("select version_num from alembic_version").scalar()
