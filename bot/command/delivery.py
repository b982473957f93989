"""What the dispatcher and the receipts report, and what a failed delivery sets off."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, select, update

from bot import journal, outbox, roster, timers
from bot.channels import Receipt, Wants
from bot.command import lapses, optouts, tell
from bot.db import Tx
from bot.outbox import Health, Message, Outcome, State, circuits

MESSAGE = Message.__table__  # type: ignore[attr-defined]
LOST = "lost"  # the timer, due at once, on which what did not arrive goes another way
STOPPED = "stopped"  # the timer, due at once, on which managers are told that a channel has stopped
SAYS = {"sms": "Texts", "voice": "Calls", "slack": "Slack messages"}
ROUNDS = 3  # times CONFIRM for which a provider that says nothing of a message is asked again
SWEPT = 100  # messages that expire in one transaction


@dataclass(frozen=True)
class Settlement:
    """What became of some messages that one provider was given."""

    provider: str
    channel: str
    outcomes: Sequence[Outcome]


def settle(tx: Tx, settlements: list[Settlement]) -> list[None]:
    """Write what became of what was sent; what definitely failed goes another way. It takes no turn."""
    for settlement in settlements:
        owned = outbox.settle(tx, settlement.outcomes)
        for outcome in [outcome for outcome in owned if outcome.state is State.FAILED]:
            _failed(tx, outcome.id, outcome.code, outcome.reason, outcome.other_channel, outcome.opted_out,
                    outcome.never)  # fmt: skip
        tried = [outcome for outcome in settlement.outcomes if not outcome.untried]
        if tried:
            _report(tx, settlement, tried)
    return [None] * len(settlements)


def receipts(tx: Tx, reports: list[tuple[int, Receipt]]) -> list[None]:
    """What providers report on messages; unknown and late reports are journaled, never an error. It takes no turn."""
    for (message_id, got), before in zip(reports, outbox.receipts(tx, reports), strict=True):
        if before is None:
            journal.write(tx, "receipt_unknown", about=f"message {message_id}", provider=got.provider_id,
                          state=got.state)  # fmt: skip
        elif got.state == State.FAILED and outbox.RANK[before] < outbox.RANK[State.FAILED]:
            _failed(tx, message_id, got.code, got.reason, got.try_other, got.opted_out, got.wants == Wants.NEVER)
    return [None] * len(reports)


def confirmed(tx: Tx, rows: Sequence[Row[Any]], told: dict[int, Receipt]) -> None:
    """What a provider said when it was asked about messages whose receipts stayed away.

    Of those that it has and does not call delivered nobody can be sure: a ladder that waits on one climbs now. Those
    of which it said nothing are asked about again, for a while.
    """
    receipts(tx, sorted(told.items()))
    old = tx.now - outbox.CONFIRM * ROUNDS
    answered = [row.id for row in rows if row.id in told or row.handed_at < old]
    first = update(MESSAGE).where(MESSAGE.c.id.in_(answered), MESSAGE.c.asked == 0).values(asked=1)
    ids = list(tx.execute(first.returning(MESSAGE.c.id)).scalars())  # another worker may have asked, too
    silent = [MESSAGE.c.id.in_(ids), MESSAGE.c.state == State.SENT]
    for row in tx.execute(select(MESSAGE).where(*silent).order_by(MESSAGE.c.id)).all():
        journal.write(tx, "unconfirmed", about=f"message {row.id}", channel=row.channel, who=row.person_id)
        lapses.unconfirmed(tx, row)


def lost(tx: Tx, subject: str, why: dict[str, Any]) -> None:
    """A message did not arrive: its person is tried on another way."""
    row = tx.execute(select(MESSAGE).where(MESSAGE.c.id == int(subject))).first()
    if row is not None and why["never"] and row.channel == "sms":
        roster.is_dead(tx, row.address)
    if row is not None and why["opted_out"]:
        optouts.opted_out(tx, row.address, by_word=False)
    if row is not None:
        lapses.undelivered(tx, row, why["reason"])


def stopped(tx: Tx, provider: str, why: dict[str, Any]) -> None:
    """A provider does not accept us until a person mends our settings: everybody with `manage` hears it another way."""
    channel = why["channel"]
    facts = {"text": f"{_stopped(tx, provider, channel)}: {why['reason']}. Nothing is lost"}
    for person in roster.permitted(tx, "manage"):
        ways = [way for way in outbox.routes(tx, person) if way.channel != channel]
        way = next((way for way in ways if way.channel == "slack"), ways[0] if ways else None)
        if way:
            said = outbox.notice(tx, "told_you", subject=f"{STOPPED}:{provider}")
            outbox.enqueue(
                tx, said, [outbox.draft(tx, person, way, "told_you", facts, lane=outbox.Lane.ALERT, exercise=False)]
            )
    tell.command_post(tx, None, "told_you", facts)


def _stopped(tx: Tx, provider: str, channel: str) -> str:
    if provider != channel:
        return f"Fallback gateway {provider.rpartition('-')[2]} takes no texts"
    if channel == "sms" and tx.settings.sms_fallback_urls:
        return "Twilio takes no texts, they go by the fallback gateway"
    return f"{SAYS[channel]} cannot leave until this is mended"


def sweep(tx: Tx) -> int:
    """What time alone does to messages; what expired is journaled by notice, and tried on another way."""
    gone: list[Row[Any]] = outbox.sweep(tx, SWEPT)
    for row in gone:
        lapses.undelivered(tx, row, "expired")
    for notice_id in {row.notice_id for row in gone}:
        count = sum(row.notice_id == notice_id for row in gone)
        journal.write(tx, "expired", about=f"notice {notice_id}", messages=count)
        lapses.expired(tx, notice_id)
    return len(gone) + lapses.stand_in(tx)


def beat(tx: Tx) -> None:
    """The worker's sign of life."""
    row = tx.get(Health, outbox.BEAT) or Health(name=outbox.BEAT, state="ok", at=tx.now)
    row.at = tx.now
    tx.add(row)


def _failed(tx: Tx, message_id: int, code: str, reason: str, other_channel: bool, opted_out: bool,
            never: bool) -> None:  # fmt: skip
    """It is journaled; what follows from it reads and decides, so it waits for its turn."""
    row = tx.execute(select(MESSAGE.c.channel, MESSAGE.c.person_id).where(MESSAGE.c.id == message_id)).one()
    journal.write(
        tx, "failed", channel=row.channel, about=f"message {message_id}", who=row.person_id, code=code, reason=reason
    )
    if other_channel:
        timers.set_for(tx, LOST, str(message_id), tx.now, reason=reason, opted_out=opted_out, never=never)


def _report(tx: Tx, settlement: Settlement, tried: list[Outcome]) -> None:
    """What the provider's circuit learns from it; that a channel has stopped is told to whoever can mend it."""
    stop = next((outcome for outcome in tried if outcome.stop), None)
    bad = [outcome for outcome in tried if not outcome.answered]
    worst = stop or (bad[-1] if bad else None)
    runs = [len(list(run)) for answered, run in groupby(tried, key=lambda outcome: outcome.answered) if not answered]
    what = circuits.Found(answered=tried[-1].answered, stop=stop is not None, failures=max(runs, default=0),
                          reason=worst.reason if worst else "")  # fmt: skip
    _changed(tx, settlement.provider, settlement.channel, circuits.found(tx, settlement.provider, what), what.reason)


def probed(tx: Tx, provider: str, channel: str, what: circuits.Found) -> bool:
    """What a provider in trouble said to a harmless question; did that move its circuit?"""
    before = circuits.states(tx)[provider].circuit
    _changed(tx, provider, channel, circuits.probed(tx, provider, channel, what), what.reason)
    return bool(circuits.states(tx)[provider].circuit != before)


def _changed(tx: Tx, provider: str, channel: str, state: str, reason: str) -> None:
    if state == circuits.STOPPED:
        timers.set_for(tx, STOPPED, provider, tx.now, channel=channel, reason=reason)
    if state == circuits.OK and channel == "sms":
        lapses.stand_down(tx)
