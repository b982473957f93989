"""`muster drill`: a script played in a made-up hospital, and the scores of what was held with real people.

The app and the simulator are imported where they are needed, as in `serving`.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bot import exercises, outages
from bot.cli.ground import err, look, say
from bot.cli.serving import play as run

NAMES = {
    "first_notice": "first notice", "reached_50": "50 % reached", "reached_90": "90 % reached",
    "reached_99": "99 % reached", "answered_50": "50 % answered", "answered_90": "90 % answered",
    "units_accounted": "all units accounted for",
}  # fmt: skip


def drill(
    scenario: Annotated[str, typer.Argument(help="a drill, a playbook's id, or all; `score` with a code")] = "",
    code: Annotated[str, typer.Argument(help="with `score`: an exercise or a real outage")] = "",
    staff: Annotated[int, typer.Option(min=20, help="How many people the made-up hospital has.")] = 120,
    speed: Annotated[float, typer.Option(min=0, help="Times as fast as real time; 0: as fast as it goes.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people and the same story.")] = 1,
    history: Annotated[bool, typer.Option("--history", help="What was held, and what counts as an exercise.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> None:
    """Play a drill with simulated people; score what was held with real ones."""
    if history:
        _show_history(as_json)
    elif scenario == "score":
        _show(look(lambda tx: exercises.sheet(tx, outages.find(tx, code))), as_json)
    elif not scenario:
        raise typer.BadParameter("say which drill, as in `muster drill dr1` or `muster drill ehr`")
    else:
        _show(_played(scenario, staff, speed, seed, as_json), as_json)


def _played(scenario: str, staff: int, speed: float, seed: int, as_json: bool) -> dict[str, Any]:
    from bot.cli.hospital import play

    with _bar(quiet=as_json) as tell:
        return run(play(scenario, staff, speed, seed, tell))


@contextlib.contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[float, float], None]]:
    """A bar over the drill's own time, on stderr."""
    minutes = TextColumn("{task.completed:.0f} of {task.total:.0f} min")
    columns = (TextColumn("{task.description}"), BarColumn(), minutes, TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as bars:
        row = bars.add_task("drill", total=1)
        yield lambda done, total: bars.update(row, completed=done, total=total)


def _show_history(as_json: bool) -> None:
    held = look(exercises.history)
    if as_json:
        sys.stdout.write(json.dumps([each.as_json() for each in held]) + "\n")
        return
    for line in look(lambda tx: [exercises.line(tx, each) for each in held]) or ["No exercise has been held yet."]:
        say(line)


def _show(found: dict[str, Any], as_json: bool) -> None:
    """The timeline, the score sheet and the times; exit status 1 when a mark was missed."""
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        _print(found)
    if not found["passed"]:
        raise SystemExit(1)


def _print(found: dict[str, Any]) -> None:
    say(f"{found['title']} ({found['code']}): {found['people']} people, {found['units']} units.")
    say("Times count from the declaration.\n")
    for moment in found["timeline"]:
        say(f"{_clock(moment['after_s']):>9}  {moment['what']}")
    say("")
    for name, seconds in found["times"].items():
        say(f"{NAMES[name]:<24}{_clock(seconds) if seconds is not None else 'never'}")
    say("")
    for mark in found["marks"]:
        verdict = {True: "passed", False: "MISSED", None: "to be judged"}[mark["passed"]]
        name, value = exercises.Mark(**mark).words
        say(f"{name:<36}{verdict:<14}{value}")
    say(f"\n{'Passed' if found['passed'] else 'Not passed'}: answered {found['answered']} of {found['people']}, "
        f"units accounted for {found['accounted']} of {found['units']}.")  # fmt: skip


def _clock(seconds: float) -> str:
    sign, whole = "-" if seconds < 0 else "", abs(int(seconds))
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
