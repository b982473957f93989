"""A rolling upgrade: the new schema is laid while programs of the old release go on, so it takes nothing from them."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from bot.clock import MovedClock
from bot.db.engines import MIGRATIONS
from tests.conftest import fresh_sqlite
from tests.people import Person, Stage


def tables(url: str) -> dict[str, dict[str, Any]]:
    engine = create_engine(url)
    seen = inspect(engine)
    found = {table: {column["name"]: column for column in seen.get_columns(table)} for table in seen.get_table_names()}
    engine.dispose()
    return found


def test_a_release_finds_all_it_knows_in_the_next_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, "0001")
    old = tables(url)
    command.upgrade(config, "head")
    new = tables(url)
    assert [f"{table}.{name}" for table in old for name in old[table] if name not in new.get(table, {})] == []
    both = [(table, name) for table in old for name in new[table] if name not in old[table]]
    added = {f"{table}.{name}": new[table][name] for table, name in both}
    assert added
    needed = [name for name, column in added.items() if not column["nullable"] and column["default"] is None]
    assert needed == [], "a row of the old release could not be written"


def test_a_program_goes_on_while_the_schema_grows_under_it(migrated: Path, tmp_path: Path, clock: MovedClock) -> None:
    stage = Stage(fresh_sqlite(migrated, tmp_path), clock)
    alma, eve = Person(stage, "alma", "+12025550111"), Person(stage, "eve", "+12025550116")
    eve.runs("/outage declare ehr Epic is down")
    engine = create_engine(stage.database_url)
    with engine.begin() as connection:
        for table in ("message", "outage", "timer", "person", "answer"):
            connection.execute(text(f"alter table {table} add column newer varchar not null default ''"))
        connection.execute(text("create table quite_new (id integer primary key)"))
    engine.dispose()
    alma.gets_sms("Epic is down").replies("1")
    eve.runs("/outage update Still down")
    alma.gets_sms("Still down")
    assert stage.outage()["checkin"]["ok"] == 1
    stage.seen()
    stage.close()
