"""While the house's phones are down nobody is sent to a phone."""

import pytest

from bot.command import answers, course, end, opening, questions, risks, tell, words
from bot.db import Tx
from bot.render import Render
from bot.roster import Person, Unit
from tests.domain.test_course import declare, eve  # noqa: F401
from tests.domain.test_escalations_who import by_id, texts

PHONES = "telephony_paging"
SAYS = {"en": "GO to 5W now", "es": "VAYA a 5W ya", "fr": "ALLEZ à 5W maintenant"}


@pytest.fixture
def house(tx: Tx, eve: Person) -> Person:  # noqa: F811
    tx.render = Render("MERCY", "Mercy Hospital", callback="5555")
    unit = tx.get(Unit, "5W")
    assert unit
    unit.landline = "+12025550177"
    tx.add(unit)
    return eve


def test_texts_name_no_number_and_do_again_once_the_phones_are_back(tx: Tx, house: Person) -> None:
    outage = declare(tx, house, "ehr", PHONES)
    course.update(tx, house, outage.code, "we work on it", None, "cli")
    assert "5555" not in " ".join(texts(tx, "alma") + texts(tx, "ben"))
    assert answers.stray(tx, by_id(tx, "alma"), "hello", "sms", "+12025550111") == ("stray", {"callback": ""})
    assert "callback" in tell.partner_facts(tx, outage)
    end.restore(tx, house, outage.code, [PHONES], "", "cli")
    course.update(tx, house, outage.code, "phones are back", None, "cli")
    assert "5555" in texts(tx, "alma")[-1]


def test_other_outages_go_on_naming_it(tx: Tx, house: Person) -> None:
    declare(tx, house, "ehr")
    assert "5555" in " ".join(texts(tx, "alma"))
    assert not tell.no_desk_phones(tx)


def test_a_patient_risk_sends_somebody(tx: Tx, house: Person) -> None:
    outage = declare(tx, house, PHONES)
    task = risks.report(tx, outage, by_id(tx, "alma"), "5W", "")
    facts = questions.risk_facts(tx, task)
    assert facts["phone"] is None and "go to 5W" in task.sms
    for language, said in SAYS.items():
        assert said in tx.render.sms("risk", language, **facts)
        assert said in tx.render.slack("risk", language, **facts)
        spoken = tx.render.voice("risk", language, **facts)
        assert said.split()[1] in spoken and not any(word in spoken for word in ("Call", "Llame", "Appelez"))


def test_a_drill_of_the_phones_takes_no_number_from_a_real_text(tx: Tx, house: Person) -> None:
    request = words.Request(services=[PHONES], text="x", level=3, exercise=True)
    opening.declare(tx, house, request, "cli")
    assert "5555" not in " ".join(texts(tx, "alma"))
    assert not tell.no_desk_phones(tx)
    task = risks.report(tx, None, by_id(tx, "alma"), "5W", "")
    assert questions.risk_facts(tx, task)["go"] is None
