"""The door that the outside knocks at: the real web application, with requests signed as the providers sign them."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import SQLModel, select
from twilio.request_validator import RequestValidator

import handlers
from bot import journal
from bot.db import Database
from handlers import web

UNHURRIED = 20.0  # times as long as the providers wait: how busy the machine is is not what a test is about
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What the door said."""

    status: int
    kind: str
    body: str


class Door:
    """Both providers and passers-by. A request is signed rightly unless a test says otherwise."""

    def __init__(self, db: Database, patience: float = UNHURRIED):
        self.db = db
        client = AsyncWebClient(base_url="http://127.0.0.1:9/", retry_handlers=[])
        self.intake = handlers.open_doors(db, patience)
        self.web = web.build(self.intake, handlers.slack(self.intake, client, "xoxb-1"))

    def twilio(self, path: str, form: Mapping[str, str], token: str = "", signature: str | None = None) -> Answer:
        """A form as Twilio posts it."""
        url = f"{self.db.settings.public_url}{path}"
        signed = RequestValidator(token or self.db.settings.twilio_auth_token).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signed if signature is None else signature}
        return self.post(path, urlencode(form).encode(), headers | {"Content-Type": FORM})

    def texts(self, number: str, body: str, sid: str = "SM1") -> Answer:
        return self.twilio("/twilio/sms", {"MessageSid": sid, "From": number, "To": "+12025550199", "Body": body})

    def slack(self, body: bytes, kind: str = FORM, secret: str = "", **headers: str) -> Answer:
        """A body as Slack posts it; `stamp` and `signature` among the headers replace the right ones."""
        stamp = headers.pop("stamp", str(int(self.db.clock.now().timestamp())))
        verifier = SignatureVerifier(secret or self.db.settings.slack_signing_secret)
        right = verifier.generate_signature(timestamp=stamp, body=body.decode("utf-8", "replace")) or ""
        signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": headers.pop("signature", right)}
        return self.post("/slack/events", body, signed | {"Content-Type": kind} | headers)

    def types(self, user: str, command: str, trigger: str = "t1") -> Answer:
        """A slash command."""
        name, _, text = command.partition(" ")
        form = {"command": name, "text": text, "user_id": user, "trigger_id": trigger, "channel_id": "C1"}
        return self.slack(urlencode(form).encode())

    def acts(self, payload: Mapping[str, Any]) -> Answer:
        """A click or a submitted form."""
        return self.slack(urlencode({"payload": json.dumps(payload)}).encode())

    def get(self, path: str) -> Answer:
        return asyncio.run(self._ask("GET", path, [], []))

    def post(self, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str]) -> Answer:
        """A request; a body in several parts has no Content-Length, as when it is sent in chunks."""
        parts = [body] if isinstance(body, bytes) else list(body)
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        if isinstance(body, bytes):
            raw.append((b"content-length", str(len(body)).encode()))
        return asyncio.run(self._ask("POST", path, raw, parts))

    def lines(self, what: str = "") -> list[journal.Line]:
        """The journal, or what it says about one thing."""
        found = self.db.read_now(lambda tx: list(tx.exec(select(journal.Line))))
        return [line for line in found if what in ("", line.what)]

    def rows(self) -> Counter[str]:
        """How much is stored, by table."""

        def count(tx: Any) -> Counter[str]:
            tables = SQLModel.metadata.tables.values()
            return Counter({table.name: len(tx.execute(select(table)).all()) for table in tables})

        return self.db.read_now(count)

    async def _ask(self, method: str, path: str, headers: list[tuple[bytes, bytes]], parts: list[bytes]) -> Answer:
        path, _, query = path.partition("?")
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
                 "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
                 "headers": headers, "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1)}  # fmt: skip
        waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})
        said: list[Any] = []

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)

        await self.web(scope, receive, send)
        kinds = [value.decode() for name, value in said[0]["headers"] if name == b"content-type"]
        body = b"".join(message.get("body", b"") for message in said[1:]).decode()
        return Answer(said[0]["status"], kinds[0] if kinds else "", body)
