"""What texts and calls through Twilio share: a lean HTTP client under the SDK, and what an exception means."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from bot.channels import BadAddress, Envelope, Misconfigured, Rejected, SendError, Throttled, Unavailable

Refusals = Mapping[int, tuple[type[SendError], str]]

# Codes that any REST call can bring. https://www.twilio.com/docs/api/errors
ACCOUNT: Refusals = {
    10001: (Misconfigured, "Twilio has closed our account. IT: look at the Twilio console"),
    20003: (Misconfigured, "Twilio does not accept our sign-in. IT: check the account SID and token"),
    20005: (Misconfigured, "Twilio has suspended our account. IT: look at the Twilio console"),
    20404: (Misconfigured, "Twilio does not know our account. IT: check the account SID"),
    20429: (Throttled, "Twilio asked us to slow down; it goes out in a moment"),
    21211: (BadAddress, "This is not a valid phone number"),
    21608: (Rejected, "A Twilio trial account may not use this number. IT: upgrade the account"),
}
EARLIER = timedelta(seconds=60)  # their clock and ours may differ by so much
CANDIDATES = 200  # texts or calls to one phone that are looked through

# Raised before a byte of the request was written: nobody can have taken it.
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class TooMany(Exception):
    """A 429. The SDK's own exception drops the headers, and with them how long to wait."""

    def __init__(self, code: int, retry_after: float) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class LeanClient(AsyncHttpClient):
    """What the SDK's own client lacks: one pool, timeouts that hold, and never a second POST.

    Made inside a running loop. `timeout` is in seconds, for a whole call.
    """

    def __init__(self, timeout: float, connections: int) -> None:
        super().__init__(logging.getLogger(__name__), True, timeout)
        self._authorization: dict[tuple[str, str], str] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=timeout / 2),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One HTTP call, tried once. Raises aiohttp's errors, TimeoutError and TooMany."""
        headers = dict(headers or {})
        if auth:
            headers["Authorization"] = self._authorized(auth)
        if params:
            uri = f"{uri}?{urlencode(params, doseq=True)}"
        body = urlencode(data, doseq=True).encode() if data else None
        call = self._session.request(method, uri, data=body, headers=headers, allow_redirects=allow_redirects)
        async with call as answer:
            text = await answer.text()
            if answer.status == 429:
                raise TooMany(_code(text), _seconds(answer.headers.get("Retry-After")))
            return Response(answer.status, text, answer.headers)

    async def close(self) -> None:
        """Closes the pool."""
        await self._session.close()

    def _authorized(self, auth: tuple[str, str]) -> str:
        if auth not in self._authorization:
            self._authorization[auth] = "Basic " + b64encode(":".join(auth).encode()).decode()
        return self._authorization[auth]


def client(account_sid: str, auth_token: str, api_url: str, http: LeanClient) -> Client:
    """The SDK's client at another base address if one is given; TWILIO_EDGE in somebody's shell cannot bend it."""
    made = Client(account_sid, auth_token, http_client=http, environment={"": ""})
    if api_url:
        made.api.base_url = api_url.rstrip("/")
    return made


def taken(sid: str | None) -> str:
    """The id in an answer; one without any is as good as unreadable. Raises Unavailable."""
    if not sid:
        raise Unavailable()
    return sid


def fault(error: Exception, refusals: Refusals) -> SendError:
    """What an exception of the SDK, or from below it, means. Whatever is not a definite no is doubt."""
    if isinstance(error, SendError):
        return error
    if isinstance(error, UNSENT):
        return Unavailable("Twilio cannot be reached; it is tried again", doubt=False, retry=True)
    if isinstance(error, TooMany):
        return _refused(error.code, refusals, error.retry_after) if error.code in refusals else _slow_down(error)
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return _answered(error, refusals)
    return Unavailable()


def cannot_ask(error: Exception) -> Unavailable:
    """Twilio could not be asked what it has."""
    return Unavailable("Twilio cannot be asked whether it went out", code=str(getattr(error, "code", "") or ""))


def oldest_first(found: list[Any]) -> list[Any]:
    """Lists come newest first and with whole seconds, so of one second the last is the oldest."""
    return sorted(reversed(found), key=lambda item: item.date_created)


def recent(item: Any, envelope: Envelope) -> bool:
    """Whether a text or call was made by us through the API and not before this message was claimed."""
    created = item.date_created
    return item.direction == "outbound-api" and created is not None and created >= envelope.claimed_at - EARLIER


def _answered(error: TwilioRestException | TwilioServiceException, refusals: Refusals) -> SendError:
    """A 4xx with a code of Twilio's is a definite no; where a body had none, the SDK puts the status for the code."""
    status, code = _whole(error.status), _whole(error.code)
    if status == 401 and code == 401:
        return _refused(20003, refusals)
    if 400 <= status < 500 and code not in (0, status):
        return _refused(code, refusals)
    return Unavailable(code=str(code))


def _refused(code: int, refusals: Refusals, retry_after: float = 0.0) -> SendError:
    kind, says = refusals.get(code, (Rejected, "Twilio refused this message"))
    return kind(says, code=str(code), retry_after=retry_after)


def _slow_down(error: TooMany) -> SendError:
    _, says = ACCOUNT[20429]
    return Throttled(says, code=str(error.code or 429), retry_after=error.retry_after)


def _code(text: str) -> int:
    try:
        return _whole(json.loads(text)["code"])
    except (ValueError, TypeError, KeyError):
        return 0


def _whole(number: object) -> int:
    """A code that is not a number is none."""
    return int(str(number)) if str(number).isdecimal() else 0


def _seconds(header: str | None) -> float:
    return float(header) if header and header.strip().isdecimal() else 0.0
