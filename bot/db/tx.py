"""What a verb is given: a session that knows the time, the settings and the words."""

from datetime import datetime

from sqlmodel import Session

from bot.render import Render
from bot.settings import Settings


class Tx(Session):
    """A session that knows the time, taken once for the whole transaction, the settings and the words."""

    now: datetime
    settings: Settings
    render: Render

    def wakes(self) -> None:
        """Tell the dispatcher, once this is committed, that something is due."""
        self.info["wakes"] = True
