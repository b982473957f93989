"""Cards: what one person has to do in a unit, as one list with one code and one clock (messages.md R3)."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bot import outbox, roster, texting
from bot.db import Tx
from bot.outages import Outage
from bot.tasks.rows import Kind, Task, TaskState, Unfinished, at, lines

APART = timedelta(minutes=10)  # between two lists of a unit, when what it needs comes bit by bit
SOON = timedelta(minutes=20)  # what is offered so soon after a card may as well stand on it

#: What a list that waits anew has from its earlier offer, and one that is split from it has not
OF_AN_OFFER = {
    "id", "number", "owner", "backup", "giver", "via", "refused_by", "told", "offer", "offered_at", "accepted_at",
    "warned_at", "late_at",
}  # fmt: skip


def fold(tx: Tx, outage: Outage, offered: Iterable[Task], others: Iterable[Task]) -> None:
    """What a charge nurse has to do in this phase for a role that she holds besides goes onto the card that she is
    offered now: one list, and not a text for each task. A task that asks for a proof stays a question of its own."""
    theirs = {}
    for card in offered:
        if card.role == "unit_charge" and (charge := roster.charge(tx, card.unit)):
            theirs[charge.id, card.phase] = card
    for task in others if theirs else []:
        own = theirs.get((_holder(tx, outage, task), task.phase)) if _is_simple(task) else None
        if own and task.offer_at and own.offer_at and task.offer_at <= own.offer_at + SOON:
            task.card_id, task.line, task.due_at = own.id, len(lines(tx, own)) + 1, own.due_at
            tx.add(task)
            tx.flush()


def hold_back(tx: Tx, due: list[Task], steps: Unfinished) -> list[Task]:
    """What of this is offered now. Lines that need what is not done yet wait for the unit's next list, which comes ten
    minutes later at the earliest; a list of nothing else waits as it is."""
    offered = []
    for task in due:
        every = lines(tx, task) if task.kind == Kind.CARD and task.needs else []
        held = [line for line in every if not line.is_free(steps)]
        if held and len(held) < len(every):
            _next_list(tx, task, held)
        if not held or len(held) < len(every):
            offered.append(task)
    return offered


def close_up(tx: Tx, card: Task) -> list[Task]:
    """Number the lines that are left on a list anew; returns them."""
    tx.flush()
    left = lines(tx, card)
    for number, line in enumerate(left, start=1):
        line.line = number
        tx.add(line)
    return left


def _next_list(tx: Tx, card: Task, held: list[Task]) -> None:
    later = Task(**card.model_dump(exclude=OF_AN_OFFER))
    later.offer_at, later.due_at = tx.now + APART, card.due_at + APART if card.due_at else None
    tx.add(later)
    tx.flush()
    for line in held:
        line.card_id, line.due_at = later.id, later.due_at
        tx.add(line)
    close_up(tx, card)
    close_up(tx, later)


def drafts(tx: Tx, outage: Outage, card: Task, person: roster.Person, ways: list[outbox.Route],
           buttons: list[list[str]], round: int) -> list[outbox.Draft]:  # fmt: skip
    """The card on each of these ways; as two texts where what was folded in does not fit into one."""
    return [
        outbox.draft(tx, person, way, "card", _facts(tx, card, some), lane=outbox.Lane.QUESTION,
                     exercise=outage.exercise, buttons=buttons, round=round + 50 * part)
        for way in ways
        for part, some in enumerate(_parts(tx, outage, card, person) if way.channel == "sms" else [lines(tx, card)])
    ]  # fmt: skip


def _facts(tx: Tx, card: Task, some: list[Task]) -> dict[str, Any]:
    return {"unit": card.unit, "code": card.code, "by": at(tx, card.due_at), "lines": [line.sms for line in some]}


def _parts(tx: Tx, outage: Outage, card: Task, person: roster.Person) -> list[list[Task]]:
    """All lines if they fit into one text, else the unit's own, and then what was folded in."""
    every = lines(tx, card)
    folded = [line for line in every if line.role not in roster.UNIT_ROLES]
    if card.role != "unit_charge" or not folded:
        return [every]
    language = person.language or tx.settings.default_language
    whole = outbox.body(tx, "sms", "card", language, outage.exercise, _facts(tx, card, every))
    own = [line for line in every if line not in folded]
    return [every] if all(texting.fold(line.sms) in whole for line in every) else [own, folded]


def _is_simple(task: Task) -> bool:
    """Is it a task by itself, of no unit, and nothing but to be done?"""
    alone = task.state == TaskState.WAITING and not (task.card_id or task.unit or task.tells)
    return alone and task.kind == Kind.PLAYBOOK and task.proof == "none"


def _holder(tx: Tx, outage: Outage, task: Task) -> str:
    held = roster.holding(tx, task.role, site=outage.sites[0] if len(outage.sites) == 1 else "")
    return held.owner.id if held.owner and held.via == "shift" else ""
