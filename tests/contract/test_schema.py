"""The migrated schema is the tables' schema, on both databases; a migration happens whole or not at all."""

import ast
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

import bot.app  # noqa: F401 (with it every table)
from bot.db import migrate, read_engine, schema_state, write_engine
from bot.db.engines import MIGRATIONS

CHANGE = """
import os
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9999", "{newest}"

def upgrade():
    with op.batch_alter_table("notice") as batch:
        batch.add_column(sa.Column("more", sa.String(), nullable=False, server_default=""))
    {then}
    op.create_table("another", sa.Column("id", sa.Integer(), primary_key=True))
"""
UPGRADE = """
import sys
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", sys.argv[1])
config.attributes["url"] = sys.argv[2]
command.upgrade(config, "head")
"""


@pytest.fixture
def by_tables(database_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of the same sort, made from the tables and not by the migrations."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'tables.db'}"
        return
    server = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("create database by_tables"))
    yield database_url.replace("/postgres?", "/by_tables?")
    with server.connect() as connection:
        connection.execute(text("drop database by_tables"))
    server.dispose()


def test_it_is_what_the_tables_say(database_url: str, by_tables: str) -> None:
    engine = write_engine(by_tables)
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    assert described(database_url) == described(by_tables)


def test_there_is_nothing_left_to_migrate(database_url: str) -> None:
    assert schema_state(database_url) == "current"


def test_an_empty_database_says_so(tmp_path: Path) -> None:
    assert schema_state(f"sqlite:///{tmp_path / 'new.db'}") == "empty"


def test_a_newer_schema_is_refused_by_name(database_url: str) -> None:
    newest = revision(database_url)
    stamp(database_url, "0999")
    said = schema_state(database_url)
    stamp(database_url, newest)
    assert "0999" in said
    assert "newer" in said


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    before = described(database_url)
    migrate(database_url)
    assert described(database_url) == before


def test_a_kill_in_the_middle_leaves_the_old_schema_whole(migrated: Path, tmp_path: Path) -> None:
    url = filled(migrated, tmp_path)
    before = described(url)
    folder = with_change(tmp_path, "os.kill(os.getpid(), 9)")
    killed = subprocess.run([sys.executable, "-c", UPGRADE, str(folder), url], env=scrubbed(), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert described(url) == before
    assert sound(url) == ["ok"]
    assert children(url) == 1
    assert schema_state(url) == "current"


def test_a_change_of_a_parent_table_keeps_its_children(migrated: Path, tmp_path: Path) -> None:
    url = filled(migrated, tmp_path)
    upgrade(with_change(tmp_path, "pass"), url)
    assert children(url) == 1
    assert "more" in described(url)["notice"]["columns"]


def test_a_migration_that_leaves_orphans_changes_nothing(migrated: Path, tmp_path: Path) -> None:
    url = filled(migrated, tmp_path)
    before = described(url)
    with pytest.raises(RuntimeError, match="point nowhere"):
        upgrade(with_change(tmp_path, 'op.execute("delete from notice")'), url)
    assert described(url) == before
    assert children(url) == 1


def test_the_environment_of_migrations_imports_no_table() -> None:
    tree = ast.parse((MIGRATIONS / "env.py").read_text(encoding="utf-8"))
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {name.split(".")[0] for name in named} <= {"alembic", "sqlalchemy"}


def test_the_reader_cannot_write(database_url: str) -> None:
    engine = read_engine(database_url)
    with engine.connect() as connection, pytest.raises(Exception, match=r"(?i)read.?only"):
        connection.execute(text("insert into counter (name, value) values ('O', 1)"))
    engine.dispose()


def test_sqlite_runs_as_the_design_says(migrated: Path) -> None:
    engine = write_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        said = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 1000}


def described(url: str) -> dict[str, Any]:
    """What the database says of each table; names that the database made up are left out."""
    engine = create_engine(url)
    seen = inspect(engine)
    found = {}
    for table in seen.get_table_names():
        if table == "alembic_version":
            continue
        found[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in seen.get_columns(table)
            },
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "checks": sorted((check["name"] or "", check["sqltext"]) for check in seen.get_check_constraints(table)),
            "unique": sorted(tuple(unique["column_names"]) for unique in seen.get_unique_constraints(table)),
            "indexes": sorted(index_of(index) for index in seen.get_indexes(table)),
            "points_to": sorted(
                (*key["constrained_columns"], key["referred_table"], str(key["options"]))
                for key in seen.get_foreign_keys(table)
            ),
        }
    engine.dispose()
    return found


def index_of(index: Any) -> tuple[str, str, bool, str]:
    where = [str(value) for name, value in index.get("dialect_options", {}).items() if name.endswith("_where")]
    return index["name"], ",".join(index["column_names"]), bool(index["unique"]), "".join(where)


def stamp(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = :revision"), {"revision": revision})
    engine.dispose()


def revision(url: str) -> str:
    """The revision that the database is at."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found: str = connection.execute(text("select version_num from alembic_version")).scalar_one()
    engine.dispose()
    return found


def filled(migrated: Path, tmp_path: Path) -> str:
    """A database with a parent and a child, closed properly."""
    path = tmp_path / "muster.db"
    path.write_bytes(migrated.read_bytes())
    with sqlite3.connect(path) as raw:
        raw.execute("insert into notice values (1, null, 'alert', '', 0, '2026-11-22 04:10:00', null)")
        raw.execute("insert into recipient values (1, 'alma', '5W', 'alert', '+12025550111')")
    raw.close()
    return f"sqlite:///{path}"


def with_change(tmp_path: Path, then: str) -> Path:
    """The shipped migrations and one more, that does something in the middle."""
    folder = copytree(MIGRATIONS, tmp_path / "migrations")
    newest = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("*.py"))
    (folder / "versions" / "9999_change.py").write_text(CHANGE.format(then=then, newest=newest), encoding="utf-8")
    return folder


def upgrade(folder: Path, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = url
    command.upgrade(config, "head")


def children(url: str) -> int:
    return int(asked(url, "select count(*) from recipient")[0])


def sound(url: str) -> list[Any]:
    return asked(url, "pragma integrity_check")


def asked(url: str, query: str) -> list[Any]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.execute(text(query)).scalars())
    engine.dispose()
    return found


def scrubbed() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}
