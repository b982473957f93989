"""The playbooks in use: those shipped, and a hospital's own in their place. A mistake never takes a playbook away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from bot.playbooks.checked import line_of, read
from bot.playbooks.fits import too_long
from bot.playbooks.schema import LadderName, Playbook, Raise, Rung, Words
from bot.playbooks.together import cut_short, doubled, outrun, unknown
from bot.texting import base

SHIPPED = Path(__file__).parents[2] / "templates" / "playbooks"
CORE = "core"
ORDER = (  # of several services that are down the first gives the alert its words
    CORE,
    "ehr",
    "email_documents",
    "scheduling_surgery",
    "ed_ems",
    "data_interfaces",
    "identity_sso",
    "telephony_paging",
)
NO_COPIES: Mapping[str, str] = MappingProxyType({})
Shelf = dict[str, tuple[Playbook, str]]  # id → the playbook and its text
Ladders = Mapping[LadderName, tuple[Rung, ...]]


@dataclass(frozen=True, eq=False)  # one is read once, and is a key of what is read with it
class Library:
    """`sources`: the raw text of each playbook in use, to be kept as its last good copy. `complaints`: every mistake
    with file, line and what to write instead, and what is used meanwhile."""

    playbooks: dict[str, Playbook]
    ladders: dict[LadderName, tuple[Rung, ...]]
    levels: tuple[Raise, ...]
    complaints: list[str]
    sources: dict[str, str]
    aliases: dict[str, str]

    def find(self, word: str) -> str | None:
        """The id of the service that is called so, by id or alias, in any case."""
        word = word.strip().casefold()
        return word if word in self.playbooks else self.aliases.get(word)

    def say(self, ids: Iterable[str], language: str = "en") -> str:
        """The services in the staff's words: `Epic, email and phones`. Core is named only if it is alone."""
        ids = list(ids)
        said = [self.playbooks[id].words(language).say for id in ids if id != CORE or len(ids) == 1]
        last = {"es": " y ", "fr": " et "}.get(base(language), " and ")
        return last.join(part for part in (", ".join(said[:-1]), *said[-1:]) if part)

    def words(self, ids: Iterable[str], language: str = "en") -> Words:
        """What to do, for an alert about these services: the words of the first of them on the shelf, core last."""
        ids = set(ids) - {CORE}
        return self.playbooks[next((id for id in self.playbooks if id in ids), CORE)].words(language)


def library(directory: str = "", fallback: Mapping[str, str] = NO_COPIES) -> Library:
    """All playbooks, checked. `directory` holds a hospital's own; one with a mistake is replaced by its last good text
    in `fallback` (by id), else by the shipped one. Read once: an edit counts from the next start."""
    return _library(directory, tuple(sorted(fallback.items())))


@lru_cache(maxsize=8)
def _library(directory: str, fallback: tuple[tuple[str, str], ...]) -> Library:
    shelf: Shelf = {}
    complaints: list[str] = []
    for id in ORDER:
        complaints += _add(shelf, SHIPPED / f"{id}.yaml", {}, {})
    shipped = shelf[CORE][0]
    if directory and not Path(directory).is_dir():
        complaints.append(f"{directory}: there is no such directory, so the shipped playbooks are used")
    files = _own_files(directory)
    for path in files:
        complaints += _add(shelf, path, dict(fallback), shipped.ladders)
    playbooks = {id: playbook for id, (playbook, _) in shelf.items()}
    core = playbooks[CORE]
    ladders = shipped.ladders | core.ladders
    levels = (shipped.levels if core.levels is None else core.levels) or ()
    aliases, claimed_twice = _aliases(shelf)
    complaints += claimed_twice + _side_by_side(shelf, ladders, {path.stem for path in files})
    return Library(playbooks, ladders, levels, complaints, {id: text for id, (_, text) in shelf.items()}, aliases)


def _side_by_side(shelf: Shelf, ladders: Ladders, own: set[str]) -> list[str]:
    """What is wrong between playbooks that are sound each for itself: told, and used all the same."""
    ids = {step.id: id for id, (playbook, _) in shelf.items() for _, step in playbook.steps}
    complaints = [
        f"{id}.yaml:{line_of(text, *place)}: {sentence}"
        for id, (playbook, text) in shelf.items()
        for place, sentence in unknown(playbook, ids)
    ]
    shipped = {id: playbook for id, (playbook, _) in shelf.items() if id not in own}
    core = shelf[CORE][1]
    return complaints + [
        f"{CORE}.yaml:{line_of(core, 'ladders', name)}: {sentence}" for name, sentence in outrun(shipped, ladders)
    ]


def _own_files(directory: str) -> list[Path]:
    """Core first: the others may need its tasks."""
    files = [path for ending in ("*.yaml", "*.yml") for path in Path(directory).glob(ending)] if directory else []
    return sorted(files, key=lambda path: (path.stem != CORE, path.name))


def _add(shelf: Shelf, path: Path, copies: Mapping[str, str], ladders: Ladders) -> list[str]:
    """Put this file on the shelf, or the last good copy of it, or leave there what it would have replaced."""
    text, playbook, mistakes = _read_file(path, shelf, ladders)
    if playbook and not mistakes:
        shelf[path.stem] = playbook, text
        return []
    copy = copies.get(path.stem, "")
    if last_good := read(copy, path.name, _ids(shelf, CORE))[0] if copy else None:
        shelf[path.stem] = last_good, copy
    used = "the last good copy" if last_good else "the shipped playbook" if path.stem in ORDER else "nothing"
    return [*mistakes, f"{path.name}: until this is mended, {used} is used in its place"]


def _read_file(path: Path, shelf: Shelf, ladders: Ladders) -> tuple[str, Playbook | None, list[str]]:
    """`ladders`: those shipped, over which those of core are laid."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        return "", None, [f"{path.name}:1: cannot be read ({wrong}): save it as UTF-8 text"]
    playbook, mistakes = read(text, path.name, _ids(shelf, CORE), lambda it: _beside(it, path.stem, shelf, ladders))
    if path.suffix != ".yaml":
        mistakes.append(f"{path.name}:1: call the file {path.stem}.yaml")
    return text, playbook, mistakes


def _beside(
    playbook: Playbook, name: str, shelf: Shelf, ladders: Ladders
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What is wrong with a readable playbook in this place of the shelf."""
    if playbook.playbook != name:
        yield ("playbook",), f"playbook: write {name}, as the file is called, or rename the file"
    for field in ("ladders", "levels", "period", "rounds") if name != CORE else ():
        if field in playbook.model_fields_set:
            yield (field,), f"{field}: this stands in core.yaml: move it there"
    core = playbook if name == CORE or CORE not in shelf else shelf[CORE][0]
    yield from cut_short(playbook, {**ladders, **core.ladders})
    yield from doubled(playbook, _ids(shelf, *(id for id in shelf if id != name)))
    yield from too_long(playbook)


def _ids(shelf: Shelf, *playbooks: str) -> dict[str, str]:
    """Task id → its playbook, of these playbooks."""
    return {step.id: id for id in playbooks if id in shelf for _, step in shelf[id][0].steps}


def _aliases(shelf: Shelf) -> tuple[dict[str, str], list[str]]:
    """Word → playbook. A word that two of them claim goes to the first on the shelf, and is complained about."""
    aliases: dict[str, str] = {}
    doubled = []
    for id, (playbook, text) in shelf.items():
        for word in playbook.aliases:
            owner = word.casefold() if word.casefold() in shelf else aliases.setdefault(word.casefold(), id)
            if owner != id:
                line = line_of(text, "aliases", playbook.aliases.index(word))
                doubled.append(f"{id}.yaml:{line}: aliases: {word} already stands for {owner}: take it out of one")
    return aliases, doubled
