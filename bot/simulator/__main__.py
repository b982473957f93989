"""`python -m bot.simulator`: the simulator as a process of its own, in live mode."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from bot.clock import Clock
from bot.simulator import NUMBER, SLACK_SECRET, SLACK_TOKEN, TWILIO_SID, TWILIO_TOKEN, Simulator


def main() -> None:
    """Reads the command line and runs until it is interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(_arguments()))


async def serve(given: argparse.Namespace) -> None:
    """Prints the address and what to put into .env, then runs."""
    sim = Simulator(
        given.app, given.sid, given.token, given.slack_secret, given.slack_token,
        now=Clock().now, numbers=given.number, latency=given.latency, receipt_delay=given.receipt_delay,
        segments_per_second=given.sms_per_second, calls_per_second=given.calls_per_second, words_per_second=2.5,
        pace=given.pace, seed=given.seed, strangers=True,
    )  # fmt: skip
    print(await sim.start(given.port), flush=True)
    for line in _settings(sim, given):
        print(line, flush=True)
    try:
        await sim.run()
    finally:
        await sim.stop()


def _settings(sim: Simulator, given: argparse.Namespace) -> list[str]:
    return [
        f"TWILIO_API_URL={sim.url}",
        f"TWILIO_ACCOUNT_SID={given.sid}",
        f"TWILIO_AUTH_TOKEN={given.token}",
        f"TWILIO_FROM={given.number[0]}",
        f"SLACK_API_URL={sim.url}/api/",
        f"SLACK_SIGNING_SECRET={given.slack_secret}",
        f"SLACK_BOT_TOKEN={given.slack_token}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bot.simulator", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=9000, help="0 = a free one (default %(default)s)")
    add("--app", default="http://127.0.0.1:8000", help="the app under test (default %(default)s)")
    add("--sid", default=TWILIO_SID, help="Twilio account")
    add("--token", default=TWILIO_TOKEN, help="Twilio auth token")
    add("--number", action="append", help=f"a sender; may be repeated (default {NUMBER})")
    add("--slack-secret", default=SLACK_SECRET, help="Slack signing secret")
    add("--slack-token", default=SLACK_TOKEN, help="Slack bot token")
    add("--latency", type=float, default=0.0, help="seconds before a request is answered")
    add("--receipt-delay", type=float, default=1.0, help="seconds between two statuses of a text")
    add("--sms-per-second", type=float, default=0.0, help="segments a sender sends; 0 = no limit")
    add("--calls-per-second", type=float, default=0.0, help="0 = no limit")
    add("--pace", type=float, default=1.0, help="0.1 = simulated staff are ten times as quick")
    add("--seed", type=int, default=0, help="which simulated staff")
    given = parser.parse_args()
    given.number = given.number or [NUMBER]
    return given


if __name__ == "__main__":
    main()
