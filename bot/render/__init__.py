"""Kind, channel, language and facts become the words that staff read or hear. The only reader of `templates/messages`.

A line break in the template of a text is one space; a fact that was not given drops out with its phrase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial

from jinja2 import Template

from bot.render.facts import clean
from bot.render.kinds import KINDS, Kind
from bot.render.length import SEGMENT, lines, one_line, one_segment
from bot.render.shelf import own_templates, shipped
from bot.settings import Settings
from bot.texting import base

__all__ = ["EXERCISE", "KINDS", "Kind", "Render"]

EXERCISE = "EXERCISE - "
NOT_REAL = {
    "en": "EXERCISE, no real outage",
    "es": "EJERCICIO, no hay ninguna caída real",
    "fr": "EXERCICE, pas de panne réelle",
}
FILE_OF = {"sms": "sms{}.txt", "voice": "voice{}.txt", "slack": "slack{}.md"}


class Render:
    """Words for every message. `complaints` says what is wrong in a hospital's own templates; those are passed over."""

    def __init__(
        self,
        org_short: str,
        org_name: str = "",
        callback: str = "",
        templates_dir: str = "",
        default_language: str = "en",
    ):
        self._always = {"org": org_short, "org_name": org_name or org_short, "callback": callback or None}
        self._default_language = default_language
        self._own, self.complaints = own_templates(templates_dir)
        self._written = lru_cache(maxsize=1024)(self._write)  # an alert to 10,000 people is written once

    @classmethod
    def of(cls, settings: Settings) -> Render:
        """The words of the house that these settings are of."""
        return cls(
            settings.org_short,
            settings.org_name,
            settings.callback_number,
            settings.templates_dir,
            settings.default_language,
        )

    def sms(self, kind: str, language: str = "", exercise: bool = False, **facts: object) -> str:
        """One GSM-7 segment. Too long: what the kind gives up goes first, then the end is cut at a word.
        TypeError for a fact the kind does not know."""
        return self._written("sms", kind, language or self._default_language, exercise, _checked(kind, facts))

    def voice(self, kind: str, language: str = "", exercise: bool = False, **facts: object) -> str:
        """What is spoken in a call; the keys to press stand at its end. TypeError as for `sms`."""
        return self._written("voice", kind, language or self._default_language, exercise, _checked(kind, facts))

    def slack(self, kind: str, language: str = "", exercise: bool = False, **facts: object) -> str:
        """Slack mrkdwn, in lines; the facts are escaped, buttons are not part of it. TypeError as for `sms`."""
        return self._written("slack", kind, language or self._default_language, exercise, _checked(kind, facts))

    def buttons(self, buttons: Iterable[list[str]], language: str = "") -> list[list[str]]:
        """The same buttons (label, action, value) with their labels in this language."""
        return [[self.slack("button", language, label=label), *rest] for label, *rest in buttons]

    def speaks(self, kind: str, channel: str, language: str = "") -> str:
        """The language in which this message comes out: the one asked for, or English where it has no words in it."""
        language = language or self._default_language
        names = (f"{kind}/{name}" for name in _file_names(channel, language))
        found = next((name for name in names if name in self._own or shipped(name)), "")
        return language if found.count(".") > 1 else "en"

    def _write(
        self, channel: str, kind: str, language: str, exercise: bool, given: tuple[tuple[str, object], ...]
    ) -> str:
        missing = dict.fromkeys(KINDS[kind].facts)
        facts = missing | {name: clean(value, channel) for name, value in (self._always | dict(given)).items()}
        fill = partial(self._fill, channel, kind, language)
        if channel == "sms":
            limit = SEGMENT - len(EXERCISE) if exercise else SEGMENT
            return (EXERCISE if exercise else "") + one_segment(fill, facts, KINDS[kind].gives, limit)
        not_real = NOT_REAL.get(base(self.speaks(kind, channel, language)), NOT_REAL["en"])
        if channel == "slack":
            said = lines(fill(facts))
            return f"{EXERCISE}{said}\n_{not_real}_" if exercise else said
        said = one_line(fill(facts))
        return f"{EXERCISE}{said.rstrip('.')}. {not_real}." if exercise else said

    def _fill(self, channel: str, kind: str, language: str, facts: Mapping[str, object]) -> str:
        *first, last = self._found(channel, kind, language)
        for template in first:
            try:
                return template.render(facts)
            except Exception:
                continue  # no slip in a hospital's own words may cost the alert: the next best are the shipped ones
        return last.render(facts)

    def _found(self, channel: str, kind: str, language: str) -> list[Template]:
        names = [f"{kind}/{name}" for name in _file_names(channel, language)]
        found = [found for name in names for found in (self._own.get(name), shipped(name)) if found]
        if not found:
            raise LookupError(f"message {kind} has no words for {channel}")
        return found


def _file_names(channel: str, language: str) -> Iterator[str]:
    """Best first. A kind without words of its own for a channel is said there in the words of its text."""
    for each in dict.fromkeys((channel, "sms")):
        yield FILE_OF[each].format("." + base(language))
        yield FILE_OF[each].format("")


def _checked(kind: str, facts: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    if kind not in KINDS:
        raise TypeError(f"no message is called {kind!r}")
    if unknown := facts.keys() - KINDS[kind].facts - {"callback"}:
        raise TypeError(f"message {kind} knows no fact {', '.join(sorted(unknown))}")
    return tuple(sorted((name, _frozen(value)) for name, value in facts.items() if value is not None))


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
