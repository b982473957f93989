"""What a ladder asks, ready to be put again on any channel."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import roster, tasks
from bot.command import tell, wording
from bot.db import Tx
from bot.escalations import Ladder
from bot.outages import Outage

PRACTISED = "EXERCISE"  # the step of a patient risk that was said in an exercise, and may be real


@dataclass(frozen=True)
class Question:
    """What a ladder waits for, ready to be put again."""

    kind: str
    facts: dict[str, Any]
    buttons: list[list[str]]
    open_tasks: list[tasks.Task]
    voice: str  # the kind to speak
    spoken: dict[str, Any]


def of(tx: Tx, ladder: Ladder) -> Question | None:
    """What this ladder asks, put anew; None once there is nothing left to ask."""
    return QUESTIONS[ladder.kind](tx, ladder)


def outage_of(tx: Tx, ladder: Ladder) -> Outage | None:
    return tx.get(Outage, ladder.outage_id) if ladder.outage_id else None


def outage_of_task(tx: Tx, task: tasks.Task) -> Outage | None:
    return tx.get(Outage, task.outage_id) if task.outage_id else None


def risk_facts(tx: Tx, task: tasks.Task) -> dict[str, Any]:
    said = {"unit": task.unit, "time": tasks.at(tx, task.offer_at), "who": task.speaker, "until": None}
    unsure = task.step == PRACTISED or None
    go = (bool(task.unit) and tell.no_desk_phones(tx, outage_of_task(tx, task))) or None
    return said | {"phone": _phone(tx, task), "go": go, "task": task.code, "unsure": unsure}


def help_facts(tx: Tx, task: tasks.Task) -> dict[str, Any]:
    unit, _, need = task.text.partition(" needs ")
    said = {"code": task.code, "unit": unit, "need": need, "who": task.speaker, "note": task.note or None}
    return said | {"phone": _phone(tx, task)}


def _phone(tx: Tx, task: tasks.Task) -> str | None:
    """The unit's own, unless that is down."""
    row = tx.get(roster.Unit, task.unit) if task.unit else None
    works = row and row.landline and not tell.no_desk_phones(tx, outage_of_task(tx, task))
    return row.landline if row and works else None


def _silence(tx: Tx, ladder: Ladder) -> Question | None:
    outage, unit = outage_of(tx, ladder), ladder.subject.rpartition(":")[2]
    if outage is None:
        return None
    facts = wording.unit_facts(tx, outage, [unit]) | {"by": tasks.at(tx, tx.now + timedelta(minutes=5))}
    spoken = {"what": facts["what"], "units": unit}
    return Question("unit_check", facts, wording.check_keys(outage), [], "unit_check", spoken)


def _untaken(tx: Tx, ladder: Ladder) -> Question | None:
    query = select(tasks.Task).where(tasks.Task.offer == ladder.subject, tasks.Task.state == tasks.TaskState.OFFERED)
    found = list(tx.exec(query.order_by(col(tasks.Task.prio), col(tasks.Task.number))))
    if not found:
        return None
    some = found[:3]
    kind, facts = tasks.worded(tx, some)
    said = ". ".join(task.text for task in some)
    spoken = {"text": said, "code": ", ".join(task.code for task in some), "by": tasks.at(tx, some[0].due_at)}
    return Question(kind, facts, tasks.buttons(some[0]) if len(some) == 1 else [], found, "task", spoken)


def _one_task(tx: Tx, ladder: Ladder) -> Question | None:
    query = select(tasks.Task).where(
        tasks.Task.number == int(ladder.subject.removeprefix("task:")), col(tasks.Task.state).in_(tasks.OPEN)
    )
    task = tx.exec(query.order_by(col(tasks.Task.id).desc())).first()
    if task is None:
        return None
    spoken = {"text": task.text, "code": task.code, "by": tasks.at(tx, task.due_at)}
    if task.kind == tasks.Kind.RISK:
        facts = risk_facts(tx, task)
        spoken = {name: facts[name] for name in ("unit", "who", "time", "phone", "unsure", "go")}
        return Question("risk", facts, tasks.buttons(task)[:1], [task], "risk", spoken)
    if task.kind == tasks.Kind.HELP:
        facts = help_facts(tx, task)
        spoken = {name: facts[name] for name in ("unit", "who", "need", "phone", "note")}
        return Question("help", facts, tasks.buttons(task), [task], "help", spoken)
    facts = {"code": task.code, "text": task.sms, "since": tasks.at(tx, task.due_at)}
    return Question("task_late", facts, tasks.buttons(task)[2:], [task], "task", spoken)


def _turn(tx: Tx, ladder: Ladder) -> Question | None:
    """A unit that has begun is at work: nobody is reminded."""
    outage, unit = outage_of(tx, ladder), ladder.subject.rpartition(":")[2]
    offered = tasks.of_outage(tx, ladder.outage_id or 0, tasks.TaskState.OFFERED, lines=False)
    lists = [task for task in offered if (task.unit, task.phase, task.prio) == (unit, "recovery", 1)]
    if outage is None or not lists:
        return None
    facts = {"units": [unit], "time": tasks.at(tx, ladder.started_at), "up": True, "order": []}
    return Question("turn", facts, [], lists, "turn", facts)


QUESTIONS = {"silence": _silence, "untaken": _untaken, "undone": _one_task, "unstarted": _one_task,
             "blocked": _one_task, "help": _one_task, "risk": _one_task, "turn": _turn}  # fmt: skip
