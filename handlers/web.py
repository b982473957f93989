"""The HTTP face: Slack and Twilio come in here, and health is told."""

from typing import Annotated

import structlog
from fastapi import FastAPI, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import board
from bot.db import Away
from handlers import callers, receipts, sms, voice
from handlers.intake import Intake
from handlers.slack_request import signed_body
from handlers.twilio import OtherAccount

LARGEST = 256 * 1024  # bytes of a body
FRESH = 10.0  # seconds since a worker last beat
AWAY = "the database does not answer; what comes in is kept on disk"
TOO_LARGE = "The body is larger than 256 KiB. Nothing was done."

Id = Annotated[int, Path(ge=0, lt=2**31)]  # of a message

log = structlog.get_logger()


def build(intake: Intake, bolt: AsyncApp | None) -> FastAPI:
    """The web application over one intake; without Slack its route answers that it is off."""
    web = FastAPI(title="Muster", docs_url=None, redoc_url=None)
    web.add_middleware(Bounded)

    @web.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return PlainTextResponse("This address has no such number. Nothing was done.", 400)

    @web.exception_handler(OtherAccount)
    async def other_account(request: Request, error: OtherAccount) -> Response:
        return Response(status_code=204)

    @web.exception_handler(Away)
    async def away(request: Request, error: Away) -> Response:
        return PlainTextResponse("The database cannot be reached. Try again in a minute.", 503)

    @web.post("/slack/events")
    async def slack_events(request: Request) -> Response:
        if bolt is None:
            raise HTTPException(503, "Slack is not set up here: SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are missing.")
        body = await signed_body(request, intake)
        # Handed over parsed: Bolt's own parser drops a slash command that has the word "payload" anywhere in it.
        return to_starlette_response(await bolt.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode")))

    @web.post("/twilio/sms")
    async def twilio_sms(request: Request) -> Response:
        return await sms.receive(request, intake)

    @web.post("/twilio/receipts/{message:int}")
    async def twilio_receipts(request: Request, message: Id) -> Response:
        return await receipts.receive(request, intake, message)

    @web.post("/twilio/voice/{message:int}")
    async def twilio_voice(request: Request, message: Id) -> Response:
        return await voice.answered(request, intake, message)

    @web.post("/twilio/call")
    async def twilio_call(request: Request) -> Response:
        return await callers.called(request, intake)

    @web.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @web.get("/readyz")
    async def readyz() -> Response:
        try:
            last = await intake.db.read(board.last_beat_s)
        except Away:
            return JSONResponse({"ready": False, "says": AWAY} | await intake.state(), 503)
        except SQLAlchemyError:
            log.exception("the database cannot be read")
            return JSONResponse({"ready": False, "says": "the database cannot be read"}, 503)
        ready = last is not None and last <= FRESH
        said = {"ready": ready, "last_beat_s": last} | await intake.state()
        return JSONResponse(said, 200 if ready else 503)

    return web


class Bounded:
    """Refuses a body that is too large, by what it says of itself or, where it says nothing, by what comes."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = next((value for name, value in scope.get("headers", ()) if name == b"content-length"), b"")
        if scope["type"] != "http" or (said.isdigit() and int(said) <= LARGEST):
            await self.app(scope, receive, send)
        elif said.isdigit():
            await PlainTextResponse(TOO_LARGE, 413)(scope, receive, send)
        else:
            await self.app(scope, _counted(receive), send)


def _counted(receive: Receive) -> Receive:
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted
