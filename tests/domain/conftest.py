"""What many domain tests begin with: the cast, at an hour or in an outage."""

from datetime import UTC, datetime

import pytest

from bot import outages, playbooks
from bot.db import Tx
from bot.outages import Outage
from tests.people import hire

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon(tx: Tx) -> Tx:
    """Midday on a hospital with its cast."""
    tx.now = NOON
    hire(tx)
    tx.flush()
    return tx


@pytest.fixture
def outage(tx: Tx) -> Outage:
    """A level-2 outage in a hospital with its cast; nobody has been told."""
    hire(tx)
    made = outages.begin(tx, level=2, sites=["MAIN"], by="eve", commander="eve", summary="Epic is down", exercise=False)
    made.ladders = playbooks.ladders(playbooks.current(tx))
    tx.flush()
    return made
