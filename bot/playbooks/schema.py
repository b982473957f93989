"""What a playbook may say. Frozen values; `model_dump(mode="json")` and `model_validate` lead there and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from bot.texting import is_gsm7

PhaseName = Literal["alert", "immediate", "early", "extended", "recovery"]
LadderName = Literal["silence", "untaken_1", "untaken_2", "untaken_3", "undone", "risk"]
Do = Literal["resend", "call", "landline", "backup", "superior", "commander", "visit", "remind", "role"]

UNITS = {"s": 1, "m": 60, "h": 3600}


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    written = re.fullmatch(r"(\d{1,6})([smh])", value) if isinstance(value, str) else None
    if not written:
        raise ValueError(f"write a time as 90s, 5m or 4h, not {value}")
    return timedelta(seconds=int(written[1]) * UNITS[written[2]])


def _written(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _one_word(alias: str) -> str:
    if not re.fullmatch(r"[^\s,:]+", alias):
        raise ValueError(f"{alias!r} is not one word: an alias has no space, comma or colon")
    return alias


def _playbook_id(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise ValueError(f"write the id in small letters, digits and _ like email_documents, not {text!r}")
    return text


def _step_id(text: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9]*-[A-Z0-9]{1,6}", text):
        raise ValueError(f"write the id like EHR-I1, not {text!r}")
    return text


def _gsm7(text: str) -> str:
    if not is_gsm7(text):
        odd = " ".join(dict.fromkeys(each for each in text if not is_gsm7(each)))
        raise ValueError(f"a plain text cannot carry {odd}: write it with other characters")
    return text


def _in_order(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    for before, rung in pairwise(rungs):
        if rung.after < before.after:
            raise ValueError(
                f"{_written(rung.after)} stands behind {_written(before.after)}: "
                "`after` counts from the start of the ladder, so it may not go down"
            )
    return rungs


Span = Annotated[timedelta, BeforeValidator(_span), PlainSerializer(_written, when_used="json")]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rung(Strict):
    """One step of a ladder, `after` counted from the ladder's start."""

    after: Span
    do: Do
    role: str = ""  # only with `do: role`

    @model_validator(mode="after")
    def _role_beside_do(self) -> Rung:
        if self.do == "role" and not self.role:
            raise ValueError("`do: role` asks for a role: add one, like role: safety")
        if self.role and self.do != "role":
            raise ValueError(f"a role stands only beside `do: role`: take it away or write do: role, not {self.do}")
        return self


class Step(Strict):
    """A task of a playbook. With `tells`, its whole work is telling the staff: `says` goes into the next update."""

    id: Annotated[str, AfterValidator(_step_id)]
    owner: str  # a role id
    due: Span  # after the phase's anchor
    prio: Literal[1, 2, 3]
    task: str = Field(min_length=1, max_length=110)
    sms: Annotated[str, Field(max_length=40), AfterValidator(_gsm7)] = ""  # what a text says; else the task, cut
    proof: Literal["none", "number", "time", "text"] = "none"
    per: Literal["", "unit", "site"] = ""
    needs: tuple[str, ...] = ()
    skip_if: str = ""
    tells: bool = False
    says: str = Field("", max_length=80)

    @property
    def short(self) -> str:
        return self.sms or self.task


class Phase(Strict):
    anchor: Literal["declared", "restored"]
    opens: Span = timedelta()  # after the anchor: when its tasks are offered
    tasks: tuple[Step, ...] = ()


class Alert(Strict):
    """The lines that a declarer need not write."""

    do: str = Field("", max_length=90)
    do_short: str = Field("", max_length=30)
    still_works: str = Field("", max_length=110)
    restored_do: str = Field("", max_length=90)


class Words(Alert):
    """The same in another language, with the staff's word for the service."""

    say: str = Field("", max_length=30)


class Playbook(Strict):
    """One service's playbook as the file has it."""

    playbook: Annotated[str, AfterValidator(_playbook_id)]
    title: str = Field(max_length=110)
    say: str = Field("", max_length=30)  # the staff's word for the service; else its id
    aliases: tuple[Annotated[str, AfterValidator(_one_word)], ...] = ()
    alert: Alert = Alert()
    languages: dict[str, Words] = {}
    triggers: tuple[str, ...] = ()
    facts_to_ask_at_launch: tuple[str, ...] = ()
    ladders: dict[LadderName, Annotated[tuple[Rung, ...], AfterValidator(_in_order)]] = {}
    phases: dict[PhaseName, Phase] = {}

    @property
    def steps(self) -> Iterator[tuple[PhaseName, Step]]:
        """Every task with the name of its phase, in the order of the file."""
        return ((name, step) for name, phase in self.phases.items() for step in phase.tasks)

    def words(self, language: str = "en") -> Words:
        """What to say in this language; what is missing there is said in the file's own words."""
        own = Words(say=self.say or self.playbook.replace("_", " "), **self.alert.model_dump())
        there = self.languages.get(language.lower().split("-")[0])
        return own.model_copy(update={k: v for k, v in there.model_dump().items() if v}) if there else own
