"""The staff call: who is asked to come in, what their answers set off, and how it ends."""

from typing import Any

from sqlmodel import col, func, select

from bot import access, outages, outbox, recalls, roster, tasks
from bot.access import Refused
from bot.command import recall_words, staff_calls, tell, words
from bot.command.recall_words import Wanted
from bot.command.tell import Echo
from bot.db import Tx
from bot.outages import Outage
from bot.recalls import CallState, Recall, RecallCall, RecallState
from bot.roster import Person

AGAIN = "Still short? Call again"
USAGE = "`/outage recall need:4 skill:rn [unit:ICU] [site:MAIN] [from:06:00] [within:60m] [override]`"

LIMITS = f"A time is from:06:00 or within:60m, a number at most {recall_words.MOST}."


def staff_call(tx: Tx, by: Person, said: str, channel: str) -> str:
    """`[CODE] need:4 skill:rn …`, or `stop R1`; alone it says how those of the open outages stand. Raises Refused."""
    code, said = words.code(said)
    first, _, more = said.partition(" ")
    if first.lower() == "stop":
        return stop(tx, by, more.strip(), channel)
    if said:
        asked = recall_words.wanted(said, tx.now, tx.settings.timezone)
        odd = f"\nNot understood: {', '.join(asked.odd)}." if asked.odd else ""
        return staff_calls.standing(tx, recall(tx, by, code, asked, channel), by.language) + odd
    shown = [outages.find(tx, code)] if code else outages.running(tx)
    made = [each for outage in shown for each in recalls.of_outage(tx, outage.id or 0)]
    stand = "\n".join(staff_calls.standing(tx, each, by.language) for each in made)
    return stand or f"Nobody was called in. {USAGE} does."


def recall(tx: Tx, by: Person, code: str, asked: Wanted, channel: str) -> Recall:
    """Ask people to come in. The first wave is asked now, the others while too few come. Raises Refused."""
    access.demand(tx, by, "recall")
    outage = outages.find(tx, code)
    if outage.state not in outages.RUNNING:
        raise Refused(f"{outage.code} is {outage.state}, so nobody is called in for it. Nothing was sent.")
    made = recalls.begin(tx, outage, channel, by=by.id, **_wanted(tx, outage.sites, asked))
    found = recalls.pool(tx, made)
    if not found.waves:
        raise Refused(staff_calls.nobody(tx, found))
    staff_calls.ask(tx, made, recalls.part_of(found, made))
    return made


def would_ask(tx: Tx, said: str) -> int:
    """How many people a staff call of these words would ask at most, by the roster as it is now. Raises Refused."""
    asked = _wanted(tx, [], recall_words.wanted(said, tx.now, tx.settings.timezone))
    found = recalls.pool(tx, Recall(code="", outage_id=0, by="", opened_at=tx.now, **asked))
    return sum(len(wave) for wave in found.waves.values())


def go_on(tx: Tx, recall_id: int) -> None:
    """The time of a wave is over: the next part is asked; if it is filled, the others may sleep."""
    made = tx.get(Recall, recall_id)
    if made is None or made.state not in recalls.RUNNING:
        return
    if made.state == RecallState.FILLED:
        staff_calls.rest(tx, made)
    elif part := recalls.next_part(tx, made):
        staff_calls.ask(tx, made, part)
    else:
        staff_calls.news(tx, made, "Everybody who may be asked was asked")


def answer(tx: Tx, made: Recall, call: RecallCall, digit: str, channel: str) -> Echo:
    """One person's answer, and what follows for the others."""
    was_filled, was_coming = made.state == RecallState.FILLED, call.state == CallState.COMING
    promoted = recalls.answer(tx, made, call, digit, channel)
    outbox.withdraw(tx, [call.notice_id], call.person_id)
    where = staff_calls.place(tx, made) | {"start": tasks.at(tx, made.starts_at)}
    staff_calls.say(tx, made, promoted, "recall_needed", where)
    if made.state == RecallState.FILLED and not was_filled:
        staff_calls.news(tx, made, "Filled, nobody more is asked")
    if made.state == RecallState.FILLED and recalls.is_full(tx, made):
        staff_calls.rest(tx, made)
    if made.state == RecallState.OPEN and was_filled:
        go_on(tx, made.id or 0)
    if made.state == RecallState.CLOSED and was_coming and call.state == CallState.DROPPED:
        staff_calls.news(tx, made, f"{staff_calls.name(tx, call)} cannot come after all. It is closed. {AGAIN}")
    return staff_calls.echo(tx, made, call)


def arrived(tx: Tx, person: Person, channel: str) -> None:
    """HERE: whoever was coming is there. With the last of them the reserve may rest."""
    for made, call in recalls.calls_of(tx, [person.id]):
        if recalls.is_expected(tx, made, call) and recalls.arrive(tx, made, call, channel):
            staff_calls.release(tx, made)


def dropped(tx: Tx, person: Person, channel: str) -> None:
    """AWAY: whoever said yes cannot come after all."""
    for made, call in recalls.calls_of(tx, [person.id]):
        is_reserve = recalls.is_awaited(made, call) and call.state == CallState.RESERVE
        if is_reserve or recalls.is_expected(tx, made, call):
            answer(tx, made, call, "A", channel)


def release(tx: Tx, recall_id: int) -> None:
    """Long after its start and the last arrival promised, filled or not: whoever was to come is there or is not, and
    the reserve may rest."""
    made = tx.get(Recall, recall_id)
    if made and made.state in recalls.RUNNING:
        again = "" if made.state == RecallState.FILLED else f". {AGAIN}"
        recalls.end(tx, made, RecallState.CLOSED, "its time is over")
        staff_calls.release(tx, made)
        there = recalls.figures(tx, made).arrived
        staff_calls.news(tx, made, f"{there} said that they are there. It is closed{again}")


def stop(tx: Tx, by: Person, code: str, channel: str) -> str:
    """Called off by a person. Raises Refused."""
    access.demand(tx, by, "recall")
    running = [made for outage in outages.running(tx) for made in recalls.of_outage(tx, outage.id or 0)
               if made.state in recalls.RUNNING]  # fmt: skip
    meant = [made for made in running if code.upper() in ("", made.code)]
    if len(meant) != 1:
        known = ", ".join(made.code for made in running) or "none"
        how = tell.how(channel, "recall stop", "R1")
        raise Refused(f"Say which staff call: {how}. Open: {known}. Nothing was changed.")
    told = staff_calls.call_off(tx, meant[0], f"stopped over {channel}", by.id)
    return f"{meant[0].code} is called off; {told} people who were coming or asked are told."


def call_off_all(tx: Tx, outage: Outage, reason: str) -> None:
    """The outage ended, and its staff calls with it."""
    for made in recalls.of_outage(tx, outage.id or 0):
        if made.state in recalls.RUNNING:
            staff_calls.call_off(tx, made, reason)


def _wanted(tx: Tx, sites: list[str], asked: Wanted) -> dict[str, Any]:
    """Checked against the roster, with what was not said filled in. Raises Refused."""
    if asked.wrong:
        raise Refused(f"Not understood: {', '.join(asked.wrong)}. {LIMITS} Nothing was sent.")
    if not asked.need or not asked.skill:
        raise Refused(f"Say how many and who: {USAGE}. Nothing was sent.")
    unit = roster.find_unit(tx, asked.unit) if asked.unit else None
    if asked.unit and unit is None:
        raise Refused(f"There is no unit {asked.unit}. Nothing was sent.")
    site = _site(tx, asked.site) if asked.site else None
    home = unit.site if unit else sites[0] if len(sites) == 1 else ""
    return {
        "need": asked.need, "skill": asked.skill, "unit": unit.code if unit else "", "urgent": asked.urgent,
        "site": site.code if site else home, "only_site": site is not None, "starts_at": asked.starts_at or tx.now,
    } | ({} if asked.reserve is None else {"reserve_percent": asked.reserve})  # fmt: skip


def _site(tx: Tx, word: str) -> roster.Site:
    found = tx.exec(select(roster.Site).where(func.lower(col(roster.Site.code)) == word.lower())).first()
    if found is None:
        raise Refused(f"There is no site {word}. Nothing was sent.")
    return found
