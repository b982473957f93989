"""TwiML, read as Twilio reads it: a document becomes a list of verbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

LONGEST = 65_536  # bytes of a document


class BadTwiml(Exception):
    """The document cannot be played; the message says why."""


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class Pause:
    seconds: float = 1.0


@dataclass(frozen=True)
class Gather:
    """Waits for keys. `action` "" is the address of the document itself, as Twilio has it."""

    action: str = ""
    timeout: float = 5.0
    num_digits: int = 0  # 0 = unlimited
    finish_on_key: str = "#"
    even_empty: bool = False
    says: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Redirect:
    url: str


@dataclass(frozen=True)
class Hangup:
    """Ends the call; a Reject of a call that comes in is one with a reason."""

    reason: str = ""


@dataclass(frozen=True)
class Message:
    """A text back to the person who texted."""

    body: str


Verb = Say | Pause | Gather | Redirect | Hangup | Message


def verbs(document: str) -> list[Verb]:
    """The verbs of a document in order. Raises BadTwiml; an empty document has none."""
    if len(document.encode()) > LONGEST:
        raise BadTwiml(f"the document is larger than {LONGEST} bytes")
    if not document.strip():
        return []
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError as error:
        raise BadTwiml(f"not XML: {error}") from error
    if root.tag != "Response":
        raise BadTwiml(f"the document begins with <{root.tag}>, not with <Response>")
    return [_verb(element) for element in root]


def _verb(element: ElementTree.Element) -> Verb:
    try:
        read = _VERBS[element.tag]
    except KeyError:
        raise BadTwiml(f"<{element.tag}> is not a verb that can be simulated") from None
    try:
        return read(element)
    except ValueError as error:
        raise BadTwiml(f"<{element.tag}>: {error}") from error


def _words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _gather(element: ElementTree.Element) -> Gather:
    strangers = [child.tag for child in element if child.tag not in ("Say", "Pause", "Play")]
    if strangers:
        raise ValueError(f"<{strangers[0]}> may not stand in it")
    return Gather(
        action=element.get("action", ""),
        timeout=float(element.get("timeout", "5")),
        num_digits=int(element.get("numDigits", "0")),
        finish_on_key=element.get("finishOnKey", "#"),
        even_empty=element.get("actionOnEmptyResult", "false").lower() == "true",
        says=tuple(_words(child) for child in element if child.tag == "Say"),
    )


def _message(element: ElementTree.Element) -> Message:
    body = element.find("Body")
    return Message("".join((element if body is None else body).itertext()).strip())


_VERBS: dict[str, Callable[[ElementTree.Element], Verb]] = {
    "Say": lambda element: Say(_words(element)),
    "Play": lambda element: Say(f"[{_words(element)}]"),
    "Pause": lambda element: Pause(float(element.get("length", "1"))),
    "Gather": _gather,
    "Redirect": lambda element: Redirect(_words(element)),
    "Hangup": lambda element: Hangup(),
    "Reject": lambda element: Hangup(element.get("reason", "rejected")),
    "Message": _message,
}
