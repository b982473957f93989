"""The templates: those shipped, and a hospital's own laid over them file by file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateSyntaxError, nodes

from bot.render.facts import FILTERS
from bot.render.kinds import GIVEN_BY_US, KINDS

SHIPPED = Path(__file__).parents[2] / "templates" / "messages"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(SHIPPED),
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    return environment


@cache
def shipped(name: str) -> Template | None:
    return _environment().get_template(name) if (SHIPPED / name).is_file() else None


def own_templates(directory: str) -> tuple[dict[str, Template], list[str]]:
    """A hospital's own messages without a mistake, by their name below `directory`; and what is wrong in the others."""
    own: dict[str, Template] = {}
    complaints: list[str] = []
    if directory and not Path(directory).is_dir():
        complaints.append(f"{directory}: there is no such directory, so the shipped messages are used")
    for path in sorted(Path(directory).glob("*/[!.]*.*[!~]")) if directory else []:
        if path.parent.name == "drills":  # those are scenarios (`exercises.shelf`)
            continue
        name = f"{path.parent.name}/{path.name}"
        mistakes = _misnamed(path) or list(_mistakes(path))
        complaints += [f"{name}:{mistake}; until this is mended, the shipped words are used" for mistake in mistakes]
        if not mistakes:
            own[name] = _environment().from_string(path.read_text("utf-8"))
    return own, complaints


def _misnamed(path: Path) -> list[str]:
    kind = path.parent.name
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, 1)
        return [f"1: no message is called {kind}: " + (f"did you mean {near[0]}?" if near else "see the shipped ones")]
    if not re.fullmatch(r"(sms|voice)(\.[a-z]{2})?\.txt|slack(\.[a-z]{2})?\.md", path.name):
        return ["1: name the file sms.txt, voice.txt or slack.md, or sms.es.txt for a language"]
    return []


def _mistakes(path: Path) -> Iterator[str]:
    try:
        source = path.read_text("utf-8")
        _environment().from_string(source)
    except UnicodeDecodeError as wrong:
        yield f"1: save the file as UTF-8 ({wrong.reason})"
    except TemplateSyntaxError as wrong:
        yield f"{wrong.lineno}: {wrong.message}"
    else:
        yield from _unknown_facts(_environment().parse(source), KINDS[path.parent.name].facts | GIVEN_BY_US)


def _unknown_facts(tree: nodes.Template, known: set[str] | frozenset[str]) -> Iterator[str]:
    names = list(tree.find_all(nodes.Name))
    set_here = {each.name for each in names if each.ctx == "store"} | {"loop"}
    for each in names:
        if each.name not in known | set_here:
            yield f"{each.lineno}: this message has no fact {each.name}: write one of {', '.join(sorted(known))}"
