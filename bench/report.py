"""What was measured, as a table for people and a file for machines."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

MEETS = {"≥": lambda value, target: value >= target, "<": lambda value, target: value < target,
         "=": lambda value, target: value == target}  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One number. Without a target it is told for the record; `of` are the runs that it is the median of."""

    measure: str
    database: str
    name: str
    value: float
    unit: str = ""
    target: float | None = None
    sense: str = "≥"
    says: str = ""
    of: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        return None if self.target is None else bool(MEETS[self.sense](self.value, self.target))

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.met]


def middle(measure: str, database: str, name: str, runs: list[float], unit: str = "", **more: Any) -> Figure:
    """The median of some runs."""
    return Figure(measure, database, name, median(runs), unit, of=runs, **more)


def table(figures: list[Figure], title: str) -> Table:
    shown = Table(title=title, title_justify="left")
    for column in ("measure", "database", "what", "measured", "target", ""):
        shown.add_column(column, justify="right" if column in ("measured", "target") else "left", overflow="fold")
    last = ("", "")
    for figure in figures:
        here = (figure.measure, figure.database)
        if last[0] and here != last:
            shown.add_section()
        what = f"{figure.name} [dim]{figure.says}[/dim]" if figure.says else figure.name
        target = f"{figure.sense} {written(figure.target, figure.unit)}" if figure.target is not None else ""
        shown.add_row(*(here if here != last else ("", "")), what, written(figure.value, figure.unit), target,
                      figure.verdict, style="red" if figure.met is False else None)  # fmt: skip
        last = here
    return shown


def written(value: float, unit: str) -> str:
    if unit in ("ms", "s", "MB"):
        return f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    if unit == "x":
        return f"{value:.2f}"
    return f"{value:,.0f} {unit}".strip()


def keep(figures: list[Figure], load: dict[str, object], took: dict[str, float], path: Path) -> None:
    """Write the JSON file; `took` is in seconds."""
    machine = {"python": platform.python_version(), "system": platform.platform(), "processors": os.cpu_count()}
    rows = [asdict(figure) | {"met": figure.met} for figure in figures]
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"load": load, "took_s": took, "machine": machine, "figures": rows}
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
