"""The arrows of docs/architecture.md: who may import whom, who may ask for the time, who may read the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Read from top to bottom: a name may import only from names above it. A new name needs a decision record.
ORDER = """
    settings clock texting render channels migrations db journal roster inbox timers outbox access outages escalations
    tasks checkins sitreps recalls playbooks command board exercises reports dispatcher watch doctor simulator drills
    app demo cli
""".split()

# These write rows and nothing else: they cannot await, so they cannot reach the network inside a transaction.
DOMAIN = set(
    """
    journal roster inbox timers outbox access outages escalations tasks checkins sitreps recalls playbooks command board
    exercises
    """.split()
)
NETWORK = set(
    "aiohttp apprise asyncio http.client httpx requests slack_bolt slack_sdk socket twilio urllib.request".split()
)

CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
ENVIRONMENT = {("os", "environ"), ("os", "getenv"), ("os", "putenv")}

FILES = sorted(path for package in ("bot", "handlers") for path in (ROOT / package).rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())


@each_file
def test_it_has_a_place_in_the_order(path):
    name = name_of(path)
    assert not name.startswith("bot.") or part(name) in ORDER, f"{name} stands nowhere in ORDER"


@each_file
def test_it_imports_only_from_above(path):
    name = name_of(path)
    assert [other for other in imports(path) if not may_import(name, other)] == []


@each_file
def test_only_the_clock_asks_for_the_time(path):
    if part(name_of(path)) != "clock":
        assert list(touches(path, CLOCKS)) == []


@each_file
def test_only_the_settings_read_the_environment(path):
    if part(name_of(path)) != "settings":
        assert list(touches(path, ENVIRONMENT)) == []
        assert "dotenv" not in {other.split(".")[0] for other in imports(path)}


@each_file
def test_the_domain_cannot_reach_the_network(path):
    if part(name_of(path)) in DOMAIN:
        assert [other for other in imports(path) if NETWORK & set(outer_names(other))] == []
        assert list(awaits(path)) == []


@each_file
def test_it_is_short_enough_to_read(path):
    if part(name_of(path)) == "migrations":
        pytest.skip("a schema is as long as it is, and is written once")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, "that is two nouns"


@pytest.mark.parametrize(
    ("name", "other", "allowed"),
    [
        ("bot.tasks", "bot.outbox", True),
        ("bot.tasks", "bot.outbox.rows", True),
        ("bot.outbox.engine", "bot.outbox.rows", True),
        ("bot.outbox", "bot.tasks", False),
        ("bot.command", "handlers.sms", False),
        ("bot.app", "handlers", True),
        ("bot.demo", "handlers.demo", True),
        ("bot.cli", "handlers", False),
        ("bot.cli", "bot.app", True),
        ("bot.simulator.twilio", "bot.simulator.phones", True),
        ("bot.simulator.twilio", "bot.clock", True),
        ("bot.simulator.twilio", "bot.texting", False),
        ("bot.migrations.env", "bot.clock", False),
        ("bot.db", "bot.migrations", True),
        ("handlers.sms", "bot.command", True),
        ("handlers.sms", "bot.app", False),
        ("handlers.sms", "bot.cli", False),
        ("handlers.demo", "bot.simulator", True),
        ("handlers.demo", "bot.demo", False),
        ("bot.journal", "sqlmodel", True),
    ],
)
def test_the_rule_itself(name, other, allowed):
    assert may_import(name, other) is allowed


def may_import(name: str, other: str) -> bool:
    """Whether the module `name` may import `other`."""
    ours, theirs = part(name), part(other)
    if not theirs or ours == theirs:
        return True
    if theirs == "handlers":
        return ours in ("app", "demo")
    if ours == "handlers":
        return theirs not in ("app", "demo", "cli")
    if ours == "simulator":
        return theirs == "clock"
    if ours == "migrations":
        return False
    return theirs not in ORDER or ORDER.index(theirs) < ORDER.index(ours)


def part(name: str) -> str:
    """The name that stands in ORDER: `outbox` of bot.outbox.rows; `handlers`; nothing for the rest of the world."""
    first, *rest = name.split(".")
    if first == "handlers":
        return "handlers"
    return rest[0] if first == "bot" and rest else ""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever in the file, for types only or not."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(path, node)
            yield from (f"{origin}.{alias.name}" if origin in ("bot", "handlers") else origin for alias in node.names)


def absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parent.parts
    return ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))


def touches(path: Path, forbidden: set[tuple[str, str]]) -> Iterator[str]:
    """Where the file uses `owner.name` (or imports the name from its owner), with line numbers."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and (last_word(node.value), node.attr) in forbidden:
            yield f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and any((node.module, alias.name) in forbidden for alias in node.names):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def awaits(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"line {node.lineno}"


def outer_names(name: str) -> list[str]:
    """`a.b.c` and what holds it: a, a.b, a.b.c."""
    return list(accumulate(name.split("."), "{}.{}".format))


def last_word(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
