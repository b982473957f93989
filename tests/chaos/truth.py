"""Both sides compared: what the providers took, what the rows say, and what was promised to whoever called."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from bot import journal
from bot.simulator.workspace import BOT_USER
from tests.chaos.databases import moment
from tests.chaos.night import RECEIPT, UNDER_WAY, Night

UNREACHED = {"unreachable", "failed", "expired", "withdrawn"}
SAID_OF_ITS_OWN = {*UNDER_WAY, "sent", "delivered"}  # rows that are looked at one by one, and counted there
DELIVERED, NOT_DELIVERED = {"delivered", "read"}, {"undelivered", "failed"}
ONCE = ("alert", "update")  # notices whose words nobody may read twice, however many notices say them
URGENT = 2  # the last lane of which somebody waits for an answer
OVERDUE = 30.0  # seconds
MOST_SAID = 12  # findings told of each story


@dataclass
class Tally:
    """What a story came to. Every figure but kills and messages must be 0."""

    story: str
    database: str
    kills: int = 0
    caught: int = 0  # messages on the wire at the moment of a kill
    messages: int = 0
    lost: int = 0
    doubled: int = 0
    replies_lost: int = 0
    replies_doubled: int = 0
    receipts_lost: int = 0
    timers_lost: int = 0
    timers_doubled: int = 0
    stuck: int = 0
    journal: int = 0  # 1 = its chain is broken, or it could not be verified
    says: list[str] = field(default_factory=list)

    def found(self, figure: str, says: str, count: int = 1) -> None:
        setattr(self, figure, getattr(self, figure) + count)
        if len(self.says) < MOST_SAID:
            self.says.append(f"{figure}: {says}")

    @property
    def bad(self) -> int:
        return sum(getattr(self, figure) for figure in BAD)


BAD = (
    "lost", "doubled", "replies_lost", "replies_doubled", "receipts_lost", "timers_lost", "timers_doubled", "stuck",
    "journal",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """A message at a provider; `id` is our number on it, 0 when there is none."""

    id: int
    channel: str
    to: str
    body: str
    status: str


async def compare(night: Night, tally: Tally) -> Tally:
    """Everything that must hold after any story."""
    tally.kills, tally.caught, taken = night.kills, len(night.caught), at_the_providers(night)
    tally.messages = len(taken)
    messages = await night.rows.of(
        "select m.id, m.notice_id, m.person_id, m.address, m.round, m.body, m.state, m.reason, m.channel, "
        "n.kind as said from message m join notice n on n.id = m.notice_id"
    )
    for process in night.processes:
        for fell in process.fell:
            tally.found("stuck", fell)
    for name in ("kept.jsonl", "set-aside.jsonl"):
        if lines := night.spooled(name):
            tally.found("stuck", f"{lines} things that came in stand in {name} in the end", lines)
    rows_and_providers(tally, messages, taken)
    await _everybody(night, tally, messages, {each.id for each in taken})
    await _commands(night, tally)
    await _replies(night, tally)
    _receipts(night, tally, {row.id: row for row in messages})
    await _timers(night, tally)
    await _journal(night, tally)
    return tally


def at_the_providers(night: Night) -> list[Taken]:
    """Every text, call and Slack message of ours that a provider took."""
    twilio, slack = night.sim.twilio, night.sim.slack.workspace
    texts = [
        Taken(_ours(message.callback), "sms", message.to, message.body, message.status)
        for message in twilio.messages if message.direction == "outbound-api"
    ]  # fmt: skip
    calls = [
        Taken(_ours(call.callback), "voice", call.to, "", call.status)
        for call in twilio.calls if call.direction == "outbound-api"
    ]  # fmt: skip
    posts = [
        Taken(int(message.metadata["event_payload"]["id"]), "slack", message.channel, message.text, "delivered")
        for channel in slack.channels.values() for message in channel.messages
        if message.user == BOT_USER and message.metadata
    ]  # fmt: skip
    return [*texts, *calls, *posts]


def _ours(callback: str) -> int:
    found = RECEIPT.search(callback)
    return int(found[1]) if found else 0


def rows_and_providers(tally: Tally, messages: list[Any], taken: list[Taken]) -> None:
    """Each row at most once at a provider, nothing there without a row, nothing here that only we believe."""
    times, known = Counter(each.id for each in taken), {row.id: row for row in messages}
    for id, count in times.items():
        if id not in known:
            tally.found("doubled", f"a provider has message {id}, of which there is no row", count)
        elif count > 1:
            row = known[id]
            says = f"message {id} ({row.said}, {row.channel}) to {row.address} {count} times"
            tally.found("doubled", says, count - 1)
    words = Counter((row.said, row.address, row.body) for row in messages if row.id in times and row.said in ONCE)
    for (said, address, body), count in words.items():
        if count > 1:
            tally.found("doubled", f"{count} rows of {said} say the same to {address}: {body[:60]!r}", count - 1)
    for row in messages:
        if row.state in ("sent", "delivered") and row.id not in times:
            tally.found("lost", f"message {row.id} ({row.channel}, {row.state}) never reached the provider")
        elif row.state in UNDER_WAY:
            tally.found("stuck", f"message {row.id} ({row.said}, {row.channel}) is {row.state} in the end")


async def _everybody(night: Night, tally: Tally, messages: list[Any], taken: set[int]) -> None:
    """Whoever was to hear a notice was told, or stands there with a reason; a declaration is to all, or not there."""
    heard: dict[int, dict[str, str]] = defaultdict(dict)
    for row in await night.rows.of("select notice_id, person_id, address from recipient"):
        heard[row.notice_id][row.person_id] = row.address
    outages = await night.rows.of("select id, code, notice_id, summary from outage")
    for outage in outages:
        for person in night.people:
            heard[outage.notice_id].setdefault(person.id, "")
    by_notice: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in messages:
        by_notice[row.notice_id][row.person_id].append(row)
        by_notice[row.notice_id][row.address].append(row)
    for notice, people in heard.items():
        missing = [person for person, at in people.items() if not told(by_notice[notice], person, at, taken)]
        if missing:
            tally.found("lost", f"notice {notice}: {len(missing)} of {len(people)}, as {missing[:5]}", len(missing))
    await _whole(night, tally, outages)


def told(rows: dict[str, list[Any]], person: str, address: str, taken: set[int]) -> bool:
    mine = [*rows.get(person, []), *(rows.get(address, []) if address else [])]
    reached = any(row.id in taken or row.state in SAID_OF_ITS_OWN for row in mine)
    return reached or any(row.state in UNREACHED and row.reason for row in mine)


async def _whole(night: Night, tally: Tally, outages: list[Any]) -> None:
    """Nothing of a declaration is there by halves."""
    units = await night.rows.one("select count(*) from unit")
    queries = {
        "journal line": ("select outage, count(*) from journal where what = 'declared' group by outage", 1),
        "unit": (
            "select o.code, count(*) from unit_check u join outage o on o.id = u.outage_id group by o.code", units,
        ),
        "ladder": (
            "select o.code, count(*) from ladder l join outage o on o.id = l.outage_id where l.kind = 'silence' "
            "group by o.code", units,
        ),
    }  # fmt: skip
    for what, (query, expected) in queries.items():
        found = {row[0]: row[1] for row in await night.rows.of(query)}
        for outage in outages:
            if found.get(outage.code, 0) != expected:
                tally.found("lost", f"{outage.code} has {found.get(outage.code, 0)} of {expected}: {what}")


async def _commands(night: Night, tally: Tally) -> None:
    """What was answered is there, and everything at most once."""
    said = [row.summary for row in await night.rows.of("select summary from outage")]
    said += [str(row.detail) for row in await night.rows.of("select detail from journal where what = 'updated'")]
    for word, answered in night.commands.items():
        times = sum(word in each for each in said)
        if answered and not times:
            tally.found("lost", f"the command with {word} was answered as done, and is not there")
        elif times > 1:
            tally.found("doubled", f"the command with {word} is there {times} times")


async def _replies(night: Night, tally: Tally) -> None:
    """A reply that got a 2xx is there; none is there twice in one round, and none calls for help twice."""
    rounds: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for row in await night.rows.of("select round_id, note, count(*) as times from answer group by round_id, note"):
        rounds[row.note] += 1
        most[row.note] = max(most[row.note], row.times)
    query = "select note, count(*) as times from task where kind in ('risk', 'help') group by note"
    helped = {row.note: row.times for row in await night.rows.of(query)}
    for reply in night.replies:
        if reply.heard and not rounds[reply.word]:
            tally.found("replies_lost", f"{reply.digit} {reply.word} of {reply.person.id} got a 2xx and is not there")
        if reply.heard and reply.digit == "9" and not helped.get(reply.word):
            tally.found("replies_lost", f"9 {reply.word} of {reply.person.id} called nobody")
        if max(most[reply.word], helped.get(reply.word, 0)) > 1:
            tally.found("replies_doubled", f"{reply.digit} {reply.word} of {reply.person.id} counts more than once")


def _receipts(night: Night, tally: Tally, known: dict[int, Any]) -> None:
    """A receipt that got a 2xx shows in its row, and never moved it backwards."""
    for id, statuses in night.receipts.items():
        row = known.get(id)
        if row is None or row.channel != "sms":
            continue
        if statuses & DELIVERED and row.state != "delivered":
            tally.found("receipts_lost", f"message {id} is {row.state}, though a receipt of its delivery was taken")
        elif statuses & NOT_DELIVERED and row.state not in ("failed", "delivered"):
            tally.found("receipts_lost", f"message {id} is {row.state}, though a receipt of its failure was taken")


async def unconfirmed(night: Night, tally: Tally) -> None:
    """Much later: of each urgent text the rows know what the provider knows. (Of others nobody asks.)"""
    query = f"select id, state from message where channel = 'sms' and lane <= {URGENT}"
    rows = {row.id: row.state for row in await night.rows.of(query)}
    for each in at_the_providers(night):
        ends = {"delivered": {"delivered"}, "undelivered": {"failed"}, "failed": {"failed"}}.get(each.status)
        if each.id in rows and ends and rows[each.id] not in ends:
            tally.found("receipts_lost", f"message {each.id} is {rows[each.id]} here and {each.status} there")


async def _timers(night: Night, tally: Tally) -> None:
    """One journal line for each rung that a ladder is past, a timer for each that goes on, none long overdue."""
    climbed = Counter(
        (row.about, detail["ladder"], detail["number"])
        for row in await night.rows.of("select about, detail from journal where what = 'climbed'")
        for detail in [_json(row.detail)]
    )
    due = {row.subject for row in await night.rows.of("select subject from timer where kind = 'ladder.climb'")}
    for ladder in await night.rows.of("select id, subject, kind, position, state, rungs from ladder"):
        for number in range(1, len(_json(ladder.rungs)) + 1):
            times = climbed.pop((ladder.subject, ladder.kind, number), 0)
            if times > 1:
                says = f"rung {number} of {ladder.kind} {ladder.subject} was climbed {times} times"
                tally.found("timers_doubled", says, times - 1)
            elif number <= ladder.position and not times:
                tally.found("timers_lost", f"rung {number} of {ladder.kind} {ladder.subject} has no line")
        if ladder.state == "active" and _json(ladder.rungs) and str(ladder.id) not in due:
            tally.found("timers_lost", f"the ladder {ladder.kind} {ladder.subject} runs and has no timer")
    for about, count in climbed.items():
        tally.found("timers_doubled", f"{about} was climbed and belongs to no ladder", count)
    await _calls(night, tally)
    for row in await night.rows.of("select kind, subject, due_at from timer"):
        late = (night.clock.now() - moment(row.due_at)).total_seconds()
        if late > OVERDUE:
            tally.found("timers_lost", f"{row.kind} {row.subject} is {late:.0f} s overdue")
    for row in await night.rows.of("select about, detail from journal where what = 'timer_failed'"):
        tally.found("timers_lost", f"{row.about} failed: {_json(row.detail)['problem'][:120]}")


async def _calls(night: Night, tally: Tally) -> None:
    """Each rung that rings somebody about a silent unit rang once."""
    lines = await night.rows.of("select about, detail from journal where what = 'climbed'")
    rungs = Counter(row.about for row in lines if _json(row.detail)["rung"] in ("call", "landline"))
    rang = Counter(
        row.subject for row in await night.rows.of(
            "select n.subject from message m join notice n on n.id = m.notice_id "
            "where m.channel = 'voice' and n.subject like 'unit:%'"
        )
    )  # fmt: skip
    for subject in {each for each in rungs | rang if each.startswith("unit:")}:
        if rang[subject] > rungs[subject]:
            tally.found("timers_doubled", f"{subject} was rung {rang[subject]} times for {rungs[subject]} rungs")
        elif rang[subject] < rungs[subject]:
            tally.found("timers_lost", f"{subject} was rung {rang[subject]} times for {rungs[subject]} rungs")


async def _journal(night: Night, tally: Tally) -> None:
    verdict = await night.runs(journal.verify)
    if verdict.broken_at is not None or not verdict.lines:
        tally.found("journal", f"the journal is broken at line {verdict.broken_at} of {verdict.lines}")


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
