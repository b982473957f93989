"""Batches of verbs, each in its savepoint, committed at once; and what happens when one fails."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine

from bot.db.away import Away, is_away, is_full
from bot.db.engines import is_lost
from bot.db.jobs import Job
from bot.db.listen import NOTIFY
from bot.db.tx import Tx

LONG = 0.15  # seconds after which what is done is committed: the first of a crowd must not wait for the last
IN_TURN = "select pg_advisory_xact_lock(2712847317)"


class BatchLost(Exception):
    """The database rolled the whole transaction back under our feet (full disk, I/O error, deadlock)."""


class Writer:
    """Runs batches on one engine. `found` is told whether the database answers; `away` says what is known of that."""

    def __init__(
        self,
        engine: Engine,
        tx_on: Callable[[Connection, bool], Tx],
        found: Callable[[bool], None],
        away: Callable[[], bool],
    ) -> None:
        self.engine, self.on_sqlite = engine, engine.dialect.name == "sqlite"
        self._tx_on, self._found, self._away = tx_on, found, away

    def run(self, batch: list[Job]) -> list[Job]:
        """Commit the verbs together; returns those that were not begun because the others took so long.

        Of a batch that was lost each gets one more chance, alone: nobody was answered. Not so when the connection
        broke in the COMMIT itself: it may have gone through, and nothing may be done twice.
        """
        try:
            rest = self._commit(batch)
        except BaseException as lost:
            unknown = not isinstance(lost, BatchLost) and getattr(lost, "connection_invalidated", False)
            if isinstance(lost, BatchLost) or (len(batch) > 1 and not unknown and not is_away(lost)):
                self._each_alone(batch)
            else:
                problem = self.named(lost, unknown)
                for job in batch:
                    job.fails(problem)
            return []
        self._found(True)
        return rest

    def _each_alone(self, batch: list[Job]) -> None:
        for job in batch:
            if self._away():
                job.fails(Away())
                continue
            try:
                self._commit([job])
            except BaseException as problem:
                job.fails(self.named(problem, getattr(problem, "connection_invalidated", False)))

    def named(self, problem: BaseException, unknown: bool = False) -> BaseException:
        """The failure as callers know it; that the database is away is noted."""
        problem = (problem.__cause__ or problem) if isinstance(problem, BatchLost) else problem
        if is_away(problem):
            self._found(False)
        elif not is_full(problem):
            return problem
        away = Away(str(problem).partition("\n")[0], unknown=unknown)
        away.__cause__ = problem
        return away

    def _commit(self, batch: list[Job]) -> list[Job]:
        with self.engine.connect() as connection, connection.begin():
            if not self.on_sqlite and batch[0].in_turn:
                connection.exec_driver_sql(IN_TURN)
            waiting, until = _calls(batch), time.monotonic() + LONG
            while waiting:
                self._try(connection, waiting.pop(0), in_savepoint=len(batch) > 1)
                if time.monotonic() > until:
                    break
            rest = [job for jobs in waiting for job in jobs]
            if not self.on_sqlite and any(job.wakes for job in batch if job not in rest):
                connection.exec_driver_sql(NOTIFY)
        return rest

    def _try(self, connection: Connection, jobs: list[Job], in_savepoint: bool) -> None:
        """Run one call. In a savepoint it fails alone, unless it takes the whole transaction with it; who has the
        transaction for themselves need none."""
        for job in jobs:
            job.value, job.problem, job.wakes = None, None, False
        try:
            with self._tx_on(connection, in_savepoint) as tx:
                _call(tx, jobs)
                tx.commit()
        except BaseException as problem:
            if is_lost(connection, problem):
                raise BatchLost from problem
            if len(jobs) > 1:
                for job in jobs:
                    self._try(connection, [job], in_savepoint=True)
                return
            jobs[0].fails(problem)
            if not in_savepoint:
                connection.rollback()


def _calls(batch: list[Job]) -> list[list[Job]]:
    """The batch as calls: the items of one verb go into one call, at the place of the first."""
    calls: dict[Any, list[Job]] = {}
    for job in batch:
        calls.setdefault(job.verb if job.each else job, []).append(job)
    return list(calls.values())


def _call(tx: Tx, jobs: list[Job]) -> None:
    verb = jobs[0].verb
    if jobs[0].each:
        values = verb(tx, [job.args[0] for job in jobs])
    else:
        values = [verb(tx, *jobs[0].args, **jobs[0].kwargs)]
    wakes = bool(tx.info.get("wakes"))
    for job, value in zip(jobs, values, strict=True):
        job.value, job.wakes = value, wakes
