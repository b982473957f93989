"""What can go wrong at a provider, as data: a test or a drill says what, to whom, how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field

from aiohttp import web

#: The request is answered badly and was not taken.
BEFORE = {
    "refuse": "a definite no: Twilio's `code` (HTTP 400) or Slack's error word",
    "throttle": "429, with Retry-After `seconds` from Slack",
    "outage": "a 5xx page (`code`, else 503)",
    "hangup_before_accept": "the connection is dropped",
}
#: The request WAS taken, and the caller cannot know.
AFTER = {
    "hangup_after_accept": "the connection is dropped",
    "error_after_accept": "a 5xx page (`code`, else 503)",
    "unreadable": "the right status with a body that is not JSON",
}
#: The request goes well, only later or in a nasty order.
TIMING = {
    "slow": "answered after `seconds` of real time",
    "receipts_first": "the receipts of a text come before the answer to its POST",
}
#: What the carrier says later about a text or call that was taken.
DELIVERY = {
    "undelivered": "sent, then undelivered with `code`",
    "failed": "failed with `code`, never sent",
    "stuck": "stays queued for ever",
}
#: What becomes of a text's receipts.
RECEIPTS = {
    "receipts_late": "each `seconds` later",
    "receipts_repeated": "each twice",
    "receipts_out_of_order": "the last one first",
    "receipts_withheld": "none comes",
}
REST = {**BEFORE, **AFTER, **TIMING}
KINDS = {**REST, **DELIVERY, **RECEIPTS}

MOST = 1_000  # faults at once


@dataclass
class Fault:
    """One thing that goes wrong.

    `to` is a number or channel ("" = any); `on` is what it strikes: "sms", "call", "list", "fetch", or a Slack method
    ("" = any); `times` how often (0 = until removed); `share` the part of the matching requests that it strikes.
    Raises ValueError for a kind that does not exist.
    """

    kind: str
    to: str = ""
    on: str = ""
    times: int = 0
    code: int | str = 0
    seconds: float = 0.0
    share: float = 1.0
    struck: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"No fault of the kind {self.kind!r}; there are {', '.join(KINDS)}")

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it should."""
        return 0 < self.times <= self.struck

    def as_dict(self) -> dict[str, object]:
        """For the state page."""
        return asdict(self)


class Faults:
    """The faults that are on now."""

    def __init__(self, seed: int = 0) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, fault: Fault) -> Fault:
        """Switches a fault on. Raises ValueError when there are too many."""
        self._faults = [known for known in self._faults if not known.spent]
        if len(self._faults) >= MOST:
            raise ValueError(f"There are {MOST} faults on already")
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Switches it off; off already is fine."""
        self._faults = [known for known in self._faults if known is not fault]

    def clear(self) -> None:
        """All is well again."""
        self._faults.clear()

    def strike(self, kinds: Collection[str], on: str, to: str = "") -> Fault | None:
        """The first fault of these kinds that meets this request; it counts as struck."""
        for fault in self._faults:
            if fault.kind in kinds and self._meets(fault, on, to):
                fault.struck += 1
                return fault
        return None

    def _meets(self, fault: Fault, on: str, to: str) -> bool:
        if fault.spent or fault.on not in ("", on) or fault.to not in ("", to):
            return False
        return fault.share >= 1 or self._random.random() < fault.share


Refusal = Callable[[Fault], web.Response]


def barred(request: web.Request, fault: Fault | None, throttled: Refusal, refused: Refusal) -> web.Response | None:
    """The answer of a provider that does not take this request; None when it does."""
    if fault is None or fault.kind not in BEFORE:
        return None
    if fault.kind == "throttle":
        return throttled(fault)
    if fault.kind == "refuse":
        return refused(fault)
    return _hang_up(request) if fault.kind == "hangup_before_accept" else _server_error(fault)


def spoiled(request: web.Request, fault: Fault | None, answer: web.Response) -> web.Response:
    """What the caller gets of the answer to a request that was taken."""
    if fault is None or fault.kind not in AFTER:
        return answer
    if fault.kind == "unreadable":
        return web.Response(status=answer.status, text='{"sid": "SM', content_type="application/json")
    return _hang_up(request) if fault.kind == "hangup_after_accept" else _server_error(fault)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _server_error(fault: Fault) -> web.Response:
    status = int(fault.code or 503)
    return web.Response(status=status, text="<html><body>upstream error</body></html>", content_type="text/html")
