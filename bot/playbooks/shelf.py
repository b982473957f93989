"""The playbooks in use: those shipped, and a hospital's own in their place. A mistake never takes a playbook away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from bot.playbooks.checked import line_of, read
from bot.playbooks.schema import LadderName, Playbook, Rung, Words

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


@dataclass(frozen=True)
class Library:
    """`sources`: the raw text of each playbook in use, to be kept as its last good copy. `complaints`: every mistake
    with file, line and what to write instead, and what is used meanwhile."""

    playbooks: dict[str, Playbook]
    ladders: dict[LadderName, tuple[Rung, ...]]
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
        last = {"es": " y "}.get(language.split("-")[0], " and ")
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
    shelf: dict[str, tuple[Playbook, str]] = {}
    complaints: list[str] = []
    for id in ORDER:
        complaints += _add(shelf, SHIPPED / f"{id}.yaml", {})
    shipped_ladders = shelf[CORE][0].ladders
    if directory and not Path(directory).is_dir():
        complaints.append(f"{directory}: there is no such directory, so the shipped playbooks are used")
    for path in _own_files(directory):
        complaints += _add(shelf, path, dict(fallback))
    playbooks = {id: playbook for id, (playbook, _) in shelf.items()}
    aliases, doubled = _aliases(shelf)
    sources = {id: text for id, (_, text) in shelf.items()}
    return Library(playbooks, shipped_ladders | playbooks[CORE].ladders, complaints + doubled, sources, aliases)


def _own_files(directory: str) -> list[Path]:
    """Core first: the others may need its tasks."""
    files = [path for ending in ("*.yaml", "*.yml") for path in Path(directory).glob(ending)] if directory else []
    return sorted(files, key=lambda path: (path.stem != CORE, path.name))


def _add(shelf: dict[str, tuple[Playbook, str]], path: Path, copies: Mapping[str, str]) -> list[str]:
    """Put this file on the shelf, or the last good copy of it, or leave there what it would have replaced."""
    core_ids = [step.id for _, step in shelf[CORE][0].steps] if CORE in shelf else []
    text, playbook, mistakes = _read_file(path, core_ids)
    if playbook and not mistakes:
        shelf[path.stem] = playbook, text
        return []
    copy = copies.get(path.stem, "")
    if last_good := read(copy, path.name, core_ids)[0] if copy else None:
        shelf[path.stem] = last_good, copy
    used = "the last good copy" if last_good else "the shipped playbook" if path.stem in ORDER else "nothing"
    return [*mistakes, f"{path.name}: until this is mended, {used} is used in its place"]


def _read_file(path: Path, core_ids: list[str]) -> tuple[str, Playbook | None, list[str]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        return "", None, [f"{path.name}:1: cannot be read ({wrong}): save it as UTF-8 text"]
    playbook, mistakes = read(text, path.name, core_ids)
    if path.suffix != ".yaml":
        mistakes.append(f"{path.name}:1: call the file {path.stem}.yaml")
    if playbook and playbook.playbook != path.stem:
        line = line_of(text, "playbook")
        mistakes.append(f"{path.name}:{line}: playbook: write {path.stem}, as the file is called, or rename the file")
    if playbook and playbook.ladders and path.stem != CORE:
        mistakes.append(f"{path.name}:{line_of(text, 'ladders')}: ladders stand in core.yaml: move them there")
    return text, playbook, mistakes


def _aliases(shelf: Mapping[str, tuple[Playbook, str]]) -> tuple[dict[str, str], list[str]]:
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
