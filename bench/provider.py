"""`python -m bench.provider`: a provider that takes everything at once, as fast as Python can answer.

It says what Twilio and Slack say when they take a message, keeps when each came and to whom, and tells that under
`/bench/`. It checks nothing, so that what is measured is the sender.
"""

import asyncio
import contextlib
import json
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from hmac import digest
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import uvloop

from bench.wire import Answers, Framed, Pool
from bot.simulator import TWILIO_SID, TWILIO_TOKEN

TWILIO_ENDS = (b"/Messages.json", b"/Calls.json")
RECEIPTS = ("sent", "delivered")
#: What Twilio answers to a text that it takes
TEXT = (
    '{"account_sid":"%(account)s","api_version":"2010-04-01","body":%(body)s,"date_created":"%(date)s",'
    '"date_sent":null,"date_updated":"%(date)s","direction":"outbound-api","error_code":null,"error_message":null,'
    '"from":"%(sender)s","messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,'
    '"price_unit":null,"sid":"%(sid)s","status":"queued","subresource_uris":{"media":"/2010-04-01/Accounts/'
    '%(account)s/Messages/%(sid)s/Media.json"},"to":"%(to)s","uri":"/2010-04-01/Accounts/%(account)s/Messages/'
    '%(sid)s.json"}'
)


class Provider:
    """What was taken so far, and how it behaves; `/bench/set` changes `latency` (seconds) and `receipts` (0 or 1)."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.receipts = 0
        self.pools: dict[str, Pool] = {}  # by the address that its receipts go to
        self._quoted: dict[str, str] = {}
        self._date = (0, "")
        self._waiting: dict[Callable[[], None], int] = {}  # what is told once it has taken so many
        self.forget()

    def forget(self) -> None:
        self.times: list[float] = []
        self.texts: list[tuple[str, str, str]] = []  # SID, number, body as it came
        self.posted = Answers()
        for pool in self.pools.values():
            pool.close()
        self.pools.clear()

    def takes(self, form: dict[str, str]) -> bytes:
        """Take a text or a call, and answer it."""
        sid, to = f"SM{len(self.times):032x}", unquote_plus(form.get("To", ""))
        self.times.append(time.time())
        self.texts.append((sid, to, form.get("Body", "")))
        if self.receipts and "StatusCallback" in form:
            self._report(sid, to, unquote_plus(form["StatusCallback"]))
        for over in [over for over, count in self._waiting.items() if len(self.times) >= count]:
            over()
        return self.text(sid, to, form.get("Body", ""), unquote_plus(form.get("From", "")), time.time()).encode()

    def text(self, sid: str, to: str, body: str, sender: str, at: float) -> str:
        if body not in self._quoted:
            self._quoted[body] = json.dumps(unquote_plus(body))
        if self._date[0] != int(at):
            self._date = int(at), formatdate(at)
        return TEXT % {"account": TWILIO_SID, "body": self._quoted[body], "date": self._date[1], "sender": sender,
                       "sid": sid, "to": to}  # fmt: skip

    def listed(self, to: str) -> bytes:
        """The texts to a number, newest first, as Twilio lists them."""
        mine = [(at, *text) for at, text in zip(self.times, self.texts, strict=True) if not to or text[1] == to]
        texts = ",".join(self.text(sid, number, body, "", at) for at, sid, number, body in mine[:-1001:-1])
        return f'{{"messages":[{texts}],"next_page_uri":null,"page":0,"page_size":1000}}'.encode()

    def told(self) -> dict[str, object]:
        """What it took: doubled counts whatever came again to the same number in the same words."""
        came = Counter((to, body) for _, to, body in self.texts)
        return {
            "count": len(self.times), "people": len({to for to, _ in came}), "doubled": came.total() - len(came),
            "first": self.times[0] if self.times else None, "last": self.times[-1] if self.times else None,
        }  # fmt: skip

    def once(self, count: int, then: Callable[[], None], longest: float) -> None:
        """Call `then` when it has taken so many texts, or after so many seconds."""

        def over() -> None:
            self._waiting.pop(over)
            late.cancel()
            then()

        late = asyncio.get_running_loop().call_later(0 if len(self.times) >= count else longest, lambda: over())
        self._waiting[over] = count

    def _report(self, sid: str, to: str, callback: str) -> None:
        """Post what became of a text, both steps at once, signed."""
        where = urlsplit(callback).netloc
        pool = self.pools[where] = self.pools.get(where) or Pool(f"http://{where}")
        for status in RECEIPTS:
            form = {"AccountSid": TWILIO_SID, "ApiVersion": "2010-04-01", "MessageSid": sid, "MessageStatus": status,
                    "SmsSid": sid, "SmsStatus": status, "To": to}  # fmt: skip
            pool.ask(signed_post(callback, form), time.monotonic(), self.posted.note)


def signed_post(url: str, form: dict[str, str]) -> bytes:
    """A request that Twilio signed, ready for the wire. The fields stand in the order of their names."""
    host, body = urlsplit(url), urlencode(form).encode()
    signed = url + "".join(name + form[name] for name in sorted(form))
    signature = b64encode(digest(TWILIO_TOKEN.encode(), signed.encode(), "sha1")).decode()
    return (
        f"POST {host.path} HTTP/1.1\r\nHost: {host.netloc}\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
        f"Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
        f"X-Twilio-Signature: {signature}\r\n\r\n"
    ).encode() + body


class Served(Framed):
    """One connection to the provider."""

    def __init__(self, provider: Provider):
        super().__init__()
        self.provider = provider

    def got(self, head: bytes, body: bytes) -> None:
        method, path, _ = head[: head.index(b"\r\n")].split(b" ", 2)
        if path.endswith(TWILIO_ENDS) and method == b"POST":
            form = dict(pair.split("=", 1) for pair in body.decode().split("&"))
            answer = self.provider.takes(form)
            if self.provider.latency:
                asyncio.get_running_loop().call_later(self.provider.latency, self._answer, answer, b"201 Created")
            else:
                self._answer(answer, b"201 Created")
        elif path.startswith(b"/bench/"):
            self._tell(urlsplit(path.decode()))
        elif path.startswith(b"/api/"):
            self._answer(slack(path, body))
        else:
            asked = parse_qs(urlsplit(path.decode()).query)
            self._answer(self.provider.listed(asked.get("To", [""])[0]))

    def _tell(self, asked: object) -> None:
        query = dict(parse_qsl(asked.query))  # type: ignore[attr-defined]
        match asked.path.removeprefix("/bench/"):  # type: ignore[attr-defined]
            case "forget":
                self.provider.forget()
                self._say({})
            case "set":
                self.provider.latency = float(query.get("latency", 0))
                self.provider.receipts = int(query.get("receipts", 0))
                self._say({})
            case "wait":
                self.provider.once(int(query["count"]), self._say_count, float(query["longest"]))
            case "times":
                self._say(self.provider.times)
            case "people":
                self._say([to for _, to, _ in self.provider.texts[int(query["after"]) :]])
            case "receipts":
                posted = self.provider.posted
                self._say({"statuses": posted.statuses, "seconds": posted.seconds})
            case _:
                self._say(self.provider.told())

    def _say_count(self) -> None:
        self._say({"count": len(self.provider.times)})

    def _say(self, told: object) -> None:
        self._answer(json.dumps(told).encode())

    def _answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        if not self.transport.is_closing():
            head = b"HTTP/1.1 %b\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
            self.transport.write(head % (status, len(body)) + body)


def slack(path: bytes, body: bytes) -> bytes:
    """What Slack says when it takes something."""
    stamp = f"{time.time():.6f}"
    given = parse_qs(body.decode(errors="replace")) if not body.startswith(b"{") else json.loads(body)
    channel = given.get("channel", "C0NONE")
    channel = channel[0] if isinstance(channel, list) else channel
    return json.dumps({"ok": True, "channel": channel, "ts": stamp, "messages": [], "user_id": "U0BOT", "team_id": "T0",
                       "message": {"ts": stamp, "type": "message"}, "url": "https://bench/"}).encode()  # fmt: skip


async def serve() -> None:
    """Print the address and answer until somebody ends it."""
    provider = Provider()
    server = await asyncio.get_running_loop().create_server(lambda: Served(provider), "127.0.0.1", 0, backlog=1000)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
