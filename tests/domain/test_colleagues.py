"""Names of colleagues in a text are no patients; whoever shares only a surname with one may be a patient."""

import pytest

from bot.command import answers, colleagues
from bot.db import Tx
from tests.domain.test_escalations_who import by_id
from tests.people import hire


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("Abe Loom in 412 has no key", True), ("room 4: dana reed asks", True), ("Abe in 412 asks who has keys", True),
        ("need 2nd nurse rm 4 - Alma", True), ("Alma says rm 4 is dark", True),
        ("Loom in 412 has no armband", False), ("Reed in 412 fell", False), ("Dana in 412 asks", False),
        ("Abe in 412 asks for water", False), ("Abe in bed 4 bleeds", False), ("Abe Loom rm 4: Jones fell", False),
        ("pt Abe Loom in 412 fell", False), ("Abe Loom in 412 DOB 3/4/50", False),
    ],
)  # fmt: skip
def test_a_colleague_passes_and_a_namesake_does_not(tx: Tx, text: str, passes: bool) -> None:
    hire(tx)
    assert (colleagues.patient_data(tx, by_id(tx, "alma"), text) is None) == passes


def test_the_digit_acts_whatever_is_held_back(tx: Tx) -> None:
    hire(tx)
    echo = answers.answer(tx, [by_id(tx, "alma")], "2", "Reed in 412 fell", "sms")
    assert echo == ("echo_help", {"need": "help", "who": "Ben Ode"})
