"""What must be done when a service is down: one YAML file a service, checked on load, started for an outage."""

from bot.playbooks.again import again, check_again
from bot.playbooks.kept import current, keep
from bot.playbooks.published import published
from bot.playbooks.schema import Alert, Phase, Playbook, Rung, Step, Words
from bot.playbooks.shelf import CORE, Library, library
from bot.playbooks.start import NO_DESK_PHONES, ladders, recover, start, words

__all__ = [
    "CORE",
    "NO_DESK_PHONES",
    "Alert",
    "Library",
    "Phase",
    "Playbook",
    "Rung",
    "Step",
    "Words",
    "again",
    "check_again",
    "current",
    "keep",
    "ladders",
    "library",
    "published",
    "recover",
    "start",
    "words",
]
