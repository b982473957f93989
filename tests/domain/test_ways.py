"""How a person is reached is written twice, in Python for one and in SQL for many: both must say the same."""

from datetime import timedelta
from itertools import product

import pytest
from sqlmodel import select

from bot import outbox
from bot.db import Tx
from bot.outbox import audiences
from bot.roster import Person

MOBILES = [("", "", None), ("+12025550101", "", None), ("+12025550101", "+12025550101", 1), ("+12025550101", "x", 1),
           ("+12025550101", "+12025550101", 48)]  # fmt: skip


@pytest.mark.parametrize("voice_after_stop", [True, False])
def test_one_person_and_many_are_reached_alike(tx: Tx, voice_after_stop: bool) -> None:
    tx.settings = tx.settings.model_copy(update={"voice_after_stop": voice_after_stop})
    kinds = product(MOBILES, ["", "+12025550102"], ["", "+12025550103"], ["", "U1"], *[[False, True]] * 3)
    for number, ((mobile, dead, hours), mobile2, landline, slack, no_sms, no_voice, stopped) in enumerate(kinds):
        tx.add(Person(id=f"p{number}", name="Made Up", mobile=mobile, mobile2=mobile2, landline=landline,
                      slack_id=slack and f"{slack}{number}", no_sms=no_sms, no_voice=no_voice, dead_mobile=dead,
                      dead_at=tx.now - timedelta(hours=hours) if hours else None,
                      opted_out_at=tx.now if stopped else None))  # fmt: skip
    tx.flush()
    columns = (Person.id, audiences.channel(tx), audiences.address(tx), audiences.reason())
    many = {id: (channel, address, why if channel == "none" else "") for id, channel, address, why
            in tx.execute(select(*columns))}  # fmt: skip
    alone = {person.id: outbox.best(tx, person) for person in tx.exec(select(Person))}
    assert len(many) == 320
    assert many == {id: (way.channel, way.address, way.reason) for id, way in alone.items()}
