"""The playbooks: the form they have, and what is wrong with a hospital's own."""

import sys
from pathlib import Path

from bot import playbooks
from bot.cli.ground import fail, say, warn


def schema() -> None:
    """Print the JSON Schema by which an editor completes and checks a playbook."""
    sys.stdout.write(playbooks.published())


def check(directory: Path) -> None:
    """Read a directory of playbooks as PLAYBOOKS_DIR would be read, and tell every mistake at once."""
    found = playbooks.library(str(directory)).complaints
    for complaint in found:
        warn(complaint)
    if found:
        fail("Mend what stands above; until then Muster uses what it says there.")
    say("The playbooks are sound.")
