"""The HTTP face: Slack and Twilio come in here, and health is told."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from bot import board
from bot.clock import Clock
from bot.db import Database, Tx
from handlers import receipts, sms, voice
from handlers.twilio import unsigned

LARGEST = 256 * 1024  # bytes of a body
FRESH = 10.0  # seconds since a worker last beat


def build(db: Database, bolt: AsyncApp | None) -> FastAPI:
    """The web application over one database; without Slack its route answers that it is off."""
    web = FastAPI(title="Muster", docs_url=None, redoc_url=None)
    slack = AsyncSlackRequestHandler(bolt) if bolt else None

    @web.middleware("http")
    async def bound(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if int(request.headers.get("content-length") or 0) > LARGEST:
            return PlainTextResponse("The body is larger than 256 KiB. Nothing was done.", 413)
        return await call_next(request)

    @web.post("/slack/events")
    async def slack_events(request: Request) -> Response:
        if slack is None:
            raise HTTPException(503, "Slack is not set up here: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are missing.")
        await demand_signed(request, db)
        return await slack.handle(request)

    @web.post("/twilio/sms")
    async def twilio_sms(request: Request) -> Response:
        return await sms.receive(request, db)

    @web.post("/twilio/receipts/{message}")
    async def twilio_receipts(request: Request, message: int) -> Response:
        return await receipts.receive(request, db, message)

    @web.post("/twilio/voice/{message}")
    async def twilio_voice(request: Request, message: int) -> Response:
        return await voice.answered(request, db, message)

    @web.post("/twilio/call")
    async def twilio_call(request: Request) -> Response:
        return await voice.called(request, db)

    @web.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @web.get("/readyz")
    async def readyz() -> Response:
        last = await db.read(last_beat)
        ready = last is not None and last <= FRESH
        return JSONResponse({"ready": ready, "last_beat_s": last}, 200 if ready else 503)

    return web


class OurClock(SlackClock):
    """Slack's own check of freshness, by our clock."""

    def __init__(self, clock: Clock):
        self.clock = clock

    def now(self) -> float:
        return self.clock.now().timestamp()


def last_beat(tx: Tx) -> float | None:
    found: Any = board.engine(tx)["last_beat_s"]
    return found if isinstance(found, float) else None


async def demand_signed(request: Request, db: Database) -> None:
    """Raises 403 for a request that Slack did not sign in the last five minutes, 400 for a body that is no form."""
    raw = await request.body()
    stamp, given = request.headers.get("X-Slack-Request-Timestamp", ""), request.headers.get("X-Slack-Signature", "")
    settings = db.settings
    secrets = [secret for secret in (settings.slack_signing_secret, settings.slack_signing_secret_old) if secret]
    clock = OurClock(db.clock)
    well_formed = stamp.isdigit() and given.isascii()
    fits = well_formed and any(SignatureVerifier(secret, clock).is_valid(raw, stamp, given) for secret in secrets)
    if not fits:
        await db.transact(unsigned, request.url.path)
        raise HTTPException(403, "The signature of this request is missing, wrong or old. Nothing was done.")
    if not raw.strip():
        raise HTTPException(400, "This request is empty. Nothing was done.")
