"""The linter of messages, run by `make check`: how a text to staff is built, in every language that ships.

What it may hold and how long it gets is in tests/test_templates.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.playbooks import Playbook, library
from bot.render import KINDS, Render
from bot.texting import RESERVED, Says, is_gsm7, parse_reply, patient_data, segments
from tests.said import LONGEST

MESSAGES = Path(__file__).parent.parent / "templates" / "messages"
LANGUAGES = ("en", "es", "fr")
TEXTED = sorted(kind for kind in KINDS if (MESSAGES / kind / "sms.txt").is_file())

#: What anybody on shift may get, in every language; the rest is for whoever runs the outage
FOR_ALL = (
    "alert unit_check check_again card holding update still_works read_only diversion correction raised joined "
    "restored verified closed void stray risk role task tasks task_due task_late help told_you kept away "
    "roll_call question turn decide recall recall_coming recall_needed recall_reserve recall_filled recall_released "
    "recall_off recall_which recall_news echo echo_help echo_proof echo_risk echo_taken thanks status"
).split()
#: Whoever is called hears a voice that speaks the language of its words
CALLED = (
    "alert unit_check check_again roll_call question turn recall card risk role task tasks help restored closed void "
    "holding thanks"
).split()
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


@pytest.fixture(scope="module")
def mercy() -> Render:
    return Render("MERCY", "Mercy Hospital", "5555")


def rendered(mercy: Render, kind: str, language: str) -> str:
    return mercy.sms(kind, language, **LONGEST[kind])


@pytest.mark.parametrize("kind", FOR_ALL)
def test_whoever_is_on_shift_reads_it_in_their_language(kind: str) -> None:
    missing = [name for name in ("sms.txt", "sms.es.txt", "sms.fr.txt") if not (MESSAGES / kind / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("language", ["es", "fr"])
@pytest.mark.parametrize("kind", CALLED)
def test_whoever_is_called_hears_it_in_their_language(mercy: Render, kind: str, language: str) -> None:
    assert mercy.speaks(kind, "voice", language) == language
    assert "None" not in mercy.voice(kind, language, **LONGEST[kind])


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
    text = mercy.sms(kind, language, **{name: value for name, value in SHORT.items() if name in KINDS[kind].facts})
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


@pytest.mark.parametrize(
    "path", sorted(MESSAGES.rglob("sms.??.txt")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_translation_leaves_nothing_out(path: Path) -> None:
    there, english = (set(re.findall(r"\b[a-z_]+\b", template(file))) for file in (path, path.parent / "sms.txt"))
    missing = (english & KINDS[path.parent.name].facts) - there
    assert {fact for fact in missing if INSTEAD.get(fact) not in there} == set()


def template(path: Path) -> str:
    """What stands in braces."""
    return " ".join(re.findall(r"{[{%].*?[%}]}", path.read_text("utf-8")))


@pytest.mark.parametrize("path", sorted(MESSAGES.rglob("*.*")), ids=lambda path: f"{path.parent.name}/{path.name}")
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
