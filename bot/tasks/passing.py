"""How a task goes from one person to another: refused, given on, left behind at the end of a shift.

Whoever had it keeps it until another takes it; then a row of its own stays as `handed_over`, and the task goes on
under its code.
"""

from collections import defaultdict
from datetime import timedelta

from sqlmodel import col, select

from bot import escalations, journal, roster
from bot.access import Refused
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import marks, offers, quiet, shifts
from bot.tasks.marks import Answer
from bot.tasks.rows import OPEN, Kind, Task, TaskState

HAD = (TaskState.ACCEPTED, TaskState.IN_PROGRESS, TaskState.BLOCKED)

AGAIN = timedelta(minutes=2)  # until a patient risk that is nobody's again should be somebody's

Together = dict[tuple[int, str], list[Task]]  # by outage and the next person


def decline(
    tx: Tx, task: Task, person: roster.Person, why: str, channel: str, together: Together | None = None
) -> Answer:
    """Cannot. The next person is asked at once; once everybody who could has refused, and those above them, it ends.

    With `together` the next person is not asked yet: the task is added to what they are to be asked.
    """
    marks.still_open(task)
    task.refused_by = list(dict.fromkeys([*task.refused_by, person.id]))
    marks.note(tx, task, "refused", person, channel, why=why)
    if task.owner != person.id:
        task.backup = "" if task.backup == person.id else task.backup
        return "echo", {"text": f"noted; {task.code} is with somebody"}
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    held = _next(tx, outage, task, person)
    if outage is None or held.owner is None:
        marks.finish(tx, task, TaskState.CANNOT_DO, person.id, channel, "")
        return "echo", {"text": f"{task.code}: nobody is left to ask, so the coordinator is told"}
    if task.giver in (person.id, held.owner.id):
        task.giver = ""
    if quiet.spares(tx, held.owner, task.prio):
        return _wait(tx, task)
    _put(tx, task, held.owner.id, held.backup.id if held.backup else task.giver, held.via)
    if together is None:
        offers.announce(tx, outage, held.owner, [task])
    else:
        together.setdefault((outage.id or 0, held.owner.id), []).append(task)
    shifts.watch(tx, task)
    return "echo", {"text": f"{task.code} goes to {held.owner.name}"}


def ask_together(tx: Tx, together: Together) -> None:
    """Each next person is asked once for all that one person leaves."""
    for (outage_id, to), theirs in together.items():
        outage, person = tx.get(Outage, outage_id), roster.person(tx, to)
        if outage and person:
            offers.announce(tx, outage, person, sorted(theirs, key=lambda task: (task.prio, task.number)))


def _wait(tx: Tx, task: Task) -> Answer:
    """Whoever is next sleeps, and it is not worth waking them."""
    marks.leave_offer(tx, task)
    task.state, task.owner = TaskState.WAITING, ""
    quiet.put_off(tx, task)
    offers.look_at(tx, task.outage_id, quiet.next_morning(tx))
    return "echo", {"text": f"{task.code} waits for the morning"}


def give(tx: Tx, task: Task, to: roster.Person, by: roster.Person, channel: str) -> Answer:
    """Offer a task to another person; one that nobody could do is opened again. Raises Refused."""
    if task.state != TaskState.CANNOT_DO:
        marks.still_open(task)
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if outage is None:
        raise Refused(f"{task.code} belongs to no outage and cannot be given on. Take it with 1 {task.code}.")
    if task.kind == Kind.RISK:
        raise Refused(f"{task.code} is a patient risk: people are called until one has it. Text 1 {task.code} to take "
                      "it, 2 to have the next called. Nothing was changed.")  # fmt: skip
    if task.card_id:
        raise Refused("That is a line of a list. Give the whole list on. Nothing was changed.")
    marks.note(tx, task, "given_on", by, channel, to=to.id)
    before = task.owner
    _keep(task, to.id)
    _put(tx, task, to.id, before if before != to.id else "", "shift")
    offers.announce(tx, outage, to, [task])
    shifts.watch(tx, task)
    return "echo", {"text": f"{task.code} offered to {to.name}"}


def leave(tx: Tx, person: roster.Person, outage_id: int | None, why: str, unit: str = "") -> list[Task]:
    """The person goes off shift: what is open is offered to the relief, one text for all that one of them gets.

    What was taken stays theirs until the relief takes it. With `unit` they only hand over the charge of it, and what
    goes with that. Returns what has no relief.
    """
    outage = tx.get(Outage, outage_id) if outage_id else None
    theirs = select(Task).where(Task.outage_id == outage_id, Task.owner == person.id, col(Task.state).in_(OPEN))
    if unit:
        theirs = theirs.where(Task.unit == unit, Task.role == "unit_charge")
    theirs = theirs.where(Task.kind != Kind.DECIDE)  # its own clock decides it, or levels.pass_on asks another
    left: list[Task] = []
    given: dict[str, list[Task]] = defaultdict(list)
    for task in tx.exec(theirs.where(col(Task.card_id).is_(None)).order_by(col(Task.prio), col(Task.number))).all():
        if task.asked_at and task.state == TaskState.IN_PROGRESS:  # done but for the proof
            marks.finish(tx, task, TaskState.DONE, task.said_by or person.id, "", task.given)
            continue
        if task.kind == Kind.CHECK:
            charge = roster.charge(tx, task.unit)
            task.owner = charge.id if charge else ""
            continue
        if task.kind == Kind.RISK and call_next(tx, task, person):
            continue
        held = _relief(tx, outage, task, person)
        asleep = held.owner is not None and quiet.spares(tx, held.owner, task.prio)
        if held.owner is None or held.owner.id == person.id or outage is None or asleep:
            left.append(task)
            continue
        marks.note(tx, task, "relief_asked", person, "", to=held.owner.id, why=why)
        _keep(task, held.owner.id)
        _put(tx, task, held.owner.id, person.id, held.via)
        given[held.owner.id].append(task)
    for relief in roster.people(tx, given).values():
        if outage:
            offers.announce(tx, outage, relief, given[relief.id], ladder="handover")
    return left


def in_charge_before(tx: Tx, outage_id: int | None, unit: str, now: roster.Person) -> list[roster.Person]:
    """Who still has what belongs to whoever is in charge of the unit."""
    owners = select(Task.owner).where(Task.outage_id == outage_id, Task.unit == unit, Task.role == "unit_charge")
    owners = owners.where(col(Task.state).in_(OPEN), col(Task.owner).not_in(["", now.id])).distinct()
    return list(roster.people(tx, sorted(tx.exec(owners))).values())


def asked_next(tx: Tx, task: Task, person: roster.Person, why: str, channel: str) -> roster.Person | None:
    """Who has a patient risk cannot, or gets no further, or one of those who were called for it: it is nobody's again,
    with what they say; or, with somebody else, stays there: that is who is returned. Raises Refused once it ended."""
    marks.still_open(task)
    marks.note(tx, task, "refused", person, channel, why=why)
    if task.state in (TaskState.ACCEPTED, TaskState.IN_PROGRESS) and task.owner != person.id:
        return roster.person(tx, task.owner)
    task.note = "; ".join(filter(None, [task.note, f"{person.name}: {why}" if why else ""]))
    if task.state != TaskState.OFFERED:
        task.state, task.owner, task.accepted_at, task.late_at = TaskState.OFFERED, "", None, None
        task.offered_at, task.due_at = tx.now, tx.now + AGAIN
        marks.settle_single(tx, task)
    tx.add(task)
    tx.flush()
    return None


def call_next(tx: Tx, task: Task, person: roster.Person) -> bool:
    """A patient risk that nobody has yet is passed to nobody: its ladder calls the next person now. False where none
    runs any more."""
    running = escalations.active(tx, task.offer)
    for ladder in running:
        escalations.skip_wait(tx, ladder)
    if running and task.owner == person.id:
        task.owner = ""
        tx.add(task)
    return bool(running)


def hand_on(tx: Tx, outage: Outage, untaken: list[Task]) -> None:
    """The relief does not take these: each is offered to whoever is in charge of its unit, else to the superior, else
    to whoever stands in for its role."""
    given: dict[str, list[Task]] = defaultdict(list)
    for task in untaken:
        relief, charge = roster.person(tx, task.owner), None
        if task.unit and task.kind in (Kind.PLAYBOOK, Kind.ADHOC):  # others are about the unit, not for it to do
            charge = roster.charge(tx, task.unit)
        never = frozenset([task.owner, task.giver, *task.refused_by])
        if charge is None or charge.id in never:
            charge = roster.superior(tx, relief, unit=task.unit, excluding=never) if relief else None
        if charge is None and task.role:  # nobody is above a commander
            charge = roster.holding(tx, task.role, unit=task.unit, excluding=never).owner
        if charge and not quiet.spares(tx, charge, task.prio):
            journal.write(tx, "relief_passed_over", outage=outage.code, who=task.owner, about=task.code, to=charge.id)
            _put(tx, task, charge.id, "", "superior")
            given[charge.id].append(task)
    for person in roster.people(tx, given).values():
        offers.announce(tx, outage, person, given[person.id])


def taken(tx: Tx, task: Task, person: roster.Person) -> None:
    """It is this person's now; whoever had it until now has handed it over."""
    if task.giver and task.giver != person.id:
        past = Task(**task.model_dump(exclude={"id"}))
        past.owner, past.state, past.ended_at, past.offer, past.giver = (
            task.giver, TaskState.HANDED_OVER, tx.now, "", "",
        )  # fmt: skip
        tx.add(past)
        journal.write(tx, "handed_over", outage=marks.outage_code(tx, task), who=task.giver, about=task.code,
                      to=person.id)  # fmt: skip
    task.owner, task.state, task.giver, task.accepted_at = person.id, TaskState.ACCEPTED, "", tx.now
    task.ended_at = task.asked_at = None


def still_late(tx: Tx, task: Task) -> None:
    """What was overdue when it changed hands goes on climbing, from its new owner."""
    outage = tx.get(Outage, task.outage_id) if task.outage_id else None
    if outage and task.late_at and task.state not in (TaskState.OFFERED, TaskState.DONE):
        rungs = outage.ladders.get("undone", [])
        escalations.start(tx, "undone", f"task:{task.number}", rungs, outage_id=outage.id, person_id=task.owner)


def _keep(task: Task, to: str) -> None:
    """Who had taken it, or has it until somebody does, keeps it until the new owner takes it."""
    had = task.owner if task.state in HAD and task.kind != Kind.CARD else task.giver
    task.giver = had if had != to else ""


def _put(tx: Tx, task: Task, to: str, backup: str, via: str) -> None:
    marks.leave_offer(tx, task)
    offers.take(tx, task, to, backup if backup != to else "", via)
    marks.watch(tx, task)


def _next(tx: Tx, outage: Outage | None, task: Task, person: roster.Person) -> roster.Holding:
    """Who is asked next: another holder of its role and so on up, or whoever stands above who refused it."""
    never = frozenset(task.refused_by)
    if task.role and outage:
        return offers.holding(tx, outage, task.role, task.unit, never)
    above = roster.superior(tx, person, unit=task.unit or person.unit, excluding=never)
    return roster.Holding(above, None, "superior" if above else "nobody")


def _relief(tx: Tx, outage: Outage | None, task: Task, person: roster.Person) -> roster.Holding:
    """Who holds its role now; for what has no role, who is in charge of its unit, else the superior."""
    never = frozenset([person.id, *task.refused_by])
    role = task.role or ("house_supervisor" if task.kind == Kind.RISK else "")
    if role and outage:
        return offers.holding(tx, outage, role, task.unit, never)
    charge = roster.charge(tx, task.unit) if task.unit else None
    above = charge if charge and charge.id not in never else roster.superior(tx, person, task.unit, excluding=never)
    return roster.Holding(above, None, "shift" if above and above is charge else "superior")
