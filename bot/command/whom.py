"""Who is meant in a command."""

from bot import roster
from bot.access import Refused
from bot.db import Tx
from bot.roster import Person


def mentioned(tx: Tx, text: str) -> Person | None:
    """`<@U123|name>`, `@name` or a staff id."""
    word = text.strip().strip("<>@").partition("|")[0]
    found = roster.by_slack(tx, word) or roster.person(tx, word)
    if found is None and text.strip():
        raise Refused(f"{text.strip()} is not on the staff list. Nothing was done.")
    return found


def group(tx: Tx, name: str) -> list[Person]:
    """Whom a saved rule means now. Raises Refused for nobody, with the reason."""
    found = roster.group_members(tx, name)
    if found is None:
        known = ", ".join(each.name for each in roster.groups(tx)) or "none yet: see `muster roster group`"
        raise Refused(f"There is no group {name}. Groups: {known}. Nothing was sent.")
    if not found.people:
        raise Refused(f"Nobody is in group {name} now ({found.why}). Nothing was sent.")
    return found.people


def one_of(tx: Tx, name: str) -> Person:
    """Who of a group gets what only one can do: the first on shift, else the first on call. Raises Refused where
    nobody of it is either, since nobody is woken by chance."""
    people = group(tx, name)
    kinds = {person.id: held.kind for person in people if (held := roster.duty_of(tx, person.id))}
    on_duty = sorted((person for person in people if person.id in kinds), key=lambda each: kinds[each.id] != "shift")
    if not on_duty:
        names = ", ".join(person.name for person in people[:5])
        raise Refused(f"Nobody of group {name} is on shift or on call now; in it: {names}. Nothing was sent.")
    return on_duty[0]
