"""Which way to a person: SMS first, then Slack, then a call; and a draft that says a thing in that way's words."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.db import Tx
from bot.outbox.rows import Draft, Lane
from bot.roster import Person

#: How long a message is worth sending, by lane; the ladder or the next update takes over after that.
WORTH = {
    Lane.LIFE_SAFETY: timedelta(minutes=10),
    Lane.ALERT: timedelta(minutes=60),
    Lane.QUESTION: timedelta(minutes=60),
    Lane.UPDATE: timedelta(minutes=30),
    Lane.BULK: timedelta(hours=4),
}

# why nobody can be reached
OPTED_OUT = "opted out of texts and has no other address"
UNABLE = "cannot be texted or called, and has no Slack account"
NO_ADDRESS = "no phone number and no Slack account on file"


DEAD_FOR = timedelta(days=1)  # that a number is not texted again after a provider said that it never arrives


@dataclass(frozen=True)
class Route:
    channel: str
    address: str
    reason: str = ""  # why there is none


def routes(tx: Tx, person: Person) -> list[Route]:
    """Every usable way to a person, the best first."""
    opted_out = person.opted_out_at is not None
    ways = []
    if not person.no_sms and not opted_out:
        ways += [Route("sms", number) for number in (_mobile(tx, person), person.mobile2) if number]
    if person.slack_id:
        ways.append(Route("slack", person.slack_id))
    if not person.no_voice and (not opted_out or tx.settings.voice_after_stop):
        ways += [Route("voice", number) for number in (person.mobile, person.landline) if number]
    return ways


def _mobile(tx: Tx, person: Person) -> str:
    """The mobile, unless texts to it are known to arrive nowhere. After a day it is tried again: carriers err, too."""
    is_dead = person.dead_mobile == person.mobile and person.dead_at and person.dead_at > tx.now - DEAD_FOR
    return "" if is_dead else person.mobile


def best(tx: Tx, person: Person) -> Route:
    """The first way, or the route to nobody with the reason in words."""
    ways = routes(tx, person)
    return ways[0] if ways else Route("none", f"nobody:{person.id}", why_unreachable(person))


def another(tx: Tx, person: Person, used: set[tuple[str, str]], also_voice: bool = False) -> Route | None:
    """The next written way that has not been used yet (`resend`); calls only if asked for."""
    for way in routes(tx, person):
        if (way.channel, way.address) not in used and (also_voice or way.channel != "voice"):
            return way
    return None


def why_unreachable(person: Person) -> str:
    if person.opted_out_at:
        return OPTED_OUT
    return UNABLE if person.mobile or person.landline else NO_ADDRESS


def draft(
    tx: Tx,
    person: Person,
    route: Route,
    kind: str,
    facts: dict[str, Any],
    *,
    lane: int,
    exercise: bool,
    unit: str = "",
    wording: str = "",
    buttons: list[list[str]] | None = None,
    round: int = 0,
) -> Draft:
    """The message of this kind for this person, in the words of the route's channel and the person's language."""
    language = heard(tx, route.channel, kind, person.language or tx.settings.default_language)
    return Draft(
        person_id=person.id, channel=route.channel, address=route.address, lane=lane, unit=unit or person.unit,
        body=body(tx, route.channel, kind, language, exercise, facts), wording=wording or kind, language=language,
        buttons=tx.render.buttons(buttons or [], language) if route.channel == "slack" else [], round=round,
        reason=route.reason,
        not_after=tx.now + WORTH[lane],
    )  # fmt: skip


def heard(tx: Tx, channel: str, kind: str, language: str) -> str:
    """The language of a message: a voice must not read English words as if they were Spanish."""
    return tx.render.speaks(kind, channel, language) if channel == "voice" else language


def body(tx: Tx, channel: str, kind: str, language: str, exercise: bool, facts: dict[str, Any]) -> str:
    if channel == "voice":
        return tx.render.voice(kind, language, exercise, **facts)
    if channel == "slack":
        return tx.render.slack(kind, language, exercise, **facts)
    return tx.render.sms(kind, language, exercise, **facts) if channel == "sms" else ""


def post(tx: Tx, channel_id: str, kind: str, facts: dict[str, Any], *, lane: int, exercise: bool,
         buttons: list[list[str]] | None = None, round: int = 0) -> Draft:  # fmt: skip
    """A post in a Slack channel, in the hospital's language."""
    language = tx.settings.default_language
    return Draft(
        person_id=f"#{channel_id}",
        channel="slack",
        address=channel_id,
        lane=lane,
        buttons=tx.render.buttons(buttons or [], language),
        body=tx.render.slack(kind, language, exercise, **facts),
        language=language,
        wording="post",
        round=round,
        not_after=tx.now + WORTH[lane],
    )
