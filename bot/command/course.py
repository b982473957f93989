"""While it runs: updates, corrections, the promise of the next update, and who is in command."""

from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import journal, outages, outbox, roster, tasks
from bot.access import Refused
from bot.command import relief, tell, wording, words
from bot.db import Tx
from bot.outages import Outage

#: Notices about an outage as a whole that not everybody gets: nobody corrects those by an update
TO_SOME = ("call", "opted_out", "partner", "unit_check")


def update(tx: Tx, by: roster.Person, code: str, text: str, every: timedelta | None, channel: str) -> str:
    """Tell everybody who was told; keeps the promise and makes the next one."""
    outage = outages.commanded(tx, by, "update", code)
    kind, text = words.news(text.strip())
    text, removed = words.screened(text)
    if text.lower().startswith("group:"):
        raise Refused("An update goes to everybody who was told, never to a group: ask one with `/checkin group:NAME "
                      "text`. Nothing was sent.")  # fmt: skip
    if not text:
        raise Refused("An update needs words: /outage update what is new. Nothing was sent.")
    tell.promise(tx, outage, every)
    down = outages.down(tx, outage)
    facts = {
        "time": tasks.at(tx, tx.now),
        "text": text,
        "down": wording.named(down),
        "next": tell.next_at(tx, outage),
    }
    if kind == "update":
        facts = tell.with_task(tx, outage, kind, facts, "text")
    said = tell.everyone(tx, outage, kind, facts, own=lambda language: {"down": wording.named(down, language)})
    _keep_news(tx, outage, kind, facts)
    journal.write(tx, "updated", outage=outage.code, who=by.id, channel=channel, text=text, kind=kind)
    sent = tx.render.sms(kind, "en", outage.exercise, **facts | tell.no_phone(tx, outage))
    return f"Sent to {outbox.audience(tx, said.id)} people: {sent}{removed}"


def _keep_news(tx: Tx, outage: Outage, kind: str, facts: dict[str, Any]) -> None:
    """What still works is told to newcomers as well; the state of the emergency department to partners."""
    if kind == wording.WORKS:
        outage.facts = {**outage.facts, wording.WORKS: facts["text"]}
        tx.add(outage)
    elif kind == "diversion" and outage.level == 4:
        tell.partners(tx, outage, kind, facts)


def correct(tx: Tx, by: roster.Person, code: str, text: str, channel: str) -> str:
    """Correct the last thing that was said to all, by its time."""
    outage = outages.commanded(tx, by, "correct", code)
    if not text.strip():
        raise Refused("A correction needs words: /outage correct what is true instead. Nothing was sent.")
    text, removed = words.screened(text)
    wrong = _said_to_all(tx, outage)
    facts = {
        "time": tasks.at(tx, tx.now),
        "of": tasks.at(tx, wrong.opened_at),
        "text": text,
        "next": tell.next_at(tx, outage),
    }
    said = tell.everyone(tx, outage, "correction", facts)
    journal.write(tx, "corrected", outage=outage.code, who=by.id, channel=channel, text=text, corrects=wrong.id)
    sent = tx.render.sms("correction", "en", outage.exercise, **facts | tell.no_phone(tx, outage))
    return f"Correction sent to {outbox.audience(tx, said.id)} people: {sent}{removed}"


def _said_to_all(tx: Tx, outage: Outage) -> outbox.Notice:
    said = select(outbox.Notice).where(
        outbox.Notice.outage_id == outage.id, outbox.Notice.subject == f"outage:{outage.id}",
        col(outbox.Notice.kind).not_in(TO_SOME),
    )  # fmt: skip
    return tx.exec(said.order_by(col(outbox.Notice.id).desc()).limit(1)).one()


def hand_over(tx: Tx, by: roster.Person, code: str, to: roster.Person | None, channel: str) -> str:
    """Command goes to another person; without one, to whoever asks."""
    outage = outages.commanded(tx, by, "command", code)
    new = to or by
    relief.takes(tx, outage, new, by.id, channel)
    text = f"{new.name} commands {outage.code} now"
    if new.id != by.id:
        tell.one(
            tx,
            outage,
            new,
            "told_you",
            {"text": f"you command {outage.code} until relieved"},
            lane=outbox.Lane.QUESTION,
            also_slack=True,
        )
    tell.command_post(tx, outage, "told_you", {"text": text})
    return f"{text}."


def remind(tx: Tx, outage_id: int) -> None:
    """Five minutes before the promised time its owner is reminded."""
    outage = tx.get(Outage, outage_id)
    owner = tell.promise_owner(tx, outage) if outage and outage.state in outages.RUNNING else None
    is_ahead = outage and outage.next_update_at and outage.next_update_at > tx.now  # else it goes out now, by itself
    if outage and owner and is_ahead:
        facts = {"time": tell.next_at(tx, outage), "code": outage.code}
        tell.one(tx, outage, owner, "remind_promise", facts, lane=outbox.Lane.QUESTION, also_slack=True)
        journal.write(tx, "reminded", outage=outage.code, about="update", to=owner.id)


def hold(tx: Tx, outage_id: int) -> None:
    """The promised time came and nobody wrote: a holding update goes out by itself, and the commander is told."""
    outage = tx.get(Outage, outage_id)
    if outage is None or outage.state not in outages.RUNNING:
        return
    tell.promise(tx, outage)
    facts: dict[str, Any] = {"time": tasks.at(tx, tx.now), "next": tell.next_at(tx, outage)}
    is_back = outage.state != outages.OutageState.DECLARED
    (_hold_after if is_back else _hold)(tx, outage, facts)
    journal.write(tx, "held", outage=outage.code)
    commander = tell.coordinator(tx, outage)
    if commander:
        tell.one(tx, outage, commander, "promise_held", facts | {"back": is_back}, lane=outbox.Lane.UPDATE)


def _hold(tx: Tx, outage: Outage, facts: dict[str, Any]) -> None:
    """No new word; or, where a task that tells the staff is due, its words, if a text holds them."""
    down = outages.down(tx, outage)
    said = tell.with_task(tx, outage, "update", facts | {"down": wording.named(down)}, "text")
    if said.get("text"):
        tell.everyone(tx, outage, "update", said, but=outage.commander)
        return
    tell.everyone(tx, outage, "holding", facts, but=outage.commander, own=lambda language: {
        "services": wording.named(down, language), "stay": wording.words(down, "do_short", language),
    })  # fmt: skip


def _hold_after(tx: Tx, outage: Outage, facts: dict[str, Any]) -> None:
    """No new word, though the systems are back: nobody reads that they are down."""
    back = outages.services(tx, outage)
    tell.everyone(tx, outage, "holding", facts, but=outage.commander,
                  own=lambda language: {"back": wording.named(back, language)})  # fmt: skip
