"""The database, SQLite or PostgreSQL: transactions for verbs, the statements both share, and the schema.

A verb is a plain function whose first argument is a `Tx`. Verbs run in a writer thread; the writer takes
all that are waiting, runs each in its own savepoint and commits once, so that durability is paid for once
per batch and a verb that fails rolls back alone.
"""

from bot.db.away import Away, is_away
from bot.db.database import Database
from bot.db.engines import WrongSchema, is_lost, migrate, read_engine, schema_state, write_engine
from bot.db.statements import claim, count, insert_new, insert_selected, insert_told, one_at_a_time, upsert
from bot.db.tx import Tx

__all__ = [
    "Away",
    "Database",
    "Tx",
    "WrongSchema",
    "claim",
    "count",
    "insert_new",
    "insert_selected",
    "insert_told",
    "is_away",
    "is_lost",
    "migrate",
    "one_at_a_time",
    "read_engine",
    "schema_state",
    "upsert",
    "write_engine",
]
