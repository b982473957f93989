"""A hospital with both providers set up, and its door."""

from pathlib import Path

import pytest

from bot.db import Database
from bot.settings import Settings
from tests.handlers.door import Door
from tests.people import hire

ALMA, BEN, EVE, STRANGER = "+12025550111", "+12025550113", "+12025550116", "+12025550177"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.load(
        None,
        database_url=database_url,
        public_url="https://muster.example.org",
        org_name="Mercy Hospital",
        org_short="MERCY",
        callback_number="5555",
        twilio_account_sid="AC1",
        twilio_auth_token="new-token",
        twilio_auth_token_old="old-token",
        twilio_from="+12025550199",
        twilio_voice_from="+12025550199",
        slack_bot_token="xoxb-1",
        slack_signing_secret="new-secret",
        slack_signing_secret_old="old-secret",
        spool_dir=str(tmp_path / "spool"),
    )


@pytest.fixture
def door(db: Database) -> Door:
    db.run(hire)
    return Door(db)
