"""What is wrong with the settings, in sentences that begin with the setting's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.settings.values import TWILIO_API, host_of, is_loopback

LANGUAGES = ("en", "es", "fr")  # those that templates/messages ships; a hospital's TEMPLATES_DIR may bring others

EXPECTED = {  # what to write instead, where pydantic's own sentence would not help
    "port": "give a number from 0 to 65535",
    "org_short": "give at most 20 characters; it begins every text",
    "twilio_account_sid": "give the account's SID, which begins with AC",
    "twilio_messaging_service_sid": "give the service's SID, which begins with MG",
    "twilio_from": "give a number as +15550100, or a short code; staff could not answer a sender's name",
    "twilio_voice_from": "give a number as +15550100",
    "sms_per_second": "give 0 (no limit) or more segments a second",
    "calls_per_second": "give 0 (no limit) or more calls a second",
    "voice_after_stop": "give yes or no",
    "slack_bot_token": "give the bot token, which begins with xoxb-",
    "slack_app_token": "give the app-level token, which begins with xapp-",
    "slack_command_channel": "give the channel's id (C0123…), not its name",
}


class BadSettings(Exception):
    """The settings are refused; `complaints` holds one sentence for each, beginning with the setting's name."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


@dataclass(frozen=True)
class Trouble:
    """Stands where a value could not be had, until it is told among the other complaints."""

    says: str


def alone(error: ValidationError) -> Iterator[str]:
    """Complaints about settings that are bad by themselves."""
    for found in error.errors():
        if found["type"] != "default_factory_not_called":  # it hangs on another setting, which complains itself
            yield _sentence(found)


def together(given: Mapping[str, str]) -> Iterator[str]:
    """Complaints about settings that do not go together; `given` holds those that are set, as written."""
    yield from _half_a_twilio(given)
    yield from _half_a_slack(given)
    if _real_twilio(given) and is_loopback(host_of(given.get("public_url", "http://127.0.0.1"))):
        yield "PUBLIC_URL: Twilio cannot reach a loopback address; give the address that the internet sees"
    language = given.get("default_language", "en")
    if language not in LANGUAGES and not (given.get("templates_dir") and re.fullmatch("[a-z]{2,3}", language)):
        yield f"DEFAULT_LANGUAGE: {language!r} is not among those shipped ({', '.join(LANGUAGES)})"


def cannot_read(error: OSError | UnicodeDecodeError) -> str:
    """The end of a sentence about a file."""
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8 text'}"


def _sentence(found: ErrorDetails) -> str:
    name = str(found["loc"][0])
    if isinstance(found["input"], Trouble):
        return f"{name.upper()}_FILE: {found['input'].says}"
    if found["type"] == "value_error":
        return f"{name.upper()}: {found['ctx']['error']}"
    return f"{name.upper()}: {EXPECTED.get(name, found['msg'])}"


def _half_a_twilio(given: Mapping[str, str]) -> Iterator[str]:
    senders = {"twilio_messaging_service_sid", "twilio_from", "twilio_voice_from"} & given.keys()
    account = {"twilio_account_sid", "twilio_auth_token"}
    if senders or account & given.keys():
        for name in sorted(account - given.keys()):
            yield f"{name.upper()}: missing, but other Twilio settings are there"
    if account <= given.keys() and not senders:
        yield "TWILIO_FROM: no sender is given; set it, TWILIO_MESSAGING_SERVICE_SID or TWILIO_VOICE_FROM"


def _half_a_slack(given: Mapping[str, str]) -> Iterator[str]:
    entrances = {"slack_signing_secret", "slack_app_token"} & given.keys()
    if "slack_bot_token" in given and not entrances:
        yield "SLACK_SIGNING_SECRET: missing, but SLACK_BOT_TOKEN is there (Socket Mode needs SLACK_APP_TOKEN instead)"
    if "slack_bot_token" not in given and entrances:
        yield f"SLACK_BOT_TOKEN: missing, but {min(entrances).upper()} is there"


def _real_twilio(given: Mapping[str, str]) -> bool:
    host = host_of(given.get("twilio_api_url", TWILIO_API))
    return "twilio_account_sid" in given and f".{host}".endswith(".twilio.com")
