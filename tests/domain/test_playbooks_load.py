"""A playbook is checked when it is loaded: every mistake with its line and the way to mend it, and never a refusal."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from itertools import combinations

import pytest

from bot.playbooks import Playbook, library, published
from bot.playbooks.checked import read
from bot.playbooks.shelf import SHIPPED
from bot.roster import ROLES
from bot.texting import is_gsm7

SOUND = """\
playbook: dialysis
title: Dialysis machines cannot be read
say: dialysis
aliases: [renal]
alert:
  do: Write each treatment on paper
phases:
  immediate:
    anchor: declared
    tasks:
      - {id: DIA-I1, owner: unit_charge, due: 5m, prio: 1, per: unit, task: "Stop new treatments", sms: "stop new ones"}
      - {id: DIA-I2, owner: safety, due: 150s, prio: 1, task: "List the patients", needs: [DIA-I1], proof: number}
"""

LADDERS = """\
playbook: core
title: Any downtime
ladders:
  silence:
    - {after: 5m, do: call}
    - {after: 8m, do: landline}
"""

MISTAKES = {  # what is written instead of what → the line and the words of the complaint
    "a tab": ("\nsay:", "\n\tsay:", 3, "cannot be read: found"),
    "a colon": ("title: Dialysis", "title: Dialysis: all", 2, "put a text with : or # into quotes"),
    "a tag that lies": ("say: dialysis", "say: !!timestamp dialysis", 1, "cannot be read:"),
    "a tag of no truth": ("say: dialysis", "say: !!bool dialysis", 1, "cannot be read:"),
    "an open list": ("[renal]", "[renal", 5, "cannot be read:"),
    "an unknown field": ("owner: safety", "onwer: safety", 12, "unknown field onwer: did you mean owner?"),
    "a field of no kind": ("say: dialysis", "colour: red", 3, "unknown field colour: take it away"),
    "a missing field": ("owner: safety, ", "", 12, "owner is missing: add it"),
    "an unknown role": ("owner: safety", "owner: safty", 12, "owner: no role is called safty: did you mean safety?"),
    "a role of no kind": ("owner: safety", "owner: zzz", 12, "write one of incident_commander, pio"),
    "a need of no task": ("needs: [DIA-I1]", "needs: [DIA-I7]", 12, "there is no task DIA-I7: did you mean DIA-I"),
    "a need of itself": ("needs: [DIA-I1]", "needs: [DIA-I2]", 12, "DIA-I2 needs DIA-I2: take one of these needs away"),
    "a circle": ("per: unit", "needs: [DIA-I2]", 11, "DIA-I1 needs DIA-I2 needs DIA-I1: take one"),
    "an id twice": ("id: DIA-I2", "id: DIA-I1", 12, "task DIA-I1 is here twice: give one of them another id"),
    "an odd task id": ("id: DIA-I2", "id: dia2", 12, "id: write the id like EHR-I1, not 'dia2'"),
    "an odd id": ("playbook: dialysis", "playbook: Dialysis Unit", 1, "like email_documents, not 'Dialysis Unit'"),
    "too long a task": ("Stop new treatments", "x" * 111, 11, "task has 111 characters: shorten it to 110"),
    "too long a text": ("stop new ones", "x" * 41, 11, "sms has 41 characters: shorten it to 40"),
    "an empty task": ("Stop new treatments", "", 11, "task is empty: say what to do"),
    "an odd character": ("stop new ones", "stop → now", 11, "sms: a plain text cannot carry →"),
    "a bad duration": ("due: 5m", "due: 5 min", 11, "due: write a time as 90s, 5m or 4h, not 5 min"),
    "a bare number": ("due: 5m", "due: 5", 11, "due: write a time as 90s, 5m or 4h, not 5"),
    "a bad priority": ("due: 5m, prio: 1", "due: 5m, prio: 4", 11, "prio: write 1, 2 or 3, not 4"),
    "a bad anchor": ("anchor: declared", "anchor: closed", 9, "anchor: write 'declared' or 'restored', not 'closed'"),
    "an unknown phase": ("  immediate:", "  imediate:", 8, "unknown name imediate: write one of 'alert', 'immediate'"),
    "a word that YAML takes": ("say: dialysis", "say: off", 3, "say: write a text in quotes, not False"),
    "no list": ("[renal]", "renal", 4, "aliases: write a list, like [one, two], not 'renal'"),
    "two words": ("[renal]", "[renal unit]", 4, "'renal unit' is not one word"),
    "no fields": ("alert:\n  do: Write each treatment on paper", "alert: paper", 5, "alert: write fields below it"),
    "a key twice": ("say: dialysis", "say: dialysis\nsay: renal", 4, "say is written twice: take one away"),
    "an odd fact": ("proof: number", "skip_if: HIE down", 12, "skip_if: write a fact in small letters, digits and _"),
    "letters no text carries": ("each treatment on", "每个", 6, "do: a plain text cannot carry 每 个"),
    "no truth": ("proof: number", "tells: perhaps", 12, "tells: write true, or leave it out"),
}

BESIDE_MISTAKES = {  # what shows only beside the other playbooks
    "an id of another playbook": ("DIA-I2", "EHR-I1", 12, "task EHR-I1 stands in ehr.yaml too: give one of them"),
    "a time before its ladder": ("due: 150s", "due: 119s", 12, "due: 119s ends before its ladder untaken_1: write 2m"),
    "the same as itself": ("proof: number", "same_as: [DIA-I1]", 12, "same_as: no other playbook has a task DIA-I1"),
    "too long a line": (
        "Write each treatment on paper", f"Write {'each ' * 12}treatment", 6, "do does not fit its text (alert)"
    ),
}  # fmt: skip

LADDER_MISTAKES = {
    "a rung too early": ("after: 8m", "after: 4m", 4, "4m stands behind 5m"),
    "an unknown do": ("do: landline", "do: shout", 6, "do: write 'resend', 'call', 'landline'"),
    "no role": ("do: landline", "do: role", 6, "`do: role` asks for a role: add one"),
    "a role too many": ("do: landline", "do: call, role: safety", 6, "a role stands only beside `do: role`"),
    "an unknown role": ("do: landline", "do: role, role: safty", 6, "no role is called safty: did you mean safety?"),
    "an unknown ladder": ("  silence:", "  silent:", 4, "unknown name silent: write one of 'silence'"),
}


@pytest.fixture
def shelf(tmp_path):
    def write(fallback: dict[str, str] | None = None, **texts: str):
        for id, text in texts.items():
            (tmp_path / f"{id}.yaml").write_text(text, encoding="utf-8")
        return library(str(tmp_path), fallback or {})

    return write


def test_the_shipped_playbooks_have_no_mistake():
    shipped = library()
    assert shipped.complaints == []
    assert list(shipped.playbooks) == [
        "core",
        "ehr",
        "email_documents",
        "scheduling_surgery",
        "ed_ems",
        "data_interfaces",
        "identity_sso",
        "telephony_paging",
    ]


TASKS = {  # id without its number → how many there are of it
    "CORE-A": 5, "CORE-I": 6, "CORE-E": 9, "CORE-X": 7, "CORE-R": 11,
    "EHR-I": 7, "EHR-E": 7, "EHR-X": 5, "EHR-R": 9,
    "DOC-I": 5, "DOC-E": 5, "DOC-X": 3, "DOC-R": 5,
    "SCH-I": 4, "SCH-E": 5, "SCH-X": 4, "SCH-R": 4,
    "ED-I": 6, "ED-E": 4, "ED-X": 3, "ED-R": 4,
    "DAT-I": 6, "DAT-E": 4, "DAT-X": 3, "DAT-R": 6,
    "SSO-I": 4, "SSO-R": 1,
    "TEL-I": 5, "TEL-X": 1, "TEL-R": 1,
}  # fmt: skip


def test_every_task_of_the_reference_is_there_by_its_id():
    there = [step.id for playbook in library().playbooks.values() for _, step in playbook.steps]
    assert sorted(there) == sorted(f"{id}{n}" for id, count in TASKS.items() for n in range(1, count + 1))


def test_the_shipped_tasks_are_all_there_once():
    steps = [step for playbook in library().playbooks.values() for _, step in playbook.steps]
    assert len(steps) == 149 and max(Counter(step.id for step in steps).values()) == 1
    assert Counter(step.prio for step in steps)[1] == 87
    assert all(step.sms and step.owner in ROLES for step in steps)


def test_the_words_for_staff_have_a_short_form_in_every_language():
    for playbook in library().playbooks.values():
        for language in ("en", "es", "fr"):
            words = playbook.words(language) if language == "en" else playbook.languages[language]
            assert words.say and words.do and words.do_short and words.still_works and words.restored_do
        assert playbook.words().do == playbook.words("pl").do != playbook.words("es-MX").do
        assert all(is_gsm7(text) for text in playbook.words().model_dump().values())


def test_the_shipped_ladders_are_the_agreed_ones():
    ladders = library().ladders
    silence = [(rung.after, rung.do) for rung in ladders["silence"]]
    assert silence == [(minutes(5), "call"), (minutes(8), "landline"), (minutes(10), "visit")]
    roles = [(rung.after, rung.role) for rung in ladders["risk"]]
    named = [(minutes(0), "house_supervisor"), (minutes(2), "medical_care_director"), (minutes(4), "safety")]
    assert roles == [*named, (minutes(6), ""), (minutes(8), ""), (minutes(10), "")]  # then whoever manages, and all
    assert set(ladders) == {
        "silence", "untaken_1", "untaken_2", "untaken_3", "handover", "unstarted", "blocked_1", "blocked_2",
        "blocked_3", "undone", "risk", "turn",
    }  # fmt: skip


def test_a_service_is_found_by_its_id_or_an_alias_in_any_case():
    names = {
        "ehr": "ehr",
        "Epic": "ehr",
        " OUTLOOK": "email_documents",
        "MFA": "identity_sso",
        "lab": "data_interfaces",
    }
    assert {name: library().find(name) for name in names} == names
    assert library().find("coffee") is None


def test_services_are_said_in_staff_words():
    shipped = library()
    assert shipped.say(["ehr", "email_documents", "telephony_paging"]) == "EHR, email and phones"
    assert shipped.say(["email_documents", "core"], "es") == "correo"
    assert shipped.say(["ehr", "email_documents"], "es") == "EHR y correo"
    assert shipped.say(["core"]) == "IT systems" and shipped.say([]) == ""
    assert shipped.words(["email_documents", "ehr"]).do_short == "use paper"


def test_a_playbook_goes_into_a_row_and_comes_back():
    for playbook in library().playbooks.values():
        assert Playbook.model_validate(playbook.model_dump(mode="json")) == playbook


def test_a_hospital_adds_a_playbook_of_its_own(shelf):
    loaded = shelf(dialysis=SOUND)
    assert loaded.complaints == [] and loaded.find("RENAL") == "dialysis"
    assert [step.due for _, step in loaded.playbooks["dialysis"].steps] == [minutes(5), timedelta(seconds=150)]
    assert loaded.sources["dialysis"] == SOUND and "ehr" in loaded.playbooks


def test_a_hospitals_file_replaces_the_shipped_one(shelf):
    loaded = shelf(ehr=SOUND.replace("dialysis", "ehr").replace("renal", "epic"))
    assert loaded.complaints == [] and len(list(loaded.playbooks["ehr"].steps)) == 2


def test_ladders_that_a_hospital_does_not_change_stay_as_shipped(shelf):
    loaded = shelf(core=LADDERS)
    assert loaded.complaints == []
    assert len(loaded.ladders["silence"]) == 2 and loaded.ladders["risk"] == library().ladders["risk"]


def test_a_task_may_need_one_of_core(shelf):
    assert shelf(dialysis=SOUND.replace("[DIA-I1]", "[CORE-I1]")).complaints == []


@pytest.mark.parametrize(("sound", "wrong", "line", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_line_and_the_way_to_mend_it(sound, wrong, line, words):
    assert sound in SOUND
    playbook, complaints = read(SOUND.replace(sound, wrong, 1), "dialysis.yaml")
    assert playbook is None
    assert [each for each in complaints if each.startswith(f"dialysis.yaml:{line}: ") and words in each], complaints


@pytest.mark.parametrize(("sound", "wrong", "line", "words"), LADDER_MISTAKES.values(), ids=LADDER_MISTAKES)
def test_a_mistake_in_a_ladder_is_told(sound, wrong, line, words):
    assert sound in LADDERS
    playbook, complaints = read(LADDERS.replace(sound, wrong, 1), "core.yaml")
    assert playbook is None
    assert [each for each in complaints if each.startswith(f"core.yaml:{line}: ") and words in each], complaints


@pytest.mark.parametrize(("sound", "wrong", "line", "words"), BESIDE_MISTAKES.values(), ids=BESIDE_MISTAKES)
def test_what_is_wrong_beside_other_playbooks_is_told(shelf, sound, wrong, line, words):
    assert sound in SOUND
    complaints = shelf(dialysis=SOUND.replace(sound, wrong)).complaints
    assert [each for each in complaints if each.startswith(f"dialysis.yaml:{line}: ") and words in each], complaints


def test_a_ladder_too_slow_for_the_shipped_tasks_is_told(shelf):
    slow = LADDERS.replace("silence:", "untaken_1:").replace("5m", "6m")
    assert "core.yaml:4: untaken_1 is slower than EHR-I1, due after 5m" in shelf(core=slow).complaints[0]


def test_a_unit_check_lasts_as_long_as_its_ladder(shelf):
    short = (SHIPPED / "core.yaml").read_text().replace("unit_charge, due: 10m", "unit_charge, due: 9m", 1)
    assert "due: 9m ends before its ladder silence: write 10m or more" in shelf(core=short).complaints[0]


def test_the_published_schema_is_what_the_playbooks_are_checked_by():
    file = SHIPPED.parents[1] / "docs" / "playbook.schema.json"
    assert file.read_text() == published(), "write it anew: muster playbooks schema > docs/playbook.schema.json"


def test_every_shipped_file_names_its_schema():
    for file in SHIPPED.glob("*.yaml"):
        first = file.read_text().partition("\n")[0]
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / schema).resolve() == SHIPPED.parents[1] / "docs" / "playbook.schema.json"


def test_the_schema_completes_phases_ladders_and_roles():
    schema = json.loads(published())
    assert set(schema["properties"]["phases"]["properties"]) == {"alert", "immediate", "early", "extended", "recovery"}
    assert "untaken_1" in schema["properties"]["ladders"]["properties"]
    step = schema["$defs"]["Step"]["properties"]
    assert step["owner"]["enum"] == list(ROLES) and re.fullmatch(step["due"]["pattern"], "90s")


@pytest.mark.parametrize("pair", list(combinations(list(library().playbooks), 2)), ids="+".join)
def test_two_services_ask_nobody_the_same_twice(pair):
    """The relation holds between tasks of one owner, and the one that covers is never left out itself."""
    steps = {step.id: step for id in {"core", *pair} for _, step in library().playbooks[id].steps}
    started = [step for step in steps.values() if not set(step.same_as) & set(steps)]
    assert not [step.id for step in started if set(step.same_as) & {other.id for other in started}]
    for step in steps.values():
        for cover in set(step.same_as) & set(steps):
            assert steps[cover].owner == step.owner and steps[cover] in started and steps[cover].due <= step.due


NO_PLAYBOOKS = ["", "just words", "- a\n- b", "\x00", "&a [*a]", "{", "playbook: 2026-13-45"]
NO_PLAYBOOKS += [f"a: {'[' * 3000}{']' * 3000}"]


@pytest.mark.parametrize("text", NO_PLAYBOOKS, ids=range(len(NO_PLAYBOOKS)))
def test_what_is_no_playbook_at_all_is_told_so(text):
    playbook, complaints = read(text, "x.yaml")
    assert playbook is None and complaints and complaints[0].startswith("x.yaml:")


def test_all_mistakes_are_told_at_once_in_their_order(shelf):
    wrong = SOUND.replace("due: 5m", "due: soon").replace("owner: safety", "owner: safty").replace("I1]", "I9]")
    lines = [each.split(":")[1] for each in shelf(dialysis=wrong).complaints]
    assert lines == ["11", "12", "12", " until this is mended, nothing is used in its place"]


def test_one_mistake_hides_no_other(shelf):
    wrong = SOUND.replace("due: 5m", "due: 1m").replace("owner: safety", "owner: safty").replace("DIA-I2", "EHR-I1")
    wrong = wrong.replace("treatment on", f"{'each ' * 12}on").replace("renal", "re nal").replace("number", "maybe")
    told = shelf(dialysis=wrong).complaints
    for words in (
        "4: aliases: 're nal' is not one word",
        "6: do does not fit",
        "11: due: 1m ends before",
        "12: owner: no role",
        "12: proof: write 'none'",
        "12: task EHR-I1 stands in ehr.yaml too",
    ):
        assert any(each.startswith(f"dialysis.yaml:{words}") for each in told), told


def test_an_id_that_is_here_twice_hides_no_circle(shelf):
    wrong = SOUND.replace("DIA-I2", "DIA-I1")
    told = "\n".join(shelf(dialysis=wrong).complaints)
    assert "is here twice" in told and "take one of these needs away" in told


def test_a_field_in_the_wrong_place_is_told_apart_from_an_unknown_one(shelf):
    told = shelf(dialysis=SOUND + "\nservices: [ehr]\n").complaints
    assert any("services does not belong here" in each for each in told), told


def test_instead_of_a_broken_file_the_last_good_copy_is_used(shelf):
    good = SOUND.replace("dialysis", "ehr").replace("renal", "epic")
    loaded = shelf({"ehr": good}, ehr=good.replace("5m", "soon"))
    assert "the last good copy is used" in loaded.complaints[-1]
    assert loaded.sources["ehr"] == good and len(list(loaded.playbooks["ehr"].steps)) == 2


@pytest.mark.parametrize("fallback", [{}, {"ehr": "broken: too"}], ids=["no copy", "a broken copy"])
def test_without_a_good_copy_the_shipped_one_is_used(shelf, fallback):
    loaded = shelf(fallback, ehr="playbook: ehr")
    assert loaded.complaints[0] == "ehr.yaml:1: title is missing: add it"
    assert "the shipped playbook is used" in loaded.complaints[1]
    assert loaded.playbooks["ehr"] == library().playbooks["ehr"]


def test_a_word_that_two_services_claim_stays_with_the_first(shelf):
    loaded = shelf(dialysis=SOUND.replace("[renal]", "[renal,\n  Epic, core]"))
    assert loaded.complaints == [
        "dialysis.yaml:5: aliases: Epic already stands for ehr: take it out of one",
        "dialysis.yaml:5: aliases: core already stands for core: take it out of one",
    ]
    assert loaded.find("epic") == "ehr" and loaded.find("renal") == "dialysis"


def test_a_file_is_called_as_its_playbook(shelf):
    complaint = shelf(renal=SOUND).complaints[0]
    assert complaint == "renal.yaml:1: playbook: write renal, as the file is called, or rename the file"


def test_ladders_outside_core_are_told(shelf):
    complaint = shelf(dialysis=SOUND + LADDERS.partition("downtime\n")[2]).complaints[0]
    assert complaint == "dialysis.yaml:13: ladders: this stands in core.yaml: move it there"


def test_odd_files_are_told(tmp_path):
    (tmp_path / "ehr.yaml").write_bytes(b"title: caf\xe9")
    (tmp_path / "dialysis.yml").write_text(SOUND)
    complaints = library(str(tmp_path)).complaints
    assert "dialysis.yml:1: call the file dialysis.yaml" in complaints
    assert any("save it as UTF-8 text" in each for each in complaints)
    assert "no such directory" in library(str(tmp_path / "nowhere")).complaints[0]


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
