"""A call: the resource, and what was said and pressed in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.simulator import twiml
from bot.simulator.agenda import Entry
from bot.simulator.messages import rfc2822

ENDED = ("completed", "busy", "no-answer", "failed", "canceled")


@dataclass(kw_only=True, eq=False)
class Call:
    """A call resource, and what was said and pressed in it."""

    sid: str
    to: str
    sender: str
    direction: str
    url: str
    created: datetime
    status: str = "queued"
    callback: str = ""
    events: tuple[str, ...] = ("completed",)
    timeout: float = 60.0  # seconds of ringing
    detect_machine: bool = False
    answered_by: str | None = None
    dialed: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    heard: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    seen: bool = False
    sequence: int = 0
    documents: int = 0
    keys: str = ""  # pressed, not yet taken
    hand: Callable[[str], str] = lambda heard: ""  # what the owner of the phone presses after hearing this
    verbs: list[twiml.Verb] = field(default_factory=list)
    gather: twiml.Gather | None = None
    waits: list[Entry] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Everything that was heard, in one string."""
        return " ".join(self.heard)

    @property
    def left(self) -> datetime | None:
        """When it was dialed; None while it waits for that."""
        return self.dialed or self.started

    @property
    def duration(self) -> int:
        """Seconds of talk."""
        return round((self.ended - self.started).total_seconds()) if self.started and self.ended else 0

    def stop_waiting(self) -> None:
        """Nothing planned for this call happens any more."""
        for entry in self.waits:
            entry.cancelled = True
        self.waits.clear()

    def form(self, account: str) -> dict[str, str]:
        """The fields of every request about it; empty ones are real and are signed."""
        form = {
            "CallSid": self.sid, "AccountSid": account, "From": self.sender, "To": self.to, "Caller": self.sender,
            "Called": self.to, "Direction": self.direction, "ApiVersion": "2010-04-01", "CallStatus": self.status,
            "FromCity": "", "FromState": "", "FromZip": "", "FromCountry": "US", "ToCity": "", "ToState": "",
            "ToZip": "", "ToCountry": "US", "CallerCity": "", "CallerState": "", "CallerZip": "", "CallerCountry": "US",
        }  # fmt: skip
        return form | ({"AnsweredBy": self.answered_by} if self.answered_by else {})

    def as_json(self, account: str) -> dict[str, object]:
        """The resource exactly as Twilio shows it."""
        base = f"/2010-04-01/Accounts/{account}/Calls/{self.sid}"
        parts = ("events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions")
        return {
            "account_sid": account, "annotation": None, "answered_by": self.answered_by, "api_version": "2010-04-01",
            "caller_name": None, "date_created": rfc2822(self.created),
            "date_updated": rfc2822(self.ended or self.created), "direction": self.direction,
            "duration": str(self.duration) if self.ended else None, "end_time": rfc2822(self.ended),
            "forwarded_from": None, "from": self.sender, "from_formatted": self.sender, "group_sid": None,
            "parent_call_sid": None, "phone_number_sid": None, "price": None, "price_unit": "USD", "queue_time": "0",
            "sid": self.sid, "start_time": rfc2822(self.left), "status": self.status,
            "subresource_uris": {part: f"{base}/{part.title()}.json" for part in parts}, "to": self.to,
            "to_formatted": self.to, "trunk_sid": None, "uri": f"{base}.json",
        }  # fmt: skip
