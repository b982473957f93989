"""The channels that the settings set up, each with its providers in the order in which they are tried."""

from bot.channels import Channel
from bot.channels.others import Others
from bot.channels.slack import Slack
from bot.channels.sms import Sms
from bot.channels.voice import Voice
from bot.settings import Settings


def set_up(settings: Settings) -> dict[str, list[Channel]]:
    """Made inside the event loop. A channel that nothing is known of is left out."""
    providers: dict[str, list[Channel]] = {"sms": _sms(settings), "voice": _voice(settings), "slack": _slack(settings)}
    return {name: found for name, found in providers.items() if found}


def _sms(settings: Settings) -> list[Channel]:
    if not settings.sms_ready:
        return []
    first = Sms(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token,
        api_url=settings.twilio_api_url,
        public_url=settings.public_url,
        sender=settings.twilio_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
    )
    others = [
        Others(url, place, text_to=settings.twilio_from, call=settings.callback_number)
        for place, url in enumerate(settings.sms_fallback_urls, 1)
    ]
    return [first, *others]


def _voice(settings: Settings) -> list[Channel]:
    if not settings.voice_ready:
        return []
    return [
        Voice(
            account_sid=settings.twilio_account_sid,
            auth_token=settings.twilio_auth_token,
            api_url=settings.twilio_api_url,
            public_url=settings.public_url,
            sender=settings.twilio_voice_from or settings.twilio_from,
        )
    ]


def _slack(settings: Settings) -> list[Channel]:
    return [Slack(token=settings.slack_bot_token, base_url=settings.slack_api_url)] if settings.slack_ready else []
