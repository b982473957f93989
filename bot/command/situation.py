"""The situation report: the section chiefs are asked, reminded by digest, and what they say goes to the commander."""

from datetime import timedelta
from typing import Any

from bot import journal, outages, outbox, roster, sitreps, tasks, texting, timers
from bot.access import Refused
from bot.command import digest, tell
from bot.db import Tx
from bot.outages import Outage, OutageState
from bot.sitreps import FIELDS, Report, Sitrep

FIRST, REMIND, DUE = "sitrep.first", "sitrep.remind", "sitrep.due"  # the timers
REMIND_AFTER, DUE_AFTER = timedelta(minutes=20), timedelta(minutes=45)
NO_CHIEF = "Nobody on shift is a section chief ({roles}), so nobody was asked for a situation report."


def ask(tx: Tx, outage: Outage) -> str:
    """Ask the section chiefs on shift, by text one question after the other, in Slack by a form."""
    hand_in(tx, outage)
    asked, reports = sitreps.begin(tx, outage)
    if not reports:
        sitreps.end(tx, outage)
        return NO_CHIEF.format(roles=", ".join(sitreps.CHIEFS))
    for report in reports:
        person = roster.person(tx, report.person_id)
        if person:
            facts = {"number": asked.period, "title": _title(report), "of": len(FIELDS)}
            keys = [["Fill in the report", "sitrep_open", str(report.id)]]
            tell.one(tx, outage, person, "sitrep", facts, lane=outbox.Lane.QUESTION, subject=f"sitrep:{asked.id}",
                     buttons=keys, also_slack=True)  # fmt: skip
    timers.set_for(tx, REMIND, str(asked.id), tx.now + REMIND_AFTER)
    timers.set_for(tx, DUE, str(asked.id), tx.now + DUE_AFTER)
    return f"{len(reports)} section chiefs are asked: {', '.join(_title(report) for report in reports)}."


def ask_first(tx: Tx, outage_id: int) -> None:
    """A while after the beginning the chiefs know enough for a first report; unless somebody has asked them already."""
    outage = tx.get(Outage, outage_id)
    asked = sitreps.latest(tx, outage) if outage else None
    if outage and outage.state == OutageState.DECLARED and (asked is None or asked.period < outage.period):
        ask(tx, outage)


def ask_by(tx: Tx, by: roster.Person, code: str) -> str:
    """Somebody wants to know now. Raises Refused."""
    return ask(tx, outages.commanded(tx, by, "checkin", code))


def heard(tx: Tx, people: list[roster.Person], text: str) -> tell.Echo:
    """A text that fits nothing else is the answer to the question asked last; returns the next one. None if nobody at
    this number was asked anything in the last half an hour."""
    report = sitreps.waiting(tx, [person.id for person in people])
    if report is None:
        return None
    sitreps.answer(tx, report, texting.without_patients(text))
    _noted(tx, report, "sms")
    if report.done_at:
        return "echo", {"text": "your report is complete and goes to the commander"}
    return "sitrep_next", {"field": report.waits_for, "place": len(report.said) + 1, "of": len(FIELDS)}


def fill(tx: Tx, person: roster.Person, report_id: int, said: dict[str, str]) -> str:
    """The form in Slack. What was left empty is passed. Raises Refused."""
    report = tx.get(Report, report_id)
    asked = tx.get(Sitrep, report.sitrep_id) if report else None
    if report is None or asked is None or report.person_id != person.id:
        raise Refused("That report is not yours to fill in. Nothing was kept.")
    if asked.closed_at:
        raise Refused("That report was closed and has gone to the commander. Nothing was kept; tell the commander.")
    given = {name: said.get(name, "").strip() for name in FIELDS}
    sitreps.fill(tx, report, {name: texting.without_patients(text) for name, text in given.items()})
    _noted(tx, report, "slack")
    return "Your report goes to the commander. You may fill it in again until then."


def remind(tx: Tx, sitrep_id: int) -> None:
    """Chiefs who are not done hear of it in their digest, and may go on by text from there."""
    asked, outage = _open(tx, sitrep_id)
    for report in sitreps.reports(tx, asked) if asked else []:
        person = roster.person(tx, report.person_id)
        if outage and person and not report.done_at:
            report.asked_at = tx.now
            tx.add(report)
            digest.add(tx, outage, person, str(report.id), digest.REPORT)


def assemble(tx: Tx, sitrep_id: int) -> None:
    """What there is goes to the commander as one text and one post, with who is missing."""
    asked, outage = _open(tx, sitrep_id)
    if asked is None or outage is None:
        return
    facts, above = _facts(tx, outage, asked), tell.coordinator(tx, outage)
    if above:
        tell.one(tx, outage, above, "sitrep_report", facts, lane=outbox.Lane.QUESTION, also_slack=True)
    tell.command_post(tx, outage, "sitrep_report", facts)
    stop(tx, outage)
    journal.write(tx, "sitrep_sent", outage=outage.code, about=f"period {asked.period}", to=above.id if above else "",
                  said={report.role: report.said for report in sitreps.reports(tx, asked)})  # fmt: skip


def hand_in(tx: Tx, outage: Outage) -> None:
    """What was said by now is not lost when no more is taken."""
    asked = sitreps.latest(tx, outage)
    if asked and any(report.said for report in sitreps.reports(tx, asked)):
        assemble(tx, asked.id or 0)


def shown(tx: Tx, by: roster.Person, code: str) -> str:
    """The latest report, as far as it goes. Raises Refused."""
    outage = outages.commanded(tx, by, "checkin", code)
    asked = sitreps.latest(tx, outage)
    if asked is None:
        raise Refused(f"{outage.code} has no situation report yet. `/checkin sitrep ask` asks the section chiefs.")
    said = tx.render.slack("sitrep_report", by.language, **_facts(tx, outage, asked))
    return f"{tasks.at(tx, asked.opened_at)} {said}"


def close(tx: Tx, outage: Outage) -> None:
    """The downtime is over, or the outage: a report that is open ends with a note of who is missing. What was said by
    then goes to the commander, unless it was all a mistake or an exercise."""
    asked = sitreps.latest(tx, outage)
    if asked is None or asked.closed_at:
        return
    every = sitreps.reports(tx, asked)
    journal.write(tx, "sitrep_closed", outage=outage.code, about=f"period {asked.period}", why=outage.state,
                  unfinished=[report.role for report in every if not report.done_at],
                  said={report.role: report.said for report in every})  # fmt: skip
    practised = outage.exercise and outage.state == OutageState.CLOSED
    if outage.state != OutageState.VOIDED and not practised:
        hand_in(tx, outage)
    stop(tx, outage)


def stop(tx: Tx, outage: Outage) -> None:
    """Nothing more is asked of the chiefs."""
    asked = sitreps.latest(tx, outage)
    for timer in (REMIND, DUE) if asked else ():
        timers.cancel(tx, timer, str(asked.id if asked else ""))
    sitreps.end(tx, outage)


def _noted(tx: Tx, report: Report, channel: str) -> None:
    """The last report that is done brings all of them to the commander at once."""
    journal.write(tx, "reported", who=report.person_id, channel=channel, about=report.role, said=report.said)
    asked = tx.get(Sitrep, report.sitrep_id)
    if asked and all(each.done_at for each in sitreps.reports(tx, asked)):
        timers.set_for(tx, DUE, str(asked.id), tx.now)


def _open(tx: Tx, sitrep_id: int) -> tuple[Sitrep | None, Outage | None]:
    asked = tx.get(Sitrep, sitrep_id)
    if asked is None or asked.closed_at:
        return None, None
    return asked, tx.get(Outage, asked.outage_id)


def _facts(tx: Tx, outage: Outage, asked: Sitrep) -> dict[str, Any]:
    every = sitreps.reports(tx, asked)
    full = [f"{_title(report)}: {_in_full(report)}" for report in every]
    by_field = {
        name: [f"{_title(report)} {report.said[name]}" for report in every if report.said.get(name)] for name in FIELDS
    }
    about = {"code": outage.code, "number": asked.period, "got": sum(bool(report.said) for report in every)}
    missing = [_title(report) for report in every if not report.said]
    return about | {"of": len(every), "missing": missing, "full": full} | by_field


def _in_full(report: Report) -> str:
    return "; ".join(f"{name}: {said}" for name, said in report.said.items() if said) or "nothing yet"


def _title(report: Report) -> str:
    return roster.ROLES[report.role].short
