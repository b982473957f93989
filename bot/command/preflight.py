"""Before anything fails: which roles, units and permissions have nobody in the hours to come.

It is looked at in the morning, at each change of shift, and two hours before an urgent role falls empty; never only
at the alert.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import col, select

from bot import checkins, journal, outbox, playbooks, roster, tasks, timers
from bot.command import tell
from bot.db import Tx
from bot.roster.coverage import Coverage, Gap, Stretch, coverage, is_planned, next_change
from bot.roster.quality import Finding, listed

LOOK, TOLD = "preflight", "preflight.told"  # the timers: the next look; a gap that was told of
NEXT, ROTA = "next", "rota"
AHEAD, SOON = timedelta(hours=24), timedelta(hours=2)
BETWEEN = timedelta(hours=3)  # two looks at changes of shift
DAY = (time(7), time(22))  # local hours in which somebody is texted
URGENT = 1


def check(tx: Tx) -> list[Finding]:
    """What is not staffed in the next 24 hours, what is red first."""
    seen = coverage(tx, tx.now - AHEAD, tx.now + AHEAD)
    roles = needed(tx)
    found = [_role(tx, role, prio, gaps) for role, prio in roles.items() if (gaps := _gaps(tx, seen, role))]
    found += _units(tx, seen)
    found += [
        Finding(f"nobody on shift or on call may {permission}: {_hours(tx, open_)}", red=permission == "declare")
        for permission in ("declare", "close")
        if (open_ := [each for each in _to_come(tx, seen.without(permission)) if not _within(seen, each)])
    ]
    if gone := _to_come(tx, seen.unworked()):
        found.append(
            Finding(f"no shift covers {_hours(tx, gone)}: whoever has a role and the unit phones are told then", True)
        )
    return sorted(found, key=lambda finding: not finding.red)


def needed(tx: Tx) -> dict[str, int]:
    """The roles that an outage asks at once, and how urgent the most urgent of it is."""
    library = playbooks.current(tx)
    found: dict[str, int] = {}
    for playbook in library.playbooks.values():
        for phase, step in playbook.steps:
            if phase in ("alert", "immediate") and step.owner not in roster.UNIT_ROLES:
                found[step.owner] = min(step.prio, found.get(step.owner, step.prio))
    for rungs in library.ladders.values():
        found |= {rung.role: URGENT for rung in rungs if rung.role}
    called = {option.role for option in checkins.OPTIONS.values() if option.role}
    return found | dict.fromkeys(("house_supervisor", *sorted(called)), URGENT)


def arm(tx: Tx, at_once: bool = False) -> None:
    """Set the clock of the next look, or set it earlier, where shifts or calendars were imported."""
    if is_planned(tx):
        planned, wanted = timers.due_at(tx, LOOK, NEXT), tx.now if at_once else _next_look(tx)
        if planned is None or wanted < planned:
            timers.set_for(tx, LOOK, NEXT, wanted)


def look(tx: Tx) -> None:
    """Tell the command centre what is not staffed; the house supervisor only of an urgent role that soon has nobody."""
    if not is_planned(tx):
        return
    found = check(tx)
    journal.write(tx, "preflight", red=sum(finding.red for finding in found), other=sum(not each.red for each in found))
    if found:
        red, other = ([each.says for each in found if each.red is colour] for colour in (True, False))
        tell.command_post(tx, None, "preflight", {"red": red, "other": other})
    _tell_of_soon(tx)
    timers.set_for(tx, LOOK, NEXT, _next_look(tx))


def _tell_of_soon(tx: Tx) -> None:
    """Once for each gap, all of them in one text, and by day."""
    if not DAY[0] <= _local(tx, tx.now).time() < DAY[1]:
        return
    soon = [gap for gap in _urgent(tx) if gap.begins <= tx.now + SOON]
    fresh = [gap for gap in soon if not _is_told(tx, gap)]
    for gap in soon:  # one without an end in sight counts as told until well after the next look
        until = gap.ends if gap.ends < tx.now + AHEAD else tx.now + 2 * AHEAD
        timers.set_for(tx, TOLD, gap.role or ROTA, until)
    held = roster.holding(tx, "house_supervisor").owner if fresh else None
    if held:
        text = ", ".join(f"{_short(gap)} {_hours(tx, [(gap.begins, gap.ends)])}" for gap in fresh)
        facts = {"text": f"nobody for {text}. {_stands_in(fresh[0]).capitalize()}"}
        tell.one(tx, None, held, "told_you", facts, lane=outbox.Lane.QUESTION)


def _is_told(tx: Tx, gap: Gap) -> bool:
    until = timers.due_at(tx, TOLD, gap.role or ROTA)
    return until is not None and gap.begins <= until


def _short(gap: Gap) -> str:
    return roster.ROLES[gap.role].short if gap.role else "the whole rota"


def _urgent(tx: Tx) -> list[Gap]:
    """Where an urgent role has nobody, or no shift covers the hour at all."""
    seen = coverage(tx, tx.now - AHEAD, tx.now + AHEAD)
    roles = [gap for role, prio in needed(tx).items() if prio == URGENT for gap in _gaps(tx, seen, role)]
    return [*(Gap("", "", *stretch, "") for stretch in _to_come(tx, seen.unworked())), *roles]


def _next_look(tx: Tx) -> datetime:
    local = _local(tx, tx.now)
    morning = local.replace(hour=DAY[0].hour, minute=0, second=0, microsecond=0)
    moments = [morning if morning > local else morning + timedelta(days=1)]
    moments += [change] if (change := next_change(tx, tx.now + BETWEEN)) else []
    moments += [gap.begins - SOON for gap in _urgent(tx) if gap.begins - SOON > tx.now]
    return min(moment.astimezone(tx.now.tzinfo) for moment in moments)


def _gaps(tx: Tx, seen: Coverage, role: str, unit: str = "") -> list[Gap]:
    """The gaps to come, but for hours that no shift covers: those are one gap of all."""
    found = [gap for gap in seen.gaps(role, unit) if gap.ends > tx.now]
    return [gap for gap in found if role not in seen.known or not _within(seen, (gap.begins, gap.ends))]


def _within(seen: Coverage, stretch: Stretch) -> bool:
    return any(begins <= stretch[0] and stretch[1] <= ends for begins, ends in seen.unworked())


def _to_come(tx: Tx, stretches: list[Stretch]) -> list[Stretch]:
    return [(begins, ends) for begins, ends in stretches if ends > tx.now]


def _role(tx: Tx, role: str, prio: int, gaps: list[Gap]) -> Finding:
    hours = _hours(tx, [(gap.begins, gap.ends) for gap in gaps])
    alone = any(not gap.stands_in for gap in gaps)
    return Finding(f"{role}: nobody {hours}; {_stands_in(gaps[0])}", red=prio == URGENT or alone)


def _stands_in(gap: Gap) -> str:
    if not gap.role or gap.stands_in == gap.role:
        return "everybody who has the role is asked"
    short = roster.ROLES[gap.stands_in].short if gap.stands_in else ""
    return f"{short} stands in" if short else "nobody stands in"


def _units(tx: Tx, seen: Coverage) -> list[Finding]:
    """Units whose check nobody would answer: without a phone on the wall that is red."""
    empty: dict[bool, list[str]] = {True: [], False: []}
    for code, landline in tx.exec(select(roster.Unit.code, roster.Unit.landline).order_by(col(roster.Unit.code))):
        if gaps := _gaps(tx, seen, "unit_charge", code):
            empty[not landline].append(f"{code} {_hours(tx, [(gap.begins, gap.ends) for gap in gaps])}")
    says = {True: "no charge nurse and no landline", False: "no charge nurse, the landline is rung"}
    return [Finding(f"{says[red]}: {listed(units)}", red) for red, units in empty.items() if units]


def _hours(tx: Tx, stretches: list[Stretch]) -> str:
    """`22:00-07:00`; what began before now is there `now`, and what ends beyond the next 24 hours has no end here."""
    return " and ".join(_hour(tx, *stretch) for stretch in stretches[:3])


def _hour(tx: Tx, begins: datetime, ends: datetime) -> str:
    until = tasks.at(tx, ends) if ends < tx.now + AHEAD else ""
    if begins <= tx.now:
        return f"now, until {until}" if until else "now and for 24 hours"
    return f"{tasks.at(tx, begins)}-{until}" if until else f"from {tasks.at(tx, begins)}"


def _local(tx: Tx, moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(tx.settings.timezone))
