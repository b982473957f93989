"""The figures as a picture: who sends how many texts a second, and how each figure stands to its target."""

import importlib.util
from pathlib import Path
from typing import Any

from bench.report import Figure

OURS, THEIRS, MISSED = "#1b6ca8", "#b8bec4", "#c0392b"
FURTHEST = 10  # times better or worse than the target; what lies beyond is drawn at the edge


def draw(figures: list[Figure], path: Path) -> str:
    """Draw them; returns what there is to tell about it."""
    if importlib.util.find_spec("matplotlib") is None:
        return "No plot was drawn: matplotlib is not installed (pip install 'muster[bench]')."
    aimed = [figure for figure in figures if figure.target]
    if not aimed:
        return "No plot was drawn: nothing that was measured has a target."
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    speeds = [figure for figure in figures if figure.measure in ("fanout", "rivals") and figure.unit == "/s"]
    tall = 1.5 + 0.3 * max(len(aimed), len(speeds))
    drawing, (left, right) = pyplot.subplots(1, 2, figsize=(16, tall), layout="constrained")
    _speeds(left, speeds)
    _targets(right, aimed)
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)
    return f"Drawn in {path.resolve()}"


def _speeds(axes: Any, figures: list[Figure]) -> None:
    names = [f"{figure.name} ({figure.database})" for figure in figures]
    colours = [OURS if "worker" in figure.name else THEIRS for figure in figures]
    bars = axes.barh(range(len(figures)), [figure.value for figure in figures], color=colours)
    axes.bar_label(bars, [f"{figure.value:,.0f}" for figure in figures], padding=3)
    _rows(axes, names, "Texts a second")


def _targets(axes: Any, figures: list[Figure]) -> None:
    """Right of the line: better than the target."""
    for row, figure in enumerate(figures):
        colour = MISSED if figure.met is False else OURS
        better = min(max(_better(figure), 1 / FURTHEST), FURTHEST)
        axes.plot([1, better], [row, row], color=colour, linewidth=2)
        axes.plot([better], [row], "o", color=colour)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(1 / FURTHEST / 1.3, FURTHEST * 1.3)
    axes.set_xticks([0.1, 0.3, 1, 3, 10], ["10x short", "3x short", "target", "3x better", "10x better"])
    axes.set_xticks([], minor=True)
    _rows(axes, [f"{figure.measure} {figure.database}: {figure.name}" for figure in figures], "Against the target")


def _better(figure: Figure) -> float:
    """How many times better than its target; below 1 it was missed."""
    assert figure.target
    return figure.value / figure.target if figure.sense == "≥" else figure.target / max(figure.value, 1e-9)


def _rows(axes: Any, names: list[str], title: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
