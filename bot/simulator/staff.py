"""Simulated staff: they read a text as a person does, and answer fast, late or never. They know nothing of the app."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from bot.simulator.agenda import Agenda
from bot.simulator.phones import Phone, Phones, Text

OFFERED = re.compile(r"\b1 ((?:T\d+(?:\.\d+)? ?)+)=")  # Text 1 T7=I have it, 1 T7 T8=I have them
DECLINABLE = re.compile(r"\b2 (T\d+(?:\.\d+)?)=")  # 2 T7=cannot
TO_DO = re.compile(r"\bDONE (T\d+)\b")  # Text DONE T7 or NEED T7
TO_TELL = re.compile(r"\btext (TOLD \w+)", re.IGNORECASE)  # then text TOLD 5W
CHOICES = re.compile(r"(?<![\w.])([1-9])=")  # 1=OK 2=need staff
KEYS = re.compile(r"\bpress ([0-9]) (?:if|to|for|when)\b|,? ([0-9]) (?:if|to|for) ", re.IGNORECASE)

#: How often staff pick a digit that is offered.
CHOSEN = {"1": 80, "2": 9, "3": 5, "4": 5, "9": 1}
CANNOT = 0.1  # of the tasks offered are declined
READING = {"fast": (8.0, 75.0), "late": (330.0, 840.0)}  # seconds until a person has read and answered
WORKING = (120.0, 900.0)  # seconds that a task takes
ASIDE = ("ok will do", "who is this?", "in surgery, call later")  # what people write who answer something else
MOST_ANSWERS, WITHIN = 20, timedelta(hours=1)  # of one person: an echo must not talk with itself


@dataclass(frozen=True, kw_only=True)
class Temperament:
    """How somebody is. `texts` is fast, late or never; `voice` as phones have it; `rings` in seconds."""

    texts: str = "fast"
    voice: str = "answers"
    rings: float = 6.0


#: What a shift is made of: (temperament, share).
SHIFT: tuple[tuple[Temperament, int], ...] = (
    (Temperament(texts="fast", voice="answers"), 62),
    (Temperament(texts="late", voice="answers"), 16),
    (Temperament(texts="never", voice="answers", rings=12.0), 8),
    (Temperament(texts="late", voice="ignores"), 6),
    (Temperament(texts="never", voice="ignores"), 6),
    (Temperament(texts="never", voice="machine", rings=20.0), 2),
)


def react(text: str, temperament: Temperament, random: Random) -> list[tuple[float, str]]:
    """What this person texts back: (seconds after the text came, words). Nobody answers what asks nothing."""
    if temperament.texts not in READING:
        return []
    read = random.uniform(*READING[temperament.texts])
    done = read + random.uniform(*WORKING)
    if offered := OFFERED.findall(text):
        codes = [code for named in offered for code in named.split()]
        return [reply for code in codes for reply in _take(text, code, read, done, random)]
    if to_do := TO_DO.findall(text):
        return [(done, f"DONE {code}") for code in dict.fromkeys(to_do)]
    if to_tell := TO_TELL.findall(text):
        return [(done, words.upper()) for words in to_tell]
    choice = _choose(CHOICES.findall(text), random)
    return [(read, choice)] if choice else []


def listen(heard: str, random: Random) -> str:
    """The key that somebody presses after hearing this; "" when none was asked for."""
    return _choose([first or second for first, second in KEYS.findall(heard)], random)


def deal(random: Random) -> Temperament:
    """Somebody's temperament, as a shift has them."""
    return random.choices([temperament for temperament, _ in SHIFT], [share for _, share in SHIFT])[0]


@dataclass
class Person:
    """Whoever owns a phone."""

    temperament: Temperament
    random: Random
    slips: float = 0.0  # the share of their texts that are not what was asked for
    answered: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_ANSWERS))


class Staff:
    """Everybody simulated. The same seed gives the same people; `pace` 0.1 makes them ten times as quick."""

    def __init__(self, phones: Phones, agenda: Agenda, seed: int = 0, pace: float = 1.0) -> None:
        self.pace = pace
        self.people: dict[str, Person] = {}
        self._phones = phones
        self._agenda = agenda
        self._seed = seed

    def add(self, number: str, temperament: Temperament | None = None, slips: float = 0.0) -> Temperament:
        """Puts somebody behind this phone; without a temperament one is dealt. Raises ValueError for a bad number."""
        phone, random = self._phones[number], Random(f"{self._seed}:{number}")
        person = Person(temperament or deal(random), random, slips)
        self.people[number] = person
        phone.set_voice(person.temperament.voice, ring_seconds=person.temperament.rings * self.pace)
        phone.keys = partial(_press, person)
        phone.on_text = self._reads(phone, person)
        return person.temperament

    def remove(self, number: str) -> None:
        """Takes the person away: a visitor holds the phone now."""
        self.people.pop(number, None)
        phone = self._phones[number].set_voice("by_hand")
        phone.on_text = None

    def _reads(self, phone: Phone, person: Person) -> Callable[[Text], None]:
        def reads(text: Text) -> None:
            for delay, words in react(text.body, person.temperament, person.random):
                said = _slipped(words, person)
                self._agenda.after(delay * self.pace, partial(self._answer, phone, person, said), in_turn=True)

        return reads

    async def _answer(self, phone: Phone, person: Person, words: str) -> None:
        now, times = self._agenda.now(), person.answered
        if self.people.get(phone.number) is not person or (len(times) == MOST_ANSWERS and now - times[0] < WITHIN):
            return
        times.append(now)
        await phone.text(words)


def _take(text: str, code: str, read: float, done: float, random: Random) -> list[tuple[float, str]]:
    if code in DECLINABLE.findall(text) and random.random() < CANNOT:
        return [(read, f"2 {code}")]
    return [(read, f"1 {code}"), (done, f"DONE {code}")]


def _slipped(words: str, person: Person) -> str:
    """Now and then people write something else, or that their task is stuck."""
    if not person.slips or person.random.random() >= person.slips:
        return words
    stuck = f"BLOCKED{words.removeprefix('DONE')} no toner"
    return stuck if words.startswith("DONE") else person.random.choice(ASIDE)


def _choose(offered: list[str], random: Random) -> str:
    known = [digit for digit in dict.fromkeys(offered) if digit in CHOSEN]
    if known == ["9"]:  # a reminder that it is always there, not a question
        return ""
    return random.choices(known, [CHOSEN[digit] for digit in known])[0] if known else ""


def _press(person: Person, heard: str) -> str:
    return listen(heard, person.random)
