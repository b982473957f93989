"""Who asks in Slack, done once, and how the answer reads."""

from collections.abc import Callable
from typing import Any

from bot import inbox, journal, roster
from bot.access import Refused
from bot.command import answers, opening
from bot.db import Tx
from bot.roster import Person

Answer = str | dict[str, Any]


def as_person(tx: Tx, slack_id: str, external_id: str, verb: Callable[[Tx, Person, Any], Answer], rest: Any) -> Answer:
    """Do a verb once for the person behind a Slack account; a refusal is an answer, not an error."""
    person = roster.by_slack(tx, slack_id)
    if person is None:
        journal.write(tx, "unknown_account", channel="slack", about=slack_id)
        return f"Your Slack account ({slack_id}) is not on the staff list, so nothing was done. Ask an administrator to add it to your row."
    if external_id and not inbox.accept(tx, "slack", external_id):
        return "This was done already."
    try:
        return verb(tx, person, rest)
    except Refused as refused:
        return str(refused)


def declared(done: opening.Declared) -> str:
    """The figures, what was filled in, and the way to undo it."""
    if done.merged:
        verb = (
            "was already declared; you are credited with it"
            if done.merged == "merged"
            else "runs already; these services were added to it"
        )
        return f"*{done.code}* {verb}. Down: {', '.join(done.services)}. {done.people} people were told. A separate outage: `/outage declare new …`"
    told = f"{done.people - done.unreachable} people are being texted" + (
        f", {done.segments} segments, done by {done.finish}" if done.segments else ""
    )
    lines = [
        f"*Declared {done.code}*, level {done.level}, at {', '.join(done.sites) or 'all sites'}: {told}.",
        f"> {done.sent}",
    ]
    if done.unreachable:
        lines.append(f"{done.unreachable} cannot be reached: see `/outage status {done.code}`.")
    if done.uncovered:
        lines.append("No shift covers this hour: role holders and unit phones are told.")
    if done.valid:
        lines.append(
            f"No service was named, so only the core playbook runs. Add one: `/outage declare ehr`. There are: {', '.join(done.valid)}."
        )
    lines += [f"Not understood: {odd}." for odd in done.odd]
    return "\n".join([*lines, f"Sent by mistake? `/outage void {done.code}` within 10 minutes."])


def told(tx: Tx, echo: answers.Echo) -> str:
    return tx.render.slack(echo[0], **echo[1]) if echo else "Noted."
