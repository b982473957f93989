"""The drills there are: those shipped, a hospital's own in their place, one for each playbook, and `all` of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot import playbooks
from bot.access import Refused
from bot.db import Tx
from bot.exercises.scenarios import Scenario, read
from bot.playbooks.shelf import CORE

SHIPPED = Path(__file__).parents[2] / "templates" / "drills"
FOLDER = "drills"  # a hospital's own, below TEMPLATES_DIR
STANDARD = "standard"  # what is played with a playbook
ALL = "all"


@dataclass(frozen=True)
class Shelf:
    """`complaints`: every mistake with file, line and what to write instead."""

    scenarios: dict[str, Scenario]
    complaints: list[str]


def current(tx: Tx) -> Shelf:
    return shelf(playbooks.current(tx), tx.settings.templates_dir)


@lru_cache(maxsize=8)
def shelf(library: playbooks.Library, templates_dir: str = "") -> Shelf:
    """Every scenario file, checked. A mistake never takes a shipped one away. Read once: an edit counts from the next
    start."""
    found: dict[str, Scenario] = {}
    complaints: list[str] = []
    for folder in (SHIPPED, *([Path(templates_dir) / FOLDER] if templates_dir else [])):
        for path in sorted(folder.glob("*.yaml")):
            scenario, mistakes = _read_file(path, library)
            complaints += mistakes
            if scenario and not mistakes:
                found[scenario.drill] = scenario
    return Shelf(found, complaints)


def find(tx: Tx, word: str) -> Scenario:
    """The drill of this id (`dr1_comms_test`, or `dr1`), or the standard one with this playbook, or with all of them.
    Raises Refused with what is wrong with it, or with those there are."""
    there, library, word = current(tx), playbooks.current(tx), word.strip().casefold()
    known = there.scenarios
    named = next((each for each in known.values() if word in (each.drill, each.short)), None)
    if named:
        return named
    if word == ALL:
        return _standard(known, ALL, "All services are down at once", tuple(library.playbooks))
    if service := library.find(word):
        return _standard(known, service, library.playbooks[service].title, (service,))
    if wrong := [each for each in there.complaints if each.startswith(f"{word}.yaml:")]:
        raise Refused(f"The drill {word} cannot be held until its file is mended. {'; '.join(wrong)}")
    ids = ", ".join([*known, *library.playbooks, ALL])
    raise Refused(f"There is no drill {word}. There are: {ids}. Nothing was started.")


def listed(tx: Tx) -> list[Scenario]:
    """All that can be asked for, those with a file of their own first."""
    known = [each for id, each in current(tx).scenarios.items() if id != STANDARD]
    return known + [find(tx, id) for id in (*playbooks.current(tx).playbooks, ALL)]


def _standard(known: dict[str, Scenario], id: str, title: str, services: tuple[str, ...]) -> Scenario:
    services = tuple(each for each in services if each != CORE) or (CORE,)
    return known[STANDARD].model_copy(update={"drill": id, "title": title, "services": services})


def _read_file(path: Path, library: playbooks.Library) -> tuple[Scenario | None, list[str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        return None, [f"{path.name}:1: cannot be read ({wrong}): save it as UTF-8 text"]
    scenario, mistakes = read(text, path.name, library)
    if scenario and scenario.drill != path.stem:
        mistakes.append(f"{path.name}:1: drill: write {path.stem}, as the file is called, or rename the file")
    return scenario, mistakes
