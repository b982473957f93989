"""What a playbook may say. Frozen values; `model_dump(mode="json")` and `model_validate` lead there and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from bot.roster import ROLES
from bot.texting import base, fold, is_gsm7

PhaseName = Literal["alert", "immediate", "early", "extended", "recovery"]
LadderName = Literal[
    "silence", "untaken_1", "untaken_2", "untaken_3", "handover", "unstarted", "undone", "blocked_1", "blocked_2",
    "blocked_3", "risk", "turn",
]  # fmt: skip
Do = Literal[
    "resend", "call", "landline", "backup", "superior", "commander", "visit", "remind", "role", "unheard", "hand_on",
    "next", "repeat",
]  # fmt: skip

UNITS = {"s": 1, "m": 60, "h": 3600}
PLAYBOOK_ID, STEP_ID = "[a-z][a-z0-9_]*", "[A-Z][A-Z0-9]*-[A-Z0-9]{1,6}"
ONE_WORD, LANGUAGE, SPAN = r"[^\s,:]+", "[a-z]{2}", r"(\d{1,6})([smh])"


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    written = re.fullmatch(SPAN, value) if isinstance(value, str) else None
    if not written:
        raise ValueError(f"write a time as 90s, 5m or 4h, not {value}")
    return timedelta(seconds=int(written[1]) * UNITS[written[2]])


def written(span: timedelta) -> str:
    """As a playbook writes it: 90s, 5m."""
    seconds = int(span.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def _one_word(alias: str) -> str:
    if not re.fullmatch(ONE_WORD, alias):
        raise ValueError(f"{alias!r} is not one word: an alias has no space, comma or colon")
    return alias


def _playbook_id(text: str) -> str:
    if not re.fullmatch(PLAYBOOK_ID, text):
        raise ValueError(f"write the id in small letters, digits and _ like email_documents, not {text!r}")
    return text


def _step_id(text: str) -> str:
    if not re.fullmatch(STEP_ID, text):
        raise ValueError(f"write the id like EHR-I1, not {text!r}")
    return text


def _gsm7(text: str) -> str:
    if not is_gsm7(text):
        odd = " ".join(dict.fromkeys(each for each in text if not is_gsm7(each)))
        raise ValueError(f"a plain text cannot carry {odd}: write it with other characters")
    return text


def _folds(text: str) -> str:
    """Accents and dashes are folded where a text leaves; what cannot be would arrive as a question mark."""
    if lost := [each for each in text if "?" in fold(each) and each != "?"]:
        raise ValueError(f"a plain text cannot carry {' '.join(dict.fromkeys(lost))}: write it with other characters")
    return text


def _language(code: str) -> str:
    if not re.fullmatch(LANGUAGE, code):
        raise ValueError(f"write a language as two small letters, like es, not {code!r}")
    return code


def _fact(name: str) -> str:
    if name and not re.fullmatch(PLAYBOOK_ID, name):
        raise ValueError(f"write a fact in small letters, digits and _ like hie_unavailable, not {name!r}")
    return name


def _in_order(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    for before, rung in pairwise(rungs):
        if rung.after < before.after:
            raise ValueError(
                f"{written(rung.after)} stands behind {written(before.after)}: "
                "`after` counts from the start of the ladder, so it may not go down"
            )
        if before.do == "repeat":
            raise ValueError("`do: repeat` begins the ladder again, so it stands last: move it to the end")
    if rungs and rungs[-1].do == "repeat" and (len(rungs) == 1 or not rungs[-1].after):
        raise ValueError("`do: repeat` needs rungs before it, and time between the rounds")
    return rungs


def _shown(pattern: str, about: str, *examples: str) -> WithJsonSchema:
    """What an editor is told of a text with a form of its own."""
    return WithJsonSchema(
        {"type": "string", "pattern": f"^{pattern}$", "description": about, "examples": list(examples)}
    )


def _by_name(schema: dict[str, Any]) -> None:
    """Names of a fixed set as properties, so that an editor completes them."""
    names = schema.pop("propertyNames", {}).get("enum", [])
    schema["properties"] = dict.fromkeys(names, schema["additionalProperties"])
    schema["additionalProperties"] = False


Span = Annotated[
    timedelta,
    BeforeValidator(_span),
    PlainSerializer(written, when_used="json"),
    _shown(SPAN, "A time: seconds, minutes or hours", "90s", "5m", "4h"),
]
StepId = Annotated[str, AfterValidator(_step_id), _shown(STEP_ID, "A task's id, one of its kind everywhere", "EHR-I1")]
Role = Annotated[str, WithJsonSchema({"type": "string", "enum": list(ROLES), "description": "A role of the roster"})]
Fact = Annotated[str, AfterValidator(_fact), _shown(f"({PLAYBOOK_ID})?", "A fact of the outage", "hie_unavailable")]
Alias = Annotated[str, AfterValidator(_one_word), _shown(ONE_WORD, "One word that staff say for it", "epic", "phones")]
Language = Annotated[str, AfterValidator(_language), _shown(LANGUAGE, "A language", "es", "fr")]
Said = Annotated[str, AfterValidator(_folds)]


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rung(Strict):
    """One step of a ladder, `after` counted from the ladder's start."""

    after: Span
    do: Do = Field(description="What happens when nobody has answered by then")
    role: Role = Field("", description="Who is asked; only beside `do: role`")
    times: int = Field(0, ge=0, le=10, description="How often the ladder begins again; only beside "
                       "`do: repeat`, and left out there: until somebody answers")

    @model_validator(mode="after")
    def _beside_do(self) -> Rung:
        if self.times and self.do != "repeat":
            raise ValueError(f"times stands only beside `do: repeat`: take it away or write do: repeat, not {self.do}")
        if self.do == "role" and not self.role:
            raise ValueError("`do: role` asks for a role: add one, like role: safety")
        if self.role and self.do != "role":
            raise ValueError(f"a role stands only beside `do: role`: take it away or write do: role, not {self.do}")
        return self


class Raise(Strict):
    """A level that somebody is asked to raise, and that the clock raises when nobody answers."""

    model_config = Strict.model_config | {"serialize_by_alias": True}

    from_: int = Field(alias="from", ge=0, le=3, description="The level it is at")
    to: int = Field(ge=1, le=4, description="The level it would be at")
    after: Span = Field(timedelta(), description="Time at that level", json_schema_extra={"default": "0m"})
    services: int = Field(0, ge=0, description="So many services are down at once, at least")
    ask: Role = Field(description="Who is asked")
    acts_after: Span | None = Field(None, description="It is raised without an answer; left out: only a person does")

    @model_validator(mode="after")
    def _upwards(self) -> Raise:
        if self.to <= self.from_:
            raise ValueError(f"a level is raised: write a `to` above {self.from_}")
        if self.to == 4 and self.acts_after is not None:
            raise ValueError("only a person sets level 4: take acts_after away")
        return self


class Step(Strict):
    """A task of a playbook. With `tells`, its whole work is telling the staff: `says` goes into the next update."""

    id: StepId
    owner: Role = Field(description="The role that gets it")
    due: Span = Field(description="After the phase's anchor")
    prio: Literal[1, 2, 3] = Field(description="1: somebody may come to harm. It decides which ladder chases it")
    task: str = Field(min_length=1, max_length=110, description="What to do, as Slack and paper show it")
    sms: Annotated[str, Field(max_length=40, description="What a text says; without it the task, cut"),
                   AfterValidator(_gsm7)] = ""  # fmt: skip
    proof: Literal["none", "number", "time", "text"] = Field("none", description="What DONE is asked for")
    per: Literal["", "unit", "site"] = Field("", description="One for each affected unit, on the unit's list")
    needs: tuple[StepId, ...] = Field((), description="Tasks of this playbook or of core that must be done before")
    skip_if: Fact = Field("", description="Not needed once `/outage fact` says so")
    same_as: tuple[StepId, ...] = Field((), description="Tasks of other playbooks that ask the same: with one of "
                                        "them in the outage, this one is not started")  # fmt: skip
    every: Literal["", "period"] = Field("", description="Comes again with every operational period")
    tells: bool = Field(False, description="Its work is telling the staff: it fills the next update")
    says: Said = Field("", max_length=80, description="With `tells`: the words for the next update")

    @property
    def short(self) -> str:
        return self.sms or self.task

    @model_validator(mode="after")
    def _again_in_the_house(self) -> Step:
        if self.every and self.per:
            raise ValueError("`every: period` is for tasks of the whole house: take `per` or `every` away")
        return self


class Phase(Strict):
    """The tasks of a part of the outage."""

    anchor: Literal["declared", "restored"] = Field(description="What its times count from")
    opens: Span = Field(
        timedelta(), description="When its tasks are offered, after the anchor", json_schema_extra={"default": "0m"}
    )
    tasks: tuple[Step, ...] = ()


class Alert(Strict):
    """The lines that a declarer need not write."""

    do: Said = Field("", max_length=90, description="What to do, in the alert")
    do_short: Said = Field("", max_length=30, description="The same for a unit check: use paper")
    still_works: Said = Field("", max_length=110, description="What staff can count on meanwhile")
    restored_do: Said = Field("", max_length=90, description="What to do when it is back")


class Words(Alert):
    """The same in another language, with the staff's word for the service."""

    say: Said = Field("", max_length=30, description="The staff's word for the service")


class Rounds(Strict):
    """How often something is asked while the outage lasts."""

    unit_status: Span = Field(timedelta(hours=4), description="Every unit: how are you?",
                              json_schema_extra={"default": "4h"})  # fmt: skip
    first_report: Span = Field(timedelta(hours=1), description="The section chiefs: the first situation report",
                               json_schema_extra={"default": "1h"})  # fmt: skip


class Playbook(Strict):
    """What is to be done when a service of a hospital is down."""

    playbook: Annotated[str, AfterValidator(_playbook_id),
                        _shown(PLAYBOOK_ID, "Its id, as the file is called", "ehr", "email_documents")]  # fmt: skip
    title: str = Field(max_length=110)
    say: Said = Field("", max_length=30, description="The staff's word for the service; without it the id")
    aliases: tuple[Alias, ...] = Field((), description="Other words by which it can be declared")
    alert: Alert = Alert()
    languages: dict[Language, Words] = Field({}, description="The same words in other languages")
    no_desk_phones: bool = Field(
        False, description="With it the house's phones are down: staff are sent to a unit and not to a phone"
    )
    triggers: tuple[str, ...] = Field((), description="Signals that point to it")
    facts_to_ask_at_launch: tuple[Fact, ...] = Field((), description="What the declarer is to find out")
    ladders: dict[LadderName, Annotated[tuple[Rung, ...], AfterValidator(_in_order)]] = Field(
        {}, description="Who is asked next when nobody does anything; only in core.yaml", json_schema_extra=_by_name
    )
    period: Span = Field(
        timedelta(hours=12),
        description="An operational period; only in core.yaml",
        json_schema_extra={"default": "12h"},
    )
    rounds: Rounds = Field(
        Rounds(), description="How often something is asked again; only in core.yaml", json_schema_extra={"default": {}}
    )
    levels: tuple[Raise, ...] | None = Field(
        None, description="When somebody is asked to raise the level; only in core.yaml"
    )
    phases: dict[PhaseName, Phase] = Field({}, description="The tasks", json_schema_extra=_by_name)

    @property
    def steps(self) -> Iterator[tuple[PhaseName, Step]]:
        """Every task with the name of its phase, in the order of the file."""
        return ((name, step) for name, phase in self.phases.items() for step in phase.tasks)

    def words(self, language: str = "en") -> Words:
        """What to say in this language; what is missing there is said in the file's own words."""
        own = Words(say=self.say or self.playbook.replace("_", " "), **self.alert.model_dump())
        there = self.languages.get(base(language))
        return own.model_copy(update={k: v for k, v in there.model_dump().items() if v}) if there else own
