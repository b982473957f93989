"""Drill scripts: all that ship load, and what is wrong in one is told with its line."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot import board, command, exercises, journal, outages, outbox, playbooks, recalls, roster, tasks, timers
from bot.access import Refused
from bot.command import levels
from bot.db import Database, Tx
from bot.doctor import examine
from bot.exercises.schedule import plan_facts
from bot.exercises.score import NAMES
from bot.exercises.shelf import SHIPPED, shelf
from handlers.slash import outage as slash
from tests.domain.conftest import NOON
from tests.people import hire

SCRIPT = """
drill: mine
title: Ours
minutes: 30
schedule: "0 10 1 */6 *"
services: [ehr]
injects:
  - {at: 0m, who: system, do: declare, say: "It goes down"}
  - {at: 10m, who: control, say: "Relatives arrive"}
pass: {ack_10_min_pct: 60, paper_log_kept: true}
"""


def eve(tx: Tx) -> roster.Person:
    found = roster.person(tx, "eve")
    assert found
    return found


def posted(tx: Tx) -> list[str]:
    """What stands in the command channel."""
    return [message.body for message in tx.exec(select(outbox.Message)) if message.channel == "slack"]


def texts(tx: Tx, who: str) -> list[str]:
    found = [outbox.Message.person_id == who, outbox.Message.channel == "sms"]
    return list(tx.exec(select(outbox.Message.body).where(*found).order_by(outbox.Message.id)))  # type: ignore[arg-type]


def pass_time(tx: Tx, **by: float) -> None:
    """The timers of drills fire; whatever else is due is not looked at."""
    tx.now += timedelta(**by)
    for timer in tx.exec(timers.select(timers.Timer).where(timers.Timer.due_at <= tx.now)).all():
        if timer.kind == exercises.STEP:
            tx.delete(timer)
            exercises.step(tx, int(timer.subject))
        if timer.kind == exercises.START:
            tx.delete(timer)
            exercises.begin_planned(tx, int(timer.subject))
    tx.flush()


def test_every_script_that_ships_loads() -> None:
    found = shelf(playbooks.library())
    assert found.complaints == []
    assert {path.stem for path in SHIPPED.glob("*.yaml")} == set(found.scenarios)
    assert {each.short for each in found.scenarios.values()} >= {f"dr{number}" for number in range(1, 6)}


@pytest.mark.parametrize("word", ["dr1", "DR4_comms_blackout", "ehr", "Epic", "all", *playbooks.library().playbooks])
def test_a_drill_is_found_by_its_id_or_a_playbooks_name(tx: Tx, word: str) -> None:
    assert exercises.scenario(tx, word).injects


def test_all_services_at_once(tx: Tx) -> None:
    assert len(exercises.scenario(tx, "all").services) == 7  # core always runs


def test_a_drill_that_is_not_there_is_answered_with_those_that_are(tx: Tx) -> None:
    with pytest.raises(Refused, match=r"no drill nonesuch\. There are: dr1_comms_test, .*, all\."):
        exercises.scenario(tx, "nonesuch")


@pytest.mark.parametrize(
    ("slip", "instead", "says"),
    [
        ("do: declare", "do: declar", "mine.yaml:8: do: write "),
        ("minutes: 30", "minuts: 30", "mine.yaml:4: unknown field minuts: did you mean minutes?"),
        ("at: 10m", "at: 40m", "mine.yaml:9: this comes after the drill has ended"),
        ("at: 0m", "at: 20m", "mine.yaml:9: this comes before the inject above it"),
        ("0 10 1 */6 *", "every day", "mine.yaml:5: schedule: write five cron fields"),
        ("0 10 1 */6 *", "0 10 * * 1", "mine.yaml:5: schedule: write the days of the week as names"),
        ("0 10 1 */6 *", "0 10 * * */2", "mine.yaml:5: schedule: write the days of the week as names"),
        ("[ehr]", "[ehr, Epik]", "mine.yaml:6: services: no playbook is called Epik: write one of core, ehr, "),
        ("ack_10_min_pct: 60", "ack_10_min_pct: 160", "mine.yaml:10: ack_10_min_pct"),
        ('do: declare, say: "It', 'do: verify, say: "It', "mine.yaml:8: verify: nothing is declared yet"),
    ],
)
def test_a_slip_is_told_with_its_line(slip: str, instead: str, says: str) -> None:
    script, complaints = exercises.read(SCRIPT.replace(slip, instead), "mine.yaml", playbooks.library())
    assert script is None
    assert [line for line in complaints if line.startswith(says)], complaints


def test_a_hospitals_own_script_stands_beside_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "mine.yaml").write_text(SCRIPT.strip())
    (tmp_path / "drills" / "dr1_comms_test.yaml").write_text("drill: dr1_comms_test")
    own = shelf(playbooks.library(), str(tmp_path))
    assert own.scenarios["mine"].title == "Ours"
    assert own.scenarios["dr1_comms_test"].title == "No-notice contact test", "a mistake takes no shipped one away"
    assert any(line.startswith("dr1_comms_test.yaml:") for line in own.complaints)


@pytest.fixture
def own(noon: Tx, tmp_path: Path) -> Callable[[str], Tx]:
    """A hospital with this script of its own."""

    def keep(script: str) -> Tx:
        (tmp_path / "drills").mkdir()
        (tmp_path / "drills" / "mine.yaml").write_text(script.strip())
        known = {"templates_dir": str(tmp_path), "slack_command_channel": "C0COMMAND"}
        noon.settings = noon.settings.model_copy(update=known)
        return noon

    return keep


def test_a_hospital_names_services_as_it_says_them(own: Callable[[str], Tx]) -> None:
    tx = own(SCRIPT.replace("[ehr]", "[Epic, EHR, email]"))
    exercises.start(tx, eve(tx), exercises.scenario(tx, "mine"))
    down = {each.service for each in outages.services(tx, outages.find(tx))}
    assert down == {"ehr", "email_documents"}


def test_a_script_with_an_unknown_service_is_told_and_never_held(own: Callable[[str], Tx]) -> None:
    tx = own(SCRIPT.replace("[ehr]", "[Epik]"))
    complaint = "mine.yaml:5: services: no playbook is called Epik"
    assert any(complaint in line for line in examine(tx).broken)
    with pytest.raises(Refused, match=f"mine cannot be held until its file is mended. {complaint}"):
        exercises.scenario(tx, "mine")


def test_a_planned_drill_whose_playbook_went_away_is_left_out(scheduled: Tx) -> None:
    exercises.plan_due(scheduled)
    drill = exercises.find(scheduled, "D-1")
    drill.script = drill.script | {"services": ["dialysis"]}
    pass_time(scheduled, hours=22)
    assert drill.state == "cancelled"
    assert any("No playbook is called dialysis" in line for line in posted(scheduled))


def test_the_plan_of_a_recall_says_how_many_it_asks_at_home(noon: Tx) -> None:
    hours = {"starts_at": noon.now - timedelta(hours=1), "ends_at": noon.now + timedelta(hours=2)}
    noon.add(roster.Shift(person_id="eve", kind="shift", **hours))
    for who in ("alma", "abe"):
        noon.get_one(roster.Person, who).skills = ["rn"]
    noon.flush()
    facts = {word: plan_facts(noon, eve(noon), exercises.scenario(noon, word)) for word in ("dr1", "dr3")}
    said = {word: noon.render.slack("drill_plan", "", True, **known) for word, known in facts.items()}
    assert "It also asks up to 2 people who are not on shift" in said["dr3"]
    assert "not on shift" not in said["dr1"]


# ---- a drill as rows


def test_a_drill_is_an_exercise_from_birth_and_ends_with_a_score(noon: Tx) -> None:
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    outage = outages.find(noon)
    assert (outage.exercise, outage.level, drill.outage_id) == (True, 2, outage.id)
    people = [roster.person(noon, id) for id in ("alma", "ben", "cho")]
    noon.now += timedelta(minutes=3)
    for person in people:
        assert person
        command.answer(noon, [person], "1", "", "sms")
    pass_time(noon, minutes=42)
    assert (drill.state, outage.state, outage.end_reason) == ("ended", "closed", "the drill is over")
    found = exercises.score(noon, outage)
    assert (found.people, found.answered, found.accounted, found.units) == (8, 4, 2, 2)  # Eve by declaring it
    marks = {mark.name: (mark.got, mark.passed) for mark in found.marks}
    assert marks["ack_10_min_pct"] == (50.0, False) and not found.passed
    assert found.times["units_accounted"] == 180


def test_who_was_asked_to_come_and_was_silent_counts_unless_it_was_filled_at_once(noon: Tx) -> None:
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr3"))
    outage, began = outages.find(noon), noon.now
    made = recalls.begin(noon, outage, "drill", need=2, skill="rn", starts_at=began, by="eve")
    for number, (asked, answered) in enumerate([(0, 9), (0, 11), *[(0, 0)] * 6, (8, 0), (30, 0)]):
        said = began + timedelta(minutes=answered) if answered else None
        noon.add(recalls.RecallCall(
            recall_id=made.id, person_id=f"n{number}", wave=1, notice_id=1, address="", answered_at=said,
            accepted_at=said, asked_at=began + timedelta(minutes=asked), state="coming" if said else "asked",
        ))  # fmt: skip
    noon.flush()
    marks = {mark.name: mark.got for mark in exercises.score(noon, outage).marks}
    assert marks == {"responded_45_min_pct": 22.2, "filled_by_min": 11}, "2 of 9: one was asked too late to matter"


def test_marks_are_said_in_words(noon: Tx) -> None:
    assert set(NAMES) == set(exercises.Marks.model_fields)
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr2"))
    pass_time(noon, minutes=5)
    lines = exercises.score_facts(noon, outages.find(noon))["lines"]
    assert "declared after: 5 min (wanted: at most 5 min): passed" in lines
    assert "units accounted for within 15 min: 0 % (wanted: at least 90 %): missed" in lines


def test_who_comes_in_later_is_scored_from_their_own_first_message(noon: Tx) -> None:
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    outage, came = outages.find(noon), {"alma": 0, "ben": 0, "cho": 20, "dana": 40}
    for row in noon.exec(select(outbox.Recipient).where(outbox.Recipient.notice_id == outage.notice_id)):
        if row.person_id not in came:
            noon.delete(row)
    for message in noon.exec(select(outbox.Message).where(outbox.Message.notice_id == outage.notice_id)):
        message.handed_at = NOON + timedelta(minutes=came.get(message.person_id, 0))
    for who, minute in (("alma", 3), ("cho", 27)):
        noon.now = NOON + timedelta(minutes=minute)
        command.answer(noon, [noon.get_one(roster.Person, who)], "1", "", "sms")
    pass_time(noon, minutes=18)
    marks = {mark.name: mark.got for mark in exercises.score(noon, outage).marks}
    assert marks["ack_10_min_pct"] == 66.7, "Dana's ten minutes were not over at the end"


def test_a_contact_test_names_no_system_as_down(noon: Tx) -> None:
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr5"))
    assert texts(noon, "eve")[0].startswith("EXERCISE - DECLARED O-1 level 1: Exercise: Muster itself")
    command.raise_level(noon, eve(noon), "O-1", 2, "slack")
    assert texts(noon, "ben")[-1].startswith("EXERCISE - MERCY 12:00: outage now LEVEL 2. Exercise: Muster itself")
    assert board.line(noon, outages.find(noon))["down"] == [] and drill.live


def test_what_no_machine_knows_is_left_to_a_person(noon: Tx) -> None:
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr4"))
    pass_time(noon, minutes=2)
    marks = {mark.name: mark.verdict for mark in exercises.score(noon, outages.find(noon)).marks}
    assert exercises.scenario(noon, "dr5").injects[0].do == "texts_off", "Muster is down before anybody hears of it"
    assert marks["code_call_alternative_by_min"] == marks["runner_used"] == "to be judged"


def test_nobody_is_drilled_in_the_evening_without_a_reason(noon: Tx) -> None:
    noon.now = NOON.replace(hour=21)
    with pytest.raises(Refused, match="between 09:00 and 20:00"):
        exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    assert exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"), "the night shift was never drilled").why


def test_no_drill_starts_beside_a_real_outage_or_another_drill(noon: Tx) -> None:
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    with pytest.raises(Refused, match="D-1, No-notice contact test, runs already"):
        exercises.start(noon, eve(noon), exercises.scenario(noon, "dr2"))
    command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), "slack")
    with pytest.raises(Refused, match="O-2 is real and runs"):
        exercises.start(noon, eve(noon), exercises.scenario(noon, "dr2"))


def test_a_real_outage_ends_a_drill_and_nothing_of_it_follows(noon: Tx) -> None:
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), "slack")
    pass_time(noon, minutes=60)
    assert drill.state == "ended"
    said = noon.exec(journal.select(journal.Line.what).where(journal.Line.outage == "O-1")).all()
    assert "updated" not in said


def test_a_9_said_in_an_exercise_is_asked_about_when_it_becomes_real(noon: Tx) -> None:
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    alma = noon.get_one(roster.Person, "alma")
    echo = command.answer(noon, [alma], "9", "", "sms")
    assert echo and "Really a patient? Call 5555" in noon.render.sms(echo[0], "en", True, **echo[1])
    noon.now += timedelta(minutes=6)
    command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), "slack")
    said = "PATIENT RISK 5W 12:00, said in the exercise: REAL? Call 5W now"
    assert any(said in body for body in texts(noon, "dana")), texts(noon, "dana")
    open_risks = [task.unit for task in tasks.of_outage(noon, outages.find(noon).id or 0, *tasks.OPEN)
                  if task.kind == tasks.Kind.RISK]  # fmt: skip
    assert open_risks == ["5W"]


def test_no_clock_raises_the_level_of_a_drill(noon: Tx) -> None:
    """Its preview said whom it texts."""
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr5"))
    assert (outages.find(noon).level, outages.find(noon).levels) == (1, [])
    assert not [timer for timer in noon.exec(timers.select(timers.Timer)) if timer.kind == levels.ASK]


def test_what_was_not_done_in_time_is_left_out(noon: Tx) -> None:
    """Muster was not running from minute 3 to minute 26."""
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    pass_time(noon, minutes=3)
    noon.now += timedelta(minutes=30)
    exercises.step(noon, drill.id or 0)
    lines = noon.exec(journal.select(journal.Line).where(journal.Line.about == "D-1")).all()
    done = {line.detail["minute"]: line.what for line in lines if line.what.startswith("inject")}
    assert done == {"0": "inject", "10": "inject", "20": "inject", "25": "inject_missed", "30": "inject"}
    assert not any("contact test goes on" in body for body in texts(noon, "alma"))


@pytest.mark.parametrize(("word", "minute"), [("dr1", 2), ("dr2", 3)])
def test_after_a_restart_at_night_a_drill_is_over_and_people_sleep(noon: Tx, word: str, minute: int) -> None:
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, word))
    noon.now += timedelta(minutes=minute)
    before = texts(noon, "alma")
    noon.now += timedelta(hours=15)
    exercises.catch_up(noon)
    noon.flush()
    assert (drill.state, outages.running(noon), texts(noon, "alma")) == ("ended", [], before)
    due = [timer.due_at for timer in noon.exec(timers.select(timers.Timer)) if timer.kind == exercises.OVER]
    assert due == ([NOON.replace(day=23, hour=9)] if word == "dr1" else [])
    if due:
        noon.get_one(roster.Person, "alma").language = "es"
        exercises.tell_over(noon, drill.outage_id or 0)
        assert texts(noon, "alma")[-1] == "EXERCISE - MERCY: FIN DEL SIMULACRO, gracias. Trabaje como siempre"


def test_a_real_outage_at_night_is_told_at_once_of_a_drill_that_is_over(noon: Tx) -> None:
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    noon.now += timedelta(minutes=2)
    before = texts(noon, "alma")
    noon.now += timedelta(hours=15)
    exercises.catch_up(noon)
    assert texts(noon, "alma") == before
    command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), "slack")
    told = [body for body in texts(noon, "alma") if "EXERCISE OVER" in body]
    assert len(told) == 1
    assert "REAL" in told[0]
    assert timers.due_at(noon, exercises.OVER, str(drill.outage_id)) is None


def test_two_processes_that_start_together_end_a_drill_once(db: Database) -> None:
    def begin(tx: Tx) -> None:
        tx.now = NOON
        hire(tx)
        tx.flush()
        exercises.start(tx, eve(tx), exercises.scenario(tx, "dr1"))

    def wake(tx: Tx) -> None:
        tx.now = NOON + timedelta(hours=22)
        exercises.catch_up(tx)

    db.run(begin)
    other = Database(db.settings, db.clock, db.render)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(each.run, wake) for each in (db, other)]:
            done.result(20)
    other.close()
    ended = journal.select(journal.Line).where(journal.Line.what == "drill_ended")
    assert len(db.read_now(lambda tx: list(tx.exec(ended)))) == 1


def test_a_real_outage_before_a_drill_has_declared_anything_ends_it(noon: Tx) -> None:
    noon.settings = noon.settings.model_copy(update={"slack_command_channel": "C0COMMAND"})
    drill = exercises.start(noon, eve(noon), exercises.scenario(noon, "dr2"))
    assert drill.outage_id is None
    command.declare(noon, eve(noon), command.Request(["ehr"], "Epic is down"), "slack")
    pass_time(noon, minutes=5)
    assert (drill.state, drill.outage_id) == ("ended", None)
    assert any("D-1 is over before anything was declared" in each for each in posted(noon))
    assert len(outages.running(noon)) == 1


def test_a_real_outage_counts_as_an_exercise_from_level_2_on(noon: Tx) -> None:
    for level in (1, 3):
        code = command.declare(noon, eve(noon), command.Request(["ehr"], "Epic", level=level, new=True), "slack").code
        noon.flush()
        command.close(noon, eve(noon), code, "was short", "slack")
    exercises.start(noon, eve(noon), exercises.scenario(noon, "dr1"))
    exercises.end(noon, eve(noon), "O-3")
    held = [(each.code, each.exercise) for each in exercises.history(noon)]
    assert sorted(held) == [("O-2", False), ("O-3", True)]
    assert "O-2 real outage, counts as an exercise, level 3: Epic" in exercises.line(noon, exercises.history(noon)[-1])


def test_a_declaration_that_is_called_an_exercise_is_declared_and_its_sender_warned(noon: Tx) -> None:
    said = str(slash.VERBS["declare"](noon, eve(noon), "level:1 exercise ehr Epic practice"))
    assert "Declared O-1" in said and "staff read that it is REAL" in said and "/outage void O-1" in said
    assert not outages.find(noon).exercise


@pytest.mark.parametrize("flag", ["--exercise", "—exercise"])
def test_the_flag_makes_it_an_exercise(noon: Tx, flag: str) -> None:
    said = str(slash.VERBS["declare"](noon, eve(noon), f"level:1 {flag} ehr Epic is slow"))
    assert outages.find(noon).exercise and "REAL" not in said
    with pytest.raises(Refused, match="may not declare"):
        slash.VERBS["declare"](noon, noon.get_one(roster.Person, "ben"), f"{flag} ehr")


# ---- drills that start by themselves


@pytest.fixture
def scheduled(own: Callable[[str], Tx]) -> Tx:
    return own(SCRIPT.replace("0 10 1 */6 *", "0 10 * * mon"))  # 22 November 2026 is a Sunday


def test_a_scheduled_drill_is_posted_a_day_before_and_starts_by_itself(scheduled: Tx) -> None:
    scheduled.now -= timedelta(hours=3)
    assert exercises.plan_due(scheduled) == 0, "more than a day ahead"
    scheduled.now += timedelta(hours=3)
    assert exercises.plan_due(scheduled) == 1
    assert exercises.plan_due(scheduled) == 0, "another process, or the next beat"
    drill = exercises.find(scheduled, "D-1")
    assert (drill.state, drill.starts_at) == ("planned", datetime(2026, 11, 23, 10, tzinfo=UTC))
    pass_time(scheduled, hours=22)
    assert (drill.state, outages.find(scheduled).exercise) == ("running", True)


@pytest.mark.parametrize(("late", "state"), [(29, "running"), (31, "cancelled"), (16 * 60, "cancelled")])
def test_a_scheduled_drill_that_was_missed_is_not_held_later(scheduled: Tx, late: int, state: str) -> None:
    """Muster was down at its time: nobody chose the hour at which it is back."""
    exercises.plan_due(scheduled)
    pass_time(scheduled, hours=22, minutes=late)
    assert exercises.find(scheduled, "D-1").state == state
    told = [line for line in posted(scheduled) if "left out" in line]
    assert len(told) == (state == "cancelled")
    assert all("could not start at 10:00" in line for line in told), told


def test_a_scheduled_drill_that_nobody_could_call_off_is_not_held(scheduled: Tx) -> None:
    scheduled.settings = scheduled.settings.model_copy(update={"slack_command_channel": ""})
    assert exercises.plan_due(scheduled) == 0
    assert any("drill mine" in line and "SLACK_COMMAND_CHANNEL" in line for line in examine(scheduled).broken)


def test_who_leads_a_drill_that_starts_by_itself_has_not_answered_by_that(scheduled: Tx) -> None:
    exercises.plan_due(scheduled)
    pass_time(scheduled, hours=22, minutes=10)
    assert exercises.score(scheduled, outages.find(scheduled)).answered == 0


def test_a_scheduled_drill_is_led_by_somebody_who_is_there(scheduled: Tx) -> None:
    """In file order Dana would come first."""
    start = datetime(2026, 11, 23, 7, tzinfo=UTC)
    scheduled.add(roster.Shift(person_id="finn", kind="shift", starts_at=start, ends_at=start + timedelta(hours=12)))
    exercises.plan_due(scheduled)
    pass_time(scheduled, hours=22)
    assert outages.find(scheduled).commander == "finn"


def test_with_no_manager_on_shift_the_house_supervisor_on_call_leads_a_scheduled_drill(scheduled: Tx) -> None:
    start = datetime(2026, 11, 23, 7, tzinfo=UTC)
    for who, kind in (("alma", "shift"), ("dana", "oncall")):
        scheduled.add(roster.Shift(person_id=who, kind=kind, starts_at=start, ends_at=start + timedelta(hours=12)))
    scheduled.get_one(roster.Person, "dana").place = 99
    scheduled.flush()
    exercises.plan_due(scheduled)
    pass_time(scheduled, hours=22)
    assert outages.find(scheduled).commander == "dana"


def test_a_scheduled_drill_can_be_called_off(scheduled: Tx) -> None:
    exercises.plan_due(scheduled)
    assert exercises.cancel(scheduled, eve(scheduled), "D-1").state == "cancelled"
    pass_time(scheduled, hours=22)
    assert outages.running(scheduled) == []
    assert exercises.plan_due(scheduled) == 0


def test_a_scheduled_drill_gives_way_to_a_real_outage(scheduled: Tx) -> None:
    exercises.plan_due(scheduled)
    command.declare(scheduled, eve(scheduled), command.Request(["ehr"], "Epic is down"), "slack")
    pass_time(scheduled, hours=22)
    assert exercises.find(scheduled, "D-1").state == "cancelled"
    assert [outage.exercise for outage in outages.running(scheduled)] == [False]
