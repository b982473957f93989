"""How the delivery engine does: what waits, which provider carries, and what that means in words."""

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from bot import board, outages, outbox
from bot.db import Database, Tx
from bot.outbox import Health, Message, State
from bot.settings import Settings

WELL = ("ok", "closed")
SILENT = ("trouble", "open")
REFUSED = ("stopped", "open")
TRIED = ("trouble", "half_open")


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Twilio with two gateways behind it, and Slack; no number to call from."""
    return Settings.load(
        None, database_url=database_url, public_url="https://muster.example.org", timezone="Europe/Berlin",
        twilio_account_sid="AC1", twilio_auth_token="t", twilio_from="+12025550199",
        sms_fallback_urls="json://127.0.0.1:9/{to} json://127.0.0.1:10/{to}",
        slack_bot_token="xoxb-1", slack_signing_secret="s",
    )  # fmt: skip


def stands(tx: Tx, **providers: tuple[str, str]) -> dict[str, Any]:
    """The engine's figures while the providers stand so, each in trouble since ten past five in Berlin."""
    for name, (state, circuit) in providers.items():
        row = Health(name=name.replace("_", "-"), state=state, circuit=circuit, at=tx.now, opened_at=tx.now)
        row.reason = "Twilio does not know our account SID" if state == "stopped" else ""
        tx.add(row)
    tx.flush()
    return board.engine(tx)


def test_every_provider_that_is_set_up_is_named(tx: Tx) -> None:
    shown = stands(tx)
    assert shown["channels"] == {"sms": "ok", "slack": "ok"}
    assert shown["circuits"] == {"sms": "closed", "others-1": "closed", "others-2": "closed", "slack": "closed"}
    assert shown["says"] == []


#: how the providers stand → how the channels do, and what is said
TROUBLES = {
    "a gateway carries what Twilio does not": (
        {"sms": SILENT},
        {"sms": "trouble", "slack": "ok"},
        ["Texts: Twilio has not answered since 05:10, fallback gateway 1 carries them."],
    ),
    "they have not stopped while a gateway carries them": (
        {"sms": REFUSED},
        {"sms": "trouble", "slack": "ok"},
        ["Texts: Twilio has not accepted us since 05:10 (Twilio does not know our account SID), "
         "fallback gateway 1 carries them."],
    ),
    "none is left": (
        {"sms": REFUSED, "others_1": SILENT, "others_2": SILENT},
        {"sms": "stopped", "slack": "ok"},
        ["Texts: Twilio has not accepted us since 05:10 (Twilio does not know our account SID), "
         "fallback gateway 1 has not answered since 05:10, fallback gateway 2 has not answered since 05:10, "
         "so they wait."],
    ),
    "Twilio is given one message, to see": (
        {"sms": TRIED},
        {"sms": "trouble", "slack": "ok"},
        ["Texts: Twilio is being tried again, in trouble since 05:10, fallback gateway 1 carries them."],
    ),
    "a gateway that is not needed": (
        {"others_1": SILENT},
        {"sms": "ok", "slack": "ok"},
        ["Texts: fallback gateway 1 has not answered since 05:10, Twilio carries them."],
    ),
    "Slack has nobody behind it": (
        {"slack": SILENT},
        {"sms": "ok", "slack": "trouble"},
        ["Slack messages: Slack has not answered since 05:10, so they wait."],
    ),
    "a first failure": ({"sms": ("trouble", "closed")}, {"sms": "trouble", "slack": "ok"}, []),
    "all is well again": ({"sms": WELL, "slack": WELL}, {"sms": "ok", "slack": "ok"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("providers", "channels", "says"), TROUBLES.values(), ids=TROUBLES)
def test_trouble_is_told_in_words(tx: Tx, providers: dict[str, Any], channels: dict[str, str], says: list[str]) -> None:
    shown = stands(tx, **providers)
    assert shown["channels"] == channels
    assert shown["says"] == says
    assert {name.replace("-", "_") for name, circuit in shown["circuits"].items() if circuit != "closed"} == {
        name for name, (_, circuit) in providers.items() if circuit != "closed"
    }


def test_it_counts_what_is_under_way(tx: Tx) -> None:
    states = [State.QUEUED] * 3 + [State.DOUBTFUL] * 2 + [State.SENT, State.DELIVERED, State.EXPIRED]
    write(tx, states, outage="declared")
    asked = tx.get(Message, write(tx, [State.SENT], outage="declared"))
    assert asked
    asked.asked = 1
    tx.flush()
    shown = board.engine(tx)
    assert {name: shown[name] for name in ("queued", "doubtful", "unconfirmed", "expired", "oldest_due_s")} == {
        "queued": 3, "doubtful": 2, "unconfirmed": 1, "expired": 1, "oldest_due_s": 90.0,
    }  # fmt: skip


@pytest.mark.parametrize(("state", "counts"), [("declared", 1), ("restored", 1), ("closed", 0), ("voided", 0)])
def test_what_expired_counts_while_its_outage_runs(tx: Tx, state: str, counts: int) -> None:
    write(tx, [State.EXPIRED], outage=state)
    assert board.engine(tx)["expired"] == counts


def test_a_worker_that_never_beat_is_no_number(tx: Tx) -> None:
    assert board.last_beat_s(tx) is None
    tx.add(Health(name=outbox.BEAT, state="ok", at=tx.now - timedelta(seconds=4.26)))
    assert board.last_beat_s(tx) == board.engine(tx)["last_beat_s"] == 4.3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_message_is_read_that_is_not_counted(db: Database) -> None:
    """SQLite takes an index of some rows only if the question is put in the index's own words."""
    asked: list[tuple[str, Any]] = []
    event.listen(db.reader, "before_cursor_execute", lambda *seen: asked.append((seen[2], seen[3])))
    db.read_now(board.engine)
    for statement, given in [each for each in asked if "FROM message" in each[0]]:
        plan = db.read_now(explain, statement, given)
        assert not [step for step in plan if re.fullmatch(r"SCAN message", step)], (statement, plan)


def explain(tx: Tx, statement: str, given: Any) -> list[str]:
    raw = tx.connection().connection.dbapi_connection
    assert raw
    cursor = raw.cursor()
    cursor.execute(f"explain query plan {statement}", given)
    return [row[3] for row in cursor.fetchall()]


def write(tx: Tx, states: list[State], outage: str) -> int:
    """Messages of one notice that were due a minute and a half ago; returns the last one's id."""
    given: dict[str, Any] = {"level": 2, "sites": [], "by": "eve", "commander": "", "summary": "", "exercise": False}
    begun = outages.begin(tx, **given)
    begun.state = outage
    said = outbox.notice(tx, "alert", outage_id=begun.id)
    due = tx.now - timedelta(seconds=90)
    rows = [
        Message(notice_id=said.id, person_id=f"p{n}", kind="alert", channel="sms", address=f"+1202555{n:04}", lane=1,
                body="", created_at=due, due_at=due, state=state)
        for n, state in enumerate(states)
    ]  # fmt: skip
    tx.add_all(rows)
    tx.flush()
    return rows[-1].id or 0
