"""Patient data in a text, in English, Spanish or French: record numbers, dates of birth, names with a bed or room.

A digit in front acts all the same and only the note is held back. So a false alarm costs a person's look, while a
miss puts a patient on a channel: once one sign is found, whatever could be another is taken out too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

REMOVED = "[removed]"

_MONTH = (
    r"(?:(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
    r"|(?:ene(?:ro)?|abr(?:il)?|ago(?:sto)?|dic(?:iembre)?|f[eé]v(?:rier)?|avr(?:il)?|mai|juin|juil(?:let)?|ao[uû]t"
    r"|d[eé]c(?:embre)?)\b)\.?"
)
_OF = r"(?:\s{1,2}del?\s{1,2}|\s{0,2})"
_DAY = (
    rf"(?:\d{{1,2}}[./-]\d{{1,2}}[./-]|\d{{1,2}}(?:er|st|nd|rd|th)?{_OF}{_MONTH}{_OF}"
    rf"|{_MONTH}\s{{0,2}}\d{{1,2}},?\s{{0,2}})"
)
_PAST = r"(?:19\d\d|20[01]\d|2020)"  # a full date of these years is somebody's birth, not tonight's

_RECORD = re.compile(
    r"\b(?:mrn|csn|ssn|fin|nhs\s?(?:no|number)|(?:record|patient|pt)\s?(?:id|no|num|number|\#))"
    r"\W{0,3}(?:is\W{1,2})?[a-z]{0,3}-?\d[\d-]{2,}"
    r"|(?<!call )(?<!dial )(?<!phone )"  # of these only long numbers are a person's
    r"\b(?:acct|(?:acct|account|chart|hospital|encounter|visit)\s?(?:id|no|num|number|\#))"
    r"\W{0,3}(?:is\W{1,2})?[a-z]{0,3}-?\d[\d-]{4,}"
    r"|\b(?:nhc|ipp|historia|dossier|expediente)(?:\s(?:cl[ií]nica|m[eé]dical|patient|n[uú]m\w*|no|n[º°]))*"
    r"\W{0,3}(?:es\W{1,2}|est\W{1,2})?[a-z]{0,3}-?\d[\d-]{2,}"
    r"|\b\d{3}-\d\d-\d{4}\b",
    re.IGNORECASE,
)
_BIRTH = re.compile(
    rf"\b(?:dob|d\.o\.b\.?|born|birth\s?(?:date|day)|date of birth"
    r"|nacid[oa]|naci[oó]|(?:fecha de|f\.?) ?nac(?:imiento)?|fdn|n[eé]e?|date de naissance|ddn)"
    rf"\W{{0,3}}(?:(?:is|on|es|el|en|est|le)\W{{1,2}})?"
    rf"(?:{_DAY}\d{{2,4}}|\d{{4}}-\d\d-\d\d|{_PAST})\b"
    rf"|\b{_DAY}{_PAST}\b|\b{_PAST}-\d\d-\d\d\b|(?<![\d/])\d{{1,2}}/\d{{1,2}}/(?:3[6-9]|[4-9]\d)(?![\d/])",
    re.IGNORECASE,
)
_BARE_RECORD = re.compile(
    r"(?<!call )(?<!dial )(?<!phone )(?<!ext )(?<!tel )(?<!pager )(?<!number )(?<!bridge )(?<![\d.:+/#-])(?<!\d )"
    r"(?:\d{6}|\d{8,9})(?![\w:/-]|\.\d| \d)",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\b([^\W\d]{3,}),\s?([^\W\d]{3,})\b")  # as records list people: SMITH, JOHN
_LISTED_SO = re.compile(  # Smith, John, if nobody is to call them and no third follows
    r"(?<!call )(?<!page )(?<!ask )(?<!by )\b([^\W\d]{3,}),\s?"
    r"(?=([^\W\d]{3,})\b(?:\s(?:and|or|&)\s([^\W\d]+))?)",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(r"\b(?:call|page|ask|by)\s([^\W\d]+)", re.IGNORECASE)
_DATE = r"(?<![\d/])\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d\d)(?![\d/])"
_TWO_NAMES = r"\b([^\W\d_]['’\w-]+),?\s([^\W\d_]['’\w-]+)\b"
_DATED = (re.compile(rf"{_TWO_NAMES}\W{{1,3}}{_DATE}"), re.compile(rf"{_DATE}\W{{1,3}}{_TWO_NAMES}"))
_ILL = (
    r",?\s(?:(?:is|was|has)\s)?(?:\d{2,3}(?:[mf]|\s?(?:yo|y/o|yrs?))|allergic|bleeding|unresponsive|coding|septic"
    r"|intubated|seizing|fell|diabetic|hypotensive|nauseous|vomiting)\b"
)
_OF_A_PATIENT = re.compile(_TWO_NAMES + _ILL, re.IGNORECASE)
_SOMEBODY_ILL = re.compile(rf"\b([^\W\d]{{3,}}){_ILL}", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d{5,}")

_PLACE = re.compile(
    r"\b(?:bed|room|rm|bay|cubicle|stretcher|cama|habitaci[oó]n|hab\.?|lit|chambre|box)"
    r"\s?(?:#|n[º°o]\.?)?\s?\d{1,4}[a-d]?\b"
    r"|(?<!\w)in\s[1-9]\d\d\b(?!\s?(?:min|sec|h\b|hour|bed|unit|room|day|%))",
    re.IGNORECASE,
)
_TITLED = re.compile(  # not MR and ms, which are a scanner and a time
    r"\b(?:[Mm]r|[Mm]rs|MRS|Ms|(?<!near[ -])[Mm]iss|[Mm]ister|[Mm]me|MME|[Mm]lle|[Mm]adame|[Mm]onsieur)\b\.?\s"
    r"(?:named?\s|is\s)?([^\W\d][\w'’-]+)"
)
_CALLED = re.compile(  # somebody, if a name follows, not a unit such as PACU-2
    r"(?:\b(?:[Pp]atiente?|PATIENTE?|[Pp]t|PT|[Pp]aciente|PACIENTE|[Ss]eñora?|SEÑORA?|[Ss]ra?|SRA?"
    r"|[Bb]aby\s(?:[Bb]oy|[Gg]irl)|BABY\s(?:BOY|GIRL))\b\.?|(?<![\w.])M\.)\s"
    r"(?:named?\s|is\s|es\s|est\s|llamad[oa]\s)?(?![A-Z]+-?\d)([^\W\d][\w'’-]+)"
)
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’-](?=\w))+")
_CLAUSE_ENDS = re.compile(r"[.;!?\n]")

_NEARBY = 3  # a name stands among so many words before or after the bed

_FIRST_NAMES = frozenset(
    """john jane mary maria jose james robert michael david william richard joseph susan linda barbara carlos juan
    ana""".split()
)
_SURNAMES = frozenset(
    """smith johnson williams jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
    thomas taylor moore jackson martin lee perez thompson harris sanchez clark ramirez lewis robinson allen wright
    scott torres nguyen flores adams nelson rivera campbell mitchell carter roberts gomez phillips evans turner diaz
    cruz edwards collins reyes stewart morris morales murphy rogers gutierrez ortiz cooper peterson reed kelly kim
    patel khan singh chen wang ali ahmed
    doe fernandez jimenez ruiz alvarez munoz romero alonso navarro dominguez vazquez ramos molina suarez ortega castro
    bernard dubois durand leroy moreau laurent lefebvre dupont rousseau girard fournier""".split()
)
_COMMON_NAMES = _FIRST_NAMES | _SURNAMES
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
    where who wifi will with without working wrong xray yes you your zone
    analyst bring director downtime engineer manager officer replace resident take
    paciente pacientes patiente patientes
    agua aislamiento alarma alta avise avisen aviso bano bien bomba caida caja camas critica critico dolor doctora
    donde ella enfermera enfermero esta estable este falla falta faltan fuera funciona grave habitacion historia
    ingreso libre limpia llame llamen luz manda mande mas medica medicacion medico mueve muy necesita ninguna nuestro
    ocupada oxigeno papel personal pide pierna por puerta respirador respuesta responda riesgo roja sala sangra
    sangrado sangre sangrando senor senora sin sistema sistemas sube suero tambien tiene traslado urgencia urgencias
    urgente vacia ventilador
    alarme appelez aucun aucune aussi avec besoin boite brancardier cadre chambre chambres chute coupure dans des
    docteur douleur eau elle envoyez est etage famille fauteuil ferme fuite infirmier infirmiere instable isolement
    les libre lits lumiere manque medecin monitrice notre nous occupe occupee ouvert oxygene panne papier pas perfusion
    personnel porte pour pousse prise repondez reponse respirateur risque salle sang saigne sans scope sortie systeme
    tension tombe transfert une vers vide vite votre""".split()
)


def patient_data(text: str, staff: Collection[str] = ()) -> str | None:
    """The text without what looks like patient data, or None when nothing does.

    Of what was screened before it is still said that it held some. `staff` are words of it that name colleagues: alone
    they are no sign, but beside one they go, too.
    """
    numbers = [*_RECORD.finditer(text), *_BIRTH.finditer(text), *_BARE_RECORD.finditer(text), *_dated(text)]
    if not numbers and REMOVED not in text and not _names_a_patient(_but(text, staff)):
        return None
    names = [word for word in _WORD.finditer(text) if _like_a_name(word[0])]
    called = [found for sort in (_TITLED, _CALLED) for found in sort.finditer(text) if _may_be_a_name(found[1])]
    return _without(text, [*numbers, *names, *called, *_LONG_NUMBER.finditer(text)])


def without_patients(text: str) -> str:
    """The text as it may be kept and shown."""
    return patient_data(text) or text


def _but(text: str, staff: Collection[str]) -> str:
    """Without the names of colleagues, unless somebody is called a patient, or by a title."""
    if any(sort.search(text) for sort in (_TITLED, _CALLED)):
        return text
    for name in staff:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "-", text)
    return text


def _dated(text: str) -> list[re.Match[str]]:
    """A first and a last name beside a date, as on a wristband: Okafor, Ada 4/5/22."""
    found = [match for sort in _DATED for match in sort.finditer(text)]
    named = [match for match in found if any(map(_like_a_name, match.groups()))]
    return [match for match in named if all(map(_begins_big, match.groups()))]


def _begins_big(word: str) -> bool:
    return word[0].isupper() and _may_be_a_name(word)


def _names_a_patient(text: str) -> bool:
    if any(found[0].isupper() and _plain(found[1]) in _COMMON_NAMES for found in _LISTED.finditer(text)):
        return True
    if any(map(_surname_first, _LISTED_SO.finditer(text))) or any(map(_in_full, _OF_A_PATIENT.finditer(text))):
        return True
    if any(_may_be_a_name(found[1]) for found in _TITLED.finditer(text)):
        return True
    if any(_like_a_name(found[1]) for found in _CALLED.finditer(text)):
        return True
    return any(_may_be_of(text, place) for place in _PLACE.finditer(text))


def _surname_first(found: re.Match[str]) -> bool:
    surname, first, third = map(_plain, found.groups(default=""))
    return surname in _SURNAMES and first in _FIRST_NAMES and third not in _COMMON_NAMES


def _in_full(found: re.Match[str]) -> bool:
    """Are both words names, one of them a frequent one?"""
    names = found[1], found[2]
    return all(map(_may_be_a_name, names)) and any(_plain(name) in _COMMON_NAMES for name in names)


def _may_be_of(text: str, place: re.Match[str]) -> bool:
    """Is a name near a bed, or a frequent surname anywhere in its clause?"""
    before = _WORD.findall(_not_addressed(_CLAUSE_ENDS.split(text[: place.start()])[-1]))
    after = _WORD.findall(_not_addressed(_CLAUSE_ENDS.split(text[place.end() :])[0]))
    near = [word for word in before[-_NEARBY:] + after[:_NEARBY] if word not in _FIRST_NAMES]  # small: a colleague
    ill = {_plain(found[1]) for found in _SOMEBODY_ILL.finditer(text)} & _FIRST_NAMES
    return bool(ill) or any(map(_like_a_name, near)) or any(_plain(word) in _SURNAMES for word in before + after)


def _not_addressed(clause: str) -> str:
    """Without a first name that somebody is to call: a colleague's."""
    return _ADDRESSED.sub(lambda found: "-" if _plain(found[1]) in _FIRST_NAMES else found[0], clause)


def _like_a_name(word: str) -> bool:
    """Written like one: Garcia, O'Brien, SMITH, or a frequent name in small letters."""
    if _plain(word) in _COMMON_NAMES:
        return True
    return word[0].isupper() and (word[1:].islower() or len(word) > 3) and _may_be_a_name(word)


def _may_be_a_name(word: str) -> bool:
    return len(word) > 2 and _plain(word) not in _NOT_NAMES


def _plain(word: str) -> str:
    """In small letters, without accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(each))


def _without(text: str, found: list[re.Match[str]]) -> str:
    kept, end = [], 0
    for start, stop in sorted(match.span() for match in found):
        if start >= end:
            kept += [text[end:start], REMOVED]
        end = max(end, stop)
    return "".join([*kept, text[end:]])
