"""Running a drill: planned, started after a preview, taken through its injects by a timer, ended with its score."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from bot import access, command, journal, outages, roster, timers
from bot.access import Refused
from bot.command.figures import Figures
from bot.command.still import OVER, end_exercise, say_over
from bot.db import Tx
from bot.exercises import injects
from bot.exercises.rows import Drill, DrillState, running, script
from bot.exercises.scenarios import Scenario
from bot.exercises.score import score, title
from bot.outages import Outage

#: The timers: the next inject of a drill that runs; a planned one begins
STEP, START = "drill.step", "drill.start"
POLITE = range(9, 20)  # local hours in which a planned drill needs no reason (messages.md)
LATE = timedelta(minutes=5)  # after its minute nothing of a live drill is done any more: Muster was not running
TOO_LATE = timedelta(minutes=30)  # after its time a planned drill is not held: nobody chose that hour


def preview(tx: Tx, by: roster.Person, scenario: Scenario) -> Figures:
    """Whom a live drill would text, and by when."""
    return command.preview(tx, by, injects.request(tx, scenario))


def start(tx: Tx, by: roster.Person, scenario: Scenario, why: str = "", live: bool = True) -> Drill:
    """Begin a drill now. Raises Refused while a real outage or another drill runs, and out of hours without a why."""
    access.demand(tx, by, "drill")
    _demand_calm(tx, scenario)
    injects.request(tx, scenario)
    demand_hour(tx, tx.now, why)
    drill = Drill(scenario=scenario.drill, script=script(scenario), starts_at=tx.now, by=by.id, why=why, live=live)
    tx.add(drill)
    tx.flush()
    begin(tx, drill, "slack")
    return drill


def begin(tx: Tx, drill: Drill, channel: str = "") -> None:
    """`channel` is where somebody began it; empty for one that starts by itself."""
    drill.state, drill.starts_at = DrillState.RUNNING, tx.now
    tx.add(drill)
    what = {"drill": drill.scenario, "why": drill.why}
    journal.write(tx, "drill_started", who=drill.by, channel=channel, about=drill.code, **what)
    _go_on(tx, drill)


def begin_planned(tx: Tx, drill_id: int) -> None:
    """Its time has come, and whoever is there now leads it. Long after its time, or while a real outage or another
    drill runs, it is left out, and the channel hears why."""
    drill = tx.get(Drill, drill_id)
    if drill is None or drill.state != DrillState.PLANNED:
        return
    try:
        _demand_punctual(tx, drill)
        _demand_calm(tx, drill.plan)
        injects.request(tx, drill.plan)
    except Refused as refused:
        drill.state, drill.ended_at = DrillState.CANCELLED, tx.now
        tx.add(drill)
        injects.post(tx, None, "told_you", {"text": f"Drill {drill.code} is left out. {refused}"})
        return
    by = injects.leader(tx)
    drill.by = by.id if by else drill.by
    begin(tx, drill)


def step(tx: Tx, drill_id: int) -> None:
    """The next inject is due, or the end."""
    drill = tx.get(Drill, drill_id, populate_existing=True, with_for_update=True)  # or a start ends it, too
    if drill and drill.state == DrillState.RUNNING:
        _go_on(tx, drill)


def _go_on(tx: Tx, drill: Drill) -> None:
    """Do the injects that are due, and set the clock for the next one, or for the end."""
    outage = injects.outage_of(tx, drill)
    if outage and outage.state in outages.ENDED:  # a real outage was declared, or somebody closed it
        _finish(tx, drill, outage)
        return
    if _slept(tx, drill):
        _end_after_sleep(tx, drill, outage)
        return
    while drill.done < len(drill.injects) and drill.starts_at + drill.injects[drill.done].at <= tx.now:
        inject, drill.done = drill.injects[drill.done], drill.done + 1
        late = drill.live and tx.now - drill.starts_at - inject.at > LATE
        if not outage and (_real(tx) or (late and inject.do == "declare")):  # nobody was told, and nobody will be
            _finish(tx, drill, None)
            return
        injects.do(tx, drill, inject, late)
    if drill.ends_at <= tx.now:
        over(tx, drill, drill.by, "the drill is over")
        return
    rest = drill.injects[drill.done :]
    due = min(drill.starts_at + rest[0].at if rest else drill.ends_at, drill.ends_at)
    timers.set_for(tx, STEP, str(drill.id), due)


def catch_up(tx: Tx) -> None:
    """At a start, before anything else that is overdue: drills whose end has passed meanwhile are over. Of processes
    that start together one ends them; the others wait for its commit, and then find nothing."""
    found = select(Drill).where(Drill.state == DrillState.RUNNING).order_by(col(Drill.id))
    for drill in tx.exec(found.with_for_update().execution_options(populate_existing=True)).all():
        if _slept(tx, drill):
            _go_on(tx, drill)


def _slept(tx: Tx, drill: Drill) -> bool:
    return drill.live and tx.now - drill.ends_at > LATE


def _end_after_sleep(tx: Tx, drill: Drill, outage: Outage | None) -> None:
    """Muster was not running at its end. Whoever was told may be asleep by now, and hears in the morning."""
    morning = _polite(tx)
    if outage is None or tx.now - drill.ends_at <= TOO_LATE or morning == tx.now:
        over(tx, drill, drill.by, "the drill is over")
        return
    end_exercise(tx, outage, drill.by, "the drill is over")
    timers.set_for(tx, OVER, str(outage.id), morning)
    _finish(tx, drill, outage)


def tell_over(tx: Tx, outage_id: int) -> None:
    """The morning has come, and no real outage before it (`end_exercises` tells of that at once)."""
    if outage := tx.get(Outage, outage_id):
        say_over(tx, outage)


def _polite(tx: Tx) -> datetime:
    """Now, or the next hour at which people are told things that can wait."""
    local = tx.now.astimezone(ZoneInfo(tx.settings.timezone))
    if local.hour in POLITE:
        return tx.now
    day = local + timedelta(days=local.hour >= POLITE.stop)
    return day.replace(hour=POLITE.start, minute=0, second=0, microsecond=0).astimezone(UTC)


def end(tx: Tx, by: roster.Person, code: str) -> Drill:
    """End a drill before its time, by its own code or its exercise's. Raises Refused."""
    access.demand(tx, by, "drill")
    drill = find(tx, code)
    if drill.state != DrillState.RUNNING:
        raise Refused(f"{drill.code} is {drill.state}, so there is nothing to end.")
    over(tx, drill, by.id, "ended early")
    return drill


def cancel(tx: Tx, by: roster.Person, code: str) -> Drill:
    """A planned drill will not start. Raises Refused."""
    access.demand(tx, by, "drill")
    drill = find(tx, code)
    if drill.state != DrillState.PLANNED:
        raise Refused(f"{drill.code} is {drill.state}; only a planned drill can be cancelled. Nothing was changed.")
    drill.state, drill.ended_at = DrillState.CANCELLED, tx.now
    tx.add(drill)
    timers.cancel(tx, START, str(drill.id))
    journal.write(tx, "drill_cancelled", who=by.id, about=drill.code, drill=drill.scenario)
    injects.post(tx, None, "told_you", {"text": f"Drill {drill.code} is called off by {by.name}"})
    return drill


def find(tx: Tx, code: str) -> Drill:
    """By `D-3`, by the code of its exercise, or the one that runs. Raises Refused."""
    word = code.strip().upper()
    number = word.removeprefix("D-")
    if not word:
        found = running(tx)
    elif number.isdecimal():
        found = tx.get(Drill, int(number[:9]))
    else:
        joined = select(Drill).join(Outage, Outage.id == Drill.outage_id)  # type: ignore[arg-type]
        found = tx.exec(joined.where(Outage.code == word)).first()
    if found is None:
        raise Refused(f"There is no drill {word}. Nothing was changed." if word else "No drill runs.")
    return found


def over(tx: Tx, drill: Drill, who: str, reason: str) -> None:
    """The exercise is over for everybody who was told of it; the command channel reads the score."""
    outage = injects.outage_of(tx, drill)
    if outage and outage.state not in outages.ENDED:
        end_exercise(tx, outage, who, reason)
        say_over(tx, outage)
    _finish(tx, drill, outage)


def demand_hour(tx: Tx, at: datetime, why: str) -> None:
    """Raises Refused for a drill that texts people in the evening or at night without saying why."""
    local = at.astimezone(ZoneInfo(tx.settings.timezone))
    if local.hour not in POLITE and not why.strip():
        raise Refused(
            f"It is {local:%H:%M}: drills are held between 09:00 and 20:00 unless somebody says why, as in "
            "`/outage drill SCENARIO --live night shift has not been drilled yet`. Nothing was sent."
        )


def _finish(tx: Tx, drill: Drill, outage: Outage | None) -> None:
    drill.state, drill.ended_at = DrillState.ENDED, tx.now
    tx.add(drill)
    timers.cancel(tx, STEP, str(drill.id))
    code = outage.code if outage else ""
    journal.write(tx, "drill_ended", outage=code, about=drill.code, drill=drill.scenario)
    if outage:
        tx.flush()
        injects.post(tx, outage, "drill_score", score_facts(tx, outage))
    elif drill.live:
        text = f"Drill {drill.code} is over before anything was declared, so nobody was told of it"
        injects.post(tx, None, "told_you", {"text": text})


def score_facts(tx: Tx, outage: Outage) -> dict[str, Any]:
    """The facts of the score sheet, of an exercise or of a real outage."""
    result = score(tx, outage)
    lines = ["{}: {}: {}".format(*mark.words, mark.verdict) for mark in result.marks]
    return {
        "code": result.code, "title": title(tx, outage), "people": result.people, "answered": result.answered,
        "units": result.units, "accounted": result.accounted, "lines": lines, "passed": result.passed,
    }  # fmt: skip


def _demand_punctual(tx: Tx, drill: Drill) -> None:
    if tx.now - drill.starts_at > TOO_LATE:
        local = drill.starts_at.astimezone(ZoneInfo(tx.settings.timezone))
        raise Refused(
            f"It could not start at {local:%H:%M}, and it is not held at another time than was planned. "
            f"To hold it all the same: `/outage drill {drill.scenario} --live`."
        )


def _demand_calm(tx: Tx, scenario: Scenario) -> None:
    command.demand_no_real(tx)
    if busy := running(tx):
        raise Refused(f"{busy.code}, {busy.plan.title}, runs already. End it with `/outage drill end {busy.code}`.")


def _real(tx: Tx) -> list[str]:
    """The real outages that run."""
    return [outage.code for outage in outages.running(tx) if not outage.exercise]
