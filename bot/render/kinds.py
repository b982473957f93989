"""Every message that Muster can send: its facts, and what gives way in a text that is too long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GIVEN_BY_US = {"org", "org_name", "callback"}  # `callback` may be overridden by a fact: a site's own help phone


@dataclass(frozen=True)
class Kind:
    """The facts of a message, and what gives way in a text that is too long, in this order: fact → how many characters
    of it stay (of a list: at least one entry). 0: the fact goes, and its phrase with it."""

    facts: frozenset[str]
    gives: Mapping[str, int]


def _kind(facts: str, **gives: int) -> Kind:
    return Kind(frozenset(facts.split()), gives)


KINDS: dict[str, Kind] = {
    "alert": _kind("what services do still_works works_said site next", site=0, do=24, callback=0, what=30, services=1),
    "unit_check": _kind("units what services do by", do=0, by=0, what=8, services=1),
    "check_again": _kind("units services what by paper", paper=0, by=0, what=12, services=1),
    "roll_call": _kind("time"),
    "question": _kind("text", text=40),
    "sitrep": _kind("number title of", title=0),
    "sitrep_next": _kind("field place of"),
    "sitrep_report": _kind(
        "code number got of missing full objective risks staff supplies beds diversion decisions", objective=0,
        supplies=0, risks=0, diversion=0, beds=0, missing=1, staff=1, decisions=1,
    ),
    "landline": _kind("unit what services do"),
    "card": _kind("unit code by lines", lines=1),
    "receipt": _kind("code level services sites people finish unreachable", sites=0, finish=0, services=12),
    "digest": _kind(
        "code time silent tried told staff forms report missing late late_said stuck stuck_said done done_said soon ok "
        "of risk texts",
        tried=0,
        texts=0,
        late_said=0,
        stuck_said=0,
        done_said=0,
        soon=0,
        of=0,
        done=0,
        missing=1,
        report=0,
        forms=1,
        staff=1,
        stuck=1,
        late=0,
        silent=1,
    ),
    "risk": _kind("unit time who unsure phone go task until", who=12, until=0),
    "risk_unheard": _kind("code unit", unit=0, callback=0),
    "role": _kind(
        "title what services level site since lead bridge task calling", site=0, level=0, since=0, calling=0, what=24,
        services=1, lead=12,
    ),
    "holding": _kind("time services stay back note next", callback=0, note=20, services=12, stay=8, back=8),
    "update": _kind("time text down next", callback=0, down=0, text=60),
    "still_works": _kind("time text down next", down=0, callback=0, text=60),
    "read_only": _kind("time text down next", callback=0, text=60),
    "diversion": _kind("time text down next", down=0, callback=0, text=60),
    "correction": _kind("time of text next", callback=0, text=60),
    "raised": _kind("time level what services do next", do=20, callback=0, what=30, services=1),
    "decide": _kind("code task what level to by", what=12),
    "turn": _kind("units time up order", callback=0, order=2, units=1),
    "restored": _kind(
        "time back what down do stay text next", callback=0, text=20, do=20, what=20, stay=8, down=8, back=8
    ),
    "verified": _kind("time services what next", callback=0, what=12, services=1),
    "closed": _kind("time services text", callback=0, services=0, text=30),
    "void": _kind("time", callback=0),
    "joined": _kind("time what services site do next", do=20, callback=0, what=30, services=1, site=0),
    "stray": _kind("", callback=0),
    "stray_text": _kind("who unit text"),
    "task": _kind("code text by why", why=0, text=24),
    "tasks": _kind("items", items=12),
    "help": _kind("code unit who need phone note", note=16, who=12),
    "task_due": _kind("code text by", text=24),
    "task_late": _kind("code text since", text=24),
    "task_up": _kind("code text owner why", text=24, owner=0, why=12),
    "remind_promise": _kind("time code"),
    "promise_held": _kind("time next back"),
    "exercise_over": _kind("real"),
    "told_you": _kind("text", text=60),
    "opted_out": _kind(""),
    "held": _kind("", callback=0),
    "call": _kind("asked down state level next units pin"),
    "call_pin": _kind(""),
    "preflight": _kind("red other"),
    "many": _kind("codes count", codes=6),
    "thanks": _kind(""),
    "echo": _kind("text", text=60),
    "echo_taken": _kind("code text by", text=12),
    "echo_proof": _kind("code proof"),
    "echo_help": _kind("need who", who=12),
    "echo_risk": _kind("code unit drill", callback=0),
    "status": _kind("time code down state level numbers recalls next", recalls=0, callback=0, down=16, numbers=0),
    "declared": _kind("code level services sites people unreachable commander next text"),
    "partner": _kind("services site since next", callback=0, site=0, services=12),
    "partner_over": _kind("services time", callback=0, services=12),
    "recall": _kind("code on_call need skill start site", callback=0, site=0, skill=12),
    "recall_coming": _kind("code eta unit site", site=0),
    "recall_needed": _kind("code start unit site", site=0),
    "recall_reserve": _kind("code"),
    "recall_filled": _kind("code"),
    "recall_released": _kind("code"),
    "recall_off": _kind("code", callback=0),
    "recall_which": _kind("digit there recall alert outage"),
    "recall_news": _kind("code coming need reserve text", text=24),
    "reply_recall": _kind(
        "code state need skill site start coming reserve arrived asked silent planned excluded stop"
    ),
    "reply_declared": _kind(
        "code level sites told segments finish sent practice unreachable uncovered valid odd changed added find_out"
    ),
    "reply_merged": _kind("code joined services people newcomers odd unsent"),
    "reply_status": _kind(
        "code state level period services summary people delivered sent queued failed unreachable ok help risk silent "
        "told asked fine need at_risk no_answer on_site missing done under_way offered blocked overdue recovery "
        "recalls paper"
    ),
    "reply_help": _kind(""),
    "reply_stranger": _kind("account"),
    "reply_later": _kind("what time"),
    "inject": _kind("code number of minute who say done refused"),
    "drill_plan": _kind("code at title minutes services people unreachable segments takes recalled injects"),
    "drill_score": _kind("code title passed people answered units accounted lines"),
    "kept": _kind("risk since"),
    "away": _kind("since keys"),
    "button": _kind("label"),
    "noted": _kind("digit"),
    "no_button": _kind(""),
    "done_already": _kind(""),
    "wrong_key": _kind(""),
    "call_over": _kind(""),
    "call_stranger": _kind(""),
}
