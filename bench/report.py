"""What was measured, as a table for people and a file for machines."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One number. `target` is what it must stay below; None = told for the record."""

    database: str
    name: str
    value: float
    unit: str = "s"
    target: float | None = None
    says: str = ""

    @property
    def missed(self) -> bool:
        return self.target is not None and self.value >= self.target


def table(figures: list[Figure], title: str) -> Table:
    shown = Table(title=title, title_justify="left")
    for column in ("database", "what", "measured", "target"):
        shown.add_column(column, justify="right" if column == "measured" else "left", overflow="fold")
    for figure in figures:
        style = "red" if figure.missed else None
        target = f"< {figure.target:g} {figure.unit}" if figure.target is not None else ""
        what = f"{figure.name} [dim]{figure.says}[/dim]" if figure.says else figure.name
        measured = f"{figure.value:,.0f}" if figure.value == int(figure.value) else f"{figure.value:.3f}"
        shown.add_row(figure.database, what, f"{measured} {figure.unit}".strip(), target, style=style)
    return shown


def keep(figures: list[Figure], people: int, latency: float, path: Path) -> None:
    """Write the JSON file."""
    machine = {"python": platform.python_version(), "system": platform.platform(), "processors": os.cpu_count()}
    rows = [asdict(figure) | {"missed": figure.missed} for figure in figures]
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"people": people, "provider_latency_s": latency, "machine": machine, "figures": rows}
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
