"""A question to a saved group: whoever the rule means now, and nobody else."""

import pytest

from bot import roster
from tests.people import Person, Stage

pytestmark = pytest.mark.both_databases  # who is asked is found by SQL


def test_a_group_is_asked_and_nobody_else(stage: Stage, kit: Person, lea: Person, alma: Person, eve: Person) -> None:
    rules = {"pharmacy": "role:pharmacist_in_charge site:MAIN onshift", "nobody": "role:pio onshift"}
    for name, rule in rules.items():
        assert stage.tell(lambda tx, name=name, rule=rule: roster.save_group(tx, name, rule)) == []
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    assert "2 people are asked" in eve.runs("/checkin group:pharmacy Are cabinets in downtime?").text
    kit.gets_sms("Are cabinets in downtime?").replies("1")
    lea.gets_sms("Are cabinets in downtime?")
    assert "Nobody is in group nobody now (0 by role:pio" in eve.runs("/checkin group:nobody hello").text
    assert "Groups: nobody, pharmacy" in eve.runs("/checkin group:night hello").text
    alma.is_left_alone()
