"""What was found out of an outage: asked for at its beginning, and some tasks are not needed because of it."""

import difflib

from bot import access, journal, outages, playbooks, roster, tasks
from bot.access import Refused
from bot.db import Tx
from bot.outages import Outage

LONGEST = 200  # characters of a fact
YES_NO = "_yes_no"  # the end of a name that asks for one of the two


def fact(tx: Tx, by: roster.Person, code: str, text: str, channel: str) -> str:
    """`hie_unavailable`, `hie_unavailable no`, `est_best 06:00`: write it down, and skip what it makes needless.
    Without a name: what is known and what is not. Raises Refused for a name that nobody asks for."""
    access.demand(tx, by, "update")
    outage = outages.find(tx, code)
    word, _, said = text.strip().partition(" ")
    if not word:
        return _listed(tx, outage)
    if outage.state not in outages.RUNNING:
        raise Refused(f"{outage.code} is {outage.state}. Nothing was changed.")
    name, said = _named(tx, outage, word), said.strip()[:LONGEST] or "yes"
    outage.facts = {**outage.facts, name: said}
    tx.add(outage)
    journal.write(tx, "fact", outage=outage.code, who=by.id, channel=channel, about=name, says=said)
    return f"{outage.code}: {name} is {said}.{_set_off(tx, outage, name)}"


def asked(tx: Tx, outage: Outage) -> list[str]:
    """The names of all facts that the playbooks of this outage ask for, or skip a task by."""
    library = playbooks.current(tx)
    of = [library.playbooks[row.service] for row in outages.services(tx, outage) if row.service in library.playbooks]
    skipping = [task.skip_if for task in tasks.of_outage(tx, outage.id or 0) if task.skip_if]
    return list(dict.fromkeys([name for each in of for name in each.facts_to_ask_at_launch] + skipping))


def _named(tx: Tx, outage: Outage, word: str) -> str:
    known, wanted = asked(tx, outage), word.casefold().strip(":=").replace("-", "_")
    found = next((name for name in (wanted, wanted + YES_NO) if name in known), None)
    if found:
        return found
    near = difflib.get_close_matches(wanted, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none'}."
    raise Refused(f"No playbook of {outage.code} asks for {word}, so nothing was changed. {hint}")


def _set_off(tx: Tx, outage: Outage, name: str) -> str:
    """What the fact changes, in words."""
    if name in outages.facts_that_hold(outage):
        gone = tasks.skip_because(tx, outage, name)
        said = f" Not needed any more: {_steps(gone)}." if gone else ""
    else:
        back = tasks.bring_back(tx, outage, name)
        said = f" Needed again: {_steps(back)}." if back else ""
    tasks.watch(tx, outage.id or 0)
    return said


def _steps(some: list[tasks.Task]) -> str:
    return "; ".join(f"{task.step} {task.sms}" for task in some)


def _listed(tx: Tx, outage: Outage) -> str:
    known = [f"{name}: {outage.facts[name]}" for name in outage.facts]
    open_ones = [name for name in asked(tx, outage) if name not in outage.facts]
    lines = [f"{outage.code}, known: {'; '.join(known) or 'nothing yet'}."]
    lines += [f"To find out: {', '.join(open_ones)}. Say it: /outage fact NAME what"] if open_ones else []
    return "\n".join(lines)
