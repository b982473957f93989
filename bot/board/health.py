"""How the delivery engine does, for people and for programs."""

from typing import Any

from sqlalchemy import Row, bindparam, func, literal, select

from bot import outages, outbox, tasks
from bot.command.delivery import SAYS
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import CircuitState, Message, Notice, State, circuits
from bot.outbox.rows import UNDER_WAY
from bot.settings import Settings

NAMES = {"sms": "Twilio", "voice": "Twilio", "slack": "Slack"}
HOW = {
    (circuits.TROUBLE, CircuitState.OPEN): "has not answered since",
    (circuits.STOPPED, CircuitState.OPEN): "has not accepted us since",
}
TRIED_AGAIN = "is being tried again, in trouble since"

MESSAGE = Message.__table__  # type: ignore[attr-defined]
NOTICE = Notice.__table__  # type: ignore[attr-defined]
OUTAGE = Outage.__table__  # type: ignore[attr-defined]
Health = dict[str, Row[Any]]
# What has `literal_execute` stands in the statement as the index has it, or SQLite reads every message there ever was.


def engine(tx: Tx) -> dict[str, Any]:
    """The engine's part of the status; `says` holds a sentence for each channel with a provider in trouble."""
    waiting = select(func.count(), func.min(MESSAGE.c.due_at)).where(MESSAGE.c.state == State.QUEUED)
    queued, oldest = tx.execute(waiting).one()
    health, ways = circuits.states(tx), providers(tx.settings)
    return {
        "queued": queued,
        "doubtful": _doubtful(tx),
        "expired": _expired(tx),
        "unconfirmed": _unconfirmed(tx),
        "oldest_due_s": round(max(0.0, (tx.now - oldest).total_seconds()), 1) if oldest else 0.0,
        "last_beat_s": last_beat_s(tx),
        "channels": {channel: _state(health, some) for channel, some in ways.items()},
        "circuits": {name: _circuit(health, name) for some in ways.values() for name in some},
        "says": [sentence for way in ways.items() if (sentence := _sentence(tx, health, *way))],
    }


def last_beat_s(tx: Tx) -> float | None:
    """Seconds since a worker last beat; None if none ever did."""
    beat = tx.get(outbox.Health, outbox.BEAT)
    return round((tx.now - beat.at).total_seconds(), 1) if beat else None


def providers(settings: Settings) -> dict[str, list[str]]:
    """Every channel that is set up, with its providers in the order in which they are tried."""
    ready = {"sms": settings.sms_ready, "voice": settings.voice_ready, "slack": settings.slack_ready}
    ways = {name: [name] for name, is_ready in ready.items() if is_ready}
    if "sms" in ways:
        ways["sms"] += [f"others-{place}" for place, _ in enumerate(settings.sms_fallback_urls, 1)]
    return ways


def _doubtful(tx: Tx) -> int:
    under_way = MESSAGE.c.state.in_(bindparam("under_way", UNDER_WAY, expanding=True, literal_execute=True))
    return tx.execute(select(func.count()).where(under_way, MESSAGE.c.state == State.DOUBTFUL)).scalar_one()


def _expired(tx: Tx) -> int:
    """Messages of running outages that waited longer than they were worth."""
    running = select(NOTICE.c.id).join(OUTAGE, OUTAGE.c.id == NOTICE.c.outage_id)
    running = running.where(OUTAGE.c.state.in_(outages.RUNNING))
    gone = [MESSAGE.c.state == State.EXPIRED, MESSAGE.c.notice_id.in_(running)]
    return tx.execute(select(func.count()).where(*gone)).scalar_one()


def _unconfirmed(tx: Tx) -> int:
    """Messages that a provider took, of which nothing more was heard, and about which it was not asked yet."""
    sent, never = literal(str(State.SENT), literal_execute=True), literal(0, literal_execute=True)
    return tx.execute(select(func.count()).where(MESSAGE.c.state == sent, MESSAGE.c.asked == never)).scalar_one()


def _circuit(health: Health, name: str) -> str:
    return str(health[name].circuit if name in health else CircuitState.CLOSED)


def _carrier(health: Health, ways: list[str]) -> str:
    """The provider that is given what is due; empty when there is none."""
    return next((name for name in ways if _circuit(health, name) == CircuitState.CLOSED), "")


def _state(health: Health, ways: list[str]) -> str:
    """A channel is as its first provider is; it has not stopped while another one carries it."""
    state = str(health[ways[0]].state) if ways[0] in health else circuits.OK
    return circuits.TROUBLE if state == circuits.STOPPED and _carrier(health, ways) else state


def _sentence(tx: Tx, health: Health, channel: str, ways: list[str]) -> str:
    """`Texts: Twilio has not answered since 04:12, fallback gateway 1 carries them.` Empty when all is well."""
    broken = [health[name] for name in ways if _circuit(health, name) != CircuitState.CLOSED]
    carrier = _carrier(health, ways)
    then = f"{_called(carrier)} carries them" if carrier else "so they wait"
    found = [_trouble(tx, row) for row in broken]
    return f"{SAYS[channel]}: {', '.join([*found, then])}." if found else ""


def _trouble(tx: Tx, row: Row[Any]) -> str:
    why = f" ({row.reason})" if row.state == circuits.STOPPED and row.reason else ""
    how = HOW.get((row.state, row.circuit), TRIED_AGAIN)
    return f"{_called(row.name)} {how} {tasks.at(tx, row.opened_at)}{why}"


def _called(provider: str) -> str:
    return NAMES.get(provider) or provider.replace("others-", "fallback gateway ")
