"""What a drill's file may say: injects on a timeline, and the marks that are to be met. Checked as playbooks are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Annotated, Any, Literal, get_args

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, Field

from bot.access import Refused
from bot.playbooks import Library
from bot.playbooks.checked import Mistake, read_as
from bot.playbooks.schema import Span, Strict

#: What Muster itself does, in a simulated drill and in a live one
ByMuster = Literal["declare", "update", "checkin", "raise", "restore", "verify", "recall"]
#: What the simulator does; in a live drill it is read out
BySimulator = Literal[
    "texts_off", "texts_on", "calls_off", "calls_on", "receipts_off", "receipts_on", "risk", "drop_out"
]
#: The marks that no machine can know: the controller judges
JUDGED = ("code_call_alternative_by_min", "paper_log_kept")


def _hour(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"write a time of day like 04:00, not {text}") from None
    return text


def _cron(text: str) -> str:
    if text:
        try:
            CronTrigger.from_crontab(text)
        except ValueError as wrong:
            raise ValueError(
                f"write five cron fields like 0 10 1 */6 *, with days of the week as mon, tue ({wrong})"
            ) from None
        if re.search(r"\d", text.split()[4]):
            raise ValueError(
                f"write the days of the week as names, mon or tue,thu or mon-fri, not {text.split()[4]}: "
                "a number means another day here than in cron"
            )
    return text


class Inject(Strict):
    """Something that happens in a drill, `at` counted from its start. `say` is read out, and, where it does not say
    enough, `text` is what staff are told."""

    at: Span
    who: Literal["system", "control"]
    say: str = Field(min_length=1, max_length=160)
    do: Literal["", ByMuster, BySimulator] = ""
    text: str = Field("", max_length=100)


class Marks(Strict):
    """What a drill has to reach: at least so many per cent, at most so many minutes, yes or no."""

    ack_10_min_pct: int | None = Field(None, ge=0, le=100)
    ack_30_min_pct: int | None = Field(None, ge=0, le=100)
    unreachable_listed: bool | None = None
    declared_by_min: int | None = Field(None, ge=0)
    first_notice_by_min: int | None = Field(None, ge=0)
    unit_check_in_15_min_pct: int | None = Field(None, ge=0, le=100)
    next_update_missed: int | None = Field(None, ge=0)
    responded_45_min_pct: int | None = Field(None, ge=0, le=100)
    filled_by_min: int | None = Field(None, ge=0)
    first_units_told_by_min: int | None = Field(None, ge=0)
    all_units_told_by_min: int | None = Field(None, ge=0)
    runner_used: bool | None = None
    code_call_alternative_by_min: int | None = Field(None, ge=0)
    paper_log_kept: bool | None = None


class Scenario(Strict):
    """One drill as its file has it."""

    drill: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
    title: str = Field(max_length=110)
    source: str = Field("", max_length=110)
    minutes: int = Field(ge=1, le=7 * 24 * 60)
    starts: Annotated[str, AfterValidator(_hour)] = "10:00"  # the local hour at which a simulated run begins
    level: Literal[1, 2, 3] | None = None  # else the usual one for so many services
    services: tuple[str, ...] = ("core",)
    summary: str = Field("", max_length=100)
    off_shift_pct: int = Field(0, ge=0, le=90)  # of the simulated staff are at home
    schedule: Annotated[str, AfterValidator(_cron)] = ""  # when a live one starts by itself
    injects: tuple[Inject, ...]
    marks: Marks = Field(Marks(), alias="pass")

    @property
    def short(self) -> str:
        """`dr1` of `dr1_comms_test`."""
        return self.drill.partition("_")[0]


def read(text: str, file: str, library: Library) -> tuple[Scenario | None, list[str]]:
    """The scenario in `text`, its services by their ids, or None and every complaint (`file:line: sentence`)."""

    def more(data: dict[str, Any]) -> Iterator[Mistake]:
        yield from _order(data)
        yield from _unknown(data, library)

    scenario, mistakes = read_as(Scenario, text, file, "drill", (Scenario, Inject, Marks), more)
    return scenario and scenario.model_copy(update={"services": service_ids(scenario, library)}), mistakes


def service_ids(scenario: Scenario, library: Library) -> tuple[str, ...]:
    """Its services by the ids of their playbooks. Raises Refused for one that has none."""
    if odd := [word for word in scenario.services if not library.find(word)]:
        raise Refused(f"No playbook is called {odd[0]}, so the drill {scenario.drill} cannot be held.")
    return tuple(dict.fromkeys(library.find(word) or "" for word in scenario.services))


def at_minute(after: timedelta) -> str:
    return f"{after.total_seconds() / 60:g}"


def _unknown(data: dict[str, Any], library: Library) -> Iterator[Mistake]:
    services = data.get("services")
    for number, word in enumerate(services if isinstance(services, list) else []):
        if isinstance(word, str) and not library.find(word):
            known = ", ".join(library.playbooks)
            yield ("services", number), f"services: no playbook is called {word}: write one of {known}, or an alias"


def _order(data: dict[str, Any]) -> Iterator[Mistake]:
    """The injects stand in order, begin in time, and declare once and first."""
    injects, before, declared = data.get("injects"), timedelta(), 0
    for number, each in enumerate(injects if isinstance(injects, list) else []):
        try:
            inject = Inject.model_validate(each)
        except ValueError:
            continue
        if inject.at < before:
            yield ("injects", number, "at"), "this comes before the inject above it: put them in order"
        if isinstance(data.get("minutes"), int) and inject.at > timedelta(minutes=data["minutes"]):
            yield (
                ("injects", number, "at"),
                "this comes after the drill has ended: make the drill longer",
            )
        if inject.do in get_args(ByMuster) and inject.do != "declare" and not declared:
            yield ("injects", number, "do"), f"{inject.do}: nothing is declared yet: let an inject above do: declare"
        declared += inject.do == "declare"
        if inject.do == "declare" and declared > 1:
            yield ("injects", number, "do"), "declare stands here twice: take one away"
        before = max(before, inject.at)
