"""The text that everybody sends: one alert to one made-up person each."""

from typing import Any

from bench.hospital import mobile
from bot.simulator import NUMBER

BODY = (
    "MERCY: EHR (Epic) is down since 04:10. Use paper: downtime box at the desk. Bedside checks go on. "
    "Reply 1=OK 2=need help 9=PATIENT RISK. Next 04:40"
)
WORTH = 3600  # seconds for which it is worth sending
PUBLIC_URL = "http://127.0.0.1:8000"  # where a receipt would go; the provider posts none unless it is told to


def text(number: int) -> dict[str, Any]:
    """What the SDK's `create` is given; the same fields that Muster fills."""
    return {
        "to": mobile(number), "from_": NUMBER, "body": BODY, "validity_period": WORTH,
        "status_callback": f"{PUBLIC_URL}/twilio/receipts/{number + 1}",
    }  # fmt: skip
