"""When the database is away: how that is noticed, what callers are told, and how its return is noticed."""

import sqlite3
import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

PATIENCE = 1.5  # seconds that a verb waits before somebody looks whether the database still answers
KNOCK_EVERY = 0.25  # seconds between two looks

#: Primary result codes of SQLite: busy, locked, I/O error, cannot open
GONE_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
#: SQLSTATE classes: connection trouble, operator intervention, too many connections
GONE_POSTGRESQL = ("08", "57P", "53300")
FULL_POSTGRESQL = "53100"


class Away(Exception):
    """The database cannot be reached, or somebody else keeps it locked.

    The verb had no effect, or (`unknown`) nobody knows whether its COMMIT went through: whoever tries again must be
    safe to do so.
    """

    unknown = False

    def __init__(self, says: str = "", *, unknown: bool = False) -> None:
        super().__init__(says or "the database does not answer")
        self.unknown = unknown


def is_away(problem: BaseException) -> bool:
    """Whether this failure means that the database is away, and no mistake in a verb."""
    if isinstance(problem, PoolTimeout):
        return True
    if not isinstance(problem, DBAPIError):
        return False
    said = problem.orig
    if isinstance(said, sqlite3.OperationalError):
        return getattr(said, "sqlite_errorcode", 0) & 0xFF in GONE_SQLITE
    state = getattr(said, "sqlstate", None)
    if isinstance(problem, OperationalError | InterfaceError) and not state:
        return True
    return problem.connection_invalidated or str(state or "").startswith(GONE_POSTGRESQL)


def is_full(problem: BaseException) -> bool:
    """Whether there was no room on the disk for this verb: a smaller one may still fit, so others go on."""
    said = getattr(problem, "orig", None)
    no_room = getattr(said, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    return no_room or getattr(said, "sqlstate", None) == FULL_POSTGRESQL


class Watch:
    """A thread that looks whether the database answers, when somebody waits too long or it is known to be away."""

    def __init__(self, needed: Callable[[], bool], knock: Callable[[], bool], tell: Callable[[bool], None]) -> None:
        """`needed`: is there a reason to look? `knock`: does it answer? `tell`: what was found."""
        self._needed, self._knock, self._tell = needed, knock, tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def _look(self) -> None:
        while not self._ended.wait(KNOCK_EVERY):
            if self._needed():
                self._tell(self._knock())
