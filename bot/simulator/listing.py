"""Twilio's lists: filtered, newest first, a page at a time with the address of the next one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from bot.simulator.call import Call
from bot.simulator.messages import Message

DEFAULT_SIZE, LARGEST_SIZE = 50, 1_000


def page(request: web.Request, kind: str, kept: Iterable[Message | Call], account: str) -> web.Response:
    """One page of `kind` ("messages" or "calls"); the token of a page is the last SID before it."""
    query = dict(request.query)
    size = min(max(_number(query.get("PageSize"), DEFAULT_SIZE), 1), LARGEST_SIZE)
    number = max(_number(query.get("Page"), 0), 0)
    rows = _after([row for row in kept if _matches(row, query)], query.get("PageToken", ""))
    shown, more = rows[:size], len(rows) > size
    start = number * size
    return web.json_response({
        kind: [row.as_json(account) for row in shown],
        "page": number, "page_size": size, "start": start, "end": start + max(len(shown) - 1, 0),
        "uri": str(request.rel_url), "first_page_uri": _address(request, size, 0, ""), "previous_page_uri": None,
        "next_page_uri": _address(request, size, number + 1, f"PA{shown[-1].sid}") if more else None,
    })  # fmt: skip


def _number(given: str | None, default: int) -> int:
    return int(given) if given and given.isdigit() else default


def _after(rows: list[Message | Call], token: str) -> list[Message | Call]:
    if not token:
        return rows
    place = next((place for place, row in enumerate(rows) if f"PA{row.sid}" == token), len(rows))
    return rows[place + 1 :]


def _matches(row: Message | Call, wanted: dict[str, str]) -> bool:
    if wanted.get("To", row.to) != row.to or wanted.get("From", row.sender) != row.sender:
        return False
    if wanted.get("Status", row.status) != row.status:
        return False
    left, field = (row.left, "StartTime") if isinstance(row, Call) else (row.sent_at, "DateSent")
    return _within(left, wanted, field)


def _within(left: datetime | None, wanted: dict[str, str], field: str) -> bool:
    """What has not left yet has no date, so that any filter by date hides it: as at Twilio."""
    bounds = {name.removeprefix(field): moment for name, moment in wanted.items() if name.startswith(field)}
    return all(left is not None and _meets(left, sign, _moment(moment)) for sign, moment in bounds.items())


def _meets(left: datetime, sign: str, bound: datetime) -> bool:
    if sign == ">":
        return left >= bound
    return left <= bound if sign == "<" else left.date() == bound.date()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _address(request: web.Request, size: int, number: int, token: str) -> str:
    keep = {name: value for name, value in request.query.items() if name not in ("Page", "PageToken", "PageSize")}
    query = keep | {"PageSize": str(size), "Page": str(number)} | ({"PageToken": token} if token else {})
    return f"{request.path}?{urlencode(query)}"
