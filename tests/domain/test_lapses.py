"""What is still said of an outage after things have changed: nothing that is no longer so."""

import pytest
from sqlmodel import select

from bot import outbox
from bot.access import Refused
from bot.command import end, lapses, levels, opening, words
from bot.db import Tx
from bot.roster import Person
from tests.domain.test_course import declare, eve, passes  # noqa: F401
from tests.domain.test_escalations_who import texts


def text_of(tx: Tx, who: str) -> outbox.Message:
    return tx.exec(select(outbox.Message).where(outbox.Message.person_id == who)).one()


def test_nobody_is_called_about_a_downtime_that_is_over(tx: Tx, eve: Person) -> None:  # noqa: F811
    outage = declare(tx, eve)
    late, early = text_of(tx, "abe"), text_of(tx, "alma")
    lapses.undelivered(tx, early, "30003")
    assert len(texts(tx, "alma", "voice")) == 1
    passes(tx, seconds=30)
    end.restore(tx, eve, outage.code, [], "", "cli")
    lapses.undelivered(tx, late, "30003")
    assert not texts(tx, "abe", "voice")
    with pytest.raises(Refused, match="no longer true"):
        lapses.send_again(tx, eve, outage.code, outage.notice_id or 0, "cli")


def test_no_new_word_after_the_return_calls_nothing_down(tx: Tx, eve: Person) -> None:  # noqa: F811
    outage = declare(tx, eve)
    end.restore(tx, eve, outage.code, [], "", "cli")
    passes(tx, minutes=31)
    assert "no new word. EHR is back: re-enter only when your charge nurse says so" in texts(tx, "alma")[-1]
    assert any("no new word, it is back" in text for text in texts(tx, "eve"))


def test_who_comes_in_later_reads_what_is_down_by_then(tx: Tx, eve: Person) -> None:  # noqa: F811
    outage = declare(tx, eve, "ehr", "email_documents", level=1)
    assert "x" in texts(tx, "cho")[0]
    end.restore(tx, eve, outage.code, ["email_documents"], "", "cli")
    passes(tx, seconds=30)
    opening.declare(tx, eve, words.Request(services=["telephony_paging"], text="phones", level=None), "cli")
    joined = opening.declare(tx, eve, words.Request(services=["ehr"], text=""), "cli")
    assert joined.services == ["ehr", "telephony_paging"]
    levels.raise_level(tx, eve, outage.code, 2, "cli")
    (first, *_) = texts(tx, "alma")
    assert "EHR and phones DOWN" in first, first
