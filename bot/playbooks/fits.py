"""Whether the words of a playbook stay whole in the longest text that carries them: one segment, in an exercise too."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from bot.playbooks.schema import Playbook, Words
from bot.render import Render
from bot.texting import fold

Place = tuple[Any, ...]
LONG_NAME = "HOSPITAL"  # ORG_SHORT as long as it usually gets
UNIT, NOON = "PACU-2", "12:00"


def too_long(playbook: Playbook) -> Iterator[tuple[Place, str]]:
    """Every line that would be cut, and by how much it is too long."""
    for language in ("en", *playbook.languages):
        words = playbook.words(language)
        for field, kind, exercise, facts in _carriers(words):
            place = ("alert", field) if language == "en" else ("languages", language, field)
            yield from _complaints(place, getattr(words, field), kind, language, exercise, facts)


def _carriers(words: Words) -> Iterator[tuple[str, str, bool, dict[str, Any]]]:
    """Each line, the kind of message that carries it, and that one's other facts. The short form gives way in the
    exercise of a unit check, where the answers need the room."""
    down = {"what": f"{words.say} DOWN", "services": [words.say]}
    yield "do", "alert", True, down | {"do": words.do, "next": NOON}
    yield "do_short", "unit_check", False, down | {"units": UNIT, "do": words.do_short}
    yield "do_short", "holding", True, {"time": NOON, "services": [words.say], "stay": words.do_short, "next": NOON}
    news = {"time": NOON, "text": words.still_works, "down": [words.say], "next": NOON}
    yield "still_works", "still_works", True, news
    yield "restored_do", "restored", True, {"time": NOON, "back": [words.say], "do": words.restored_do, "next": NOON}


def _complaints(
    place: Place, said: str, kind: str, language: str, exercise: bool, facts: dict[str, Any]
) -> Iterator[tuple[Place, str]]:
    said = fold(said).strip(" .")
    if said in _house().sms(kind, language, exercise, **facts):
        return
    given = next(name for name, value in facts.items() if isinstance(value, str) and fold(value).strip(" .") == said)
    over = next(
        n
        for n in range(1, len(said) + 1)
        if said[:-n].strip(" .") in _house().sms(kind, language, exercise, **facts | {given: said[:-n].strip(" .")})
    )
    yield place, f"{place[-1]} does not fit its text ({kind.replace('_', ' ')}): shorten it by {over} characters"


@cache
def _house() -> Render:
    return Render(LONG_NAME, callback="5555")
