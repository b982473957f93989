"""Hearing of what other processes committed, on PostgreSQL: LISTEN and NOTIFY. SQLite has polling only."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from bot.db.engines import PATIENT

if TYPE_CHECKING:
    from psycopg import Connection

CHANNEL = "muster"
NOTIFY = f"NOTIFY {CHANNEL}"
ROUND = 1.0  # seconds for which a wait is not looked up from
AGAIN = 1.0  # seconds until the next try to connect


class Listener:
    """A thread that calls `wake` when any process has committed something that is due."""

    def __init__(self, url: str, wake: Callable[[], None]) -> None:
        self._conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._wake = wake
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _listen(self) -> None:
        import psycopg  # a start on SQLite does not wait for it

        patience: dict[str, Any] = PATIENT
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, **patience) as connection:
                    self._hear(connection)
            except (psycopg.Error, OSError):
                self._ended.wait(AGAIN)  # polling is the net meanwhile

    def _hear(self, connection: "Connection") -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._wake()  # whatever was said while nobody listened
        while not self._ended.is_set():
            for _ in connection.notifies(timeout=ROUND, stop_after=1):
                self._wake()
