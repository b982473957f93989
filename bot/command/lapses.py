"""When a person or a message drops out: gone off shift, not delivered."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select

from bot import access, checkins, escalations, journal, outages, outbox, roster, tasks, timers
from bot.command import digest, errands, levels, recalling, relief, returning, tell, wording
from bot.db import Tx
from bot.outages import Outage
from bot.outbox import circuits

EXPIRED = "expired"  # the timer on which what expired is told of
GATHER = timedelta(seconds=10)
STAND_IN_AFTER = timedelta(seconds=30)  # how long texts are without a way out before people are called
STOOD_IN = "a call stands in while texts cannot leave"
BY_CALL = 50  # people who are given a call at once
ANEW = ("resend", "call")  # the rungs that try the same person on another way


def not_on_shift(tx: Tx, person: roster.Person, channel: str) -> tell.Echo:
    """AWAY: counted as unavailable; the units and tasks of the person go to the next."""
    roster.take_duty(tx, person, "away", "")
    journal.write(tx, "said_away", who=person.id, channel=channel)
    checkins.unavailable(tx, person, channel)
    running = outages.running(tx)
    for outage in running:
        _leaves_units(tx, outage, person)
        if outage.commander == person.id:
            relief.ask(tx, outage, person, "said AWAY")
    for outage_id in {outage.id for outage in running} | {task.outage_id for task in tasks.mine(tx, person)}:
        _leaves_tasks(tx, outage_id, person, "said AWAY")
    recalling.dropped(tx, person, "sms")
    return "echo", {"text": "noted: you are not on shift. Your tasks go to the next person"}


def shift_ends(tx: Tx, outage_id: int) -> None:
    """Shifts have changed: the units and tasks of those who went off shift go to whoever relieves them."""
    outage = tx.get(Outage, outage_id)
    for person in tasks.gone(tx, outage_id) if outage else []:
        if outage and outage.state in outages.RUNNING:
            _leaves_units(tx, outage, person)
        _leaves_tasks(tx, outage_id, person, "end of shift")
    if outage and outage.state in outages.RUNNING:
        relief.shift_ends(tx, outage)
    tasks.set_clock(tx, outage_id)


def _leaves_units(tx: Tx, outage: Outage, person: roster.Person) -> None:
    for row in checkins.units(tx, outage.id or 0):
        if row.asked == person.id:
            new_charge(tx, outage, row, roster.charge(tx, row.unit))


def _leaves_tasks(tx: Tx, outage_id: int | None, person: roster.Person, why: str) -> None:
    """What has no relief stays with the person, and the coordinator hears of it."""
    outage = tx.get(Outage, outage_id) if outage_id else None
    above = tell.coordinator(tx, outage)
    if outage:
        levels.pass_on(tx, outage, person)
    for task in tasks.leave(tx, person, outage_id, why):
        journal.write(tx, "no_relief", outage=outage.code if outage else "", who=person.id, about=task.code)
        if outage and above and above.id != person.id:
            digest.add(tx, outage, above, task.code, "no relief")


def hand_on_tasks(tx: Tx, person: roster.Person, why: str) -> None:
    """Whatever is before the person goes to the next, in one text for three; a unit to be visited, in their digest."""
    together: tasks.Together = {}
    for task in [task for task in tasks.mine(tx, person) if task.owner == person.id]:
        if task.kind == tasks.Kind.VISIT:
            _hand_on_visit(tx, task, person)
        elif task.kind != tasks.Kind.DECIDE:  # what was asked about the level is asked below
            errands.refuse(tx, task, person, why, "sms", together)
    tasks.ask_together(tx, together)
    for outage in outages.running(tx):
        levels.pass_on(tx, outage, person)
        returning.advance(tx, outage.id)  # a list that nobody can do has ended its unit's turn


def _hand_on_visit(tx: Tx, task: tasks.Task, person: roster.Person) -> None:
    """Somebody else is asked to send a person to the silent unit."""
    outage = tx.get(Outage, task.outage_id)
    held = roster.holding(tx, "house_supervisor", unit=task.unit, excluding=frozenset([person.id]))
    to = held.owner or tell.coordinator(tx, outage)
    if outage and to and to.id != person.id:
        task.owner, task.state = to.id, tasks.TaskState.OFFERED
        tx.add(task)
        journal.write(tx, "visit_handed_on", outage=outage.code, who=person.id, about=task.code, to=to.id)
        digest.add(tx, outage, to, task.unit, "silent")


def locked_out(tx: Tx, number: str) -> None:
    """Wrong PINs have locked a number: the administrators hear whose it is."""
    until = tasks.at(tx, tx.now + access.LOCK_FOR)
    whose = ", ".join(person.name for person in roster.by_phone(tx, number)) or "nobody we know"
    facts = {"text": f"5 wrong PINs from {number} ({whose}): its PINs are refused until {until}. Is it them?"}
    for person in roster.permitted(tx, "admin"):
        tell.one(tx, None, person, "told_you", facts, lane=outbox.Lane.QUESTION, also_slack=True)
    tell.command_post(tx, None, "told_you", facts)


def takes_charge(tx: Tx, person: roster.Person, unit: str) -> None:
    """Somebody is in charge of a unit now: its open check and its lists are hers, and whoever had them is told once."""
    before: dict[str, tuple[Outage, roster.Person]] = {}
    for outage in outages.running(tx):
        row = tx.get(checkins.UnitCheck, (outage.id, unit))
        if row and row.asked != person.id:
            before |= {each.id: (outage, each) for each in roster.people(tx, [row.asked]).values()}
            new_charge(tx, outage, row, person)
        for each in tasks.in_charge_before(tx, outage.id, unit, person):
            before[each.id] = (outage, each)
            tasks.leave(tx, each, outage.id, f"{person.id} said CHARGE", unit)
    for outage, each in before.values():
        if roster.duty_of(tx, each.id):  # whoever went home may sleep
            text = f"{person.name} is in charge of {unit} now and is asked for it. Not so? Text CHARGE {unit}"
            tell.one(tx, outage, each, "told_you", {"text": text}, lane=outbox.Lane.QUESTION)


def new_charge(tx: Tx, outage: Outage, row: checkins.UnitCheck, to: roster.Person | None) -> None:
    """The unit's question goes to whoever is in charge now; nobody: its landline is rung."""
    checkins.hand_on(tx, outage, row, to)
    journal.write(tx, "unit_handed_on", outage=outage.code, about=row.unit, to=to.id if to else "")
    if to and row.standing == checkins.Standing.SILENT:
        facts = wording.unit_facts(tx, outage, [row.unit], to.language or "en")
        tell.one(tx, outage, to, "unit_check", facts, lane=outbox.Lane.QUESTION,
                 subject=checkins.subject(outage, row.unit), buttons=wording.check_keys(outage))  # fmt: skip


def undelivered(tx: Tx, row: Any, reason: str) -> None:
    """A text did not arrive: a ladder that waits on it and asks the person anew climbs now; anybody else is tried on
    the next way, each once."""
    said = tx.get(outbox.Notice, row.notice_id)
    person = tx.get(roster.Person, row.person_id)
    if said is None or said.closed_at or person is None or row.lane > outbox.Lane.UPDATE or row.channel != "sms":
        return
    if _is_history(tx, said):
        return
    waiting = [ladder for ladder in _ladders(tx, said, person) if _asks_anew(ladder)]
    for ladder in waiting:
        escalations.skip_wait(tx, ladder)
    used = _used(tx, said, person)
    way = outbox.another(tx, person, used, also_voice=_wakes(tx, said, person, row))
    if way and not waiting:
        outbox.enqueue(tx, said, [_again(tx, said, person, way, row, len(used))])
        journal.write(tx, "fell_over", who=person.id, channel=way.channel, about=f"message {row.id}", reason=reason)


def unconfirmed(tx: Tx, row: Any) -> None:
    """Nobody knows whether a text arrived: a ladder that waits for its answer climbs now. Nobody else is disturbed:
    some carriers never say that a text was delivered."""
    said, person = tx.get(outbox.Notice, row.notice_id), tx.get(roster.Person, row.person_id)
    for ladder in _ladders(tx, said, person) if said and person and not said.closed_at else []:
        escalations.skip_wait(tx, ladder)


def expired(tx: Tx, notice_id: int) -> None:
    """Messages waited longer than they were worth: in a moment, when all have been found, somebody hears how many."""
    if not timers.due_at(tx, EXPIRED, str(notice_id)):
        timers.set_for(tx, EXPIRED, str(notice_id), tx.now + GATHER)


def say_expired(tx: Tx, notice_id: int) -> None:
    """The command centre hears what expired, and is asked whether it is still to be said."""
    said = tx.get(outbox.Notice, notice_id)
    outage = tx.get(Outage, said.outage_id) if said and said.outage_id else None
    if said is None or outage is None or outage.state not in outages.RUNNING or said.closed_at:
        return
    count = tx.execute(select(func.count()).where(*_expired(notice_id))).scalar_one()
    text = f"{count} messages of {tasks.at(tx, said.opened_at)} waited too long and were not sent"
    if _is_history(tx, said):
        tell.command_post(tx, outage, "told_you", {"text": f"{text}. Systems came back meanwhile"})
        return
    again = [["Send them now", "sure_again", f"{outage.code} {notice_id}"]]
    tell.command_post(tx, outage, "told_you", {"text": f"{text}. Are they still wanted?"}, again)
    above = tell.coordinator(tx, outage)
    if above:
        facts = {"text": f"{text}. An update reaches everybody"}
        tell.one(tx, outage, above, "told_you", facts, lane=outbox.Lane.QUESTION, also_slack=True)


def send_again(tx: Tx, by: roster.Person, code: str, notice_id: int, channel: str) -> str:
    """What expired of a notice is still wanted: it is queued once more. Raises Refused."""
    access.demand(tx, by, "update")
    outage, said = outages.find(tx, code), tx.get(outbox.Notice, notice_id)
    if said and _is_history(tx, said):
        raise access.Refused(f"{outage.code} is {outage.state}: those words are no longer true. Nothing was sent. "
                             f"Say what is: {tell.how(channel, 'update', outage.code)}.")  # fmt: skip
    lanes = tx.execute(select(outbox.Message.lane).where(*_expired(notice_id)).distinct()).scalars().all()
    count = 0
    for lane in lanes:
        fresh = {"state": outbox.State.QUEUED, "reason": "", "due_at": tx.now, "claim": "", "claimed_at": None,
                 "not_after": tx.now + outbox.WORTH[lane]}  # fmt: skip
        mine = update(outbox.Message).where(*_expired(notice_id), col(outbox.Message.lane) == lane)
        count += len(tx.execute(mine.values(**fresh).returning(col(outbox.Message.id))).all())
    journal.write(tx, "sent_again", outage=outage.code, who=by.id, channel=channel, about=f"notice {notice_id}",
                  messages=count)  # fmt: skip
    tx.wakes()
    return f"{count} messages go out now."


def stand_in(tx: Tx) -> int:
    """Texts have had no way out for a while: whoever waits for an urgent one is called as well.

    Nothing is withdrawn: the text goes out when it can, and a call that has not begun by then is taken back.
    """
    health = circuits.states(tx)
    sms = health.get("sms")
    others = [f"others-{number + 1}" for number in range(len(tx.settings.sms_fallback_urls))]
    shut = [name for name in ("sms", *others) if name in health and health[name].circuit != outbox.CircuitState.CLOSED]
    if sms is None or len(shut) <= len(others) or sms.opened_at is None or sms.opened_at > tx.now - STAND_IN_AFTER:
        return 0
    rows = outbox.stuck(tx, "sms", STOOD_IN, BY_CALL)
    for row in rows:
        said, person = tx.get(outbox.Notice, row.notice_id), tx.get(roster.Person, row.person_id)
        if said and person and not _is_history(tx, said) and _wakes(tx, said, person, row):
            _call_instead(tx, said, person, row)
    return len(rows)


def _wakes(tx: Tx, said: outbox.Notice, person: roster.Person, row: Any) -> bool:
    """May they be called about it at this hour? Only priority 1 wakes people who are off shift by a call (messages.md
    R5); alerts, checks and staff calls are asked by people, and are."""
    if row.lane > outbox.Lane.QUESTION:
        return False
    prio = 1 if said.subject or row.lane < outbox.Lane.QUESTION else 2
    if said.subject.startswith(("offer:", "task:")):
        prio = min((task.prio for task in tasks.about(tx, said.subject, person)), default=2)
    return not tasks.spares(tx, person, prio, call=True)


def _call_instead(tx: Tx, said: outbox.Notice, person: roster.Person, row: Any) -> None:
    used = _used(tx, said, person)
    way = next((way for way in outbox.routes(tx, person) if way.channel == "voice"), None)
    if way and not any(channel == "voice" for channel, _ in used):
        call = _again(tx, said, person, way, row, len(used))
        outbox.enqueue(tx, said, [call.model_copy(update={"reason": STOOD_IN})])


def stand_down(tx: Tx) -> None:
    """Texts leave again: calls that were to stand in for them and have not begun are taken back."""
    waiting = [col(outbox.Message.channel) == "voice", col(outbox.Message.state) == outbox.State.QUEUED,
               col(outbox.Message.reason) == STOOD_IN]  # fmt: skip
    tx.execute(update(outbox.Message).where(*waiting).values(state=outbox.State.WITHDRAWN, reason="texts leave again"))


def _is_history(tx: Tx, said: outbox.Notice) -> bool:
    """It tells of a downtime that is over. Whoever missed it hears of the return, which went to everybody."""
    outage = tx.get(Outage, said.outage_id) if said.outage_id else None
    about_all = outage is not None and said.subject == f"outage:{outage.id}"
    return bool(about_all and outage and outage.restored_at and said.opened_at < outage.restored_at)


def _expired(notice_id: int) -> list[Any]:
    return [col(outbox.Message.notice_id) == notice_id, col(outbox.Message.state) == outbox.State.EXPIRED]


def _again(tx: Tx, said: outbox.Notice, person: roster.Person, way: outbox.Route, row: Any, round: int) -> outbox.Draft:
    """The same in the words of the other channel: an alert anew, anything else as it was written."""
    outage = tx.get(Outage, said.outage_id) if said.outage_id else None
    if outage and said.id == outage.notice_id:
        facts, keys = wording.alert_facts(tx, outage, person), wording.staff_keys(outage)
        return outbox.draft(
            tx, person, way, "alert", facts, lane=row.lane, exercise=said.exercise, buttons=keys, round=round
        )
    worth = tx.now + outbox.WORTH[row.lane]
    due_at = outbox.after_calls(tx, way.address) if way.channel == "voice" and said.kind == "task" else None
    return outbox.Draft(
        person_id=person.id, channel=way.channel, address=way.address, lane=row.lane, body=row.body, unit=person.unit,
        wording=said.kind, language=row.language, round=round, not_after=worth, due_at=due_at,
    )  # fmt: skip


def _ladders(tx: Tx, said: outbox.Notice, person: roster.Person) -> list[escalations.Ladder]:
    """The ladders that wait for this person's answer to this notice."""
    return [ladder for ladder in escalations.waiting_on(tx, said.id or 0) if ladder.person_id == person.id]


def _asks_anew(ladder: escalations.Ladder) -> bool:
    """Does it try the person on another way, and has rungs left? A reminder alone takes the same way again."""
    return ladder.position < len(ladder.rungs) and any(rung["do"] in ANEW for rung in ladder.rungs)


def _used(tx: Tx, said: outbox.Notice, person: roster.Person) -> set[tuple[str, str]]:
    tried = select(outbox.Message.channel, outbox.Message.address).where(outbox.Message.notice_id == said.id)
    return {(channel, address) for channel, address in tx.exec(tried.where(col(outbox.Message.person_id) == person.id))}
