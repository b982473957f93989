"""`/outage drill`: what there is, the plan of one, a live one after its preview, its score."""

from bot import access, exercises, outages
from bot.db import Tx
from bot.exercises import schedule
from bot.roster import Person
from handlers.asked import Answer

LIVE = "--live"


def drill(tx: Tx, person: Person, rest: str) -> Answer:
    """`SCENARIO [--live [why out of hours]]`, `history`, `score O-1`, `end [O-7]`, `cancel D-3`; alone it lists."""
    word, _, more = rest.strip().partition(" ")
    if word.lower() in OTHER:
        return OTHER[word.lower()](tx, person, more.strip())
    if not word:
        return _list(tx)
    scenario = exercises.scenario(tx, word)
    plan = tx.render.slack("drill_plan", person.language, True, **schedule.plan_facts(tx, person, scenario))
    live, _, why = more.strip().partition(" ")
    if live != LIVE:
        return f"{plan}\nNothing was sent. `/outage drill {scenario.drill} {LIVE}` holds it with real people."
    access.demand(tx, person, "drill")
    exercises.demand_hour(tx, tx.now, why)
    return _sure(plan, scenario, why)


def begin(tx: Tx, person: Person, rest: str) -> Answer:
    """The button under the preview was pressed."""
    word, _, why = rest.partition(" ")
    held = exercises.start(tx, person, exercises.scenario(tx, word), why)
    outage = tx.get(outages.Outage, held.outage_id) if held.outage_id else None
    told = f"{outage.code} is declared as an exercise. " if outage else ""
    return f"{held.code} has begun, {held.plan.minutes} minutes. {told}End it with `/outage drill end {held.code}`."


def _list(tx: Tx) -> Answer:
    rows = [f"*{each.drill}* {each.title}, {each.minutes} min" for each in exercises.listed(tx)]
    how = (
        "`/outage drill NAME` shows its plan, with `--live` it is held. `/outage drill history` lists them."
    )
    return "\n".join([*rows, how])


def _sure(plan: str, scenario: exercises.Scenario, why: str) -> Answer:
    button = {
        "type": "button", "style": "danger", "text": {"type": "plain_text", "text": "Hold it now"},
        "action_id": "sure_drill", "value": f"{scenario.drill} {why}".strip()[:2000],
    }  # fmt: skip
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": plan[:3000]}}]
    return {"response_type": "ephemeral", "text": plan, "blocks": [*blocks, {"type": "actions", "elements": [button]}]}


def _history(tx: Tx, person: Person, rest: str) -> Answer:
    return "\n".join(exercises.line(tx, held) for held in exercises.history(tx)) or "No exercise has been held yet."


def _score(tx: Tx, person: Person, rest: str) -> Answer:
    outage = outages.find(tx, rest)
    return tx.render.slack("drill_score", person.language, outage.exercise, **exercises.score_facts(tx, outage))


def _end(tx: Tx, person: Person, rest: str) -> Answer:
    ended = exercises.end(tx, person, rest)
    return f"{ended.code} has ended; everybody who was told hears that the exercise is over."


def _cancel(tx: Tx, person: Person, rest: str) -> Answer:
    return f"{exercises.cancel(tx, person, rest).code} will not start."


OTHER = {"history": _history, "score": _score, "end": _end, "cancel": _cancel}
