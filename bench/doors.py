"""What comes in from Twilio, signed and ready for the wire; and a door measured against one that keeps nothing."""

from dataclasses import dataclass, field

from bench.processes import Muster, Progress, cpu_seconds, spoken
from bench.provider import signed_post
from bench.report import Figure, middle
from bench.wire import Answers, flood
from bot.simulator import NUMBER, TWILIO_SID

WARM_UP = 100  # requests before the bare door is measured


def reply(muster: Muster, number: str, round: int = 0) -> bytes:
    """A 1 that comes from a phone; in each round it is another text."""
    sid = f"SM{round:08x}{int(number[1:]):024x}"
    form = {
        "AccountSid": TWILIO_SID, "ApiVersion": "2010-04-01", "Body": "1", "From": number, "To": NUMBER,
        "MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "NumMedia": "0", "NumSegments": "1",
        "SmsStatus": "received", "FromCountry": "US", "ToCountry": "US",
    }  # fmt: skip
    return signed_post(f"{muster.url}/twilio/sms", form)


def receipt(muster: Muster, message: int, sid: str, to: str, status: str = "delivered") -> bytes:
    """What became of a text, as its provider tells it."""
    form = {
        "AccountSid": TWILIO_SID, "ApiVersion": "2010-04-01", "From": NUMBER, "To": to, "MessageSid": sid,
        "MessageStatus": status, "SmsSid": sid, "SmsStatus": status,
    }  # fmt: skip
    return signed_post(f"{muster.url}/twilio/receipts/{message}", form)


@dataclass
class Doors:
    """What the bare door and ours were measured to do, run by run."""

    bare: list[Answers] = field(default_factory=list)
    ours: list[Answers] = field(default_factory=list)
    bare_cpu: list[float] = field(default_factory=list)  # ms for a thousand
    our_cpu: list[float] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return sum(load.bad for load in self.ours)

    def figures(self, measure: str, database: str, what: str, target: float) -> list[Figure]:
        ratios = [mine.per_second / other.per_second for mine, other in zip(self.ours, self.bare, strict=True)]
        return [
            middle(measure, database, "signature only", [load.per_second for load in self.bare], "/s",
                   says=f"{len(self.bare[0].seconds):,} {what}, 100 connections, uvloop"),
            middle(measure, database, f"committed {what}", [load.per_second for load in self.ours], "/s"),
            middle(measure, database, "ratio", ratios, "x", target=target),
            middle(measure, database, "signature only, CPU of 1,000", self.bare_cpu, "ms"),
            middle(measure, database, f"committed {what}, CPU of 1,000", self.our_cpu, "ms"),
        ]  # fmt: skip


def against_bare(muster: Muster, pid: int, loads: list[list[bytes]], progress: Progress) -> Doors:
    """Each load at the bare door, then at ours."""
    doors = Doors()
    with spoken("bench.signed", muster.url) as (process, bare):
        flood(bare, loads[0][:WARM_UP])
        for run, load in enumerate(loads):
            for url, of, answers, computed in (
                (bare, process.pid, doors.bare, doors.bare_cpu), (muster.url, pid, doors.ours, doors.our_cpu)
            ):  # fmt: skip
                before = cpu_seconds(of)
                answers.append(flood(url, load))
                computed.append((cpu_seconds(of) - before) / len(load) * 1e6)
            progress(run + 1, len(loads))
    return doors
