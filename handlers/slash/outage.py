"""`/outage`: its verbs, each from the words behind it to the answer."""

from bot import access, board, outages, playbooks
from bot.command import course, end, facts, levels, opening, recalling, returning, words
from bot.command.whom import mentioned
from bot.db import Tx
from bot.roster import Person
from handlers.asked import Answer, Verb, declared
from handlers.slash import drill


def _declare(tx: Tx, person: Person, rest: str) -> Answer:
    request = words.declaration(rest, playbooks.current(tx).find)
    return declared(tx, person, opening.declare(tx, person, request, "slack"))


def _update(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    options, text = words.options(text)
    every = words.duration(options.get("next", ""))
    ignored = f" next:{options['next']} was not understood." if "next" in options and not every else ""
    return course.update(tx, person, code, text, every, "slack") + ignored


def _correct(tx: Tx, person: Person, rest: str) -> Answer:
    return course.correct(tx, person, *words.code(rest), "slack")


def _raise(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    return levels.raise_level(tx, person, code, words.level(text), "slack")


def _lower(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    return levels.lower_level(tx, person, code, words.level(text), "slack")


def _restore(tx: Tx, person: Person, rest: str) -> Answer:
    return end.restore_words(tx, person, *words.code(rest), "slack")


def _order(tx: Tx, person: Person, rest: str) -> Answer:
    return returning.order_words(tx, person, *words.code(rest), "slack")


def _verify(tx: Tx, person: Person, rest: str) -> Answer:
    return end.verify(tx, person, words.code(rest)[0], "slack")


def _close(tx: Tx, person: Person, rest: str) -> Answer:
    access.demand(tx, person, "close")
    code, reason = words.code(rest)
    return _sure(outages.find(tx, code), "close", reason, "The all-clear goes to everybody who was told.")


def _void(tx: Tx, person: Person, rest: str) -> Answer:
    access.demand(tx, person, "void")
    return _sure(
        outages.find(tx, words.code(rest)[0]),
        "void",
        "",
        "Everybody who got the alert is told that it was sent in error.",
    )


def _sure(outage: outages.Outage, verb: str, reason: str, what: str) -> Answer:
    """Close and void ask first."""
    asks = f"{verb.capitalize()} {outage.code}"
    return _asked(f"{asks}? {what}", asks, f"sure_{verb}", f"{outage.code} {reason}".strip())


def _asked(text: str, label: str, action: str, value: str) -> Answer:
    """A question to the one who typed, with the one button that does it."""
    button = {
        "type": "button",
        "style": "danger",
        "text": {"type": "plain_text", "text": label},
        "action_id": action,
        "value": value[:2000],
    }
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}, {"type": "actions", "elements": [button]}]
    return {"response_type": "ephemeral", "text": text, "blocks": blocks}


def _fact(tx: Tx, person: Person, rest: str) -> Answer:
    return facts.fact(tx, person, *words.code(rest), "slack")


def _hand_over(tx: Tx, person: Person, rest: str) -> Answer:
    code, text = words.code(rest)
    to = mentioned(tx, text) if text else None
    return course.hand_over(tx, person, code, to, "slack")


def _recall(tx: Tx, person: Person, rest: str) -> Answer:
    return recalling.staff_call(tx, person, rest, "slack")


def _status(tx: Tx, person: Person, rest: str) -> Answer:
    shown = board.status(tx, words.code(rest)[0])["outages"]
    said = [tx.render.slack("reply_status", person.language, one["exercise"], **board.flat(one)) for one in shown]
    return "\n".join(said) or "No outage is open. Declare one with `/outage declare …`."


def _help(tx: Tx, person: Person, rest: str) -> Answer:
    return tx.render.slack("reply_help", person.language)


def unknown(tx: Tx, person: Person, said: str) -> Answer:
    word = said.partition(" ")[0]
    return f"`{word}` is not a verb of /outage, so nothing was done.\n{_help(tx, person, word)}"


VERBS: dict[str, Verb] = {
    "declare": _declare,
    "update": _update,
    "correct": _correct,
    "raise": _raise,
    "lower": _lower,
    "restore": _restore,
    "order": _order,
    "verify": _verify,
    "close": _close,
    "void": _void,
    "command": _hand_over,
    "fact": _fact,
    "recall": _recall,
    "status": _status,
    "drill": drill.drill,
    "help": _help,
}
#: These change nothing: they show something, or ask whether one is sure
SHOW: tuple[Verb, ...] = (_status, _help, unknown, _close, _void)
