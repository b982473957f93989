"""What is still said of an outage after things have changed: nothing that is no longer so."""

import pytest
from sqlmodel import select

from bot import outbox, tasks
from bot.access import Refused
from bot.command import answers, digest, end, errands, lapses, levels, opening, words
from bot.db import Tx
from bot.roster import Person
from tests.domain.test_course import declare, eve, passes  # noqa: F401
from tests.domain.test_escalations_who import by_id, texts


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
    said = "no new word. EHR is back: re-enter only when your charge nurse says so"
    assert any(said in text for text in texts(tx, "alma"))
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
    assert "EHR and phones DOWN" in text_of(tx, "alma").body


def test_help_that_is_asked_for_after_the_end_is_asked_of_somebody(tx: Tx, eve: Person) -> None:  # noqa: F811
    outage = declare(tx, eve)
    end.close(tx, eve, outage.code, "all are well", "cli")
    echo = answers.answer(tx, [by_id(tx, "alma")], "2", "it IS down for me", "sms")
    assert echo == ("echo_help", {"need": "help", "who": "Ben Ode"})
    assert any("5W" in text and "it IS down for me" in text for text in texts(tx, "ben"))
    (helped,) = [task for task in tasks.mine(tx, by_id(tx, "ben")) if task.kind == tasks.Kind.HELP]
    assert helped.outage_id is None
    errands.act(tx, by_id(tx, "ben"), "have", helped.code, "", "sms")
    assert helped.owner == "ben" and helped.state == tasks.TaskState.ACCEPTED


def test_help_is_asked_of_somebody_though_nothing_was_ever_down(tx: Tx, eve: Person) -> None:  # noqa: F811
    ben, alma = by_id(tx, "ben"), by_id(tx, "alma")
    assert answers.answer(tx, [alma], "2", "", "sms") == ("echo_help", {"need": "help", "who": ben.name})
    assert answers.answer(tx, [alma], "3", "", "sms") == ("echo_help", {"need": "forms", "who": ben.name})


def test_nobody_is_promised_what_nobody_does(tx: Tx, eve: Person) -> None:  # noqa: F811
    alma, request = by_id(tx, "alma"), words.Request(services=["ehr"], text="x", level=3, exercise=True)
    assert "nothing was done" in str(answers.answer(tx, [alma], "4", "", "slack"))
    assert "nobody reads this number now" in str(answers.stray(tx, alma, "hello", "sms", "+13125550101"))
    drill = opening.declare(tx, eve, request, "cli").code
    end.close(tx, eve, drill, "over", "cli")
    for digit in "23":
        kind, facts = answers.answer(tx, [alma], digit, "", "sms") or ("", {})
        assert kind == "echo" and facts["text"].endswith(answers.AFTER_EXERCISE)
        assert answers.AFTER_EXERCISE in tx.render.sms(kind, **facts)


def test_a_digest_after_the_return_counts_no_answers(tx: Tx, eve: Person) -> None:  # noqa: F811
    outage = declare(tx, eve)
    assert "Patient risk: 0" in tx.render.sms("digest", "en", **digest.facts(tx, outage, []))
    end.restore(tx, eve, outage.code, [], "", "cli")
    said = tx.render.sms("digest", "en", **digest.facts(tx, outage, []))
    assert "OK 0" not in said and "Patient risk" not in said
