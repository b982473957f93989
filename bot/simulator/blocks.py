"""Block Kit as far as a fake needs it: its limits, what can be clicked, and the state that a click or a form sends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

BLOCKS = {"message": 50, "modal": 100, "home": 100}
TEXT = {"section": 3_000, "header": 150, "button": 75, "option": 75, "title": 24, "submit": 24, "close": 24}
FIELDS, FIELD = 10, 2_000
ELEMENTS = {"actions": 25, "context": 10}
VALUE = {"button": 2_000, "option": 150}
ID, OPTIONS, PRIVATE_METADATA = 255, 100, 3_000

#: The key under which an input's state stands; those with options carry the option itself.
STATE = {
    "plain_text_input": "value", "number_input": "value", "email_text_input": "value", "url_text_input": "value",
    "datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time",
    "users_select": "selected_user", "multi_users_select": "selected_users",
    "conversations_select": "selected_conversation", "channels_select": "selected_channel",
    "static_select": "selected_option", "radio_buttons": "selected_option", "overflow": "selected_option",
    "multi_static_select": "selected_options", "checkboxes": "selected_options",
}  # fmt: skip
SEVERAL = ("selected_options", "selected_users")
TEXT_INPUTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")


def wrong(blocks: object, surface: str) -> str:
    """What Slack would not take about these blocks, as a sentence; "" when all is well."""
    if not isinstance(blocks, list) or any(not isinstance(block, dict) or "type" not in block for block in blocks):
        return "blocks is no list of objects with a type"
    if len(blocks) > BLOCKS[surface]:
        return f"more than {BLOCKS[surface]} blocks"
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        return "a block_id stands twice"
    return next((says for block in blocks if (says := _wrong_block(block))), "")


def wrong_view(view: Json) -> str:
    """The same for a modal or a home tab."""
    if view.get("type") not in ("modal", "home"):
        return "a view is a modal or a home"
    if len(view.get("private_metadata") or "") > PRIVATE_METADATA or len(view.get("callback_id") or "") > ID:
        return "private_metadata or callback_id is too long"
    if view["type"] == "modal" and not view.get("title"):
        return "a modal needs a title"
    for part in ("title", "submit", "close"):
        if len((view.get(part) or {}).get("text", "")) > TEXT[part]:
            return f"{part} is longer than {TEXT[part]}"
    return wrong(view.get("blocks"), view["type"])


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every (block, element) that can be clicked or filled in."""
    for block in blocks:
        found = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        yield from ((block, element) for element in found if element and element.get("action_id"))


def find(blocks: list[Json], action_id: str, value: str | None = None) -> tuple[Json, Json]:
    """The element with this action_id, and this value or label where several have it. Raises LookupError."""
    there = list(elements(blocks))
    for block, element in there:
        label = (element.get("text") or {}).get("text")
        if element["action_id"] == action_id and (value is None or _chooses(element, value) or label == value):
            return block, element
    known = ", ".join(f"{element['action_id']}={element.get('value', '')}" for _, element in there) or "nothing"
    raise LookupError(f"No element {action_id!r} ({value}) here; there is {known}")


def state(element: Json, value: object) -> Json:
    """An element's state after a person put in a text, an option's value, or a list of them; None = untouched."""
    kind = element["type"]
    key = STATE.get(kind, "value")
    if value is None:
        return {"type": kind, key: element.get(_initial(key), [] if key in SEVERAL else None)}
    if key == "selected_option":
        return {"type": kind, key: _option(element, str(value))}
    if key == "selected_options":
        chosen = value if isinstance(value, list | tuple) else [value]
        return {"type": kind, key: [_option(element, str(each)) for each in chosen]}
    return {"type": kind, key: str(value) if kind in TEXT_INPUTS else value}


def form_state(blocks: list[Json], values: Mapping[str, object]) -> dict[str, dict[str, Json]]:
    """`state.values` of a form. `values` is by block_id or action_id. Raises LookupError for one that has no field."""
    filled: dict[str, dict[str, Json]] = {}
    unknown = set(values)
    for block, element in elements(blocks):
        if element["type"] not in STATE:
            continue
        names = (block.get("block_id", ""), element["action_id"])
        given = next((values[name] for name in names if name in values), None)
        unknown -= set(names)
        filled.setdefault(block.get("block_id", ""), {})[element["action_id"]] = state(element, given)
    if unknown:
        raise LookupError(f"The form has no field {', '.join(sorted(unknown))}; it has {', '.join(filled) or 'none'}")
    return filled


def _wrong_block(block: Json) -> str:
    kind = block["type"]
    text = (block.get("text") or {}).get("text", "") if isinstance(block.get("text"), dict) else ""
    if kind in ("section", "header") and len(text) > TEXT[kind]:
        return f"the text of a {kind} is longer than {TEXT[kind]}"
    if kind == "section" and not text and not block.get("fields"):
        return "a section has neither text nor fields"
    fields = block.get("fields") or []
    if len(fields) > FIELDS or any(len(field["text"]) > FIELD for field in fields):
        return f"a section has more than {FIELDS} fields, or one longer than {FIELD}"
    if len(block.get("elements", [])) > ELEMENTS.get(kind, 100) or (kind == "actions" and not block.get("elements")):
        return f"{kind} has too many elements, or none"
    own = [element for _, element in elements([block])]
    if len({element["action_id"] for element in own}) != len(own):
        return "an action_id stands twice in one block"
    return next((says for element in own if (says := _wrong_element(element))), "")


def _wrong_element(element: Json) -> str:
    if len(element["action_id"]) > ID:
        return f"an action_id is longer than {ID}"
    if element["type"] == "button" and not 0 < len(element["text"]["text"]) <= TEXT["button"]:
        return f"the text of a button is empty or longer than {TEXT['button']}"
    if element["type"] == "button" and len(element.get("value", "")) > VALUE["button"]:
        return f"the value of a button is longer than {VALUE['button']}"
    options = element.get("options", [])
    if len(options) > OPTIONS or ("options" in element and not options):
        return f"a choice has more than {OPTIONS} options, or none"
    if any(len(each["text"]["text"]) > TEXT["option"] or len(each["value"]) > VALUE["option"] for each in options):
        return "the text or value of an option is too long"
    return ""


def _chooses(element: Json, value: str) -> bool:
    return element.get("value") == value or any(option["value"] == value for option in element.get("options", []))


def _option(element: Json, value: str) -> Json:
    grouped = (group["options"] for group in element.get("option_groups", []))
    options = [*element.get("options", []), *itertools.chain.from_iterable(grouped)]
    for option in options:
        if value in (option["value"], option["text"]["text"]):
            return dict(option)
    known = ", ".join(option["value"] for option in options)
    raise LookupError(f"{value!r} is no choice of {element['action_id']}; there are {known}")


def _initial(key: str) -> str:
    return "initial_value" if key == "value" else key.replace("selected_", "initial_")
