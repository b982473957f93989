"""Delivery receipts of texts and calls."""

from fastapi import Request, Response

from bot.channels import Receipt, sms, voice
from bot.command import delivery
from bot.db import Tx
from handlers.intake import Facts, Intake
from handlers.twilio import signed_form


async def receive(request: Request, intake: Intake, message: int) -> Response:
    """Take in what the provider reports before answering; a status we do not know is ignored."""
    form = await signed_form(request, intake)
    got = voice.receipt(form) if "CallStatus" in form else sms.receipt(form)
    if got:
        await intake.commit("receipt", {"message": message, "got": dict(vars(got))}, instead=lambda: None)
    return Response(status_code=204)


def report(tx: Tx, message: int, got: Facts) -> None:
    reports(tx, [{"message": message, "got": got}])


def reports(tx: Tx, many: list[Facts]) -> list[None]:
    return delivery.receipts(tx, [(each["message"], Receipt(**each["got"])) for each in many])
