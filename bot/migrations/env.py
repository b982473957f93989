"""How a migration runs. It imports no table: a migration says what the schema was on its day."""

from alembic import context
from sqlalchemy import create_engine, event


def run() -> None:
    url = context.config.attributes["url"]
    engine = create_engine(url)
    on_sqlite = engine.dialect.name == "sqlite"
    if on_sqlite:

        @event.listens_for(engine, "connect")
        def on_connect(raw, _record):  # type: ignore[no-untyped-def]
            raw.isolation_level = None
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("PRAGMA foreign_keys=OFF")  # a batch change of a parent table would cascade

        @event.listens_for(engine, "begin")
        def on_begin(connection):  # type: ignore[no-untyped-def]
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        context.configure(connection=connection, transactional_ddl=True, render_as_batch=on_sqlite)
        with context.begin_transaction():
            if not on_sqlite:
                connection.exec_driver_sql("select pg_advisory_xact_lock(2712847316)")  # one migration at a time
            context.run_migrations()
            if on_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("the migration would leave rows that point nowhere; nothing was changed")
    engine.dispose()


run()
