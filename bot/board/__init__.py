"""The one read model, for the web page, the Slack summary and `status`. It writes nothing."""

from bot.board.details import detail, unreached
from bot.board.health import engine, last_beat_s
from bot.board.outage import flat, line, one, open_outages, status, task_counts, units
from bot.board.people import checkin, reach

__all__ = [
    "checkin",
    "detail",
    "engine",
    "flat",
    "last_beat_s",
    "line",
    "one",
    "open_outages",
    "reach",
    "status",
    "task_counts",
    "units",
    "unreached",
]
