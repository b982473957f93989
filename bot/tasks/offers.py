"""Offering: who holds the role now gets the task, as a card or as a text of up to three."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from bot import escalations, journal, outages, outbox, roster, timers
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import cards, quiet
from bot.tasks.rows import Kind, Task, TaskState, Unfinished, at, give_time, lines, of_outage, unfinished

WATCH = "tasks.watch"  # the timer: offers, warnings and overdue tasks of an outage
EARLIEST = timedelta(minutes=20)  # before due
LONG = timedelta(minutes=60)  # a task due later than this is offered at half its time
RETRY = timedelta(minutes=5)  # for a task that nobody could take
PER_TEXT = 3
GONE = (TaskState.DONE, TaskState.HANDED_OVER, TaskState.CANCELLED)  # lines that are not offered again
LOW_LEVEL = ("unit_charge", "house_supervisor", "it_unit_leader", "service_desk")
BUTTONS = (("I have it", "have"), ("Cannot", "cannot"), ("Done", "done"), ("Blocked", "blocked"), ("Need help", "need"))


def offer_time(anchor_at: datetime, opens: timedelta, due_after: timedelta, prio: int, anchor: str) -> datetime:
    """When a task is offered (messages.md R4)."""
    if anchor == "restored":
        return anchor_at if prio == 1 else anchor_at + due_after / 2
    if due_after > LONG:
        return anchor_at + due_after / 2
    return anchor_at + max(opens, due_after - EARLIEST)


def open_phase(
    tx: Tx, outage: Outage, anchor: str, opens: dict[str, timedelta], playbooks: set[str] | None = None
) -> None:
    """The anchor has come: set due and offer times of the tasks that hang on it. `opens` is by phase; `playbooks`
    narrows it to theirs."""
    for task in of_outage(tx, outage.id or 0, TaskState.WAITING):
        if task.anchor == anchor and task.due_at is None and (playbooks is None or task.playbook in playbooks):
            after = timedelta(seconds=task.due_after_s)
            task.due_at = tx.now + after
            task.offer_at = offer_time(tx.now, opens.get(task.phase, timedelta()), after, task.prio, anchor)
            tx.add(task)
    tx.flush()


def assign_due(tx: Tx, outage: Outage) -> dict[str, list[Task]]:
    """Give what is due to be offered to whoever holds its role now; returns the tasks by person, most urgent first."""
    given: dict[str, list[Task]] = defaultdict(list)
    if not _anything_due(tx, outage):
        return given
    all_tasks = of_outage(tx, outage.id or 0)
    steps = unfinished(tx, outage.id or 0)
    due = cards.hold_back(tx, [task for task in all_tasks if _is_due(tx, outage, task, steps)], steps)
    if outage.level >= 2:
        lists = [task for task in due if task.kind == Kind.CARD]
        cards.fold(tx, outage, lists, [task for task in all_tasks if task.is_free(steps)])
    for task in due:
        if not task.card_id and _assign(tx, outage, task):
            given[task.owner].append(task)
    tx.flush()
    return given


def announce(tx: Tx, outage: Outage, person: roster.Person, given: list[Task], texted: int = 0,
             heard: outbox.Notice | None = None, ladder: str = "") -> None:  # fmt: skip
    """Text a person what was offered together, three tasks a text, and start the clock of silence.

    The first `texted` tasks have been told in a text of another notice, `heard` (the role text). `ladder` is the name
    of the ladder, if it is not the one for what nobody takes.
    """
    exercise = outage.exercise
    lists = [task for task in given if task.kind == Kind.CARD]
    tasks = [task for task in given if task.kind != Kind.CARD]
    fallen = given[0].via not in ("shift", "oncall") and len(given) > PER_TEXT
    subject = f"offer:{outage.id}:{person.id}:{outages.number(tx, 'offer')}"
    said = outbox.notice(tx, "task", outage_id=outage.id, subject=subject, exercise=exercise)
    if fallen:
        _text(tx, said, person, "many", {"codes": [task.code for task in given], "count": len(given)}, outage, 0, [])
    else:
        for number, card in enumerate(lists):
            _queue(tx, said, cards.drafts(tx, outage, card, person, _ways(tx, person), buttons(card)[2:], number))
        rest = tasks[texted:]
        for start in range(0, len(rest), PER_TEXT):
            some = rest[start : start + PER_TEXT]
            _text(tx, said, person, *worded(tx, some), outage, 100 + start, buttons(some[0]) if len(some) == 1 else [])
    _chase(tx, outage, person, tasks, heard or said, subject, ladder)


def worded(tx: Tx, some: list[Task]) -> tuple[str, dict[str, Any]]:
    """The kind and facts of a text that offers one to three tasks."""
    if len(some) == 1:
        giver = roster.person(tx, some[0].giver) if some[0].giver else None
        why = f"from {giver.name}" if giver else None
        return "task", {"code": some[0].code, "text": some[0].sms, "by": at(tx, some[0].due_at), "why": why}
    return "tasks", {"items": [(task.code, task.sms, at(tx, task.due_at)) for task in some]}


def offer_due(tx: Tx, outage_id: int) -> None:
    """Assign and announce what is due to be offered, and set the clock for the next."""
    outage = tx.get(Outage, outage_id)
    if outage is None or outage.state in (outages.OutageState.VOIDED, outages.OutageState.DISMISSED):
        return
    for person_id, given in assign_due(tx, outage).items():
        person = tx.get(roster.Person, person_id)
        if person:
            announce(tx, outage, person, given)


def buttons(task: Task) -> list[list[str]]:
    return [[label, f"task_{verb}", task.code] for label, verb in BUTTONS]


def _anything_due(tx: Tx, outage: Outage) -> bool:
    """May there be something to offer? To look at every task of a large house costs much, and is often in vain."""
    due = select(Task.id).where(
        Task.outage_id == outage.id, Task.state == TaskState.WAITING, col(Task.card_id).is_(None), ~col(Task.tells),
        Task.kind != Kind.CHECK, col(Task.offer_at) <= tx.now,
    )  # fmt: skip
    return tx.exec(due.limit(1)).first() is not None


def _is_due(tx: Tx, outage: Outage, task: Task, steps: Unfinished) -> bool:
    """Is it to be offered now? Lines come with their card, and wait by themselves for what they need; below level 2
    only the few who are told have tasks."""
    mine = task.state == TaskState.WAITING and not task.card_id and not task.tells and task.kind != Kind.CHECK
    told = outage.level >= 2 or task.role in LOW_LEVEL
    is_time = task.offer_at is not None and task.offer_at <= tx.now
    return mine and told and is_time and (task.kind == Kind.CARD or task.is_free(steps))


def later(tx: Tx, seconds: int) -> datetime:
    return tx.now + timedelta(seconds=seconds)


def _assign(tx: Tx, outage: Outage, task: Task) -> bool:
    give_time(tx, task)
    site = outage.sites[0] if len(outage.sites) == 1 else ""
    held = holding(tx, outage, task.role, task.unit, frozenset(task.refused_by), site)
    if held.owner is None:
        task.offer_at = tx.now + RETRY
        if task.via != held.via:  # said once, however often it is tried
            task.via = held.via
            journal.write(tx, "nobody_to_ask", outage=outage.code, about=task.step or task.sms, role=task.role)
        return False
    if quiet.spares(tx, held.owner, task.prio):
        quiet.put_off(tx, task)
        return False
    take(tx, task, held.owner.id, held.backup.id if held.backup else "", held.via)
    if held.via not in ("shift",):
        journal.write(
            tx, "fell_back", outage=outage.code, about=task.code, role=task.role, via=held.via, to=held.owner.id
        )
    return True


def holding(
    tx: Tx, outage: Outage, role: str, unit: str, never: frozenset[str], site: str = ""
) -> roster.Holding:
    """Who is asked: the holder of the role and so on up, passing over whoever has no address that may be used while
    somebody else has one; in the end the commander. Never nobody, if there is anybody."""
    out: frozenset[str] = frozenset()
    while (held := roster.holding(tx, role, unit=unit, site=site, excluding=never | out)).owner:
        if outbox.routes(tx, held.owner):
            return held
        out |= {held.owner.id}
    commander = roster.person(tx, outage.commander)
    if commander and commander.id not in never:
        return roster.Holding(commander, None, "commander")
    return roster.holding(tx, role, unit=unit, site=site, excluding=never)


def take(tx: Tx, task: Task, owner: str, backup: str, via: str) -> None:
    """Put a task before its owner: it gets a code and stands as offered, with the lines of its card."""
    task.number = task.number or outages.number(tx, "T")
    task.owner, task.backup, task.via = owner, backup, via
    task.state, task.offered_at = TaskState.OFFERED, tx.now
    task.warned_at = task.asked_at = task.ended_at = None
    for line in lines(tx, task) if task.kind == Kind.CARD else []:
        line.owner = owner
        if line.state not in GONE:
            line.state, line.offered_at = TaskState.OFFERED, tx.now
        tx.add(line)
    tx.add(task)


def _text(tx: Tx, said: outbox.Notice, person: roster.Person, kind: str, facts: dict[str, Any], outage: Outage,
          round: int, keys: list[list[str]]) -> None:  # fmt: skip
    drafts = [
        outbox.draft(
            tx, person, way, kind, facts, lane=outbox.Lane.QUESTION, exercise=outage.exercise, buttons=keys, round=round
        )
        for way in _ways(tx, person)
    ]
    _queue(tx, said, drafts)


def _queue(tx: Tx, said: outbox.Notice, drafts: list[outbox.Draft]) -> None:
    for drafted in drafts:
        if drafted.channel == "voice":
            drafted.due_at = outbox.after_calls(tx, drafted.address)
    outbox.enqueue(tx, said, drafts)


def _ways(tx: Tx, person: roster.Person) -> list[outbox.Route]:
    ways = [outbox.best(tx, person)]
    if person.slack_id and ways[0].channel != "slack":
        ways.append(outbox.Route("slack", person.slack_id))
    return ways


def _chase(tx: Tx, outage: Outage, person: roster.Person, tasks: list[Task], said: outbox.Notice, subject: str,
           ladder: str) -> None:  # fmt: skip
    """One ladder for what one person was offered together; somebody off shift is called at once."""
    for task in tasks:
        task.offer = subject
        tx.add(task)
    if not tasks:
        return
    prio = min(task.prio for task in tasks)
    rungs = list(outage.ladders.get(ladder) or outage.ladders.get(f"untaken_{prio}", []))
    if prio == 1 and quiet.off_shift(tx, person):
        rungs = [{"after": 0, "do": "call"}] + [rung for rung in rungs if rung["do"] != "call"]
    escalations.start(tx, "untaken", subject, rungs, outage_id=outage.id, person_id=person.id, notice_id=said.id)


def watch_next(tx: Tx, outage_id: int, also: datetime | None = None) -> None:
    """Set the outage's task timer to the next moment that something is due."""
    waiting = select(Task.offer_at).where(
        Task.outage_id == outage_id, Task.state == TaskState.WAITING, col(Task.card_id).is_(None)
    )
    moments = [moment for moment in tx.exec(waiting.where(col(Task.tells).is_(False))) if moment and moment > tx.now]
    moments += [also] if also else []
    if moments:
        timers.set_for(tx, WATCH, str(outage_id), min(moments))


def look_at(tx: Tx, outage_id: int | None, moment: datetime) -> None:
    """Have the outage's task timer fire by then, if it would fire later."""
    now_set = timers.due_at(tx, WATCH, str(outage_id))
    if outage_id and (now_set is None or now_set > moment):
        timers.set_for(tx, WATCH, str(outage_id), moment)
