"""A provider on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from bot.channels import Channel, Envelope, Handed

CLAIMED = datetime(2026, 11, 22, 4, 10, 9, 500_000, tzinfo=UTC)
BODY = "MERCY: Epic and email DOWN. Next 04:40"

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """One canned HTTP answer, `hangs` seconds late; the line is cut before it (`drops`) or in its middle (`cuts`)."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: float = 0.0
    drops: bool = False
    cuts: bool = False


@dataclass(frozen=True)
class Heard:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, list[str]]
    json: Any
    headers: dict[str, str]


def talk(
    answers: list[Answer], open_channel: Callable[[str], Channel], do: Callable[[Any], Awaitable[T]]
) -> tuple[T | Exception, list[Heard]]:
    """What became of `do` on a channel that is connected to a provider with these answers, and what that one heard."""
    return asyncio.run(_talk(answers, open_channel, do))


async def _talk(answers: list[Answer], open_channel: Callable[[str], Channel], do: Any) -> tuple[Any, list[Heard]]:
    heard: list[Heard] = []
    runner = web.AppRunner(_app(iter(answers), heard), access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    channel = open_channel(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        return await do(channel), heard
    except Exception as error:
        return error, heard
    finally:
        await channel.close()
        await runner.cleanup()


def _app(answers: Any, heard: list[Heard]) -> web.Application:
    async def answer(request: web.Request) -> Any:
        form = await request.post()
        fields = {name: [str(value) for value in form.getall(name)] for name in form}
        sent = await request.json() if request.content_type == "application/json" else None
        heard.append(Heard(request.method, request.path, dict(request.query), fields, sent, dict(request.headers)))
        told = next(answers)
        await asyncio.sleep(told.hangs)
        if told.drops:
            assert request.transport
            request.transport.close()
        body = _bytes(told.body)
        kind = "text/html" if body.startswith(b"<") else "application/json"
        if told.cuts:
            return await _half(request, told.status, body)
        return web.Response(status=told.status, body=body, headers=told.headers, content_type=kind)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


async def _half(request: web.Request, status: int, body: bytes) -> Any:
    response = web.StreamResponse(status=status, headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport
    request.transport.close()
    return response


def traits(error: Any) -> set[str]:
    """What is to be done about a send error."""
    return {trait for trait in ("retry", "other_channel", "doubt", "stop") if getattr(error, trait)}


def refusal(status: int, code: int, **headers: str) -> Answer:
    """How Twilio says no."""
    return Answer(status, {"code": code, "message": "no", "more_info": "", "status": status}, headers)


def handed(*sids: str, at: datetime = CLAIMED) -> list[Handed]:
    """Messages that were taken under these ids, ours counting from 1."""
    return [Handed(id=id, provider_id=sid, to="+12125550142", handed_at=at) for id, sid in enumerate(sids, start=1)]


def envelope(**facts: Any) -> Envelope:
    """A text to Alma, claimed at 04:10:09.5, with whatever else is given."""
    return Envelope(**{"id": 7, "channel": "sms", "to": "+12125550142", "body": BODY, "claimed_at": CLAIMED} | facts)


async def nobody_there(
    open_channel: Callable[[str], Channel], message: Envelope, url: str = "http://127.0.0.1:1"
) -> Exception | None:
    """What sending raises when nothing listens at the provider's address."""
    channel = open_channel(url)
    try:
        await channel.send(message)
    except Exception as error:
        return error
    finally:
        await channel.close()
    return None
