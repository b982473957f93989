"""`/checkin`: asking, and what was told in person."""

from bot import access
from bot.command import answers, asking
from bot.command.whom import mentioned
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb, told


def ask(tx: Tx, person: Person, rest: str) -> Answer:
    return asking.checkin(tx, person, rest, "slack")


def tell_in_person(tx: Tx, person: Person, rest: str) -> Answer:
    """`told unit:5W by NAME`, `told @person by NAME`."""
    access.demand(tx, person, "checkin")
    whom, _, by = rest.strip().partition(" by ")
    if whom.startswith(("@", "<@")) and (found := mentioned(tx, whom)):
        return told(tx, person, answers.person_told(tx, person, found, by.strip()))
    return told(tx, person, answers.told_in_person(tx, person, [whom.lower().removeprefix("unit:")], by.strip()))


VERBS: dict[str, Verb] = {"told": tell_in_person}
