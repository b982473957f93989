"""Units: watched from minute 0, spoken for by whoever was asked, told in person."""

from sqlmodel import col, select

from bot import escalations, journal, outbox, roster, tasks
from bot.checkins.rounds import latest
from bot.checkins.rows import OPTIONS, Heard, Kind, Standing, UnitCheck
from bot.db import Tx
from bot.outages import ENDED, Outage


def watch_unit(tx: Tx, outage: Outage, unit: roster.Unit, asked: roster.Person | None, notice_id: int) -> None:
    """A unit stands silent from minute 0; one ladder runs for it until somebody answers."""
    tx.add(UnitCheck(outage_id=outage.id or 0, unit=unit.code, asked=asked.id if asked else ""))
    _chase(tx, outage, unit.code, asked, notice_id)


def watch_again(tx: Tx, outage: Outage, row: UnitCheck, asked: roster.Person | None, notice_id: int) -> None:
    """A unit that is asked anew stands silent until it answers, but for a risk that is being seen to. A ladder that
    runs for it goes on."""
    if row.standing != Standing.RISK or not tasks.at_risk(tx, outage.id or 0, row.unit):
        row.standing, row.digit, row.note = Standing.SILENT, "", ""
    if escalations.active(tx, subject(outage, row.unit)):
        hand_on(tx, outage, row, asked)
        return
    row.asked = asked.id if asked else ""
    tx.add(row)
    outbox.close_notices(tx, subject(outage, row.unit), "asked anew")
    _chase(tx, outage, row.unit, asked, notice_id)


def subject(outage: Outage, unit: str) -> str:
    return f"unit:{outage.id}:{unit}"


def units(tx: Tx, outage_id: int) -> list[UnitCheck]:
    return list(tx.exec(select(UnitCheck).where(UnitCheck.outage_id == outage_id).order_by(UnitCheck.unit)))


def hand_on(tx: Tx, outage: Outage, row: UnitCheck, to: roster.Person | None) -> None:
    """Somebody else answers for the unit from now on, or nobody: then its landline is rung next."""
    row.asked = to.id if to else ""
    tx.add(row)
    for ladder in escalations.active(tx, subject(outage, row.unit)):
        ladder.person_id = row.asked
        tx.add(ladder)
        if to is None:
            escalations.leave_out(tx, ladder, "call")


def answer_for_unit(tx: Tx, outage: Outage, unit: str, digit: str, who: str, channel: str) -> Heard:
    """Somebody answered for a unit without having been asked by name: its landline, its channel."""
    heard = Heard(digit, outage, [], unit=unit, late=outage.state in ENDED)
    row = tx.get(UnitCheck, (outage.id, unit))
    if row and not heard.late:
        journal.write(tx, "answered", who=who, outage=outage.code, channel=channel, about=unit, digit=digit)
        _stand(tx, outage, row, OPTIONS[digit].standing, who, digit, "")
        _spare(tx, outage, row)
        heard.units = [unit]
    return heard


def told(tx: Tx, outage: Outage, unit: str, by: str) -> bool:
    """Somebody told the unit in person; false if the outage has no such unit."""
    row = tx.get(UnitCheck, (outage.id, unit))
    if row is None:
        return False
    journal.write(tx, "told_in_person", who=by, outage=outage.code, about=unit)
    if row.standing == Standing.SILENT:
        _stand(tx, outage, row, Standing.TOLD, by, "", "")
        _spare(tx, outage, row)
    return True


def seen_to(tx: Tx, outage: Outage, unit: str, by: str) -> None:
    """The patient risk of a unit has ended. With no other open there, somebody is in touch with it, and no more is
    known."""
    row = tx.get(UnitCheck, (outage.id, unit))
    if row and row.standing == Standing.RISK and not tasks.at_risk(tx, outage.id or 0, unit):
        row.standing, row.by, row.at = Standing.TOLD, by, tx.now
        tx.add(row)


def spoken_for(tx: Tx, outage: Outage, heard: Heard, who: str, note: str, only_unit: str) -> None:
    theirs = select(UnitCheck).where(UnitCheck.outage_id == outage.id, col(UnitCheck.asked).in_(heard.people))
    spoken = list(tx.exec(theirs.order_by(UnitCheck.unit)))
    here = [row.unit for row in spoken if not only_unit or row.unit == only_unit]
    heard.units = list(dict.fromkeys([*heard.units, *here]))
    for row in spoken:
        if row.unit in here:
            _stand(tx, outage, row, OPTIONS[heard.digit].standing, who, heard.digit, note)
    if heard.digit == "9" and not spoken:
        row_at = tx.get(UnitCheck, (outage.id, heard.unit))
        if row_at:  # a 9 from anyone in it changes a unit
            _stand(tx, outage, row_at, Standing.RISK, who, "9", note)


def _stand(tx: Tx, outage: Outage, row: UnitCheck, standing: Standing, who: str, digit: str, note: str) -> None:
    """What was said of a unit. A risk stays in sight while it is being seen to, unless its sender takes it back."""
    at_risk = row.standing == Standing.RISK and row.by != who and tasks.at_risk(tx, outage.id or 0, row.unit)
    if not at_risk:
        row.standing, row.by, row.digit, row.note, row.at = standing, who, digit, note, tx.now
        tx.add(row)
    escalations.stop(tx, subject(outage, row.unit), f"answered by {who}")
    outbox.close_notices(tx, subject(outage, row.unit), "answered")
    tasks.check_done(tx, outage.id or 0, row.unit, f"{digit or 'told'} {note}".strip(), who)


def _spare(tx: Tx, outage: Outage, row: UnitCheck) -> None:
    """Somebody else answered for the unit: whoever was asked again for it need not hear that any more."""
    again = latest(tx, outage, Kind.CHECK)
    theirs = select(UnitCheck.unit).where(UnitCheck.outage_id == outage.id, UnitCheck.asked == row.asked)
    if again and again.closed_at is None and not tx.exec(theirs.where(UnitCheck.standing == Standing.SILENT)).first():
        outbox.withdraw(tx, [again.notice_id], row.asked)


def _chase(tx: Tx, outage: Outage, unit: str, asked: roster.Person | None, notice_id: int) -> None:
    rungs = list(outage.ladders.get("silence", []))
    if asked is None:
        rungs = _nobody_in_charge(rungs)
    escalations.start(tx, "silence", subject(outage, unit), rungs, outage_id=outage.id,
                      person_id=asked.id if asked else "", notice_id=notice_id if asked else None)  # fmt: skip


def _nobody_in_charge(rungs: list[dict[str, object]]) -> list[dict[str, object]]:
    """Nobody is on shift to be texted or called for the unit: its landline at once, the rest as planned."""
    kept = [rung for rung in rungs if rung["do"] != "call"]
    return [rung | {"after": 0} if rung["do"] == "landline" else rung for rung in kept]
