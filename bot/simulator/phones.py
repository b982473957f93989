"""Phones: what arrived on them, and what their owners do with it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.simulator.call import Call
    from bot.simulator.webhooks import Answer

NUMBER = re.compile(r"\+[1-9]\d{6,14}")  # E.164

#: What becomes of a call to a phone.
VOICES = {
    "by_hand": "rings until somebody presses a key, picks up or hangs up, or the caller gives up",
    "answers": "picked up after `ring_seconds`; presses `keys`",
    "ignores": "rings until the caller gives up",
    "busy": "is busy",
    "machine": "an answering machine picks up and presses nothing",
}
MOST_PHONES = 50_000


@dataclass(kw_only=True)
class Text:
    """A text on a phone. `mine` was written by its owner; `network` came from the carrier, not from the app."""

    body: str
    at: datetime
    sid: str = ""
    sender: str = ""
    mine: bool = False
    network: bool = False
    seen: bool = False


class Line(Protocol):
    """What a phone needs of its carrier."""

    async def text_in(self, phone: Phone, body: str, to: str = "") -> Answer | None: ...
    async def call_in(self, phone: Phone, to: str = "") -> Call: ...
    async def pick_up(self, call: Call) -> None: ...
    async def press(self, call: Call, digits: str) -> None: ...
    async def hang_up(self, call: Call) -> None: ...


@dataclass(eq=False)
class Phone:
    """One phone. `keys` are what it presses when asked, in turn, in each call; or a function of what was just heard.

    `on_text` is called with every text that arrives: simulated staff live there.
    """

    number: str
    line: Line = field(repr=False)
    voice: str = "by_hand"
    keys: tuple[str, ...] | Callable[[str], str] = ()
    ring_seconds: float = 0.0
    on_text: Callable[[Text], None] | None = field(default=None, repr=False)
    thread: deque[Text] = field(default_factory=lambda: deque(maxlen=500), repr=False)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=200), repr=False)

    @property
    def inbox(self) -> list[Text]:
        """The texts that the app sent, oldest first."""
        return [text for text in self.thread if not text.mine and not text.network]

    @property
    def call_now(self) -> Call | None:
        """The call that rings or is talked on."""
        return next((call for call in reversed(self.calls) if call.status in ("ringing", "in-progress")), None)

    def set_voice(self, voice: str, *keys: str, ring_seconds: float = 0.0) -> Phone:
        """What becomes of calls from now on. Raises ValueError for a word that is not in VOICES."""
        if voice not in VOICES:
            raise ValueError(f"{voice!r} is none of {', '.join(VOICES)}")
        self.voice, self.keys, self.ring_seconds = voice, keys, ring_seconds
        return self

    def receive(self, text: Text) -> None:
        """A text arrives."""
        self.thread.append(text)
        if self.on_text is not None and not text.network:
            self.on_text(text)

    async def text(self, body: str, to: str = "") -> Answer | None:
        """Texts the app; a reply in its answer arrives here. None when nobody answered."""
        return await self.line.text_in(self, body, to)

    async def call(self, *keys: str, to: str = "") -> Call:
        """Rings the app and presses these keys in turn when asked."""
        call = await self.line.call_in(self, to)
        for digits in keys:
            await self.line.press(call, digits)
        return call

    async def pick_up(self) -> Call:
        """Answers the call that rings. Raises LookupError when none does."""
        call = self._call()
        await self.line.pick_up(call)
        return call

    async def press(self, digits: str) -> Call:
        """Presses keys in the call that rings (it is picked up first) or runs. Raises LookupError."""
        call = self._call()
        await self.line.pick_up(call)
        await self.line.press(call, digits)
        return call

    async def hang_up(self) -> Call:
        """Ends or declines the call. Raises LookupError when there is none."""
        call = self._call()
        await self.line.hang_up(call)
        return call

    def _call(self) -> Call:
        if self.call_now is None:
            raise LookupError(f"No call on {self.number} rings or is talked on")
        return self.call_now


class Phones:
    """Every phone there is; one comes into being when it is first asked for."""

    def __init__(self) -> None:
        self.line: Line | None = None  # the carrier knows its phones, and is built after them
        self._phones: dict[str, Phone] = {}

    def __getitem__(self, number: str) -> Phone:
        """The phone with this number. Raises ValueError when it is no E.164 number, or there are too many phones."""
        if number not in self._phones:
            self._phones[number] = self._new(number)
        return self._phones[number]

    def __iter__(self) -> Iterator[Phone]:
        return iter(list(self._phones.values()))

    def forget(self) -> None:
        """Empties all phones; they stay, and so does what their owners do."""
        for phone in self:
            phone.thread.clear()
            phone.calls.clear()

    def _new(self, number: str) -> Phone:
        if not NUMBER.fullmatch(number):
            raise ValueError(f"{number!r} is no phone number, for example +12025550123")
        if self.line is None or len(self._phones) >= MOST_PHONES:
            raise ValueError(f"There are {len(self._phones)} phones already")
        return Phone(number, self.line)
