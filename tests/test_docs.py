"""What is documented is there, and what is there is documented."""

from __future__ import annotations

import importlib
import inspect
import re
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Table
from sqlmodel import SQLModel

from bot.settings import Settings
from bot.settings.complaints import LANGUAGES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LIFECYCLES = (ROOT / "docs" / "lifecycles.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

STATES = re.compile(r"(state|standing|circuit) IN \((.+)\)", re.IGNORECASE)
has_tables = pytest.mark.skipif(not list((ROOT / "bot").glob("outbox*")), reason="no tables yet")
has_cli = pytest.mark.skipif(not list((ROOT / "bot").glob("cli*")), reason="no command line yet")


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_a_setting_is_documented(name):
    assert re.search(rf"^#?{name}=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE), ".env.example"
    assert f"`{name}`" in README


def test_the_example_names_no_setting_that_is_not_there():
    named = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_starts(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Settings.load(ROOT / ".env.example", org_name="Mercy").org_name == "Mercy"


def test_the_languages_that_settings_take_are_those_that_ship():
    shipped = {path.suffixes[0].strip(".") for path in ROOT.glob("templates/messages/*/sms.*.txt")}
    assert {"en", *shipped} == set(LANGUAGES)


def test_every_make_target_says_what_it_does_and_is_documented():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    for target in phony[1].split():
        assert re.search(rf"^{re.escape(target)}:.* ## \S", makefile, re.MULTILINE), f"make {target} has no ## help"
        assert f"make {target}" in README + CONTRIBUTING


@has_cli
def test_every_command_is_in_the_readme():
    named = typed(README)
    assert [name for name in commands() if not any(begins(other, name) for other in named)] == []


@has_cli
def test_the_readme_names_no_command_that_is_not_there():
    known = commands()
    assert [name for name in typed(README) if not any(begins(name, it) or begins(it, name) for it in known)] == []


@has_tables
def test_every_state_of_a_table_is_documented_and_no_other():
    documented = {column: states_in(section) for column, section in columns().items()}
    assert {column: states for column, (states, _) in constrained().items()} == documented


@has_tables
def test_every_enum_of_states_has_a_table_that_holds_exactly_those():
    held = [states for states, _ in constrained().values()]
    assert {enum.__name__ for enum in enums() if {str(state) for state in enum} not in held} == set()


@pytest.mark.parametrize("column", re.findall(r"Column `(\w+\.\w+)`", LIFECYCLES))
def test_a_diagram_shows_the_states_of_its_table(column):
    section = columns()[column]
    drawn = {state for arrow in arrows(section) for state in arrow} - {"[*]"}
    assert drawn == states_in(section)


@has_tables
def test_where_the_code_lists_its_moves_the_diagram_shows_them():
    for column, (_, module) in constrained().items():
        moves = getattr(module, "MOVES", None)
        if moves and {str(state) for state in moves} <= states_in(columns()[column]):
            written = {(str(one), str(other)) for one, others in moves.items() for other in others}
            drawn = {arrow for arrow in arrows(columns()[column]) if "[*]" not in arrow}
            assert drawn == written, column


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def commands() -> list[str]:
    """Every command of the command line, as it is typed after `muster`."""
    import typer
    from typer.main import get_command

    from bot import cli

    def walk(command: Any, path: tuple[str, ...]) -> list[str]:
        below = getattr(command, "commands", {})
        if not below:
            return [" ".join(path)]
        return [name for key, other in below.items() if not other.hidden for name in walk(other, (*path, key))]

    apps = [value for value in vars(cli).values() if isinstance(value, typer.Typer)]
    return max((walk(get_command(app), ()) for app in apps), key=len)


def typed(page: str) -> list[str]:
    """What the page's code says after `muster`, with `a|b` spelled out: update, correct, roster import."""
    code = re.findall(r"```.*?```", page, re.DOTALL) + re.findall(r"`[^`\n]+`", page)
    found = re.findall(r"\bmuster ([a-z|-]+)(?: ([a-z|-]+))?", "\n".join(code).replace("\\|", "|"))
    pairs = [pair for one, two in found for pair in product(one.split("|"), two.split("|"))]
    return sorted({" ".join(filter(None, pair)) for pair in pairs})


def begins(line: str, words: str) -> bool:
    return f"{line} ".startswith(f"{words} ")


def columns() -> dict[str, str]:
    """The sections of docs/lifecycles.md by the column that each describes."""
    found = {}
    for section in LIFECYCLES.split("\n## ")[1:]:
        if column := re.search(r"Column `(\w+\.\w+)`", section):
            found[column[1]] = section
    return found


def states_in(section: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def arrows(section: str) -> set[tuple[str, str]]:
    """The moves of a diagram; one that only repeats a state says nothing about the order of states."""
    found = re.findall(r"^ +(\S+) --> ([^\s:]+)", section, re.MULTILINE)
    return {(one, other) for one, other in found if one != other}


def constrained() -> dict[str, tuple[set[str], Any]]:
    """Table columns whose states the database itself holds to a list, and the module of the table."""
    found = {}
    for table, module in tables():
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint) and (match := STATES.fullmatch(str(constraint.sqltext))):
                found[f"{table.name}.{match[1]}"] = (set(re.findall(r"'(\w+)'", match[2])), module)
    return found


def tables() -> list[tuple[Table, Any]]:
    found = [(cls, module) for module in domain() for cls in classes(module, SQLModel)]
    return [(cls.__table__, module) for cls, module in found if hasattr(cls, "__table__")]


def enums() -> list[type[StrEnum]]:
    return [enum for module in domain() for enum in classes(module, StrEnum) if enum.__name__.endswith("State")]


def classes(module: Any, kind: type) -> list[Any]:
    """The classes that the module itself defines."""
    found = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, kind)]
    return [cls for cls in found if cls.__module__ == module.__name__]


def domain() -> list[Any]:
    """Every module of bot that is above the edges, with the modules of its packages."""
    names = """
        journal roster inbox timers outbox access outages escalations tasks checkins sitreps recalls
        playbooks command exercises
    """.split()
    paths = [path for name in names for path in (ROOT / "bot").glob(f"{name}.py")]
    paths += [path for name in names for path in (ROOT / "bot" / name).glob("*.py")]
    dotted = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return [importlib.import_module(name) for name in dotted]


def test_every_requirement_is_answered_by_a_file_that_is_there():
    page = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([NL]\d\d) \| [^|]+ \| (.+) \|$", page, re.MULTILINE))
    assert list(rows) == [f"N{number:02}" for number in range(1, 29)] + [f"L{number:02}" for number in range(1, 17)]
    for id, answer in rows.items():
        files = re.findall(r"\]\(([^)#]+)\)", answer)
        assert files, id
        assert [file for file in files if not (ROOT / "docs" / file).exists()] == [], id
