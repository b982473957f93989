"""A word that the carrier takes as STOP, in the middle of an outage: nobody is lost by it."""


from bot.clock import MovedClock
from tests.drills.conftest import whole
from tests.people import Channel, Person, Stage, nobody_is_disturbed


def calls_to(stage: Stage, person: Person) -> int:
    return sum(call.to == person.number for call in stage.sim.twilio.calls)


def test_a_nurse_replies_cancel_in_place_of_2(
    stage: Stage, cho: Person, eve: Person, kit: Person, lea: Person, command_centre: Channel
) -> None:
    """The coordinator is warned at once, her tasks move to the backup, and nobody calls her: the policy says no."""
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    cho.replies("Cancel")
    eve.gets_sms("Cho Fern (3W) opted out", "Send somebody").gets_slack("Cho Fern")
    command_centre.shows("Cho Fern (3W) opted out")
    rings = [call for call in stage.sim.twilio.calls if call.to == "+12025550152"]
    assert rings, "nobody can ask her any more, so the unit's own phone rings at once"
    kit.replies("STOP")
    eve.gets_sms("Kit Rowan (OPS) opted out")
    lea.gets_sms("T")
    assert "Kit Rowan" not in eve.runs("/task list").text
    stage.seen()
    stage.forward(minutes=15)
    assert not calls_to(stage, cho) + calls_to(stage, kit)


def test_who_has_slack_is_asked_there(stage: Stage, ben: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    ben.replies("Stop").gets_slack("answer for 5W")
    eve.gets_sms("Ben Ode (5W) opted out", "Slack still reaches them").gets_slack("Ben Ode")
    ben.clicks("check_1")
    assert stage.outage()["units"]["ok"] == 1


def test_the_house_supervisor_is_warned_of_the_coordinators_own(stage: Stage, dana: Person, eve: Person) -> None:
    eve.runs("/outage declare ehr Epic is down")
    dana.takes_tasks()
    eve.replies("END").gets_slack("taken as", "below")
    dana.gets_sms("Eve Sand (OPS) opted out").gets_slack("Eve Sand")


def test_a_start_gives_the_texts_back(stage: Stage, alma: Person, eve: Person, command_centre: Channel) -> None:
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("quit")
    eve.gets_sms("Alma Quill").gets_slack("Alma Quill")
    eve.runs("/outage update vendor works on it")
    stage.seen()
    assert "vendor" not in alma.phone.inbox[-1].body
    alma.replies("start")
    command_centre.shows("Alma Quill (5W) takes texts again")
    eve.runs("/outage update half of it is back")
    alma.gets_sms("half of it is back")


def test_a_call_follows_only_where_the_policy_allows_it(database_url: str, clock: MovedClock) -> None:
    stage = Stage(database_url, clock, voice_after_stop=True)
    eve, cho = Person(stage, "eve", "+12025550116"), Person(stage, "cho", "+12025550114")
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    cho.replies("Cancel").gets_call("check of 3 W").presses("1")
    eve.gets_sms("Cho Fern", "A call still reaches them").gets_slack("Cho Fern")
    assert stage.outage()["units"]["ok"] == 1
    whole(stage)
    stage.close()


def test_who_opted_out_long_ago_is_no_news_each_time(stage: Stage, alma: Person, eve: Person) -> None:
    """Nobody is told again by every text that is refused for it."""
    eve.runs("/outage declare ehr Epic is down")
    stage.seen()
    alma.replies("STOP")
    stage.seen()
    eve.runs("/outage update vendor works on it")
    stage.seen()
    nobody_is_disturbed(stage, minutes=4)
