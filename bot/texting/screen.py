"""Patient data in a text: record numbers, dates of birth, names with a bed or room.

A digit in front acts all the same and only the note is held back. So a false alarm costs a person's look, while a
miss puts a patient on a channel: once one sign is found, whatever could be another is taken out too.
"""

from __future__ import annotations

import re

REMOVED = "[removed]"

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DAY = rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]|\d{{1,2}}\s{{0,2}}{_MONTH}\s{{0,2}}|{_MONTH}\s{{0,2}}\d{{1,2}},?\s{{0,2}})"
_PAST = r"(?:19\d\d|20[01]\d|2020)"  # a full date of these years is somebody's birth, not tonight's

_RECORD = re.compile(
    r"\b(?:mrn|csn|ssn|fin|nhs\s?(?:no|number)|(?:acct|account|record|patient|pt)\s?(?:id|no|num|number|\#))"
    r"\W{0,3}(?:is\W{1,2})?[a-z]{0,3}-?\d[\d-]{2,}"
    r"|\b\d{3}-\d\d-\d{4}\b",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    rf"\b(?:dob|d\.o\.b\.?|born|birth\s?(?:date|day)|date of birth)\W{{0,3}}(?:(?:is|on)\W{{1,2}})?"
    rf"(?:{_DAY}\d{{2,4}}|\d{{4}}-\d\d-\d\d|{_PAST})\b"
    rf"|\b{_DAY}{_PAST}\b|\b{_PAST}-\d\d-\d\d\b",
    re.IGNORECASE,
)
_BARE_RECORD = re.compile(
    r"(?<!call )(?<!dial )(?<!phone )(?<!ext )(?<!tel )(?<!pager )(?<!number )(?<!bridge )(?<![\d.:+/#-])(?<!\d )"
    r"(?:\d{6}|\d{8,9})(?![\w:/-]|\.\d| \d)",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"\d{5,}")

_PLACE = re.compile(r"\b(?:bed|room|rm|bay|cubicle|stretcher)\s?#?\s?\d{1,4}[a-d]?\b", re.IGNORECASE)
_CALLED = re.compile(  # not MR and ms, which are a scanner and a time
    r"\b(?:[Mm]r|[Mm]rs|MRS|Ms|[Mm]iss|[Mm]ister|[Pp]atient|PATIENT|[Pp]t|PT)\b\.?\s(?:named?\s|is\s)?([^\W\d][\w'’-]+)"
)
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=\w))+")
_CLAUSE_ENDS = re.compile(r"[.;!?\n]")

_NEARBY = 3  # a name stands among so many words before or after the bed

_SURNAMES = frozenset(
    """smith johnson williams jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
    thomas taylor moore jackson martin lee perez thompson harris sanchez clark ramirez lewis robinson allen wright
    scott torres nguyen flores adams nelson rivera campbell mitchell carter roberts gomez phillips evans turner diaz
    cruz edwards collins reyes stewart morris morales murphy rogers gutierrez ortiz cooper peterson reed kelly kim
    patel khan singh chen wang ali ahmed""".split()
)
_NOT_NAMES = frozenset(  # what stands beside a bed in plain reports, and begins sentences
    """a about after again air alarm alarms alert all also ambulance an and answer antibiotic antibiotics any are
    as asap ask at ayuda back backup bath bathroom battery bay bed beds bell bleeding blood board both broken by
    call cama can cannot cant care cart census chair charge charger chart charts check clean clear clinic closed
    code cold computer con crash crashing critical csn ct dead delivery desk dialysis dob doctor does doing done
    door down downtime dr due east ecg ed eeg ehr ekg el elevator email emergency empty en epic er every exam
    family fan fax fire floor flow for forms free friday from full gas generator glucose gone got had has have
    hay he heart heat help heparin her here his hold hot how icu imaging in infusion insulin internet intubated
    iso isolation it its iv just kit la lab label labels labor las left lift light lights line lines list los
    lost low machine mar med meds message micu miss missing monday monitor monitors morphine move moved moving
    mr mri mrn mrs ms named necesitamos necesito need needed needs network neuro new nicu night no none north
    not now nurse nurses o2 occupied of off ok on only open or order orders our out outage oxygen pacu paper
    para patient patients pediatric peds pharmacy phone phones picu please post potassium power pressure printer
    printers pt pump pumps pyxis queue rapid ready red respiratory response risk rn room rooms safe safety
    saline saturday save scan scanner screen security see seizure send sensor sepsis she shift sicu sin since
    slack smoke so some somebody someone south ssn staff stat step still stroke suction suite sunday supplies
    supply surgery system systems team tele telemetry tell that the their therapist there they this three
    thursday to tower transfer transport transporter trauma triage tube tuesday two un una unidad unit unstable
    up urgent use vent ventilator visitor visitors wall ward was waste water we wednesday west wheelchair when
    where who wifi will with without working wrong xray yes you your zone""".split()
)


def patient_data(text: str) -> str | None:
    """The text without what looks like patient data, or None when nothing does."""
    numbers = [*_RECORD.finditer(text), *_BIRTH.finditer(text), *_BARE_RECORD.finditer(text)]
    if not numbers and not _names_a_patient(text):
        return None
    names = [word for word in _WORD.finditer(text) if _like_a_name(word[0])]
    called = [found for found in _CALLED.finditer(text) if _may_be_a_name(found[1])]
    return _without(text, [*numbers, *names, *called, *_LONG_NUMBER.finditer(text)])


def _names_a_patient(text: str) -> bool:
    if any(_may_be_a_name(found[1]) and found[0][:1].lower() == "m" for found in _CALLED.finditer(text)):
        return True
    if any(_like_a_name(found[1]) for found in _CALLED.finditer(text)):
        return True
    return any(_like_a_name(word) for place in _PLACE.finditer(text) for word in _around(text, place))


def _around(text: str, place: re.Match[str]) -> list[str]:
    """The words of the same clause that stand near a bed."""
    before = _CLAUSE_ENDS.split(text[: place.start()])[-1]
    after = _CLAUSE_ENDS.split(text[place.end() :])[0]
    return _WORD.findall(before)[-_NEARBY:] + _WORD.findall(after)[:_NEARBY]


def _like_a_name(word: str) -> bool:
    """Written like one: Garcia, O'Brien, SMITH, or a frequent surname in small letters."""
    if word.lower() in _SURNAMES:
        return True
    return word[0].isupper() and (word[1:].islower() or len(word) > 3) and _may_be_a_name(word)


def _may_be_a_name(word: str) -> bool:
    return len(word) > 2 and word.lower() not in _NOT_NAMES


def _without(text: str, found: list[re.Match[str]]) -> str:
    kept, end = [], 0
    for start, stop in sorted(match.span() for match in found):
        if start >= end:
            kept += [text[end:start], REMOVED]
        end = max(end, stop)
    return "".join([*kept, text[end:]])
