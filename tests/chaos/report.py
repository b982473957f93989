"""What the stories came to, as a table for people."""

from rich import box
from rich.console import Console
from rich.table import Table

from tests.chaos.truth import BAD, Tally

#: What stands over a column, and the figures in it: those that stand together are told as lost / doubled
COLUMNS = {
    "story": ("story",), "database": ("database",), "kills": ("kills",), "in flight": ("caught",),
    "messages": ("messages",), "lost": ("lost",), "doubled": ("doubled",),
    "replies": ("replies_lost", "replies_doubled"), "receipts": ("receipts_lost",),
    "timers": ("timers_lost", "timers_doubled"), "stuck": ("stuck",), "journal": ("journal",),
}  # fmt: skip


def tell(tallies: list[Tally], seed: int, out: Console) -> int:
    """Print the table, what was found, and the sums; returns how much was found."""
    out.print(_table(tallies, seed))
    for tally in tallies:
        for says in tally.says:
            _say(out, f"{tally.story} on {tally.database}: {says}")
    sums = {name: sum(getattr(tally, name) for tally in tallies) for name in ("kills", "messages", *BAD)}
    _say(out, ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sums.items()))
    return sum(sums[name] for name in BAD)


def one(tally: Tally, out: Console) -> None:
    """A line when a story has ended: the whole takes a while."""
    counted = f"{tally.kills} kills, {tally.messages} messages, {tally.lost} lost, {tally.doubled} doubled"
    _say(out, f"{tally.story} on {tally.database}: {counted}, {tally.bad} found in all")


def _table(tallies: list[Tally], seed: int) -> Table:
    title = f"Killed with -9, seed {seed}. Two figures are lost / doubled"
    told = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head, figures in COLUMNS.items():
        told.add_column(head, justify="left" if figures[0] in ("story", "database") else "right", overflow="fold")
    for tally in tallies:
        cells = [" / ".join(str(getattr(tally, name)) for name in figures) for figures in COLUMNS.values()]
        told.add_row(*cells, style="red" if tally.bad else None)
    return told


def _say(out: Console, text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)
