"""A simulated run of a drill: a made-up hospital, its people, and what an inject does to the providers."""

from bot.drills.hospital import COMMAND_CHANNEL, DECLARER, MOST, House, hire, populate
from bot.drills.playing import Play, Running

__all__ = ["COMMAND_CHANNEL", "DECLARER", "MOST", "House", "Play", "Running", "hire", "populate"]
