"""Slack's forms: how one is built, and what was filled in."""

from typing import Any

from bot.texting import without_patients

Block = dict[str, Any]


def view(title: str, blocks: list[Block]) -> Block:
    return {"type": "modal", "title": plain(title), "close": plain("Close"), "blocks": blocks}


def shown(title: str, text: str) -> Block:
    """A view that only says something."""
    return view(title, [{"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}])


def entry(name: str, label: str, element: Block, optional: bool) -> Block:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}


def words(most: int, value: str = "", lines: bool = False) -> Block:
    """A field for text."""
    element = {"type": "plain_text_input", "action_id": "v", "max_length": most, "multiline": lines}
    return element | ({"initial_value": value} if value else {})


def choice(kind: str, options: list[tuple[str, str]]) -> Block:
    found = [{"text": plain(text), "value": value} for text, value in options]
    return {"type": kind, "action_id": "v", "options": found[:100], "placeholder": plain("Choose")}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def screened(form: Any) -> Any:
    """A form as it may lie on the disk: what was written in its fields holds no patient's name."""
    if isinstance(form, dict):
        is_text = form.get("type") == "plain_text_input" and form.get("value")
        return {name: screened(each) for name, each in form.items()} | (
            {"value": without_patients(form["value"])} if is_text else {}
        )
    return form


def picked(element: Block) -> list[str]:
    """What somebody chose or wrote in a field."""
    if element.get("selected_options"):
        return [option["value"] for option in element["selected_options"]]
    if element.get("selected_option"):
        return [element["selected_option"]["value"]]
    return [element["value"]] if element.get("value") else []
