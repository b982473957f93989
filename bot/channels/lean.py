"""A lean HTTP client under Twilio's SDK."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from yarl import URL

from bot.channels.wire import pool, seconds

# A byte as a form carries it. The standard library's quoting costs three times as much, on every text.
PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
QUOTED = [chr(byte) if byte in PLAIN else "+" if byte == 32 else f"%{byte:02X}" for byte in range(256)]


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
        self._session = pool(timeout, connections)

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
        headers = headers or {}
        if auth:
            headers["Authorization"] = self._authorized(auth)
        address = _address(f"{uri}?{urlencode(params, doseq=True)}" if params else uri)
        body = form(data) if data else None
        call = self._session.request(method, address, data=body, headers=headers, allow_redirects=allow_redirects)
        async with call as answer:
            text = (await answer.read()).decode("utf-8", "replace")
            if answer.status == 429:
                raise TooMany(_code(text), seconds(answer.headers.get("Retry-After")))
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


def form(fields: Mapping[str, Any]) -> bytes:
    """The fields as the body of a POST; a list stands for a field that is repeated."""
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return "&".join([f"{name}={_quoted(str(value))}" for name, value in pairs]).encode()


def whole(number: object) -> int:
    """A code that is not a number is none."""
    return int(str(number)) if str(number).isdecimal() else 0


@lru_cache(maxsize=64)
def _address(uri: str) -> URL:
    """Texts all go to the same one: it is taken apart once."""
    return URL(uri, encoded=True)


def _quoted(text: str) -> str:
    return "".join(map(QUOTED.__getitem__, text.encode("utf-8", "replace")))


def _code(text: str) -> int:
    try:
        return whole(json.loads(text)["code"])
    except (ValueError, TypeError, KeyError):
        return 0
