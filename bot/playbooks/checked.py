"""A playbook's text becomes a `Playbook`, or every complaint at once: line, what is wrong, what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from reprlib import repr
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.playbooks.schema import Alert, Phase, Playbook, Raise, Rounds, Rung, Step, Words
from bot.roster import ROLES

Place = tuple[Any, ...]  # the way from the top of the file: keys and positions in lists
Mistake = tuple[Place, str]
Model = TypeVar("Model", bound=BaseModel)

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it was built
PARTS = (Playbook, Phase, Step, Raise, Rung, Rounds, Alert, Words)


def read(
    text: str,
    file: str,
    elsewhere: Iterable[str] = (),
    beside: Callable[[Playbook], Iterable[Mistake]] = lambda playbook: (),
) -> tuple[Playbook | None, list[str]]:
    """The playbook in `text`, or None and every complaint (`file:line: sentence`). `elsewhere`: task ids that `needs`
    may name beside those of this text; `beside` finds what is wrong with what is sound of it."""

    def more(data: dict[str, Any]) -> Iterator[Mistake]:
        yield from _doubled_ids(data)
        yield from _needs(data, set(elsewhere))
        yield from _roles(data)
        yield from beside(_sound(data, file.partition(".")[0]))

    return read_as(Playbook, text, file, "playbook", PARTS, more)


def read_as(
    model: type[Model],
    text: str,
    file: str,
    name: str,
    parts: Iterable[type[BaseModel]],
    more: Callable[[dict[str, Any]], Iterable[Mistake]] = lambda data: (),
) -> tuple[Model | None, list[str]]:
    """What the YAML in `text` says, as a `model`, or None and every complaint. `name` is what such a file is called
    and its first field, `parts` the models whose fields may be meant by a slip, `more` finds what no schema can."""
    try:
        root, data = _parsed(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as wrong:  # a tag may lie
        return None, [f"{file}:{_broken_at(wrong, text)}"]
    if root is None or not isinstance(data, dict):
        return None, [f"{file}:1: this is no {name}: begin with `{name}: ` and its id"]
    doubled = {(line, f"{key} is written twice: take one away") for line, key in _twice(root)}
    fields = sorted({field.alias or name for part in parts for name, field in part.model_fields.items()})
    mistakes = [*_against_schema(model, data, fields), *more(data)]
    found = sorted(doubled | {(_line(root, place), sentence) for place, sentence in mistakes})
    complaints = [f"{file}:{line}: {sentence}" for line, sentence in found]
    return None if complaints else model.model_validate(data), complaints


def line_of(text: str, *place: Any) -> int:
    """The line on which this part of a readable playbook stands."""
    root, _ = _parsed(text)
    return _line(root, place) if root else 1


def _parsed(text: str) -> tuple[yaml.Node | None, object]:
    loader = LOADER(text)
    try:
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root else None
    finally:
        loader.dispose()


# --- where -----------------------------------------------------------------------------------------------------------


def _line(node: yaml.Node, place: Place) -> int:
    line = 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(step)), None)
            if not found:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _broken_at(wrong: Exception, text: str) -> str:
    mark = getattr(wrong, "problem_mark", None) or getattr(wrong, "context_mark", None)
    line = mark.line + 1 if mark else text[: getattr(wrong, "position", 0)].count("\n") + 1
    problem = getattr(wrong, "problem", None) or getattr(wrong, "reason", None) or wrong
    return f"{line}: cannot be read: {problem}. Indent with spaces, and put a text with : or # into quotes"


def _twice(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """YAML itself takes the last of two equal keys without a word."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an anchor may hold itself
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
            keys = [key.value for key, _ in node.value]
            yield from ((key.start_mark.line + 1, key.value) for key, _ in node.value if keys.count(key.value) > 1)


# --- what ------------------------------------------------------------------------------------------------------------


def _against_schema(model: type[BaseModel], data: object, fields: list[str]) -> Iterator[Mistake]:
    try:
        model.model_validate(data)
    except ValidationError as wrong:
        for error in wrong.errors():
            yield tuple(step for step in error["loc"] if step != "[key]"), _sentence(error, fields)


def _sentence(error: ErrorDetails, fields: list[str]) -> str:
    name, given, told = _name(error["loc"]), error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            if name in fields:
                return f"{name} does not belong here: take it away, or move it to where it belongs"
            return f"unknown field {name}{_near(name, fields) or ': take it away'}"
        case "missing":
            return f"{name} is missing: add it"
        case "literal_error" if error["loc"][-1] == "[key]":
            return f"unknown name {given}: write one of {told['expected']}"
        case "literal_error":
            return f"{name}: write {told['expected']}, not {repr(given)}"
        case "string_too_long":
            return f"{name} has {len(given)} characters: shorten it to {told['max_length']}"
        case "string_too_short":
            return f"{name} is empty: say what to do"
        case "string_type":
            return f"{name}: write a text in quotes, not {repr(given)}"
        case "tuple_type":
            return f"{name}: write a list, like [one, two], not {repr(given)}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{name}: write fields below it, not {repr(given)}"
        case "bool_type" | "bool_parsing":
            return f"{name}: write true, or leave it out"
        case "value_error":
            return f"{name}: {told['error']}"
        case _:
            return f"{name}: {error['msg']}"


def _name(place: Place) -> str:
    return str(next((step for step in reversed(place) if isinstance(step, str) and step != "[key]"), "file"))


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), 1)
    return f": did you mean {near[0]}?" if near else ""


def _sound(data: Mapping[str, Any], name: str) -> Playbook:
    """What is sound of a playbook, each part for itself, so that one slip does not hide another. A broken task leaves
    its place empty."""
    sound: dict[str, Any] = {}
    for field, value in data.items():
        if field == "phases":
            sound[field] = {phase: there for phase, part in _pairs(value) if (there := _sound_phase(part))}
        elif field in ("languages", "ladders"):
            parts = [_fragment({field: {key: part}}) for key, part in _pairs(value)]
            sound[field] = {key: each for whole in parts if whole for key, each in getattr(whole, field).items()}
        elif field in Playbook.model_fields and (whole := _fragment({field: value})):
            sound[field] = getattr(whole, field)
    return Playbook(playbook="unnamed", title="").model_copy(update={"playbook": name} | sound)


def _sound_phase(part: object) -> Phase | None:
    if not isinstance(part, dict):
        return None
    tasks = part.get("tasks")
    steps = [_part(Step, each) or _bare(each) for each in tasks] if isinstance(tasks, list) else []
    phase = _part(Phase, {**part, "tasks": []})
    return phase.model_copy(update={"tasks": tuple(steps)}) if phase else None


def _bare(task: object) -> Step | None:
    """Only what a task must have: the slip may stand in the rest."""
    needed = {name for name, field in Step.model_fields.items() if field.is_required()}
    return _part(Step, {name: task[name] for name in needed & task.keys()}) if isinstance(task, dict) else None


def _fragment(fields: dict[str, Any]) -> Playbook | None:
    return _part(Playbook, {"playbook": "unnamed", "title": ""} | fields)


def _part(model: type[Model], value: object) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _doubled_ids(data: Mapping[str, Any]) -> Iterator[Mistake]:
    seen: set[str] = set()
    for place, step in _steps(data):
        if (name := str(step.get("id"))) in seen:
            yield (*place, "id"), f"task {name} is here twice: give one of them another id"
        seen.add(name)


def _needs(data: Mapping[str, Any], elsewhere: set[str]) -> Iterator[Mistake]:
    needs: dict[str, list[str]] = {}
    for _, step in _steps(data):  # of an id that is here twice, the needs of both
        needs[str(step.get("id"))] = [*needs.get(str(step.get("id")), []), *_texts(step.get("needs"))]
    for place, step in _steps(data):
        for need in _texts(step.get("needs")):
            if need not in needs and need not in elsewhere:
                near = _near(need, needs) or ": name a task of this playbook or of core"
                yield (*place, "needs"), f"needs: there is no task {need}{near}"
        if circle := _circle(str(step.get("id")), needs):
            yield (*place, "needs"), f"needs: {' needs '.join(circle)}: take one of these needs away"


def _circle(start: str, needs: Mapping[str, list[str]]) -> list[str]:
    """The way from a task back to itself, told once: at the circle's first id in the alphabet."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop()
        for need in needs.get(way[-1], []):
            if need == start:
                return [*way, start] if start == min(way) else []
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []


def _roles(data: Mapping[str, Any]) -> Iterator[Mistake]:
    named = [((*place, "owner"), step.get("owner")) for place, step in _steps(data)]
    named += [((*place, "role"), rung.get("role")) for place, rung in _rungs(data)]
    named += [(("levels", n, "ask"), each.get("ask")) for n, each in _entries(data.get("levels"))]
    for place, role in named:
        if isinstance(role, str) and role and role not in ROLES:
            advice = _near(role, ROLES) or ": write one of " + ", ".join(ROLES)
            yield place, f"{place[-1]}: no role is called {role}{advice}"


def _steps(data: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for name, phase in _pairs(data.get("phases")):
        tasks = phase.get("tasks") if isinstance(phase, dict) else None
        yield from ((("phases", name, "tasks", n), step) for n, step in _entries(tasks))


def _rungs(data: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for name, rungs in _pairs(data.get("ladders")):
        yield from ((("ladders", name, n), rung) for n, rung in _entries(rungs))


def _pairs(value: object) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _entries(value: object) -> list[tuple[int, dict[str, Any]]]:
    return [(n, each) for n, each in enumerate(value) if isinstance(each, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
