"""Tasks that nobody needs: a fact of the outage speaks against them, or another task asks the same."""

from sqlmodel import col, select

from bot import journal, outbox, roster
from bot.db import Tx
from bot.outages import Outage
from bot.tasks import cards, marks
from bot.tasks.rows import Task, TaskState, of_outage

NOT_BEGUN = (TaskState.WAITING, TaskState.OFFERED)


def skip_because(tx: Tx, outage: Outage, fact: str) -> list[Task]:
    """This fact holds: cancel what nobody has begun and need not begin now. Returns those tasks."""
    return _skip(tx, outage, [task for task in _not_begun(tx, outage) if task.skip_if == fact], fact)


def skip_covered(tx: Tx, outage: Outage, steps: set[str], by: str) -> None:
    """Another task, `by`, asks the same as these steps."""
    _skip(tx, outage, [task for task in _not_begun(tx, outage) if task.step in steps], by)


def bring_back(tx: Tx, outage: Outage, fact: str) -> list[Task]:
    """This fact does not hold after all: what it had cancelled waits again. Returns those tasks."""
    gone = select(Task).where(Task.outage_id == outage.id, Task.skip_if == fact, Task.note == _note(fact))
    back = list(tx.exec(gone.where(Task.state == TaskState.CANCELLED).order_by(col(Task.id))))
    for task in back:
        task.state, task.note, task.ended_at = TaskState.WAITING, "", None
        task.owner = task.backup = task.offer = ""
        tx.add(task)
        journal.write(tx, "needed_again", outage=outage.code, about=task.step, fact=fact)
    tx.flush()
    return back


def _not_begun(tx: Tx, outage: Outage) -> list[Task]:
    return of_outage(tx, outage.id or 0, *NOT_BEGUN)


def _skip(tx: Tx, outage: Outage, gone: list[Task], reason: str) -> list[Task]:
    for task in gone:
        asked = task.state == TaskState.OFFERED and not task.card_id
        if task.card_id and task.state == TaskState.WAITING:
            _off_its_card(tx, task)
        task.state, task.ended_at, task.note = TaskState.CANCELLED, tx.now, _note(reason)
        tx.add(task)
        journal.write(tx, "skipped", outage=outage.code, about=task.step, reason=reason)
        marks.settle_offer(tx, task)
        marks.settle_single(tx, task)
        if asked:
            _tell_owner(tx, outage, task, reason)
    return gone


def _off_its_card(tx: Tx, task: Task) -> None:
    """The lines of a list that nobody has got yet close up; one that was sent stays as it was read."""
    card = tx.get(Task, task.card_id)
    task.card_id, task.line = None, 0
    tx.add(task)
    if card and not cards.close_up(tx, card):
        card.state, card.ended_at = TaskState.CANCELLED, tx.now
        tx.add(card)


def _tell_owner(tx: Tx, outage: Outage, task: Task, reason: str) -> None:
    person = roster.person(tx, task.owner)
    if person:
        said = outbox.notice(tx, "told_you", outage_id=outage.id, exercise=outage.exercise)
        facts = {"text": f"{task.code} is not needed any more ({_plain(tx, outage, reason)}): {task.sms}"}
        draft = outbox.draft(tx, person, outbox.best(tx, person), "told_you", facts, lane=outbox.Lane.QUESTION,
                             exercise=outage.exercise)  # fmt: skip
        outbox.enqueue(tx, said, [draft])


def _plain(tx: Tx, outage: Outage, reason: str) -> str:
    other = next((task for task in of_outage(tx, outage.id or 0) if task.step == reason), None)
    return "another task asks the same" if other else reason.replace("_", " ")


def _note(reason: str) -> str:
    return f"skipped: {reason}"
