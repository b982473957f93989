"""What the demo's page shows: the board, the journal, the visitor's phones, and Slack as a manager sees it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import col, select

from bot import board, journal, roster
from bot.clock import FastClock
from bot.db import Database, Tx
from bot.outages import Outage
from bot.simulator import Call, Message, Phone, Simulator, Text
from handlers.demo import offers

COMMANDS = ("/outage", "/checkin", "/task")
LINES, TEXTS, POSTS = 40, 30, 12  # the last so many are shown

Json = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """A phone that the visitor holds."""

    number: str
    name: str
    part: str  # in the play: "charge nurse, 5W"


@dataclass(kw_only=True)
class Scene:
    """Everything that the page is about."""

    db: Database
    sim: Simulator
    clock: FastClock
    speed: float
    command_channel: str
    held: list[Held] = field(default_factory=list)

    @property
    def phones(self) -> list[Phone]:
        """The phones that the visitor holds."""
        return [self.sim.phone(each.number) for each in self.held]


async def state(scene: Scene, user: str = "") -> Json:
    """The whole page in one piece; `user` is the manager whose Slack is looked at."""
    shown = await scene.db.read(hospital)
    slack = scene.sim.slack
    mine = [*slack.ephemerals(user), *slack.messages(user)] if user in slack.workspace.users else []
    return shown | {
        "now": clock(scene.clock.now(), seconds=True),
        "speed": scene.speed,
        "slow": scene.clock.speed != scene.speed,
        "phones": [phone(each, scene.sim.phone(each.number)) for each in scene.held],
        "console": [post(message) for message in sorted(mine, key=lambda message: float(message.ts))[-POSTS:]],
        "channel": [post(message) for message in slack.messages(scene.command_channel)[-POSTS:]],
    }


def hospital(tx: Tx) -> Json:
    """What the database knows: the outage that runs, else the last one; the journal; who may command."""
    outage = tx.exec(select(Outage).order_by(col(Outage.id).desc()).limit(1)).first()
    running = bool(board.open_outages(tx))
    seen = board.one(tx, outage) | {"detail": board.detail(tx, outage)} if outage else None
    names = dict(tx.exec(select(roster.Unit.code, roster.Unit.name)).all())
    return {
        "hospital": tx.settings.org_name, "outage": seen, "can_declare": not running, "engine": board.engine(tx),
        "unit_names": names, "journal": lines(tx), "managers": managers(tx),
    }  # fmt: skip


def lines(tx: Tx) -> list[Json]:
    """The journal's last lines, newest first, with names for ids."""
    names = dict(tx.exec(select(roster.Person.id, roster.Person.name)).all())
    last = tx.exec(select(journal.Line).order_by(col(journal.Line.id).desc()).limit(LINES))
    return [_line(line, names) for line in last]


def managers(tx: Tx) -> list[Json]:
    """Everybody on duty who may manage and has Slack."""
    able = [person for person in roster.permitted(tx, "manage") if person.slack_id and person.id in roster.duty(tx)]
    return [{"id": person.slack_id, "name": person.name, "part": _part(person)} for person in able]


def declarer(tx: Tx) -> str:
    """The Slack account of the first on the list: the house supervisor, while he is on shift."""
    return str(managers(tx)[0]["id"])


def phone(held: Held, handset: Phone) -> Json:
    """A phone with its texts and calls in the order in which they came."""
    happened = [(text.at, _text(text)) for text in handset.thread]
    happened += [(call.created, _call(call)) for call in handset.calls]
    return {
        "number": held.number, "name": held.name, "part": held.part,
        "thread": [shown for _, shown in sorted(happened, key=lambda pair: pair[0])][-TEXTS:],
        "call": _call(handset.call_now) if handset.call_now else None,
    }  # fmt: skip


def post(message: Message) -> Json:
    """A Slack message with its buttons."""
    rows = [block.get("elements", []) for block in message.blocks if block.get("type") == "actions"]
    return {
        "ts": message.ts, "channel": message.channel, "at": clock(datetime.fromtimestamp(float(message.ts), UTC)),
        "text": message.text, "buttons": [_button(each) for row in rows for each in row if each["type"] == "button"],
    }  # fmt: skip


def clock(moment: datetime, seconds: bool = False) -> str:
    return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def _line(line: journal.Line, names: dict[str, str]) -> Json:
    return {
        "id": line.id, "at": clock(line.at), "who": names.get(line.who, line.who), "what": line.what,
        "channel": line.channel, "about": _about(line.about, names),
        "detail": {key: names.get(str(value), value) for key, value in line.detail.items()},
    }  # fmt: skip


def _about(about: str, names: dict[str, str]) -> str:
    """`unit:1:3W`, `offer:1:s2:3` and `task:7` as people say them."""
    match about.split(":"):
        case ["task", number]:
            return f"T{number}"
        case ["unit" | "offer", _, word, *_]:
            return names.get(word, word)
    return names.get(about, about)


def _button(element: Json) -> Json:
    told = {"label": element["text"]["text"], "action": element["action_id"], "value": element.get("value", "")}
    return told | {"danger": element.get("style") == "danger"}


def _text(text: Text) -> Json:
    offered = [] if text.mine or text.network else offers.replies(text.body)
    return {"kind": "text", "at": clock(text.at), "body": text.body, "mine": text.mine, "replies": offered}


def _call(call: Call) -> Json:
    heard = call.heard[-1] if call.heard else ""
    return {
        "kind": "call", "sid": call.sid, "at": clock(call.created), "status": call.status,
        "heard": list(dict.fromkeys(call.heard)), "pressed": call.pressed,
        "keys": offers.keys(heard) if call.gather else [],
    }  # fmt: skip


def _part(person: roster.Person) -> str:
    return roster.ROLES[person.roles[0]].short if person.roles else "manager"
