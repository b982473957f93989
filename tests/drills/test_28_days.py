"""An outage of four weeks, as after an attack: shifts come and go, nothing leaks and nothing slows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Connection, event, func, select
from sqlmodel import SQLModel

from bot import checkins, command, escalations, roster, tasks, timers
from bot.clock import MovedClock
from bot.db import Tx
from bot.outbox import Message
from tests.conftest import START, fresh_sqlite
from tests.people import Person, Stage

DAYS, SHIFT = 28, timedelta(hours=12)
FINE = 3  # days at whose every shift people answer; after those they answer once a day
NIGHT, DAY = ("rosa", "dana"), ("ben", "eve")
CORE = """
playbook: core
title: A long downtime
say: IT systems
period: 24h
rounds: {unit_status: 24h}
phases:
  immediate:
    anchor: declared
    tasks:
      - {id: CORE-I1, owner: unit_charge, due: 10m, prio: 1, per: unit, proof: number, task: "Check in"}
      - {id: CORE-I2, owner: unit_charge, due: 10m, prio: 1, per: unit, task: "Tell every person on the unit"}
  extended:
    anchor: declared
    opens: 60m
    tasks:
      - {id: CORE-X1, owner: incident_commander, due: 120m, prio: 1, every: period, task: "Decide what next"}
      - {id: CORE-X4, owner: unit_charge, due: 4h, prio: 2, per: unit, task: "Count patients on paper"}
"""


def hire(tx: Tx) -> None:
    """One unit, five people, and a rota of twelve-hour shifts for all four weeks."""
    tx.add(roster.Site(code="MAIN", name="Main house"))
    tx.add(roster.Unit(code="5W", name="5W", site="MAIN"))
    roles = {"ben": "unit_charge", "rosa": "unit_charge", "eve": "incident_commander", "dana": "incident_commander"}
    for place, id in enumerate(["ben", "rosa", "eve", "dana", "alma"]):
        commands = roles.get(id) == "incident_commander"
        tx.add(roster.Person(
            id=id, name=id.title(), unit="OPS" if commands else "5W", site="MAIN", mobile=f"+1202555012{place}",
            roles=[roles[id], "house_supervisor"] if commands else [roles[id]] if id in roles else [],
            permissions=["admin"] if commands else [], place=place,
        ))  # fmt: skip
    for half in range(2 * DAYS + 2):
        begins = START + timedelta(hours=12 * half - 6)
        for id in (*(DAY if half % 2 else NIGHT), "alma"):
            tx.add(roster.Shift(person_id=id, starts_at=begins, ends_at=begins + SHIFT))
    roster.forget(tx)


def everybody_does_their_part(stage: Stage) -> None:
    for place, id in enumerate(["ben", "rosa", "eve", "dana", "alma"]):
        person = Person(stage, id, f"+1202555012{place}")
        for text in [text for text in person.phone.inbox if not text.seen]:
            text.seen = True
            replies = ["1"] if "1=" in text.body and "9=PATIENT RISK" in text.body else []
            replies += [f"DONE {code}" for code in re.findall(r"\bT\d+\b", text.body)
                        if "=I have it" in text.body or "DONE" in text.body]  # fmt: skip
            for reply in dict.fromkeys(replies):
                stage.do(person.phone.text(reply))
    stage.settle()


def declared(tx: Tx) -> None:
    by = roster.person(tx, "dana")
    assert by
    command.declare(tx, by, command.Request(text="everything is down", level=3), "cli")


def still_down(tx: Tx, id: str) -> None:
    by = roster.person(tx, id)
    assert by
    command.update(tx, by, "O-1", "still down", timedelta(hours=25), "cli")


def open_things(tx: Tx) -> dict[str, int]:
    """What would grow if something leaked."""

    def count(row: type[SQLModel], *which: object) -> int:
        return int(tx.execute(select(func.count()).select_from(row).where(*which)).scalar_one())  # type: ignore[arg-type]

    return {
        "timers": count(timers.Timer),
        "ladders": count(escalations.Ladder, escalations.Ladder.state == "active"),
        "queued": count(Message, Message.state.in_(("queued", "sending", "doubtful"))),  # type: ignore[attr-defined]
        "rounds": count(checkins.Round, checkins.Round.closed_at.is_(None)),  # type: ignore[union-attr]
        "tasks": count(tasks.Task, tasks.Task.state.in_(tasks.OPEN)),  # type: ignore[attr-defined]
    }


def rows(tx: Tx) -> int:
    return sum(
        tx.execute(select(func.count()).select_from(table)).scalar_one() for table in SQLModel.metadata.sorted_tables
    )


@contextmanager
def counted(stage: Stage) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    said: list[str] = []

    def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        said.append(statement)

    assert stage.app
    engines = [stage.app.db.engine, stage.app.db.reader]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield said
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def test_four_weeks_of_outage_leak_nothing_and_slow_nothing(migrated: Path, tmp_path: Path, clock: MovedClock) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "core.yaml").write_text(CORE)
    stage = Stage(fresh_sqlite(migrated, tmp_path), clock, hire, playbooks_dir=str(tmp_path / "own"))
    stage.tell(declared)
    stage.tell(partial(still_down, id="dana"))
    found: list[tuple[dict[str, int], int, int]] = []
    for day in range(DAYS):
        for hours in (0.5, 12, 11.5) if day < FINE else (24,):
            everybody_does_their_part(stage)
            stage.forward(hours=hours)
        stage.tell(partial(still_down, id="eve" if day % 2 else "dana"))
        with counted(stage) as said:
            stage.settle()
        found.append((stage.ask(open_things), stage.ask(rows), len(said)))
    stage.close()
    (early, rows_14, said_14), (late, rows_28, said_28) = found[13], found[-1]
    assert {name: late[name] <= early[name] + 1 for name in late} == dict.fromkeys(late, True), (early, late)
    assert said_28 <= min(said_14, found[1][2]) + 2, "a quiet beat costs on day 28 what it cost on day 2 and on day 14"
    by_day = [after - before for (_, before, _), (_, after, _) in pairwise(found)]
    assert sum(by_day[-7:]) <= sum(by_day[FINE : FINE + 7]) * 1.1, by_day
    assert len(found) == DAYS and rows_28 > rows_14
