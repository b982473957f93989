"""A level that was too high is lowered by a person."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot import outbox, timers
from bot.access import Refused
from bot.command import levels
from bot.db import Tx
from bot.outages import Outage
from tests.domain.test_escalations_who import by_id, journaled, texts

QUESTION = {"to": 3, "from": 2, "after": 1800, "services": 0, "ask": "incident_commander", "acts_after": 600}


def test_whoever_was_told_hears_once_that_it_is_less_and_nobody_is_asked_for_an_hour(tx: Tx, outage: Outage) -> None:
    eve = by_id(tx, "eve")
    levels.raise_level(tx, eve, outage.code, 3, "cli")
    outage.levels = [QUESTION]
    outage.notice_id = tx.exec(select(outbox.Notice.id).where(outbox.Notice.kind == "alert")).one()
    before = len(texts(tx, "alma"))
    answer = levels.lower_level(tx, eve, outage.code, 2, "cli")
    assert outage.level == 2 and "is at level 2" in answer and journaled(tx, "lowered")
    assert len(texts(tx, "alma")) == before + 1 and "outage now LEVEL 2, not 3. " in texts(tx, "alma")[-1]
    assert timers.due_at(tx, levels.ASK, f"{outage.id}:0") == tx.now + timedelta(hours=1)


@pytest.mark.parametrize("level", [0, 2, 3, -1])
def test_it_is_lowered_to_a_lower_one_alone(tx: Tx, outage: Outage, level: int) -> None:
    with pytest.raises(Refused, match="at least 1"):
        levels.lower_level(tx, by_id(tx, "eve"), outage.code, level, "cli")
    assert outage.level == 2
