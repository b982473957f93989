"""The linter of messages, run by `make check`: how a text to staff is built, in every language that ships.

What it may hold and how long it gets is in tests/test_templates.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.command import asking, staff_calls, wording
from bot.playbooks import Playbook, library
from bot.render import KINDS, Render
from bot.tasks import offers
from bot.texting import RESERVED, Says, is_gsm7, parse_reply, patient_data, segments
from tests.said import LONGEST, NEEDED

MESSAGES = Path(__file__).parent.parent / "templates" / "messages"
LANGUAGES = ("en", "es", "fr")
TEXTED = sorted(kind for kind in KINDS if (MESSAGES / kind / "sms.txt").is_file())

FILES = {"sms": "sms.txt", "voice": "voice.txt", "slack": "slack.md"}
#: Who gets it only by another way, or asked for it there; what has a text is said in its words everywhere
BY_COMMAND = (
    "drill_plan drill_score reply_declared reply_help reply_later reply_merged reply_recall reply_status reply_stranger"
)
BY_CLICK = "button noted no_button done_already"
POSTED = "declared inject preflight stray_text"
IN_A_CALL = "call call_pin call_over wrong_key landline"
NOT_ON = {
    "sms": f"{BY_COMMAND} {BY_CLICK} {POSTED} {IN_A_CALL} opted_out".split(),  # no text reaches who opted out
    "voice": f"{BY_COMMAND} {BY_CLICK} {POSTED}".split(),
    "slack": IN_A_CALL.split(),
}
TRANSLATED = sorted(path for path in MESSAGES.rglob("*.??.*"))
#: What whoever is asked texts back, and what stands in a command
TEXTS = "DONE|NEED|BLOCKED|TOLD|VOID|UPDATE|HERE|AWAY|CHARGE|(?<!ED )STATUS|CODE|NAME"
BUTTONS = (
    wording.CHECK_KEYS, wording.STAFF_KEYS, asking.ROLL_KEYS, asking.QUESTION_KEYS, staff_calls.KEYS, offers.BUTTONS,
)  # fmt: skip
#: What people write, and what Muster says in English alone
FREE = {
    "alert": "what works_said", "unit_check": "what", "check_again": "what", "joined": "what", "raised": "what",
    "decide": "what", "landline": "what", "role": "what lead", "verified": "what", "update": "text",
    "correction": "text", "still_works": "text", "read_only": "text", "diversion": "text", "holding": "note",
    "restored": "what text", "closed": "text", "question": "text", "help": "need note", "task": "text why",
    "tasks": "items", "card": "lines", "task_due": "text", "task_late": "text", "task_up": "text why",
    "told_you": "text", "echo": "text", "echo_taken": "text", "echo_help": "need", "recall_news": "text",
    "status": "state numbers recalls", "digest": "tried report late_said stuck_said done_said",
    "sitrep_report": "full decisions staff", "declared": "text", "inject": "say refused", "preflight": "red other",
    "reply_declared": "sent changed added odd", "reply_merged": "odd",
    "reply_recall": "planned excluded", "reply_status": "summary recovery recalls",
}  # fmt: skip
MARKED = re.compile(r"(?:EN|[Ee]n (?:inglés|anglais)):(?:[^\n]*|\*?\n.*)ZQ")
#: They begin with what they are: nobody but whoever declared, or is called for a patient, gets them
NO_SOURCE = ("receipt", "risk")
#: Who asks staff for something says it in this order: who speaks, what is down, where, what to do, when next
IN_ORDER = {
    "alert": ("org", "what", "site", "do", "next"),
    "unit_check": ("org", "units", "what", "do", "by"),
    "holding": ("org", "what", "stay", "next"),
    "joined": ("org", "what", "do", "next"),
    "raised": ("org", "what", "do", "next"),
    "restored": ("org", "back", "down", "do", "next"),
}
SHORT = {
    "what": "WHAT DOWN", "services": ["WHAT"], "site": "SITE", "do": "DOTHIS", "units": "5W", "by": "11:11",
    "stay": "DOTHIS", "next": "22:22", "time": "10:00", "level": 3, "back": ["BACK"], "down": ["GONE"],
}  # fmt: skip
SIGNS = SHORT | {"org": "MERCY", "what": "WHAT", "services": "WHAT", "back": "BACK", "down": "GONE"}

JARGON = (
    "hics hcc ics ack eta rca sev p1 pio sso mfa failover incident escalation escalate stakeholder workaround "
    "asap fyi tbd eoc noc sla downtime-procedure outage-bridge mitigation degraded impacted leverage utilize"
).split()
COMMAND = re.compile(r"\b(?:(?:DONE|NEED|BLOCKED) T107\b|[12] T107\b|TOLD \w+|VOID O-12|UPDATE O-12)")
ASKS = re.compile(r"\b(?:Reply|Answer|Text|Responda|Envíe|Répondez|Envoyez)\b:? (\S+)")


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def original(path: Path) -> Path:
    """What it is a translation of; a call without words of its own says those of the text."""
    name, _, ending = path.name.split(".")
    own = path.with_name(f"{name}.{ending}")
    return own if own.is_file() else path.with_name("sms.txt")


@pytest.fixture(scope="module")
def mercy() -> Render:
    return Render("MERCY", "Mercy Hospital", "5555")


def rendered(mercy: Render, kind: str, language: str) -> str:
    return mercy.sms(kind, language, **LONGEST[kind])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_message_has_its_words_on_every_channel_or_a_reason(mercy: Render, kind: str) -> None:
    """And where it has them, it has them in every language."""
    for channel in FILES:
        if not any((MESSAGES / kind / name).is_file() for name in (FILES[channel], FILES["sms"])):
            assert kind in NOT_ON[channel], f"{kind}: write {FILES[channel]}, or say in NOT_ON why nobody needs it"
            continue
        assert kind not in NOT_ON[channel]
        for language in LANGUAGES:
            assert mercy.speaks(kind, channel, language) == language
            assert "None" not in getattr(mercy, channel)(kind, language, **LONGEST[kind])


@pytest.mark.parametrize("path", TRANSLATED, ids=named)
def test_a_translation_asks_for_the_same(path: Path) -> None:
    """The same digits and keys, the same words to text, the same commands; and it has an original."""
    english, there = (asked_for(file.read_text("utf-8")) for file in (original(path), path))
    assert there == english


def asked_for(source: str) -> list[str]:
    words = re.sub(r"{%.*?%}|{{.*?}}", " ", source, flags=re.DOTALL)
    return sorted(re.findall(rf"/[a-z]+ [a-z]+|\b\d+\b|\b(?:{TEXTS})\b", words))


def test_a_button_says_the_same_in_every_language(mercy: Render) -> None:
    """Every label that the code writes is translated, and its digit stays."""
    labels = {label for keys in BUTTONS for label, *_ in keys} | {"Fill in the report", "Leave it"}
    for language in ("es", "fr"):
        said = {label: mercy.slack("button", language, label=label) for label in (*labels, "Raise to level 3")}
        assert {label for label, there in said.items() if label == there} <= {"60 min", "2 h", "2 No"}
        assert all(re.findall(r"\d+", label) == re.findall(r"\d+", there) for label, there in said.items())
        assert mercy.slack("button", language, label="Something new") == "Something new"


@pytest.mark.parametrize("language", ["es", "fr"])
@pytest.mark.parametrize(("kind", "fact"), [(kind, fact) for kind, facts in FREE.items() for fact in facts.split()])
def test_what_nobody_translated_is_marked(mercy: Render, kind: str, fact: str, language: str) -> None:
    needed = LONGEST[kind] if kind.startswith(("reply_", "sitrep", "inject")) else NEEDED.get(kind, "").split()
    facts = {name: LONGEST[kind][name] for name in needed} | {fact: _marked(LONGEST[kind][fact])}
    for channel in FILES:
        if kind in NOT_ON[channel]:
            continue
        said = getattr(mercy, channel)(kind, language, **facts)
        assert "ZQ" not in said or MARKED.search(said), said


def _marked(value: Any) -> Any:
    """Free words in the shape of this fact."""
    if isinstance(value, list):
        return [("T7", "ZQ", "04:25")] if isinstance(value[0], tuple) else ["ZQ"]
    return "ZQ"


def test_a_post_and_a_call_follow_the_language_and_the_exercise_stays_marked(mercy: Render) -> None:
    for channel in ("slack", "voice"):
        said = getattr(mercy, channel)("void", "es-MX", exercise=True, time="04:10")
        assert said.startswith("EXERCISE - ") and "EJERCICIO" in said and "IGNORE NUESTRO" in said.upper()
        assert "EXERCISE, no real outage" in getattr(mercy, channel)("void", "pl", exercise=True, time="04:10")
    assert "IGNOREZ" in Render("MERCY", default_language="fr").slack("void", time="04:10")


def test_words_that_nobody_translated_are_spoken_by_an_english_voice(mercy: Render) -> None:
    assert mercy.speaks("void", "voice", "es-MX") == "es-MX" and mercy.speaks("void", "voice", "pl") == "en"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in TEXTED if kind not in NO_SOURCE])
def test_a_text_begins_with_who_speaks(mercy: Render, kind: str, language: str) -> None:
    assert rendered(mercy, kind, language).startswith("MERCY")
    assert mercy.sms(kind, language, exercise=True, **LONGEST[kind]).startswith("EXERCISE - MERCY")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "order"), IN_ORDER.items(), ids=IN_ORDER)
def test_an_alert_says_who_what_where_what_to_do_and_when_next(
    mercy: Render, kind: str, order: tuple[str, ...], language: str
) -> None:
    told = KINDS[kind].facts - ({"back"} - {*order})  # what is back is said instead of what is down
    text = mercy.sms(kind, language, **{name: value for name, value in SHORT.items() if name in told})
    places = [text.find(SIGNS[name]) for name in order]
    assert -1 not in places and places == sorted(places), text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", TEXTED)
def test_what_a_text_asks_for_can_be_answered(mercy: Render, kind: str, language: str) -> None:
    """No carrier keeps the answer for itself, and Muster understands it."""
    text = rendered(mercy, kind, language)
    assert not [word for word in ASKS.findall(text) if word.strip(".,:;").lower() in RESERVED]
    for said in COMMAND.findall(text):
        assert parse_reply(f"{said} 4711" if said.startswith(("VOID", "UPDATE")) else said).says != Says.FREE, said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_has_no_patient_in_it(mercy: Render, language: str) -> None:
    texts = {kind: rendered(mercy, kind, language).replace("RISQUE PATIENT", "") for kind in TEXTED}
    assert [kind for kind, text in texts.items() if patient_data(text)] == []


@pytest.mark.parametrize("playbook", library().playbooks.values(), ids=library().playbooks)
def test_a_playbook_has_no_patient_in_it(playbook: Playbook) -> None:
    assert [step.id for _, step in playbook.steps if any(map(patient_data, (step.task, step.sms, step.says)))] == []
    for language in ("en", "es", "fr"):
        assert [text for text in playbook.words(language).model_dump().values() if patient_data(text)] == []


@pytest.mark.parametrize("exercise", [False, True], ids=["real", "exercise"])
@pytest.mark.parametrize("language", ["es", "fr"])
@pytest.mark.parametrize("kind", ["alert", "unit_check", "joined"])
def test_what_a_person_said_is_marked_and_stays_what_it_was(kind: str, language: str, exercise: bool) -> None:
    saint_mary = Render("STMARYMC", "Saint Mary Medical Center", "555-555-0142")
    said = "Epic is slow but works, keep using it until a person tells you otherwise"
    facts = LONGEST[kind] | {"what": said, "services": None}
    text = saint_mary.sms(kind, language, exercise, **facts)
    assert is_gsm7(text) and segments(text) == 1
    assert "EN: Epic is" in text and not re.search("SIN|PANNE", text)
    spoken = saint_mary.voice(kind, language, exercise, **facts)
    assert said in spoken and not re.search("No funciona|En panne", spoken)


#: What a translation says by another fact: of two questions their codes
INSTEAD = {"there": "recall", "alert": "outage"}


@pytest.mark.parametrize("path", TRANSLATED, ids=named)
def test_a_translation_leaves_nothing_out(path: Path) -> None:
    there, english = (set(re.findall(r"\b[a-z_]+\b", template(file))) for file in (path, original(path)))
    missing = (english & KINDS[path.parent.name].facts) - there
    assert {fact for fact in missing if INSTEAD.get(fact) not in there} == set()


def template(path: Path) -> str:
    """What stands in braces."""
    return " ".join(re.findall(r"{[{%].*?[%}]}", path.read_text("utf-8"), re.DOTALL))


@pytest.mark.parametrize("path", sorted(MESSAGES.rglob("*.*")), ids=named)
def test_a_template_speaks_plainly(path: Path) -> None:
    words = re.sub(r"{[{%].*?[%}]}|`[^`]*`", "", path.read_text("utf-8")).lower()
    assert [each for each in JARGON if re.search(rf"(?<![\w-]){each}(?![\w-])", words)] == []


def lines() -> list[tuple[str, str]]:
    """Every line of the playbooks that staff read in an alert or a text."""
    found = []
    for playbook in library().playbooks.values():
        for language in ("en", *playbook.languages):
            said = playbook.words(language).model_dump().items()
            found += [(f"{playbook.playbook}-{language}-{name}", text) for name, text in said]
        found += [(step.id, step.says) for _, step in playbook.steps if step.says]
        found += [(step.id, step.sms) for _, step in playbook.steps if step.owner == "unit_charge"]
    return found


@pytest.mark.parametrize(("name", "text"), lines(), ids=[name for name, _ in lines()])
def test_a_playbooks_words_are_plain(mercy: Render, name: str, text: str) -> None:
    assert text and "?" not in re.sub(r"\w\?", "", mercy.sms("echo", text=text))
    assert is_gsm7(mercy.sms("echo", text=text)) and not re.search(r"https?:|www\.", text)
    assert [each for each in JARGON if re.search(rf"\b{each}\b", text.lower())] == []
    assert text.lower() not in RESERVED


@pytest.mark.parametrize("language", ["es", "fr"])
def test_accents_that_a_plain_text_lacks_are_folded_and_the_others_kept(mercy: Render, language: str) -> None:
    text = mercy.sms("update", language, time="10:00", text="où, là, été, niño, garçon, forêt, más, sí")
    assert "où, là, été, niño, garcon, foret, mas, si" in text
