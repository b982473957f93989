"""How the providers call the app under test, and what they would show on their consoles when it answers badly."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urldefrag, urlencode

import aiohttp
from twilio.request_validator import RequestValidator

FORM = "application/x-www-form-urlencoded"
ALL_IN_ALL = 15.0  # seconds for one webhook with all its tries, whatever is configured
MOST_RETRIES = 5


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """A line of the provider's error console. 11200 and 11205 are Twilio's: bad answer, no connection."""

    code: int | str
    url: str
    says: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the app said to a webhook, and how long it took, in seconds."""

    status: int
    content_type: str
    body: str
    elapsed: float

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


class NotReached(Exception):
    """Nobody answered; `code` is the word for it that can stand in `rp=` of Twilio's connection overrides."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


class Webhooks:
    """Posts to the app under test. `app_url` may be set later, when the app knows its port."""

    def __init__(self, app_url: str, twilio_token: str, now: Callable[[], datetime]) -> None:
        self.app_url = app_url
        self.now = now
        self.complaints: deque[Complaint] = deque(maxlen=1_000)
        self._validator = RequestValidator(twilio_token)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens the connection pool; needs a running loop."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100), auto_decompress=True)

    async def stop(self) -> None:
        """Closes the pool; the app then hears nothing more."""
        if self._session is not None:
            await self._session.close()
        self._session = None

    def complain(self, code: int | str, url: str, says: str) -> None:
        """Writes a line on the console."""
        self.complaints.append(Complaint(code=code, url=url, says=says, at=self.now()))

    def full(self, path_or_url: str) -> str:
        """A path of the app under test as an address; an address stays as it is."""
        return self.app_url.rstrip("/") + path_or_url if path_or_url.startswith("/") else path_or_url

    async def signed_post(self, path_or_url: str, form: Mapping[str, str]) -> Answer | None:
        """Posts a form as Twilio does: signed, retried only as its connection overrides say, 15 s in all.

        None when nobody answered. Everything but a 2xx leaves a complaint.
        """
        url, fragment = urldefrag(self.full(path_or_url))
        headers = {
            "Content-Type": FORM,
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": self._validator.compute_signature(url, form),
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
        }
        try:
            answer = await self._tried(url, urlencode(form), headers, Overrides.of(fragment))
        except NotReached as reason:
            self.complain(11205 if reason.code == "ct" else 11200, url, str(reason))
            return None
        if not answer.ok:
            self.complain(11200, url, f"answered {answer.status}: {answer.body[:200]}")
        return answer

    async def post(self, url: str, body: str, headers: Mapping[str, str], seconds: float) -> Answer:
        """One POST as it is. Raises NotReached."""
        if self._session is None or self._session.closed:
            raise NotReached("ct", "the simulator is not started")
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            timeout = aiohttp.ClientTimeout(total=seconds)
            async with self._session.post(url, data=body, headers=headers, timeout=timeout) as response:
                text = await response.text(errors="replace")
                kind, elapsed = response.content_type, loop.time() - began
                return Answer(status=response.status, content_type=kind, body=text, elapsed=elapsed)
        except TimeoutError as late:
            raise NotReached("rt", f"no answer within {seconds:g} s") from late
        except aiohttp.ClientConnectorError as refused:
            raise NotReached("ct", f"no connection: {refused}") from refused
        except (aiohttp.ClientError, ValueError) as broken:
            raise NotReached("rt", f"the connection broke: {broken}") from broken

    async def _tried(self, url: str, body: str, headers: Mapping[str, str], how: Overrides) -> Answer:
        deadline = asyncio.get_running_loop().time() + ALL_IN_ALL
        for left in range(how.retries, -1, -1):
            seconds = max(min(how.read_timeout, deadline - asyncio.get_running_loop().time()), 0.001)
            try:
                answer = await self.post(url, body, headers, seconds)
            except NotReached as reason:
                if not left or not how.retry(reason.code):
                    raise
            else:
                if answer.ok or not left or not how.retry(f"{answer.status // 100}xx"):
                    return answer
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True)
class Overrides:
    """Twilio's connection overrides: what stands behind the # of a webhook's address."""

    retries: int = 1
    on: tuple[str, ...] = ("ct",)
    read_timeout: float = ALL_IN_ALL  # seconds

    @classmethod
    def of(cls, fragment: str) -> Overrides:
        """Reads `rc=3&rp=all&rt=5000`; what cannot be read is left at its default."""
        given = {key: values[0] for key, values in parse_qs(fragment).items()}
        retries, read_timeout = cls.retries, cls.read_timeout
        with contextlib.suppress(ValueError):
            retries = min(max(int(given.get("rc", retries)), 0), MOST_RETRIES)
        with contextlib.suppress(ValueError):
            read_timeout = min(float(given.get("rt", read_timeout * 1000)) / 1000, ALL_IN_ALL)
        return cls(retries, tuple(given.get("rp", "ct").split(",")), read_timeout)

    def retry(self, code: str) -> bool:
        """Whether a try that ended so is repeated."""
        return code in self.on or "all" in self.on
