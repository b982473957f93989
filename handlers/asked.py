"""Who asks in Slack, done once, and how the answer reads."""

from collections.abc import Callable
from typing import Any

from bot import inbox, journal, roster
from bot.access import Refused
from bot.command import answers, opening
from bot.db import Tx
from bot.roster import Person

Answer = str | dict[str, Any]


def as_person(tx: Tx, slack_id: str, external_id: str, verb: Callable[[Tx, Person, Any], Answer], rest: Any) -> Answer:
    """Do a verb once for the person behind a Slack account; a refusal is an answer, not an error."""
    person = roster.by_slack(tx, slack_id)
    if person is None:
        return stranger(tx, slack_id)
    if external_id and not inbox.accept(tx, "slack", external_id):
        return "This was done already."
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            return verb(tx, person, rest)
    except Refused as refused:
        journal.write(tx, "refused", who=person.id, channel="slack", says=str(refused))
        return str(refused)


def stranger(tx: Tx, slack_id: str) -> str:
    """Who is not on the staff list is told so, and remembered."""
    journal.write(tx, "unknown_account", channel="slack", about=slack_id)
    return tx.render.slack("reply_stranger", account=slack_id)


def declared(tx: Tx, done: opening.Declared) -> str:
    """The figures, what was filled in, and the way to undo it."""
    if done.merged:
        facts: dict[str, Any] = {"code": done.code, "joined": done.merged == "joined", "services": done.services}
        facts |= {"people": done.people, "newcomers": done.newcomers, "odd": done.odd}
        return tx.render.slack("reply_merged", **facts)
    return tx.render.slack(
        "reply_declared", code=done.code, level=done.level, sites=done.sites, told=done.people - done.unreachable,
        segments=done.segments, finish=done.finish, sent=done.sent, unreachable=done.unreachable,
        uncovered=done.uncovered, valid=done.valid, odd=done.odd,
    )  # fmt: skip


def told(tx: Tx, echo: answers.Echo) -> str:
    return tx.render.slack(echo[0], **echo[1]) if echo else "Noted."
