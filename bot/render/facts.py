"""Facts on their way into a template: cleaned, escaped, joined, read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.texting import fold


class Listed(tuple[object, ...]):
    """A list among the facts; printed as it stands it is told with commas."""

    def __str__(self) -> str:
        return ", ".join(map(str, self))


def clean(value: object, channel: str) -> object:
    if isinstance(value, tuple):
        return Listed(clean(each, channel) for each in value)
    if not isinstance(value, str):
        return value
    text = "".join(each if each.isprintable() else " " for each in value)
    text = " ".join((fold(text) if channel == "sms" else text).split()).rstrip(" .")  # the template sets the full stop
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if channel == "slack" else text


def _series(value: object, word: str = "and", between: str = ", ") -> str:
    if not isinstance(value, tuple):
        return str(value)
    if len(value) < 2 or not word or str(value[-1]).startswith("+"):  # cut short, it ends with `+3 more`
        return between.join(map(str, value))
    return f"{between.join(map(str, value[:-1]))} {word} {value[-1]}"


def _several(value: object) -> bool:
    return len(value) > 1 if isinstance(value, tuple) else bool(re.search(", | and ", str(value)))


def _first_one(value: object) -> str:
    return str(value[0] if isinstance(value, tuple) else str(value).split(",")[0])


def _verb(value: object) -> str:
    return "ARE" if _several(value) or re.search("[^s]s$", _series(value), re.IGNORECASE) else "IS"


def _sentence(text: object) -> str:
    return str(text)[:1].upper() + str(text)[1:]


def _digits(number: object) -> str:
    """A telephone number as it is read aloud: `555-0142` is said `5 5 5, 0 1 4 2`."""
    return ", ".join(" ".join(group) for group in re.findall(r"\d+", str(number)))


def _spoken(code: object) -> str:
    """A code as it is read aloud: `5W` is said `5 W`, not five watts."""
    return re.sub(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])-?(?=\d)", " ", _series(code))


def _same_time(items: tuple[tuple[object, ...], ...]) -> object:
    times = {by for _, _, by in items}
    return times.pop() if len(times) == 1 else None


FILTERS: dict[str, Callable[..., object]] = {
    "series": _series,
    "several": _several,
    "first_one": _first_one,
    "verb": _verb,
    "sentence": _sentence,
    "digits": _digits,
    "spoken": _spoken,
    "same_time": _same_time,
}
