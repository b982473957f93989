"""What a staff call says, and to whom: the question, the echoes, who may sleep, and how it stands."""

from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from bot import outbox, recalls, roster, tasks
from bot.command import tell
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage
from bot.outbox.audiences import LEFT
from bot.recalls import CallState, Candidate, Recall, RecallCall, RecallState

NIGHT = (21, 7)  # local hours between which whoever is asked is called as well: a text alone wakes one in six
KEYS = (("There in 30 min", "1"), ("60 min", "2"), ("2 h", "3"), ("Cannot", "4"))
NAMED = 10  # people at most


def ask(tx: Tx, made: Recall, part: list[Candidate]) -> None:
    said = outbox.notice(tx, "recall", outage_id=made.outage_id, subject=made.subject, exercise=made.exercise)
    recalls.call_up(tx, made, part, said.id or 0)
    outbox.enqueue(tx, said, [draft for one in part for draft in _drafts(tx, made, one)])


def _drafts(tx: Tx, made: Recall, one: Candidate) -> Iterable[outbox.Draft]:
    facts = {"code": made.code, "on_call": one.on_call, "need": made.need, "skill": _skill(made),
             "start": tasks.at(tx, made.starts_at), "site": made.site or None}  # fmt: skip
    buttons = [[label, f"recall_{digit}", made.code] for label, digit in KEYS]
    also = [way for way in outbox.routes(tx, one.person) if way.channel == "voice"][:1]
    for way in dict.fromkeys([one.way, *(also if _is_night(tx) else [])]):
        yield outbox.draft(tx, one.person, way, "recall", facts | tell.help_phone(tx, one.person),
                           lane=outbox.Lane.QUESTION, exercise=made.exercise, buttons=buttons)  # fmt: skip


def _is_night(tx: Tx) -> bool:
    hour = tx.now.astimezone(ZoneInfo(tx.settings.timezone)).hour
    return hour >= NIGHT[0] or hour < NIGHT[1]


def say(tx: Tx, made: Recall, calls: Sequence[RecallCall], kind: str, facts: dict[str, Any]) -> int:
    """One thing to some who were asked, in writing where that can be."""
    people = roster.people(tx, [call.person_id for call in calls]).values()
    if people:
        no_phone = tell.no_phone(tx)
        said = outbox.notice(tx, kind, outage_id=made.outage_id, exercise=made.exercise)
        outbox.enqueue(tx, said, [
            outbox.draft(tx, person, outbox.best(tx, person), kind, facts | no_phone, lane=outbox.Lane.QUESTION,
                         exercise=made.exercise)
            for person in people
        ])  # fmt: skip
    return len(people)


def rest(tx: Tx, made: Recall) -> None:
    """It is filled: whoever heard the call and has not answered may sleep; what is not sent yet is never sent."""
    silent = recalls.rest(tx, made)
    heard = _heard(tx, made)
    outbox.close_notices(tx, made.subject, "filled")
    say(tx, made, [call for call in silent if call.person_id in heard], "recall_filled", {"code": made.code})


def _heard(tx: Tx, made: Recall) -> set[str]:
    """Whom a text or post of the call has reached, or may have. Nobody is rung up to hear that they may sleep."""
    sent = select(outbox.Message.person_id).join(outbox.Notice, col(outbox.Notice.id) == outbox.Message.notice_id)
    sent = sent.where(outbox.Notice.subject == made.subject, outbox.Message.channel != "voice")
    return set(tx.exec(sent.where(col(outbox.Message.state).in_(LEFT))))


def release(tx: Tx, made: Recall) -> None:
    say(tx, made, recalls.calls(tx, made, CallState.RESERVE), "recall_released", {"code": made.code})
    outbox.close_notices(tx, made.subject, "closed")


def call_off(tx: Tx, made: Recall, why: str, who: str = "muster") -> int:
    """Whoever is coming, waits in reserve or has heard the call and not answered yet is told; returns how many."""
    heard, known = _heard(tx, made), recalls.calls(tx, made, CallState.ASKED, *recalls.YES)
    expected = [call for call in known if call.arrived_at is None
                and (call.state != CallState.ASKED or call.person_id in heard)]  # fmt: skip
    recalls.end(tx, made, RecallState.CANCELLED, why, who)
    outbox.close_notices(tx, made.subject, "called off")
    return say(tx, made, expected, "recall_off", {"code": made.code})


def news(tx: Tx, made: Recall, text: str) -> None:
    """Whoever called for it hears how it stands, and the command centre."""
    outage, by = tx.get(Outage, made.outage_id), roster.person(tx, made.by)
    now = recalls.figures(tx, made)
    facts = {"code": made.code, "coming": now.coming, "need": made.need, "reserve": now.reserve, "text": text}
    if by:
        tell.one(tx, outage, by, "recall_news", facts, lane=outbox.Lane.QUESTION)
    tell.command_post(tx, outage, "recall_news", facts)


def name(tx: Tx, call: RecallCall) -> str:
    person = roster.person(tx, call.person_id)
    return person.name if person else call.person_id


def standing(tx: Tx, made: Recall, language: str) -> str:
    """How a staff call stands: who is awaited, who would be asked next, who is not asked and why."""
    found = recalls.pool(tx, made) if made.state == RecallState.OPEN else recalls.Pool()
    asked, now = recalls.calls(tx, made), recalls.figures(tx, made)
    names = roster.people(tx, [call.person_id for call in asked if call.state == CallState.ASKED])
    return tx.render.slack(
        "reply_recall", language, made.exercise, code=made.code, state=made.state, need=made.need, skill=_skill(made),
        site=made.site or None, start=tasks.at(tx, made.starts_at), coming=now.coming, reserve=now.reserve,
        arrived=now.arrived, asked=[person.name for person in names.values()][:NAMED], silent=now.asked,
        planned=_planned(tx, made, found), excluded=_excluded(found),
        stop=made.code if made.state in recalls.RUNNING else None,
    )  # fmt: skip


def _planned(tx: Tx, made: Recall, found: recalls.Pool) -> list[str]:
    """When those who are left would be asked."""
    when, said = tx.now + recalls.WAITS[made.wave or 1], []
    for wave, people in sorted(found.waves.items()):
        said.append(f"{tasks.at(tx, when)} {recalls.WAVES[wave]} ({len(people)})")
        when += recalls.WAITS[wave] * -(-len(people) // (made.need * recalls.AT_ONCE))
    return said


def _excluded(found: recalls.Pool) -> list[str]:
    return [f"{count} {reason}" for reason, count in found.excluded.most_common()]


def nobody(tx: Tx, found: recalls.Pool) -> str:
    if not found.excluded:
        return "Nobody in the roster has that role or skill. Nothing was sent."
    lifted = " Rest and hours can be lifted: say `override`." if set(found.excluded) & set(recalls.LIFTED) else ""
    no_rota = " No shifts were imported, so everybody counts as on shift." if roster.rota(tx) == "none" else ""
    return f"Nobody can be asked: {', '.join(_excluded(found))}.{no_rota}{lifted} Nothing was sent."


def echo(tx: Tx, made: Recall, call: RecallCall) -> Echo:
    if call.state in (CallState.DECLINED, CallState.DROPPED):
        return "echo", {"text": f"{made.code}: noted, you cannot come. Thank you for saying so"}
    if made.state == RecallState.CANCELLED:
        return "recall_off", {"code": made.code}
    if made.state == RecallState.CLOSED and call.state != CallState.COMING:
        return "echo", {"text": f"{made.code} is over, you need not come in. Thank you"}
    if call.state == CallState.COMING:
        return "recall_coming", place(tx, made) | {"eta": tasks.at(tx, call.eta)}
    return ("recall_reserve" if call.state == CallState.RESERVE else "recall_filled"), {"code": made.code}


def place(tx: Tx, made: Recall) -> dict[str, Any]:
    return {"code": made.code, "unit": made.unit or None, "site": made.site or None}


def _skill(made: Recall) -> str:
    role = roster.ROLES.get(made.skill)
    return " ".join(filter(None, [made.unit, role.short if role else made.skill]))
