"""Who wants no texts: the carrier's own list, which only the person can change."""

from __future__ import annotations

from collections.abc import Iterator

STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
START = {"START", "YES", "UNSTOP"}
HELP = {"HELP", "INFO"}

SAYS_STOP = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe."
)
SAYS_START = (
    "You have successfully been re-subscribed to messages from this number. "
    "Reply HELP for help. Reply STOP to unsubscribe."
)
SAYS_HELP = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."


class OptOuts:
    """Pairs of a person and a sender, or the whole service that the sender belongs to."""

    def __init__(self) -> None:
        self.services: dict[str, list[str]] = {}
        self._pairs: set[tuple[str, str]] = set()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(sorted(self._pairs))

    def pool(self, sender: str) -> str:
        """The service of this number; the number itself when it is in none."""
        return next((sid for sid, numbers in self.services.items() if sender in numbers), sender)

    def has(self, number: str, sender: str) -> bool:
        """Whether this person wants nothing from this number or service."""
        return (number, self.pool(sender)) in self._pairs

    def heed(self, number: str, sender: str, body: str) -> str:
        """Acts on a text that is one reserved word; returns what the network answers ("" = nothing)."""
        word, pair = body.strip().upper(), (number, self.pool(sender))
        if word in STOP:
            self._pairs.add(pair)
            return SAYS_STOP
        if word in START and pair in self._pairs:
            self._pairs.discard(pair)
            return SAYS_START
        return SAYS_HELP if word in HELP else ""

    def forget(self) -> None:
        """Nobody has opted out."""
        self._pairs.clear()
