"""What became of a declarer's words: what was changed so that they fit a text, and what the playbook had to add."""

from dataclasses import dataclass

from bot import journal, outages, playbooks
from bot.command import figures, wording
from bot.command.figures import Figures
from bot.db import Tx
from bot.outages import Outage
from bot.texting import fold

SHOWN = 6  # letters that are named


@dataclass(frozen=True)
class Filled:
    """What the declarer is told beside the figures; empty where there is nothing to say."""

    changed: str = ""  # letters that a plain text has not, and what they had cost
    added: str = ""  # lines that are the playbook's until somebody says better
    find_out: str = ""  # facts that the playbooks ask for
    ask_works: bool = False  # nobody said what still works


def filled(tx: Tx, outage: Outage, library: playbooks.Library, wanted: list[str], folded: str, now: Figures) -> Filled:
    """What to say of a declaration that was just made; what its words left open is journaled."""
    ask_works = outage.level >= wording.STILL_WORKS_FROM and wording.WORKS not in outage.facts
    return Filled(_changed(tx, folded, now), _added(tx, outage), _find_out(library, wanted), ask_works)


def _changed(tx: Tx, folded: str, now: Figures) -> str:
    """`’ is now ': each text stays 1 segment (26, done by 04:11), not 2 or more (52, done by 04:12)`."""
    if not folded:
        return ""
    became = ", ".join(f"{letter} is now {fold(letter) or 'left out'}" for letter in folded[:SHOWN])
    double = figures.twice(tx, now)
    return (
        f"{became}: each text stays 1 segment ({now.segments}, done by {now.finish}), "
        f"not 2 or more ({double.segments}, done by {double.finish})"
    )


def _added(tx: Tx, outage: Outage) -> str:
    """From level 2 on staff must hear what to do and what still works."""
    if outage.level < wording.STILL_WORKS_FROM:
        return ""
    down, said = outages.down(tx, outage), outage.summary.casefold()
    do, works = wording.words(down, "do"), wording.still_works(outage, down)
    lines = {}
    if not any((service.words.get("en", {}).get("do_short") or "\0").casefold() in said for service in down):
        lines["what to do"] = do
    if wording.WORKS not in outage.facts:
        lines["what still works"] = works
    if lines:
        journal.write(tx, "missing", outage=outage.code, lines=list(lines), playbook=list(lines.values()))
    return "; ".join(f'{name}: "{line}"' if line else f"{name}: nothing" for name, line in lines.items())


def _find_out(library: playbooks.Library, wanted: list[str]) -> str:
    names = [name for each in wanted for name in library.playbooks[each].facts_to_ask_at_launch]
    return ", ".join(dict.fromkeys(names))
