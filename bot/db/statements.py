"""The few statements that the databases say differently, or that must mean exactly the same on both."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, Table, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.db.tx import Tx


def count(tx: Tx, *tables: str) -> None:
    """Have PostgreSQL count these tables now. It plans by its counts, takes them about once a minute, and a thousand
    rows that it does not know of may be looked for one by one. SQLite plans by the indexes."""
    if tx.connection().dialect.name == "postgresql":
        tx.connection().exec_driver_sql(f"analyze {', '.join(tables)}")


def claim(
    tx: Tx,
    table: Table,
    due: Sequence[Any],
    order: Sequence[Any],
    limit: int,
    values: dict[str, Any],
    told: Sequence[Any] = (),
) -> list[Row[Any]]:
    """Take up to `limit` due rows for ourselves in one statement; rows another worker holds are passed over.

    Returns the columns `told`, else all of them.

    SQLite has no row locks and needs none under BEGIN IMMEDIATE: its compiler drops the lock clause.
    RETURNING promises no order, so the caller sorts.
    """
    picked = select(table.c.id).where(*due).order_by(*order).limit(limit).with_for_update(skip_locked=True)
    taken = update(table).where(table.c.id.in_(picked.cte("picked").select())).values(**values)
    return list(tx.execute(taken.returning(*(told or table.c))).all())


def insert_new(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that break no unique key and pass over the others; returns how many were new."""
    if not rows:
        return 0
    # The rows stand beside the statement, not in it, so that it is compiled once, however many they are.
    statement = _insert(tx, table).on_conflict_do_nothing()
    return tx.connection().execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def insert_told(tx: Tx, table: Table, rows: list[dict[str, Any]], column: str) -> list[Any]:
    """The same, and returns this column of those that were new."""
    if not rows:
        return []
    statement = _insert(tx, table).on_conflict_do_nothing().returning(table.c[column])
    return list(tx.connection().execute(statement, rows).scalars())


def insert_selected(tx: Tx, table: Table, columns: dict[str, Any], query: Select[Any]) -> int:
    """Insert what the query finds, with these columns, in its order; returns how many rows were new."""
    chosen = query.with_only_columns(*columns.values(), maintain_column_froms=True)
    statement = _insert(tx, table).from_select(list(columns), chosen).on_conflict_do_nothing()
    return tx.connection().execute(statement).rowcount


def upsert(tx: Tx, table: Table, keys: Sequence[str], row: dict[str, Any]) -> None:
    """Insert the row, or bring the one with the same keys up to date."""
    fresh = {name: value for name, value in row.items() if name not in keys}
    tx.execute(_insert(tx, table).values(row).on_conflict_do_update(index_elements=keys, set_=fresh))


def one_at_a_time(tx: Tx, name: str) -> None:
    """Hold others who ask for the same name back until this transaction ends (SQLite has one writer anyway)."""
    if tx.get_bind().dialect.name == "postgresql":
        tx.execute(text("select pg_advisory_xact_lock(hashtext(:name))"), {"name": name})


def _insert(tx: Tx, table: Table) -> Any:
    return (sqlite if tx.get_bind().dialect.name == "sqlite" else postgresql).insert(table)
