"""What a command's text asks for: nothing is refused, and what means nothing is handed back to be said."""

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.command import words
from bot.command.words import Request, code, declaration, duration, level, options

KNOWN = {"ehr": "ehr", "epic": "ehr", "email": "email_documents", "email_documents": "email_documents"}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Letters that matter to the grammar, so that chance finds its corners.
CORNERS = st.text(alphabet="newL0123456789²٣:,levelsitexdu ehr email“”O-\n\t", max_size=40)


def find(word: str) -> str | None:
    return KNOWN.get(word.casefold())


def asked(text: str) -> Request:
    return declaration(text, find)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Request()),
        ("ehr", Request(services=["ehr"])),
        ("Epic", Request(services=["ehr"])),
        ("ehr,email", Request(services=["ehr", "email_documents"])),
        ("ehr,epic", Request(services=["ehr"])),
        ("EHR,Email both gone", Request(services=["ehr", "email_documents"], text="both gone")),
        ("ehr is down, use paper", Request(services=["ehr"], text="is down, use paper")),
        ("Epic is down", Request(services=["ehr"], text="Epic is down")),
        ("email is slow", Request(services=["email_documents"], text="email is slow")),
        ("the lab is dark", Request(text="the lab is dark")),
        ("ehr,nonsense down", Request(text="ehr,nonsense down")),
        ("ehr level:3 down", Request(services=["ehr"], level=3, text="down")),
        ("LEVEL:0 ehr", Request(services=["ehr"], level=0)),
        ("ehr level:9 down", Request(services=["ehr"], text="down", odd=["level:9"])),
        ("ehr level:high down", Request(services=["ehr"], text="down", odd=["level:high"])),
        ("ehr L2 lab is slow", Request(services=["ehr"], level=2, text="lab is slow")),
        ("L3 all is dark", Request(level=3, text="all is dark")),
        ("ehr L2", Request(services=["ehr"], level=2)),
        ("ehr L9 down", Request(services=["ehr"], text="L9 down")),
        ("L9 down", Request(text="L9 down")),
        ("ehr sites:main,east down", Request(services=["ehr"], sites=["MAIN", "EAST"], text="down")),
        ("ehr site:main down", Request(services=["ehr"], sites=["MAIN"], text="down")),
        ("ehr next:45m down", Request(services=["ehr"], every=45 * MINUTE, text="down")),
        ("ehr next:soon down", Request(services=["ehr"], text="down", odd=["next:soon"])),
        ("ehr next:0 down", Request(services=["ehr"], text="down", odd=["next:0"])),
        ("ehr due:5m down", Request(services=["ehr"], text="down", odd=["due:5m"])),
        ("new ehr down", Request(services=["ehr"], text="down", new=True)),
        ("NEW", Request(new=True)),
        ("newborn unit has no charts", Request(text="newborn unit has no charts")),
        ("Epic and mail are “down”", Request(services=["ehr"], text='Epic and mail are "down"', folded="“”")),
        ("ehr down. Still works: phones, Slack.", Request(services=["ehr"], text="down", works="phones, Slack")),
        ("ehr down works: phones level:3", Request(services=["ehr"], text="down", works="phones", level=3)),
        ("  ehr   down\n now ", Request(services=["ehr"], text="down now")),
        (",", Request(text=",")),
    ],
)  # fmt: skip
def test_a_declaration(text: str, expected: Request) -> None:
    assert asked(text) == expected


def test_an_exercise_is_one_from_the_beginning() -> None:
    assert declaration("ehr", find, exercise=True).exercise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", 30 * MINUTE),
        ("4h", 4 * HOUR),
        ("2d", 48 * HOUR),
        ("15", 15 * MINUTE),
        (" 5M ", 5 * MINUTE),
        *((odd, None) for odd in ("", "soon", "-5m", "5 m", "12345m", "1.5h")),
    ],
)
def test_a_duration(text: str, expected: timedelta | None) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((three, 3) for three in ("3", "L3", "l3", "level 3", "Level3", " 3 ")),
        *((odd, -1) for odd in ("", "high", "33", "-1", "²")),
    ],
)
def test_a_level(text: str, expected: int) -> None:
    assert level(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O-1 lab is back", ("O-1", "lab is back")),
        ("o-12", ("O-12", "")),
        ("O-1: lab is back", ("O-1", "lab is back")),
        ("O-1, lab", ("O-1", "lab")),
        ("lab is back O-1", ("", "lab is back O-1")),
        ("O-negative blood is short", ("", "O-negative blood is short")),
        ("O-1x", ("", "O-1x")),
        ("", ("", "")),
    ],
)
def test_a_code(text: str, expected: tuple[str, str]) -> None:
    assert code(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("next:45m lab is back", ({"next": "45m"}, "lab is back")),
        ("check the fridge due:15m now", ({"due": "15m"}, "check the fridge now")),
        ("lab is back", ({}, "lab is back")),
    ],
)
def test_options(text: str, expected: tuple[dict[str, str], str]) -> None:
    assert options(text) == expected


@given(st.text() | CORNERS)
@example("level:²")
@example("next:٣m")
@example("L²")
@settings(deadline=None)
def test_no_text_is_refused(text: str) -> None:
    request = asked(text)
    assert request.level is None or 0 <= request.level <= 4
    assert request.every is None or timedelta(0) < request.every < timedelta(days=10_000)
    assert set(request.services) <= set(KNOWN.values())
    assert request.text == " ".join(request.text.split())
    duration(text)
    options(text)
    assert -1 <= level(text) <= 9
    assert words.code(text)[1] in text


@given(st.text() | CORNERS)
@settings(deadline=None)
def test_only_options_are_taken_out_of_the_words(text: str) -> None:
    """Whatever the declarer wrote beside the options is sent."""
    kept = "".join(asked(f"zz {text}").text.split())
    whole = "".join(words.OPTION.sub("", f"zz {text}".translate(words.QUOTES)).split())
    assert kept == whole


@pytest.mark.parametrize(
    "said",
    [
        "exercise ehr Epic practice", "drill ehr", "test ehr only a test",
        "new ehr drill: use paper", "ehr this is an exercise", "Epic exercise", "test", "ehr,email only a test",
        "DRILL", "simulacro de Epic", "ehr exercice",
    ],
)  # fmt: skip
def test_words_that_call_it_an_exercise_are_noticed(said: str) -> None:
    assert asked(said).practice


@pytest.mark.parametrize("said", ["ehr", "test results do not come", "ehr test server is down too", "drilled pipe",
                                  "ehr L2 this is not a drill", "physiotherapy exercise plans are gone"])  # fmt: skip
def test_words_that_only_sound_like_an_exercise_are_declared(said: str) -> None:
    assert not asked(said).practice


@pytest.mark.parametrize(
    ("said", "units", "rest"),
    [
        ("order:ED,ICU it works", ["ED", "ICU"], "it works"),
        ("ehr order: ed, icu", ["ED", "ICU"], "ehr"),
        ("order: ED, ICU, Epic is back", ["ED", "ICU"], "Epic is back"),
        ("ehr in order: all good", [], "ehr in order: all good"),
        ("work order: 5512 closed, Epic is back", [], "work order: 5512 closed, Epic is back"),
        ("order:EDD,ICU", ["EDD", "ICU"], ""),  # closed up it is nothing else, so it is refused by its name
    ],
)
def test_an_order_of_return_is_taken_out_of_the_words(said: str, units: list[str], rest: str) -> None:
    assert words.order(said, {"ED", "ICU"}.__contains__) == (units, rest)
