"""What shows only when playbooks stand side by side: an id given twice, a time that ends before its ladder."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from bot.playbooks.schema import LadderName, Phase, Playbook, Rung, Step, written

Place = tuple[Any, ...]
Ladders = Mapping[LadderName, tuple[Rung, ...]]
UNIT_CHECK = "CORE-I1"  # the unit check itself: done when the unit answers
CHASED_BY: dict[int, LadderName] = {1: "untaken_1", 2: "untaken_2", 3: "untaken_3"}


def doubled(playbook: Playbook, others: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    """Tasks with the id of a task of another playbook. `others`: task id → its playbook."""
    for place, _, step in _placed(playbook):
        if step.id in others:
            yield (*place, "id"), f"task {step.id} stands in {others[step.id]}.yaml too: give one of them another id"


def cut_short(playbook: Playbook, ladders: Ladders) -> Iterator[tuple[Place, str]]:
    """Times that end before their ladder. A task must be due late enough that whoever does not take it is asked a
    second time before; a unit check must last until the last rung of `silence`, or nobody would be sent."""
    for place, phase, step in _placed(playbook):
        name, needed = _needed(phase, step, ladders)
        if step.due < needed:
            yield (
                (*place, "due"),
                f"due: {written(step.due)} ends before its ladder {name}: write {written(needed)} or more",
            )


def outrun(playbooks: Mapping[str, Playbook], ladders: Ladders) -> Iterator[tuple[LadderName, str]]:
    """Ladders that are too slow for the tasks of these playbooks; one complaint a ladder."""
    worst: dict[LadderName, Step] = {}
    for playbook in playbooks.values():
        for _, phase, step in _placed(playbook):
            name, needed = _needed(phase, step, ladders)
            if step.due < needed and (name not in worst or step.due < worst[name].due):
                worst[name] = step
    for name, step in worst.items():
        yield name, f"{name} is slower than {step.id}, due after {written(step.due)}: let its first rung come sooner"


def unknown(playbook: Playbook, ids: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    """What `same_as` names and no playbook has."""
    for place, _, step in _placed(playbook):
        for name in step.same_as:
            if ids.get(name, playbook.playbook) == playbook.playbook:
                yield (*place, "same_as"), f"same_as: no other playbook has a task {name}: name one, or take it away"


def _needed(phase: Phase, step: Step, ladders: Ladders) -> tuple[LadderName, timedelta]:
    if step.id == UNIT_CHECK:
        return "silence", max((rung.after for rung in ladders.get("silence", ())), default=timedelta())
    name = CHASED_BY[step.prio]
    first = next((rung.after for rung in ladders.get(name, ())), timedelta())
    return name, phase.opens if step.tells else phase.opens + first


def _placed(playbook: Playbook) -> Iterator[tuple[Place, Phase, Step]]:
    for name, phase in playbook.phases.items():
        for n, step in enumerate(phase.tasks):
            if step:  # a broken one leaves its place empty
                yield ("phases", name, "tasks", n), phase, step
