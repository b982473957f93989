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
