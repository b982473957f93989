"""`python -m bench.signed PUBLIC_URL`: a web application that checks Twilio's signature and keeps nothing.

The same FastAPI on the same uvicorn, on uvloop; the form is parsed, the SDK's own validator looks at the signature, and
an empty document or nothing is answered. It is what Muster's doors are measured against.
"""

import asyncio
import socket
import sys
from urllib.parse import parse_qsl

import uvicorn
import uvloop
from fastapi import FastAPI, HTTPException, Request, Response
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from bot.simulator import TWILIO_TOKEN


def build(public_url: str) -> FastAPI:
    web, validator = FastAPI(title="bare", docs_url=None, redoc_url=None), RequestValidator(TWILIO_TOKEN)

    async def check(request: Request) -> None:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        given = request.headers.get("X-Twilio-Signature", "")
        if not validator.validate(f"{public_url}{request.url.path}", form, given):
            raise HTTPException(403)

    @web.post("/twilio/sms")
    async def sms(request: Request) -> Response:
        await check(request)
        return Response(str(MessagingResponse()), media_type="text/xml")

    @web.post("/twilio/receipts/{message:int}")
    async def receipts(request: Request, message: int) -> Response:
        await check(request)
        return Response(status_code=204)

    return web


async def serve(public_url: str) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(build(public_url), log_level="warning", access_log=False, lifespan="off")
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))
