"""PINs, by text or by keypad: whose it is, and what happens when it is wrong. No PIN is ever kept."""

import asyncio

from bot import access
from bot.access import Refused
from bot.command import lapses
from bot.db import Database, Tx


async def owner(db: Database, number: str, pin: str) -> str:
    """Who at this number the PIN belongs to, or ""; hashing is slow and stays out of the writer."""
    try:
        hashes = await db.read(access.pins_at, number)
    except Refused:
        return ""
    for person_id, hashed in hashes.items():
        if await asyncio.to_thread(access.matches, hashed, pin):
            return person_id
    return ""


def wrong(tx: Tx, number: str) -> str:
    """Count a wrong PIN; returns what to answer. The fifth locks the number."""
    if not access.wrong_pin(tx, number):
        return "That PIN is wrong. Nothing was done; try again."
    lapses.locked_out(tx, number)
    return "That PIN is wrong. This number is locked for 15 minutes."
