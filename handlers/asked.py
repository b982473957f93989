"""Who asks in Slack, done once, and how the answer reads."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot import inbox, journal, roster, tasks
from bot.access import Refused
from bot.command import answers, opening
from bot.db import Database, Tx
from bot.roster import Person
from handlers.said import post_later

Answer = str | dict[str, Any]
Verb = Callable[[Tx, Person, str], Answer]


def as_person(tx: Tx, slack_id: str, once: str, verb: Callable[[Tx, Person, Any], Answer], rest: Any) -> Answer:
    """Do a verb once for the person behind a Slack account; a refusal is an answer, not an error."""
    first, person = inbox.accept(tx, "slack", once), roster.by_slack(tx, slack_id)
    if not first:
        return tx.render.slack("done_already", person.language if person else "")
    if person is None:
        return stranger(tx, slack_id)
    try:
        with tx.begin_nested():  # what is refused leaves nothing of what it had begun
            return verb(tx, person, rest)
    except Refused as refused:
        journal.write(tx, "refused", who=person.id, channel="slack", says=str(refused))
        return str(refused)


async def answered(
    db: Database, slack_id: str, once: str, question: Callable[[Tx, Person, Any], Answer], rest: Any
) -> Answer:
    """Answer what changes nothing, beside the writer, so that however many ask, no alert waits for them.

    Only where something must be written down, a refusal or an unknown account, it is done as a verb is.
    """
    said = await db.read(_shown, slack_id, question, rest)
    return said if said is not None else await db.transact(as_person, slack_id, once, question, rest)


def _shown(tx: Tx, slack_id: str, question: Callable[[Tx, Person, Any], Answer], rest: Any) -> Answer | None:
    person = roster.by_slack(tx, slack_id)
    try:
        return question(tx, person, rest) if person else None
    except Refused:
        return None


def tell_later(tx: Tx, answer: Answer, at: datetime, once: str, account: str, what: str) -> None:
    """The answer to what was taken in later, once, as a direct message. What had been done already is answered, too:
    whoever asked was told that it is kept, and heard no more."""
    if inbox.accept(tx, "slack", f"{once}:later"):
        person = roster.by_slack(tx, account)
        language = person.language if person else ""
        before = tx.render.slack("reply_later", language, what=what, time=tasks.at(tx, at))
        said = answer if isinstance(answer, str) else answer["text"]
        post_later(tx, f"{before}\n{said}", account, person)


def stranger(tx: Tx, slack_id: str) -> str:
    """Who is not on the staff list is told so, and remembered."""
    journal.write(tx, "unknown_account", channel="slack", about=slack_id)
    return tx.render.slack("reply_stranger", account=slack_id)


def declared(tx: Tx, person: Person, done: opening.Declared) -> str:
    """The figures, what was filled in, and the way to undo it."""
    if done.merged:
        facts: dict[str, Any] = {"code": done.code, "joined": done.merged == "joined", "services": done.services}
        facts |= {"people": done.people, "newcomers": done.newcomers, "odd": done.odd, "unsent": done.unsent}
        return tx.render.slack("reply_merged", person.language, **facts)
    said = tx.render.slack(
        "reply_declared", person.language, code=done.code, level=done.level, sites=done.sites,
        told=done.people - done.unreachable, segments=done.segments, finish=done.finish, sent=done.sent,
        unreachable=done.unreachable, uncovered=done.uncovered, practice=done.practice or None,
        valid=done.valid, odd=done.odd,
        changed=done.filled.changed, added=done.filled.added, find_out=done.filled.find_out,
    )  # fmt: skip
    return f"{said}\n{done.warning}".strip()


def told(tx: Tx, person: Person, echo: answers.Echo, digit: str = "") -> str:
    """The echo of an answer in their language; a `digit` that needs none is noted."""
    kind, facts = echo or ("noted", {"digit": digit or None})
    return tx.render.slack(kind, person.language, **facts)
