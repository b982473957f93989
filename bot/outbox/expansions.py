"""A large audience: its first part is written with what says it, the rest in batches that any restart resumes.

An audience is a rule and not a list, so nobody ever holds a hundred thousand people. Who is written already is known
from the rows, and the cursor is committed with each batch: whoever takes over begins where the last one stopped.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import CTE, JSON, Integer, String, and_, case, column, func, literal, select, values
from sqlmodel import col
from sqlmodel import select as pick

from bot import roster, texting, timers
from bot.db import Tx, insert_selected
from bot.outbox import audiences
from bot.outbox.audiences import MESSAGE, PERSON, Audience
from bot.outbox.routes import WORTH, body, heard
from bot.outbox.rows import NEVER, Expansion, Lane, Notice, Recipient, State

EXPAND = "outbox.expand"  # the timer that writes the next batch of an outage
BATCH = 1000  # people written in one transaction
RECIPIENT = Recipient.__table__  # type: ignore[attr-defined]
EXPANSION = Expansion.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Words:
    """What an audience is told. `own` are the facts that differ by language, with those of any other one under ""."""

    facts: dict[str, Any]
    own: dict[str, dict[str, Any]]
    buttons: list[list[str]] = field(default_factory=list)

    def facts_in(self, language: str) -> dict[str, Any]:
        return self.facts | self.own.get(texting.base(language), self.own[""])


class Way(NamedTuple):
    """How many people are told on this channel in these words."""

    channel: str
    language: str
    site: str
    people: int


def spread(
    tx: Tx, said: Notice, audience: Audience, words: Words, lane: int, room: int = BATCH, first: Sequence[str] = ()
) -> list[Way]:
    """Queue a notice for these people first, in or out of the audience, then for as many of it as there is room for
    now; for the rest by a timer that is due at once.

    What an outage has to say is written in order of lane, then of age, so that nobody hears news before the alert.
    Returns the ways to those who are still to be written, none when all are.
    """
    row = Expansion(notice_id=said.id or 0, outage_id=said.outage_id or 0, audience=asdict(audience),
                    words=asdict(words), lane=lane, people=0)  # fmt: skip
    _put(tx, said, row, audiences.these(tx, list(first)))
    waits = _others_first(tx, row)
    room = max(room - len(first), 0)
    if not waits and _write(tx, said, row, room) < room:
        return []
    rest = ways(tx, audience) if audience.whom in audiences.ANEW else []
    row.people = row.written + _expected(tx, said, row, rest)
    if row.people == row.written and not waits:
        return []
    tx.add(row)
    timers.set_for(tx, EXPAND, str(row.outage_id), tx.now)
    return rest


def expand(tx: Tx, outage_id: int) -> None:
    """Write the next batch of what an outage has to say; the timer is set again until nothing is left."""
    row = tx.exec(_open(outage_id).limit(1)).first()
    said = tx.get(Notice, row.notice_id) if row else None
    if row is None or said is None:
        return
    if _write(tx, said, row, BATCH) < BATCH:
        row.done_at = tx.now
    tx.add(row)
    timers.set_for(tx, EXPAND, str(outage_id), tx.now)


def still_to_write(tx: Tx, notice_id: int | None) -> int:
    """How many people of a notice's audience are not written yet; 0 when all are."""
    left = select(func.sum(EXPANSION.c.people - EXPANSION.c.written))
    mine = left.where(EXPANSION.c.notice_id == notice_id, EXPANSION.c.done_at.is_(None))
    return max(tx.execute(mine).scalar() or 0, 0)


def audience(tx: Tx, notice_id: int | None) -> int:
    """How many people are to hear a notice, each once, written or not."""
    written = select(func.count()).where(RECIPIENT.c.notice_id == notice_id)
    return tx.execute(written).scalar_one() + still_to_write(tx, notice_id)


def ways(tx: Tx, audience: Audience) -> list[Way]:
    """How those of the alert's audience who are not written yet will be told."""
    each = (audiences.channel(tx), PERSON.c.language, PERSON.c.site)
    query = audiences.told_anew(tx, audience, *each, func.count())
    return [Way(*found) for found in tx.execute(query.group_by(*each))]


def _expected(tx: Tx, said: Notice, row: Expansion, rest: list[Way]) -> int:
    """How many more will be written for it."""
    audience = Audience(**row.audience)
    if audience.whom in audiences.ANEW:  # what remains of an earlier part is counted there
        return sum(way.people for way in rest) - still_to_write(tx, said.id)
    told = audiences.count_told(tx, audience, (row.place, row.last_id))
    to_be_told = audience.whom == "told" and audience.until is None  # who is told by then hears it too
    return told + (still_to_write(tx, audience.alert) if to_be_told else 0)


def _open(outage_id: int) -> Any:
    """What is still being written, in the order in which it is."""
    some = pick(Expansion).where(Expansion.outage_id == outage_id, col(Expansion.done_at).is_(None))
    return some.order_by(col(Expansion.lane), col(Expansion.id))


def _others_first(tx: Tx, row: Expansion) -> bool:
    return tx.exec(_open(row.outage_id).where(Expansion.lane <= row.lane).limit(1)).first() is not None


def _write(tx: Tx, said: Notice, row: Expansion, room: int) -> int:
    """Write up to so many people and move the cursor; returns how many were looked at."""
    found = audiences.batch(tx, Audience(**row.audience), (row.place, row.last_id), room) if room > 0 else []
    if found:
        hear = [one for one in found if one.hears]
        row.place, row.last_id = found[-1].place, found[-1].id
        row.written += len(hear)
        _put(tx, said, row, hear)
    return len(found)


def _put(tx: Tx, said: Notice, row: Expansion, found: Sequence[Any]) -> None:
    """Write to these people, in file order. What several are told in the same words is worded once, and the database
    puts people and words together: they never pass through here one by one."""
    if not found:
        return
    worded = _wordings(tx, said, Words(**row.words), found)
    meant = select(PERSON.c.id).where(PERSON.c.id.in_([one.id for one in found])).order_by(PERSON.c.place, PERSON.c.id)
    address = audiences.address(tx)
    insert_selected(tx, RECIPIENT, {
        "notice_id": literal(said.id), "person_id": PERSON.c.id, "unit": PERSON.c.unit,
        "wording": literal(said.kind), "address": address,
    }, meant)  # fmt: skip
    same = and_(worded.c.language == PERSON.c.language, worded.c.site == PERSON.c.site)
    insert_selected(tx, MESSAGE, {
        "notice_id": literal(said.id), "kind": literal(said.kind), "lane": literal(row.lane), "person_id": PERSON.c.id,
        "channel": worded.c.channel, "address": address, "body": worded.c.body, "language": worded.c.spoken,
        "buttons": worded.c.buttons, "segments": worded.c.segments, "state": worded.c.state,
        "reason": case((worded.c.channel == "none", audiences.reason()), else_=""),
        "last_contacted_at": func.coalesce(audiences.last_contact(tx), literal(NEVER, MESSAGE.c.handed_at.type)),
        "created_at": literal(tx.now, MESSAGE.c.created_at.type), "due_at": literal(tx.now, MESSAGE.c.due_at.type),
        "not_after": literal(tx.now + worth(tx, row), MESSAGE.c.not_after.type),
    }, meant.join(worded, and_(same, worded.c.channel == audiences.channel(tx))))  # fmt: skip
    tx.wakes()


def _wordings(tx: Tx, said: Notice, words: Words, found: Sequence[Any]) -> CTE:
    """The words for each way in which these people are told, as a table."""
    phones = roster.help_phones(tx)
    ways = sorted({(one.channel, one.language, one.site) for one in found})
    rows = [(*way, *_worded(tx, said, words, *way[:2], phones.get(way[2], ""))) for way in ways]
    names = {"channel": String, "language": String, "site": String, "spoken": String, "body": String,
             "buttons": JSON, "segments": Integer, "state": String}  # fmt: skip
    columns: list[Any] = [column(name, kind) for name, kind in names.items()]
    return values(*columns, name="worded").data(rows).cte("wording")


def _worded(tx: Tx, said: Notice, words: Words, channel: str, language: str, phone: str) -> tuple[Any, ...]:
    spoken = heard(tx, channel, said.kind, language or tx.settings.default_language)
    facts = ({"callback": phone} if phone else {}) | words.facts_in(spoken)
    text = body(tx, channel, said.kind, spoken, said.exercise, facts)
    buttons = tx.render.buttons(words.buttons, spoken) if channel == "slack" else []
    segments = texting.segments(text) if channel == "sms" else 1
    return spoken, text, buttons, segments, State.UNREACHABLE if channel == "none" else State.QUEUED


def worth(tx: Tx, row: Expansion) -> timedelta:
    """How long the messages are worth sending. An alert waits its turn as long as a large house needs at this rate;
    of news there will be newer ones by then."""
    per_second = tx.settings.sms_per_second
    queue = row.people / per_second if per_second and row.lane <= Lane.ALERT else 0
    return WORTH[row.lane] + timedelta(seconds=queue)
