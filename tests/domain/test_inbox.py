"""What comes in counts once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.db import Database, Tx
from bot.inbox import accept


class Odd(Exception):
    """Raised by a verb of these tests."""


def test_it_is_accepted_once(tx: Tx) -> None:
    assert accept(tx, "sms", "SM1")
    assert not accept(tx, "sms", "SM1")


def test_another_source_may_use_the_same_id(tx: Tx) -> None:
    assert accept(tx, "sms", "1")
    assert accept(tx, "slack", "1")


def test_what_failed_may_come_again(db: Database) -> None:
    """Nothing was done, so the sender's next try counts."""

    def fails(tx: Tx) -> None:
        accept(tx, "sms", "SM1")
        raise Odd

    with pytest.raises(Odd):
        db.run(fails)
    assert db.run(accept, "sms", "SM1")


def test_of_many_at_once_one_is_accepted(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda _: db.run(accept, "sms", "SM1"), range(16)))
    assert accepted.count(True) == 1
