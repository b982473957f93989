"""`/checkin`: asking again, and what was told in person."""

from bot import access
from bot.access import Refused
from bot.command import answers, rounds, words
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb, told


def ask_again(tx: Tx, person: Person, rest: str) -> Answer:
    """`[CODE] [all|units:a,b]`; alone it asks only the silent."""
    access.demand(tx, person, "checkin")
    code, said = words.code(rest)
    first, _, _ = said.partition(" ")
    if first.lower() == "all":
        return rounds.ask_again(tx, person, code, [])
    if first.lower().startswith("units:"):
        return rounds.ask_again(tx, person, code, first[6:].upper().split(","))
    if first:
        raise Refused("Say `/checkin`, `/checkin all` or `/checkin units:5W,3W`. Nothing was sent.")
    return rounds.ask_again(tx, person, code)


def told_unit(tx: Tx, person: Person, rest: str) -> Answer:
    """`told unit:5W by NAME`."""
    access.demand(tx, person, "checkin")
    unit, _, by = rest.strip().partition(" by ")
    return told(tx, answers.told_in_person(tx, person, [unit.lower().removeprefix("unit:")], by.strip()))


VERBS: dict[str, Verb] = {"told": told_unit}
