"""`/task`: a new one, or what is done with one."""

from bot.command import tasking
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb


def task(tx: Tx, person: Person, said: str) -> Answer:
    return tasking.task(tx, person, said, "slack")


def _list(tx: Tx, person: Person, rest: str) -> Answer:
    return tasking.listed(tx, person, "slack")


VERBS: dict[str, Verb] = {"list": _list}
#: This changes nothing
SHOW: tuple[Verb, ...] = (_list,)
