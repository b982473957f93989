"""Writing many rows of the roster at once: what is new, and what changed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import SQLModel

from bot.db import Tx

Row = dict[str, Any]
AT_ONCE = 1000  # rows written together


def stored(tx: Tx, model: type[SQLModel]) -> dict[str, Mapping[str, Any]]:
    """All rows of the table by key, as plain values: for what there are only hundreds of."""
    tx.flush()
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    key = table.primary_key.columns[0].name
    return {row[key]: dict(row) for row in tx.connection().execute(select(table)).mappings()}


def save(tx: Tx, model: type[SQLModel], rows: list[Row]) -> None:
    """Insert the rows that are new and update those that changed."""
    key = SQLModel.metadata.tables[str(model.__tablename__)].primary_key.columns[0].name
    known = stored(tx, model)
    insert_rows(tx, model, [row for row in rows if row[key] not in known])
    update_rows(tx, model, [row for row in rows if row[key] in known and differs(row, known[row[key]])])


def update_rows(tx: Tx, model: type[SQLModel], rows: list[Row]) -> None:
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    key = table.primary_key.columns[0]
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        fresh = {name: value for name, value in row.items() if name != key.name}
        by_columns.setdefault(tuple(fresh), []).append({"its_key": row[key.name], **fresh})
    for columns, changed in by_columns.items():
        change_one = (
            update(table).where(key == bindparam("its_key")).values({name: bindparam(name) for name in columns})
        )
        tx.connection().execute(change_one, changed)


def insert_rows(tx: Tx, model: type[SQLModel], rows: list[Row]) -> None:
    """Insert the rows, so many at a time; Core knows none of the model's defaults."""
    usual = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    usual = {name: value for name, value in usual.items() if name != "id" or "id" in (rows or [{}])[0]}
    into = insert(SQLModel.metadata.tables[str(model.__tablename__)])
    for start in range(0, len(rows), AT_ONCE):
        tx.connection().execute(into, [usual | row for row in rows[start : start + AT_ONCE]])


def differs(row: Row, known: Mapping[str, Any]) -> bool:
    return any(known[name] != value for name, value in row.items())
