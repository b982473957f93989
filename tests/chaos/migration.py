"""A migration is killed in the middle: the schema before it is whole, the rows are there, and the next try succeeds."""

import asyncio
import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url

from tests.chaos import hospital
from tests.chaos.databases import fresh, migrate
from tests.chaos.processes import Process, does, free_port
from tests.chaos.stories import Says
from tests.chaos.truth import Tally

OLDEST = "0001"  # the revision that the rows are written at
ROWS = 40_000  # messages, so that a migration takes a moment
AT_ANY_TIME = 0.2  # of the kills do not wait until it has begun
LONGEST = 2.5  # seconds until such a kill
WAIT = 30.0  # seconds until a migration must have begun, or ended
GLANCE = 0.002
HELD = (
    "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted "
    "and database = (select oid from pg_database where datname = current_database())"
)
FILL = (
    "insert into notice (id, kind, subject, exercise, opened_at) "
    "values (1, 'alert', 'outage:1', false, '2026-01-01 04:10:00')",
    "insert into timer (id, kind, subject, due_at, data, tries) "
    "values (1, 'stray.quiet', 'x', '2036-01-01 04:10:00', '{}', 0)",
    "insert into health (name, state, reason, at) values ('sms', 'ok', '', '2026-01-01 04:10:00')",
)
MESSAGE = (
    "insert into message (id, notice_id, person_id, kind, channel, address, round, lane, body, language, buttons, "
    "segments, last_contacted_at, created_at, state, reason, code, due_at, claim, tries, asked, provider_id, handed_at)"
    " values (:id, 1, :who, 'alert', 'sms', :who, 0, 1, 'MERCY: Epic is down. Use paper. Reply 1', 'en', '[]', "
    "1, '2000-01-01', '2026-01-01 04:10:00', 'sent', '', '', '2026-01-01 04:10:00', '', 1, 0, :who, '2026-01-01')"
)


@dataclass(frozen=True)
class State:
    """A schema with its revision, and how many rows stand in each table."""

    schema: dict[str, Any]
    rows: dict[str, int]

    def misses(self, before: "State") -> list[str]:
        """The tables that have fewer rows than they had. (A process that runs may have written some.)"""
        return [table for table, count in before.rows.items() if self.rows.get(table, 0) < count]


async def play(database: str, server: str, folder: Path, seed: str, count: int, says: Says, rows: int = ROWS) -> Tally:
    """Kill `muster migrate`, and on SQLite `muster run` as well, and look at what it leaves."""
    tally, random, template = Tally("migration", database), Random(seed), fresh(server, folder)
    says(f"{rows} rows are written at revision {OLDEST}", 0)
    await asyncio.to_thread(_fill, template, rows)
    before = state(template)
    copy = _copied(template, server, folder)
    span = await _span(copy)
    after = state(copy)
    for number in range(1, count + 1):
        copy = _copied(template, server, folder)
        runs = database == "sqlite" and number % 2 == 0
        begun = await _killed(folder, copy, runs, random, span)
        tally.kills += 1
        says("kills", number)
        left = await asyncio.to_thread(state, copy)
        tally.caught += begun and left.schema == before.schema
        await _compared(tally, folder, copy, left, before, after)
    return tally


async def _killed(folder: Path, url: str, runs: bool, random: Random, span: float) -> bool:
    """Start it and kill it; whether the kill waited until it had begun to change the schema."""
    process = _process(folder, url, runs)
    process.start()
    try:
        waits = random.random() >= AT_ANY_TIME
        if waits:
            await asyncio.to_thread(_begun, url, process.runs)
        await asyncio.sleep(random.uniform(0, span if waits else LONGEST))
    finally:
        await process.kill()
    await asyncio.to_thread(_over, url)
    return waits


async def _compared(tally: Tally, folder: Path, url: str, left: State, before: State, after: State) -> None:
    if left.schema not in (before.schema, after.schema):
        tally.found("lost", f"the schema is neither the old one nor the new one: {_differs(left, before)}")
    if missing := left.misses(before):
        tally.found("lost", f"rows are missing after the kill: {missing}")
    try:
        await does(("migrate",), folder, _environment(folder, url))
    except RuntimeError as failed:
        tally.found("stuck", f"the next migrate failed: {failed}")
        return
    last = await asyncio.to_thread(state, url)
    if last.schema != after.schema or last.misses(before):
        tally.found("lost", "the next migrate did not lead to the new schema with all rows")


async def _span(url: str) -> float:
    """How long an undisturbed migration holds the database, in seconds."""
    migrating = asyncio.create_task(asyncio.to_thread(migrate, url))
    await asyncio.to_thread(_begun, url)
    began = time.perf_counter()
    await asyncio.to_thread(_over, url)
    span = time.perf_counter() - began
    await migrating
    return span


def state(url: str) -> State:
    """Raises sqlite3 or SQLAlchemy errors when the database cannot be read."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = sorted(inspect(connection).get_table_names())
            schema: dict[str, Any] = {table: _table(connection, table) for table in tables}
            schema["revision"] = connection.execute(text("select version_num from alembic_version")).scalar()
            if url.startswith("sqlite"):
                schema["whole"] = connection.execute(text("pragma integrity_check")).scalar()
            return State(schema, {name: _count(connection, name) for name in tables if name != "alembic_version"})
    finally:
        engine.dispose()


def _table(connection: Connection, name: str) -> str:
    if connection.dialect.name == "sqlite":
        made = text("select type, name, sql from sqlite_master where tbl_name = :name order by type, name")
        return repr(connection.execute(made, {"name": name}).all())
    found = inspect(connection)
    columns = [(each["name"], str(each["type"]), each["nullable"], each["default"]) for each in found.get_columns(name)]
    keys: list[Any] = [found.get_indexes(name), found.get_unique_constraints(name), found.get_check_constraints(name)]
    return repr((columns, *[sorted(map(repr, kind)) for kind in keys], found.get_foreign_keys(name)))


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f'select count(*) from "{name}"')).scalar_one())


def _differs(one: State, other: State) -> list[str]:
    return [name for name in one.schema.keys() | other.schema.keys() if one.schema.get(name) != other.schema.get(name)]


def _fill(url: str, rows: int) -> None:
    migrate(url, OLDEST)
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement)
        connection.execute(text(MESSAGE), [{"id": n, "who": f"+1303{n:07}"} for n in range(1, rows + 1)])
    if url.startswith("sqlite"):
        with engine.connect() as connection:
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    engine.dispose()


def _copied(template: str, server: str, folder: Path) -> str:
    """A copy of the old database, in place of the last copy."""
    if server:
        name, of = "chaos_copy", make_url(template).database
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"drop database if exists {name} with (force)"))
            connection.execute(text(f"create database {name} template {of}"))
        engine.dispose()
        return make_url(server).set(database=name).render_as_string(hide_password=False)
    path = folder / "copy.db"
    for left in folder.glob("copy.db*"):
        left.unlink()
    shutil.copy(str(make_url(template).database), path)
    return f"sqlite:///{path}"


def _begun(url: str, runs: Callable[[], bool] = lambda: True) -> None:
    _wait(url, True, runs)


def _over(url: str) -> None:
    _wait(url, False)


def _wait(url: str, until: bool, runs: Callable[[], bool] = lambda: True) -> None:
    """Until a migration holds the database, or no longer does, or its process has ended. Raises TimeoutError."""
    end = time.monotonic() + WAIT
    with _holding(url) as held:
        while held() is not until and runs():
            if time.monotonic() > end:
                raise TimeoutError(f"no migration {'began' if until else 'ended'} within {WAIT:g} s")
            time.sleep(GLANCE)


@contextlib.contextmanager
def _holding(url: str) -> Iterator[Any]:
    """A look at whether somebody is changing the schema."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(str(make_url(url).database), timeout=0, isolation_level=None)) as probe:
            yield lambda: _locked(probe)
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield lambda: bool(connection.execute(text(HELD)).scalar())
    engine.dispose()


def _locked(probe: sqlite3.Connection) -> bool:
    try:
        probe.execute("begin immediate")
    except sqlite3.OperationalError:
        return True
    probe.execute("rollback")
    return False


def _process(folder: Path, url: str, runs: bool) -> Process:
    return Process(("run",) if runs else ("migrate",), folder, _environment(folder, url), free_port() if runs else 0)


def _environment(folder: Path, url: str) -> dict[str, str]:
    nobody = "http://127.0.0.1:9"
    given = hospital.environment(folder, url, nobody, nobody, 0)
    return given | {"PLAYBOOKS_DIR": "", "TWILIO_ACCOUNT_SID": "", "TWILIO_AUTH_TOKEN": "", "SLACK_BOT_TOKEN": "",
                    "TWILIO_FROM": "", "TWILIO_VOICE_FROM": "", "SLACK_SIGNING_SECRET": "", "TWILIO_API_URL": "",
                    "SLACK_API_URL": "", "SLACK_COMMAND_CHANNEL": "", "CALLBACK_NUMBER": "5555"}  # fmt: skip
