"""Every word that staff can read or hear: it renders, fits one segment, and says exactly what was agreed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.render import KINDS, Render
from bot.texting import RESERVED, Says, is_gsm7, parse_reply, segments
from tests.said import AGREED, LONGEST, MARIA, NEEDED

MESSAGES = Path(__file__).parent.parent / "templates" / "messages"
LANGUAGES = ("en", "es", "fr")

TEXTED = sorted(kind for kind in KINDS if (MESSAGES / kind / "sms.txt").is_file())


@pytest.fixture(scope="module")
def mercy():
    return Render("MERCY", "Mercy Hospital", "5555")


@pytest.fixture(scope="module")
def saint_mary():
    return Render("STMARYMC", "Saint Mary Medical Center", "555-555-0142")


@pytest.mark.parametrize(("text", "kind", "facts"), AGREED, ids=[kind for _, kind, _ in AGREED])
def test_an_agreed_text_comes_out_word_for_word(mercy, text, kind, facts):
    assert mercy.sms(kind, **facts) == text


@pytest.mark.parametrize(("text", "kind", "facts"), AGREED, ids=[kind for _, kind, _ in AGREED])
def test_an_agreed_text_stays_whole_as_an_exercise(mercy, text, kind, facts):
    assert mercy.sms(kind, exercise=True, **facts) == f"EXERCISE - {text}"


def test_every_kind_has_its_longest_facts_here():
    assert {kind: set(facts) for kind, facts in LONGEST.items()} == {kind: set(KINDS[kind].facts) for kind in KINDS}


@pytest.mark.parametrize("exercise", [False, True], ids=["real", "exercise"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", TEXTED)
def test_the_longest_text_is_one_plain_segment(saint_mary, kind, language, exercise):
    text = saint_mary.sms(kind, language, exercise, **LONGEST.get(kind, {}))
    assert is_gsm7(text) and segments(text) == 1
    assert text.startswith("EXERCISE - ") == exercise
    kept = str(LONGEST.get(kind, {}).get("next") or LONGEST[kind].get("code") or "")
    assert kept in text


@pytest.mark.parametrize("exercise", [False, True], ids=["real", "exercise"])
@pytest.mark.parametrize("channel", ["voice", "slack"])
@pytest.mark.parametrize("kind", sorted(kind for kind in set(KINDS) - {"landline"} if kind in TEXTED))
def test_it_can_be_said_on_every_channel(mercy, kind, channel, exercise):
    said = getattr(mercy, channel)(kind, exercise=exercise, **LONGEST.get(kind, {}))
    assert said and "None" not in said
    assert said.startswith("EXERCISE - ") == exercise
    assert ("EXERCISE, no real outage" in said) == exercise


def test_what_only_one_channel_says_is_refused_on_the_others(mercy):
    assert "Press 1" in mercy.voice("landline", **LONGEST["landline"])
    assert MARIA in mercy.slack("stray_text", **LONGEST["stray_text"])
    with pytest.raises(LookupError, match="landline has no words for sms"):
        mercy.sms("landline", **LONGEST["landline"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "fact"), [(kind, fact) for kind in TEXTED for fact in sorted(LONGEST.get(kind, {}))])
def test_a_missing_fact_drops_out_with_its_phrase(kind, fact, language):
    if fact in NEEDED.get(kind, "").split():
        return
    facts = {name: value for name, value in LONGEST[kind].items() if name != fact}
    for without_callback in (Render("MERCY"), Render("MERCY", callback="5555")):
        whole(without_callback.sms(kind, language, **facts))
        whole(without_callback.voice(kind, language, **facts))
        whole(without_callback.slack(kind, language, **facts).removesuffix("or we call."))


@pytest.mark.parametrize("kind", TEXTED)
def test_a_text_stands_with_its_needed_facts_alone(kind):
    facts = {name: value for name, value in LONGEST[kind].items() if name in NEEDED.get(kind, "").split()}
    whole(Render("MERCY").sms(kind, **facts))


def whole(text):
    """Nothing dangles where a fact was."""
    dangling = r"None|\(\)|\( | [.,;:)]|[:,;] ?\.(?!\.)|\b(at|by|since|call|Next|until)[.,;:]? ?$"
    assert not re.search(dangling, text), text


def test_an_unknown_fact_or_kind_is_refused(mercy):
    with pytest.raises(TypeError, match="alert knows no fact servics"):
        mercy.sms("alert", what="Epic DOWN", servics="Epic")
    with pytest.raises(TypeError, match="no message is called 'alarm'"):
        mercy.sms("alarm")


def test_what_gives_way_goes_in_its_order(mercy):
    facts = {"what": "Epic DOWN", "do": "Use paper. Walk", "next": "04:40"}
    assert " at MAIN." in mercy.sms("alert", site="MAIN", **facts)
    long = facts | {"what": "Epic, email, phones, paging and all lab and imaging links DOWN since the storm last night"}
    text = mercy.sms("alert", site="MAIN", **long)
    assert "MAIN" not in text and long["what"] in text and text.endswith("Next 04:40")


def test_a_cut_shows_and_keeps_what_counts(mercy):
    text = mercy.sms("alert", what=f"{'Epic, email and phones, ' * 8}lab DOWN", next="04:40")
    assert "Epic... DOWN. Reply 1=read 9=PATIENT RISK" in text and text.endswith("Next 04:40")


def test_a_long_list_names_some_and_counts_the_rest(mercy):
    text = mercy.sms("digest", code="O-1", time="04:20", silent=[f"PACU-{number}" for number in range(1, 41)])
    assert re.search(r"NO ANSWER PACU-1, .+, \+\d+ more\.", text)


def test_two_units_of_one_charge_nurse_are_one_text(mercy):
    text = mercy.sms("unit_check", units=["5W", "3W"], what="Epic DOWN", do="use paper", by="04:15")
    assert text.startswith("MERCY 5W, 3W: Epic DOWN, use paper. Answer for all: 1=OK") and "one alone: 2 5W." in text


def test_odd_characters_are_folded(mercy):
    text = mercy.sms("update", time="04:40", text="Vendor’s “fix” – see Zoë… ✅\nmore", next="05:10")
    assert text == 'MERCY 04:40: Vendor\'s "fix" - see Zoe... more. Call 5555. Next 05:10'


def test_a_site_may_have_its_own_help_phone(mercy):
    assert "call 7777" in mercy.sms("void", time="04:10", callback="7777")


def test_spanish_marks_what_nobody_translated(mercy):
    text = mercy.sms("update", "es-MX", time="04:40", text="vendor works on it", down=["Epic"], next="05:10")
    assert text == "MERCY 04:40: aun SIN Epic. EN: vendor works on it. Llame 5555. Proximo 05:10"


def test_slack_cannot_be_made_to_shout(mercy):
    said = mercy.slack("update", time="04:40", text="<!channel> A & B > C", next="05:10")
    assert "&lt;!channel&gt; A &amp; B &gt; C" in said


def test_a_number_is_read_aloud_digit_by_digit(mercy):
    assert "5 5 5, 0 1 4 2" in mercy.voice("risk", unit="5W", time="04:31", phone="555-0142")


def test_the_same_alert_is_written_once(mercy):
    facts = {"what": "Epic DOWN", "next": "04:40"}
    assert mercy.sms("alert", services=["Epic"], **facts) is mercy.sms("alert", services=["Epic"], **facts)


@pytest.mark.parametrize("path", sorted(MESSAGES.rglob("*.*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_has_no_link_and_no_reserved_word(path):
    source = re.sub(r"{[{%].*?[%}]}", "", path.read_text("utf-8"))
    assert not re.search(r"https?:|www\.|\.com\b", source)
    assert not re.search(rf"\b({'|'.join(word.upper() for word in RESERVED)})\b", source)


REPLIES = {
    "1": Says.ANSWER,
    "2 5W": Says.ANSWER,
    "2 R1": Says.ANSWER,
    "4 R1": Says.ANSWER,
    "2 O-1": Says.ANSWER,
    "HERE ICU": Says.DUTY,
    "1 T7": Says.TASK,
    "2 T7": Says.TASK,
    "DONE T7": Says.TASK,
    "NEED T7": Says.TASK,
    "BLOCKED T7 no toner": Says.TASK,
    "TOLD 5W": Says.TOLD,
    "VOID O-1 4711": Says.COMMAND,
    "UPDATE O-1 4711 vendor works on it": Says.COMMAND,
}


@pytest.mark.parametrize(("reply", "says"), REPLIES.items())
def test_what_a_text_asks_for_is_understood(reply, says):
    assert parse_reply(reply).says == says


FREE = st.text(max_size=300)
FACT = st.one_of(st.none(), FREE, st.integers(0, 9999), st.lists(FREE, max_size=8))


@settings(deadline=None)  # a slow machine is no mistake
@given(data=st.data())
def test_any_facts_at_all_make_one_plain_segment(saint_mary, data):
    kind = data.draw(st.sampled_from(TEXTED))
    facts = {name: data.draw(FACT, name) for name in sorted(KINDS[kind].facts)}
    if kind == "tasks":
        facts["items"] = data.draw(st.lists(st.tuples(FREE, FREE, FREE), min_size=1, max_size=5))
    if kind in ("card", "many"):
        facts["lines" if kind == "card" else "codes"] = data.draw(st.lists(FREE, min_size=1, max_size=9))
    exercise = data.draw(st.booleans())
    text = saint_mary.sms(kind, data.draw(st.sampled_from(LANGUAGES)), exercise, **facts)
    assert is_gsm7(text) and segments(text) == 1
    assert text.startswith("EXERCISE - ") or not exercise


# --- a hospital's own words ---


@pytest.fixture
def own(tmp_path):
    def write(**files: str) -> Render:
        for name, source in files.items():
            path = tmp_path / name.replace("__", "/").replace("_txt", ".txt").replace("_es", ".es")
            path.parent.mkdir(exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return Render("MERCY", callback="5555", templates_dir=str(tmp_path))

    return write


def test_a_hospital_says_it_in_its_own_words(own):
    render = own(void__sms_txt="{{ org }}: forget {{ time }}")
    assert render.sms("void", time="04:10") == "MERCY: forget 04:10"
    assert render.sms("void", "es", time="04:10").startswith("MERCY: IGNORE nuestro")
    assert render.sms("stray").startswith("MERCY: a person") and render.complaints == []


MISTAKES = {
    "an unknown fact": ({"void__sms_txt": "{{ org }}\n{{ tiem }}"}, "void/sms.txt:2: this message has no fact tiem"),
    "an open brace": ({"void__sms_txt": "{{ org }}\n\n{% if time %}"}, "void/sms.txt:3: Unexpected end of template"),
    "an unknown filter": ({"void__sms_txt": "{{ org|loud }}"}, "void/sms.txt:1: No filter named 'loud'"),
    "an unknown message": ({"voide__sms_txt": "x"}, "voide/sms.txt:1: no message is called voide: did you mean void?"),
    "an unknown channel": ({"void__fax_txt": "x"}, "void/fax.txt:1: name the file sms.txt, voice.txt or slack.md"),
}


@pytest.mark.parametrize(("files", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_and_the_shipped_words_are_used(own, mercy, files, complaint):
    render = own(**files)
    assert [each[: len(complaint)] for each in render.complaints] == [complaint]
    assert render.sms("void", time="04:10") == mercy.sms("void", time="04:10")


@pytest.mark.parametrize("slip", ["{{ items[1][0] }}", "{{ 1 / 0 }}", "{{ '{9}'.format(1) }}"])
def test_a_slip_that_shows_only_at_night_costs_nothing(own, mercy, slip):
    render = own(tasks__sms_txt=slip)
    one = {"items": [("T7", "start the log", "04:25")]}
    assert render.complaints == [] and render.sms("tasks", **one) == mercy.sms("tasks", **one)


def test_a_directory_that_is_not_there_is_a_complaint():
    assert "no such directory" in Render("MERCY", templates_dir="/nowhere/at/all").complaints[0]
