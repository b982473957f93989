"""Delivery receipts of texts and calls."""

from fastapi import Request, Response

from bot.channels import sms, voice
from bot.command import delivery
from bot.db import Database
from handlers.twilio import signed_form


async def receive(request: Request, db: Database, message: int) -> Response:
    """Commit what the provider reports before answering; a status we do not know is ignored."""
    form = await signed_form(request, db)
    got = voice.receipt(form) if "CallStatus" in form else sms.receipt(form)
    if got:
        await db.transact(delivery.receipt, message, got)
    return Response(status_code=204)
