"""Starting playbooks for an outage: every task they hold becomes a row, so that the outage keeps what it began with."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlmodel import select

from bot import outages, roster, tasks
from bot.db import Tx
from bot.outages import Outage
from bot.playbooks.schema import PhaseName, Step
from bot.playbooks.shelf import CORE, Library
from bot.playbooks.together import UNIT_CHECK
from bot.roster import UNIT_ROLES

REPEAT_CHECK = "CORE-X4"  # the unit check asked anew: a row from its first round on, done when the unit answers
FIND_SILENT = "CORE-I6"  # done when every unit is accounted for; its work is the `visit` rung
NO_DESK_PHONES = "no_desk_phones"  # beside the words of a service
AT_ONCE = ("alert", "immediate")  # phases whose owners are role holders of the alert
#: What a task that comes again has of its step
REPEATED = {"playbook", "step", "phase", "due_after_s", "anchor", "text", "sms", "role", "prio", "proof", "needs",
            "skip_if", "tells"}  # fmt: skip

Planned = tuple[str, PhaseName, Step]  # playbook, phase, step


def start(tx: Tx, outage: Outage, library: Library, services: list[str]) -> set[str]:
    """Write the tasks of core and of these services that the outage does not have yet; returns the roles that own an
    alert or immediate task."""
    known = set(tx.exec(select(tasks.Task.step).where(tasks.Task.outage_id == outage.id)))
    opens: dict[str, timedelta] = {}
    for_units: dict[tuple[str, PhaseName, str, int], list[Planned]] = defaultdict(list)
    roles: set[str] = set()
    if not outage.ladders:
        outage.ladders, outage.levels, outage.rhythm = ladders(library), levels(library), _rhythm(library)
        tx.add(outage)
    units = roster.affected_units(tx, outage.sites)
    planned_now = _steps(library, [CORE, *services], known)
    _leave_to(tx, outage, library, planned_now)
    _keep_repeats(tx, outage, library, planned_now)
    for playbook, phase, step in planned_now:
        opens[phase] = library.playbooks[playbook].phases[phase].opens
        if phase in AT_ONCE and not step.tells:
            roles.add(step.owner)
        if step.id == REPEAT_CHECK:
            continue
        if step.id == UNIT_CHECK:
            for unit in units:
                tx.add(check(tx, row(library, outage, playbook, phase, step, tasks.Kind.CHECK, unit=unit.code)))
        elif step.per == "unit" and not step.tells:
            role = "unit_charge" if step.owner in UNIT_ROLES else step.owner
            prio = step.prio if phase == "recovery" else 0
            for unit in units:
                for_units[(unit.code, phase, role, prio)].append((playbook, phase, step))
        else:
            tx.add(row(library, outage, playbook, phase, step, kind=_kind(step)))
    for (unit_code, phase, role, _), planned in for_units.items():
        _add_card(tx, library, outage, unit_code, phase, role, planned)
    tx.flush()
    tasks.open_phase(tx, outage, "declared", opens)
    for fact in outages.facts_that_hold(outage):
        tasks.skip_because(tx, outage, fact)
    return roles


def recover(tx: Tx, outage: Outage, services: list[str], everything: bool) -> None:
    """These services are back: their recovery tasks get their times; core's when everything is back."""
    playbooks = {*services, CORE} if everything else set(services)
    tasks.open_phase(tx, outage, "restored", {}, playbooks)


def ladders(library: Library) -> dict[str, list[dict[str, Any]]]:
    """The ladders as rows keep them: `after` in seconds."""
    return {
        name: [
            {"after": int(rung.after.total_seconds()), "do": rung.do, "role": rung.role, "times": rung.times}
            for rung in rungs
        ]
        for name, rungs in library.ladders.items()
    }


def levels(library: Library) -> list[dict[str, Any]]:
    """When somebody is asked to raise the level, as rows keep it: times in seconds."""
    return [
        {
            "from": each.from_, "to": each.to, "after": int(each.after.total_seconds()), "services": each.services,
            "ask": each.ask, "acts_after": each.acts_after and int(each.acts_after.total_seconds()),
        }
        for each in library.levels
    ]  # fmt: skip


def _rhythm(library: Library) -> dict[str, int]:
    core = library.playbooks[CORE]
    spans = {"period": core.period, "unit_status": core.rounds.unit_status, "first_report": core.rounds.first_report}
    return {name: int(span.total_seconds()) for name, span in spans.items()}


def words(library: Library, service: str) -> dict[str, dict[str, Any]]:
    """What a service's playbook says in an alert, by language: the outage's own copy."""
    playbook = library.playbooks[service]
    said = {language: playbook.words(language).model_dump() for language in ("en", *playbook.languages)}
    said["en"] |= {NO_DESK_PHONES: True} if playbook.no_desk_phones else {}
    return said


def _steps(library: Library, wanted: list[str], known: set[str]) -> list[Planned]:
    """What is to be started; of tasks that ask the same only the one that covers the others."""
    ids = [each for each in dict.fromkeys(wanted) if each in library.playbooks]
    new = [(each, phase, step) for each in ids for phase, step in library.playbooks[each].steps if step.id not in known]
    there = known | {step.id for _, _, step in new}
    return [(each, phase, step) for each, phase, step in new if there.isdisjoint(step.same_as)]


def _leave_to(tx: Tx, outage: Outage, library: Library, planned: list[Planned]) -> None:
    """What runs and is asked by one of these tasks as well is left to that one."""
    covered = {(cover, step.id) for each in library.playbooks.values() for _, step in each.steps
               for cover in step.same_as}  # fmt: skip
    for _, _, step in planned:
        if same := {other for cover, other in covered if cover == step.id}:
            tasks.skip_covered(tx, outage, same, by=step.id)


def _keep_repeats(tx: Tx, outage: Outage, library: Library, planned: list[Planned]) -> None:
    """Keep what of this comes again as it stands now: an edit of a playbook is for the next outage."""
    there = {each["step"] for each in outage.repeats}
    again = [
        row(library, outage, playbook, phase, step, _kind(step)).model_dump(include=REPEATED)
        for playbook, phase, step in planned
        if (step.every or step.id == REPEAT_CHECK) and step.id not in there
    ]
    outage.repeats = [*outage.repeats, *again]
    tx.add(outage)


def _needs(library: Library, step: Step) -> list[str]:
    """Where another task may stand in for one that is needed, that one is needed, too."""
    same = {other.id: other.same_as for each in library.playbooks.values() for _, other in each.steps}
    return [id for need in step.needs for id in (need, *same.get(need, ()))]


def _kind(step: Step) -> tasks.Kind:
    return tasks.Kind.CHECK if step.id == FIND_SILENT else tasks.Kind.PLAYBOOK


def row(
    library: Library, outage: Outage, playbook: str, phase: PhaseName, step: Step, kind: tasks.Kind, **more: Any
) -> tasks.Task:
    return tasks.Task(
        outage_id=outage.id,
        kind=kind,
        playbook=playbook,
        step=step.id,
        phase=phase,
        due_after_s=int(step.due.total_seconds()),
        anchor=library.playbooks[playbook].phases[phase].anchor,
        text=step.task,
        sms=step.says if step.tells else step.short,
        role=step.owner,
        prio=step.prio,
        proof=step.proof,
        needs=_needs(library, step),
        skip_if=step.skip_if,
        tells=step.tells,
        **more,
    )


def check(tx: Tx, task: tasks.Task) -> tasks.Task:
    """The unit's check as a task: offered by the question itself, done by its answer."""
    charge = roster.charge(tx, task.unit)
    task.state, task.offered_at = tasks.TaskState.OFFERED, tx.now
    task.owner = charge.id if charge else ""
    task.due_at = tx.now + timedelta(seconds=task.due_after_s)
    return task


def _add_card(
    tx: Tx, library: Library, outage: Outage, unit: str, phase: PhaseName, role: str, planned: list[Planned]
) -> None:
    """One code and one clock for what a unit has to do in a phase; a single task of another role stays a task."""
    if len(planned) == 1 and role != "unit_charge":
        playbook, _, step = planned[0]
        tx.add(row(library, outage, playbook, phase, step, tasks.Kind.PLAYBOOK, unit=unit))
        return
    planned = sorted(planned, key=lambda each: (each[2].due, each[2].prio))
    first = planned[0]
    due = max(step.due for _, _, step in planned)
    card = tasks.Task(
        outage_id=outage.id, kind=tasks.Kind.CARD, playbook=first[0], step="", phase=phase, unit=unit, role=role,
        anchor=library.playbooks[first[0]].phases[phase].anchor, prio=min(step.prio for _, _, step in planned),
        text=f"{phase} list of {unit}", sms=f"{unit} {phase} list", due_after_s=int(due.total_seconds()),
    )  # fmt: skip
    tx.add(card)
    tx.flush()
    for number, (playbook, _, step) in enumerate(planned, start=1):
        line = row(library, outage, playbook, phase, step, tasks.Kind.PLAYBOOK, unit=unit)
        line.card_id, line.line, line.due_after_s = card.id, number, card.due_after_s  # one clock
        card.needs = sorted({*card.needs, *line.needs})
        tx.add(line)
