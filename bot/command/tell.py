"""Saying a thing to everybody who was told of an outage, on their best channel and in the Slack channels."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import select

from bot import outages, outbox, playbooks, roster, tasks, texting, timers
from bot.db import Tx
from bot.outages import Outage, Service

REMIND, DUE = "promise.remind", "promise.due"  # the timers of the promise
Echo = tasks.Answer | None  # the kind and facts of a reply; None for no reply
WIDEN = ("joined", "raised")  # whoever comes in by these hears the alert instead


#: How a verb is given through each door: (before the verb, after the code)
DOORS = {"slack": ("/outage ", ""), "cli": ("muster ", ""), "sms": ("", " and your PIN")}


def how(channel: str, verb: str, code: str) -> str:
    """How somebody at this door gives a verb: `/outage verify O-1`, `VERIFY O-1 and your PIN`."""
    before, after = DOORS.get(channel, DOORS["slack"])
    return f"{before}{verb if before else verb.upper()} {code}{after}"


def say(services: Iterable[Service | str]) -> str:
    """`Epic`, `Epic and email`, `Epic, email and phones`."""
    words = [service if isinstance(service, str) else service.say for service in services]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "systems"


def what(services: Iterable[Service | str], summary: str = "") -> str:
    return summary or f"{say(services)} DOWN"


def everyone(
    tx: Tx,
    outage: Outage,
    kind: str,
    facts: dict[str, Any],
    *,
    whom: str = "told",
    but: str = "",
    lane: int = outbox.Lane.UPDATE,
    own: Callable[[str], dict[str, Any]] = lambda language: {},
) -> outbox.Notice:
    """One notice to those who were told (or who `got` the alert), but for one of them, and to the channels.

    `own` are the facts that differ by language.
    """
    said = outbox.notice(tx, kind, outage_id=outage.id, subject=f"outage:{outage.id}", exercise=outage.exercise)
    until = outbox.latest(tx) if kind in WIDEN else None
    audience = outbox.Audience(whom, outage.notice_id or 0, but=but, until=until)
    outbox.spread(tx, said, audience, words(tx, outage, facts, own), lane)
    outbox.enqueue(tx, said, posts(tx, outage, kind, facts | own(tx.settings.default_language), lane))
    return said


def words(
    tx: Tx,
    outage: Outage,
    facts: dict[str, Any],
    own: Callable[[str], dict[str, Any]],
    buttons: list[list[str]] | None = None,
) -> outbox.Words:
    """The facts, and what differs by language in each that a playbook of this outage speaks, or in any other."""
    spoken = {language for service in outages.services(tx, outage) for language in service.words}
    languages = sorted({"", tx.settings.default_language, *spoken})
    said = facts | no_phone(tx, outage)
    return outbox.Words(said, {language: own(language) for language in languages}, buttons or [])


def one(
    tx: Tx,
    outage: Outage | None,
    person: roster.Person,
    kind: str,
    facts: dict[str, Any],
    *,
    lane: int,
    subject: str = "",
    buttons: list[list[str]] | None = None,
    also_slack: bool = False,
    also_call: bool = False,
) -> outbox.Notice:
    """One thing to one person; with `also_slack` and `also_call` on those ways as well, at once."""
    exercise = bool(outage and outage.exercise)
    said = outbox.notice(tx, kind, outage_id=outage.id if outage else None, subject=subject, exercise=exercise)
    ways = [outbox.best(tx, person)]
    if also_slack and person.slack_id:
        ways.append(outbox.Route("slack", person.slack_id))
    if also_call:
        ways += [way for way in outbox.routes(tx, person) if way.channel == "voice"][:1]
    drafts = [
        outbox.draft(tx, person, way, kind, facts, lane=lane, exercise=exercise, buttons=buttons)
        for way in dict.fromkeys(ways)
    ]
    outbox.enqueue(tx, said, drafts)
    return said


def ways(tx: Tx, person: roster.Person) -> list[outbox.Route]:
    """The best way to somebody, and Slack beside it."""
    beside = [outbox.Route("slack", person.slack_id)] if person.slack_id else []
    return list(dict.fromkeys([outbox.best(tx, person), *beside]))


def posts(tx: Tx, outage: Outage, kind: str, facts: dict[str, Any], lane: int) -> list[outbox.Draft]:
    """The same in the channel of each affected unit and in the command channel."""
    facts = facts | no_phone(tx, outage)
    channels = {unit.slack_channel for unit in roster.affected_units(tx, outage.sites)} | {
        tx.settings.slack_command_channel
    }
    return [
        outbox.post(tx, channel, kind, facts, lane=lane, exercise=outage.exercise)
        for channel in sorted(channels)
        if channel
    ]


def command_post(
    tx: Tx, outage: Outage | None, kind: str, facts: dict[str, Any], buttons: list[list[str]] | None = None
) -> None:
    """A post in the command channel alone, where there is one."""
    channel = tx.settings.slack_command_channel
    if channel:
        exercise = bool(outage and outage.exercise)
        said = outbox.notice(tx, kind, outage_id=outage.id if outage else None, exercise=exercise)
        outbox.enqueue(
            tx,
            said,
            [outbox.post(tx, channel, kind, facts, lane=outbox.Lane.ALERT, exercise=exercise, buttons=buttons)],
        )


def to_be_told(tx: Tx, outage: Outage) -> tasks.Task | None:
    """The most urgent task whose work is telling the staff: it fills an update instead of being a text of its own
    (messages.md R2), once what it needs is done. One that has no words of its own is done by any update."""
    waiting = tasks.of_outage(tx, outage.id or 0, tasks.TaskState.WAITING)
    due = [task for task in waiting if task.tells and task.offer_at and task.offer_at <= tx.now]
    if any(task.needs for task in due):
        steps = tasks.unfinished(tx, outage.id or 0)
        due = [task for task in due if task.is_free(steps)]
    for task in due:
        if not task.sms:
            tasks.told(tx, outage, task)
    return next((task for task in due if task.sms), None)


def with_task(tx: Tx, outage: Outage, kind: str, facts: dict[str, Any], fact: str) -> dict[str, Any]:
    """The facts with what is to be told added to one of them, if the text still holds it; then that task is done."""
    task = to_be_told(tx, outage)
    if task is None:
        return facts
    added = facts | {fact: ". ".join(part for part in (facts.get(fact), task.sms) if part)}
    if _plain(task.sms) not in _plain(tx.render.sms(kind, "en", outage.exercise, **added)):
        return facts
    tasks.told(tx, outage, task)
    return added


def _plain(text: str) -> str:
    """As a text has it: folded, and without the full stop that the template sets."""
    return " ".join(texting.fold(text).split()).rstrip(" .")


def partners(tx: Tx, outage: Outage, kind: str, facts: dict[str, Any]) -> None:
    """Everybody outside the house who is told at level 4, and again at the end; never in an exercise."""
    if outage.exercise:
        return
    said = outbox.notice(tx, kind, outage_id=outage.id, subject=f"outage:{outage.id}")
    drafts = []
    for partner in tx.exec(select(roster.Partner).order_by(roster.Partner.id)):
        channel, address = ("sms", partner.mobile) if partner.mobile else ("voice", partner.landline)
        if address:
            language = tx.render.speaks(kind, channel)
            body = outbox.body(tx, channel, kind, language, False, facts)
            drafts.append(outbox.Draft(person_id=f"#partner:{partner.id}", channel=channel, address=address,
                                       lane=outbox.Lane.UPDATE, body=body, wording=kind, language=language,
                                       not_after=tx.now + outbox.WORTH[outbox.Lane.UPDATE]))  # fmt: skip
    outbox.enqueue(tx, said, drafts)


def partners_know(tx: Tx, outage: Outage) -> bool:
    """Were they told of it? Then they are told of its end, whatever the level is by then."""
    told = select(outbox.Notice.id).where(outbox.Notice.outage_id == outage.id, outbox.Notice.kind == "partner")
    return tx.exec(told.limit(1)).first() is not None


def partner_facts(tx: Tx, outage: Outage) -> dict[str, Any]:
    services, sites = say(outages.down(tx, outage)), ", ".join(outage.sites)
    return {"services": services, "site": sites, "since": tasks.at(tx, outage.declared_at),
            "next": next_at(tx, outage)} | no_phone(tx, outage)  # fmt: skip


def coordinator(tx: Tx, outage: Outage | None) -> roster.Person | None:
    """The commander, else the house supervisor; who cannot be reached only where nobody else can."""
    found = roster.coordinator(tx, outage.commander if outage else "")
    never = frozenset([found.id]) if found else frozenset()
    if found is None or outbox.routes(tx, found):
        return found
    return _reached(tx, lambda but: roster.holding(tx, "house_supervisor", excluding=but).owner, never) or found


def above(tx: Tx, outage: Outage | None, person: roster.Person, unit: str = "") -> roster.Person | None:
    """Who hears of it when this person is stuck: the superior, else the coordinator, else the house supervisor; never
    the person, nor anybody who cannot be reached while others can."""
    never, where = frozenset([person.id]), unit or person.unit
    found = _reached(tx, lambda but: roster.superior(tx, person, unit=where, excluding=but), never)
    found = found or coordinator(tx, outage)
    if found is None or found.id != person.id:
        return found
    return roster.holding(tx, "house_supervisor", excluding=frozenset([person.id])).owner


def _reached(
    tx: Tx, ask: Callable[[frozenset[str]], roster.Person | None], never: frozenset[str]
) -> roster.Person | None:
    """The first whom `ask` names that has an address which may be used; it is told whom to leave out."""
    while (found := ask(never)) and not outbox.routes(tx, found):
        never |= {found.id}
    return found


def up(tx: Tx, outage: Outage, task: tasks.Task, owner: str, to: roster.Person, why: str) -> None:
    """One task that cannot wait for a digest; whoever hears of it may act on it."""
    task.told = list(dict.fromkeys([*task.told, to.id]))
    tx.add(task)
    facts = {"code": task.code, "text": task.sms, "owner": owner, "why": why}
    one(tx, outage, to, "task_up", facts, lane=outbox.Lane.ALERT, subject=f"task:{task.number}",
        buttons=tasks.buttons(task), also_slack=True)  # fmt: skip


def promise_owner(tx: Tx, outage: Outage) -> roster.Person | None:
    """Who owes the next update: the PIO on shift, else the commander, else the house supervisor."""
    pio = roster.holders(tx, "pio")
    return pio[0] if pio else coordinator(tx, outage)


def no_desk_phones(tx: Tx, outage: Outage | None = None) -> bool:
    """Are the house's phones down? In an exercise what it says is down counts, else what really is."""
    practised = outage is not None and outage.exercise
    such = [outage] if outage and practised else [each for each in outages.running(tx) if not each.exercise]
    down = [service for each in such for service in outages.down(tx, each)]
    return any(service.words.get("en", {}).get(playbooks.NO_DESK_PHONES) for service in down)


def no_phone(tx: Tx, outage: Outage | None = None) -> dict[str, str]:
    """The fact that keeps a number out of a message that nobody could call."""
    return {"callback": ""} if no_desk_phones(tx, outage) else {}


def help_phone(tx: Tx, person: roster.Person, outage: Outage | None = None) -> dict[str, str]:
    """A site's own number wins over the hospital's; none while the phones are down."""
    if none := no_phone(tx, outage):
        return none
    site = roster.site(tx, person.site)
    return {"callback": site.help_phone} if site and site.help_phone else {}


def next_at(tx: Tx, outage: Outage) -> str:
    return tasks.at(tx, outage.next_update_at)


def promise(tx: Tx, outage: Outage, every: timedelta | None = None) -> datetime:
    """Promise the next update and set the clocks that keep the promise."""
    if every:
        outage.every_s = int(every.total_seconds())
    outage.next_update_at = tx.now + timedelta(seconds=outage.every_s)
    tx.add(outage)
    timers.set_for(tx, REMIND, str(outage.id), max(outage.next_update_at - timedelta(minutes=5), tx.now))
    timers.set_for(tx, DUE, str(outage.id), outage.next_update_at)
    return outage.next_update_at


def down(tx: Tx, outage: Outage) -> str:
    return say(outages.down(tx, outage))
