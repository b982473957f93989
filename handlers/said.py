"""What a person is answered: a kind of message and its facts, in the words of whichever door they came by."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from bot import outbox
from bot.db import Database, Tx
from bot.outbox import Lane
from bot.render import Render
from bot.roster import Person

#: Of an answer that comes later: how urgent it is, where that is not the usual
LANES = {"echo_risk": Lane.LIFE_SAFETY}


@dataclass(frozen=True)
class Said:
    """An answer, not in words yet."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)
    language: str = ""
    exercise: bool = False

    def sms(self, render: Render) -> str:
        return render.sms(self.kind, self.language, self.exercise, **self.facts)

    def spoken(self, render: Render) -> tuple[str, str]:
        """The words, and the language of the voice that says them."""
        said = render.voice(self.kind, self.language, self.exercise, **self.facts)
        return said, render.speaks(self.kind, "voice", self.language)

    def slack(self, render: Render) -> str:
        return render.slack(self.kind, self.language, self.exercise, **self.facts)


def kept(db: Database, risk: bool = False) -> Said:
    """While the database is away: it counts later. A patient risk must not wait for that."""
    return Said("kept", {"risk": risk, "since": _since(db)})


def away(db: Database, keys: bool = False) -> Said:
    """While the database is away: nothing was done, and nothing can be said; in a call, `keys` may be pressed."""
    return Said("away", {"since": _since(db), "keys": keys})


def text_later(tx: Tx, said: Said, number: str, person: Person | None) -> None:
    """The answer to what was taken in later, as a text to the number that it came from."""
    whose = person.id if person else f"#number:{number}"
    _later(tx, said, outbox.Draft(person_id=whose, channel="sms", address=number, lane=_lane(said),
                                  body=said.sms(tx.render), wording=said.kind))  # fmt: skip


def tell_later(tx: Tx, said: Said, person: Person) -> None:
    """The same, by the best way to the person."""
    way = outbox.best(tx, person)
    _later(tx, said, outbox.draft(tx, person, way, said.kind, said.facts, lane=_lane(said), exercise=said.exercise))


def post_later(tx: Tx, body: str, account: str, person: Person | None) -> None:
    """The same, as a direct message to a Slack account."""
    whose = person.id if person else f"#{account}"
    draft = outbox.Draft(person_id=whose, channel="slack", address=account, lane=Lane.QUESTION, body=body)
    _later(tx, Said("reply_later"), draft)


def _later(tx: Tx, said: Said, draft: outbox.Draft) -> None:
    draft.not_after = tx.now + outbox.WORTH[draft.lane]
    outbox.enqueue(tx, outbox.notice(tx, said.kind, exercise=said.exercise), [draft])


def _lane(said: Said) -> int:
    return LANES.get(said.kind, Lane.QUESTION)


def _since(db: Database) -> str | None:
    zone = ZoneInfo(db.settings.timezone)
    return db.away_since.astimezone(zone).strftime("%H:%M") if db.away_since else None
