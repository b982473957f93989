"""Slack's views: modals on one another, and the home tab."""

from __future__ import annotations

from typing import Any

from bot.simulator import blocks as kit
from bot.simulator.workspace import APP, BOT, DEEPEST, TEAM, Json, SlackError, Workspace

Args = dict[str, Any]


def open_view(slack: Workspace, args: Args) -> Json:
    """views.open: a modal for the user behind the trigger."""
    view = _checked(args)
    user = slack.exchange(str(args.get("trigger_id", "")))
    slack.modals[user] = [_stored(slack, view)]
    return {"view": slack.modals[user][-1]}


def push(slack: Workspace, args: Args) -> Json:
    """views.push: a modal on top of the one that is open."""
    view = _checked(args)
    user = slack.exchange(str(args.get("trigger_id", "")))
    return {"view": push_for(slack, user, view)}


def push_for(slack: Workspace, user: str, view: Json) -> Json:
    """Lays a modal on the user's others. Raises SlackError."""
    stack = slack.modals.setdefault(user, [])
    if len(stack) >= DEEPEST:
        raise SlackError("push_limit_reached")
    stack.append(_stored(slack, view) | ({"root_view_id": stack[0]["id"]} if stack else {}))
    return stack[-1]


def update(slack: Workspace, args: Args) -> Json:
    """views.update by view_id or external_id; an old `hash` is a conflict."""
    view = _checked(args)
    stack, place = find(slack, str(args.get("view_id") or ""), str(args.get("external_id") or ""))
    if args.get("hash") and args["hash"] != stack[place]["hash"]:
        raise SlackError("hash_conflict")
    stack[place] = replaced(slack, stack[place], view)
    return {"view": stack[place]}


def publish(slack: Workspace, args: Args) -> Json:
    """views.publish: a user's home tab."""
    view = _checked(args)
    user = slack.user(str(args.get("user_id", ""))).id
    if args.get("hash") and args["hash"] != slack.homes.get(user, {}).get("hash"):
        raise SlackError("hash_conflict")
    slack.homes[user] = _stored(slack, view)
    return {"view": slack.homes[user]}


def find(slack: Workspace, view_id: str, external_id: str = "") -> tuple[list[Json], int]:
    """The stack that a modal lies in, and its place. Raises SlackError."""
    for stack in slack.modals.values():
        for place, view in enumerate(stack):
            if view["id"] == view_id or (external_id and view.get("external_id") == external_id):
                return stack, place
    raise SlackError("not_found")


def replaced(slack: Workspace, old: Json, view: Json) -> Json:
    """A modal with new content under its old id."""
    return _stored(slack, view) | {"id": old["id"], "root_view_id": old["root_view_id"]}


def _checked(args: Args) -> Json:
    view = args.get("view")
    if not isinstance(view, dict) or kit.wrong_view(view):
        raise SlackError("invalid_arguments")
    return view


def _stored(slack: Workspace, view: Json) -> Json:
    view_id = slack.fresh_id("V")
    known = {"id": view_id, "team_id": TEAM, "app_id": APP, "bot_id": BOT, "hash": slack.ts(), "root_view_id": view_id}
    texts = {name: view.get(name) or "" for name in ("callback_id", "private_metadata", "external_id")}
    return view | texts | known | {"blocks": slack.with_ids(view["blocks"]), "state": {"values": {}}}
