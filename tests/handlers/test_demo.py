"""The demo around the page: what the phones offer, whose they are, and that nobody's shell bends it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import demo, roster
from bot.access import Refused
from handlers.demo import PAGE, offers

NIGHT, DAY = datetime(2026, 11, 22, 4, 10, tzinfo=UTC), datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

TEXTS = {
    "a question": (
        "MERCY 5W: EHR DOWN. Answer for 5W: 1=OK 2=need staff 9=PATIENT RISK. No answer by 04:15: we call",
        [("1", "OK"), ("2", "need staff"), ("9", "PATIENT RISK")],
    ),
    "an alert that ends in a clause": (
        "MERCY: EHR DOWN. Reply 1=read 9=PATIENT RISK, or call 5555. Next 04:40",
        [("1", "read"), ("9", "PATIENT RISK")],
    ),
    "a task": (
        "MERCY T7 by 04:25: post lists. Text 1 T7=I have it, 2 T7=cannot",
        [("1 T7", "I have it"), ("2 T7", "cannot")],
    ),
    "several tasks": (
        "Text 1 T7 T8=I have them; 2 and code=cannot",
        [("1 T7 T8", "I have them"), ("2 T7", "cannot"), ("2 T8", "cannot")],
    ),
    "a list": ("Text DONE T7 or NEED T7", [("DONE T7", ""), ("NEED T7", "")]),
    "a digest": ("NO ANSWER 3W. Send someone, then text TOLD 3W.", [("TOLD 3W", "")]),
    "nothing": ("MERCY: T7 done at 04:20, level 3, call 5555", []),
}
CALLS = {
    "a check": (
        "EHR is down. Press 1 if your unit is OK, 2 if you need staff, 9 for patient risk.",
        [("1", "your unit is OK"), ("2", "you need staff"), ("9", "patient risk")],
    ),
    "a task": ("Press 1 to take it, 2 if you cannot.", [("1", "take it"), ("2", "you cannot")]),
    "a good-bye": ("Thank you. Goodbye.", []),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_what_a_text_offers(text, expected):
    assert offers.replies(text) == expected


@pytest.mark.parametrize(("heard", "expected"), CALLS.values(), ids=CALLS)
def test_what_a_call_offers(heard, expected):
    assert offers.keys(heard) == expected


def test_a_busy_port_means_the_next_free_one():
    with demo.listen(0) as busy:
        taken = busy.getsockname()[1]
        with demo.listen(taken) as other:
            assert taken < other.getsockname()[1] < taken + demo.PORTS


def test_no_free_port_is_a_plain_sentence(monkeypatch):
    monkeypatch.setattr(demo, "PORTS", 1)
    with demo.listen(0) as busy, pytest.raises(Refused, match="is free"):
        demo.listen(busy.getsockname()[1])


def test_the_environment_does_not_matter(monkeypatch, tmp_path):
    for name in ("ORG_SHORT", "HEARTBEAT_URL", "SLACK_APP_TOKEN", "PORT", "SPOOL_DIR", "TWILIO_AUTH_TOKEN_FILE"):
        monkeypatch.setenv(name, "nonsense")
    made = demo.settings("http://127.0.0.1:8000", f"sqlite:///{tmp_path}/muster.db", "http://127.0.0.1:9000")
    assert (made.org_short, made.heartbeat_url, made.slack_app_token) == ("MERCY", "", "")
    assert Path(made.spool_dir).parent == tmp_path
    assert made.sms_ready and made.voice_ready and made.slack_ready


@pytest.mark.parametrize(
    ("hour", "names"),
    [(NIGHT, ["Anouk Arbor", "Nia Wick", "Ben Ode"]), (DAY, ["Ada Acorn", "Rosa Thorn", "Alma Quill"])],
    ids=["night", "day"],
)
def test_the_visitor_holds_the_phones_of_whoever_is_on_shift(tx, hour, names):
    tx.now = hour
    roster.load_sample(tx)
    assert [held.name for held in demo.held(tx)] == names


def test_the_page_names_the_pin_that_is_set():
    assert demo.PIN in (PAGE / "demo.html").read_text(encoding="utf-8")
