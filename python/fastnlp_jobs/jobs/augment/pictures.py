"""The pictures of `augment`: rows of train by class, before and after, and what the doses gave."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastnlp_jobs.pictures import BLUE, GREY, ORANGE, axes, short

_SHOWN = 60  # classes; more have no room for their names
_ROWS = "rows of train"


def draw(folder: Path, classes: Sequence[tuple[str, int, int, int]]) -> None:
    """Draw name, rows, samples wanted and written of each class: original, balanced, both, and beside the plan."""
    shown = classes[-_SHOWN:]
    labels = [name for name, *_ in shown]
    before, added = [rows for _, rows, _, _ in shown], [written for *_, written in shown]
    after = [rows + written for _, rows, _, written in shown]
    plan = [rows + wanted for _, rows, wanted, _ in shown]
    what = "classes" if len(labels) == len(classes) else f"smallest of {len(classes)} classes"
    _bars(folder / "original.png", labels, [("original", before, BLUE)], f"Original: {len(labels)} {what}")
    _bars(folder / "balanced.png", labels, [("balanced", after, ORANGE)], f"Balanced: {len(labels)} {what}")
    _stacked(folder / "before_after.png", labels, before, added)
    three = [("original", before, BLUE), ("planned", plan, GREY), ("reached", after, ORANGE)]
    _bars(folder / "three_way.png", labels, three, "Original, planned and reached")


def _bars(path: Path, labels: list[str], series: list[tuple[str, list[int], str]], title: str) -> None:
    thickness = 0.8 / len(series)
    with axes(path, height=_height(labels, len(series))) as plot:
        for number, (name, values, colour) in enumerate(series):
            places = [place + (number - (len(series) - 1) / 2) * thickness for place in range(len(labels))]
            plot.barh(places, values, height=thickness, color=colour, label=name)
        _finish(plot, labels, title)
        if len(series) > 1:
            _legend(plot)


def _stacked(path: Path, labels: list[str], before: list[int], added: list[int]) -> None:
    with axes(path, height=_height(labels, 1)) as plot:
        plot.barh(range(len(labels)), before, color=BLUE, label="written by people")
        plot.barh(range(len(labels)), added, left=before, color=ORANGE, label="synthetic")
        _finish(plot, labels, "Before and after")
        _legend(plot)


def _finish(plot: Any, labels: list[str], title: str) -> None:
    plot.set_yticks(range(len(labels)), [short(label) for label in labels])
    plot.invert_yaxis()
    plot.set_xlabel(_ROWS)
    plot.set_ylabel("class")
    plot.set_title(title)


def _legend(plot: Any) -> None:
    """Beside the bars and lines, which may reach everywhere."""
    plot.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _height(labels: list[str], series: int) -> float:
    return 1.5 + len(labels) * (0.16 + 0.09 * series)


def draw_doses(path: Path, curves: Mapping[str, list[tuple[int, float, float, float]]], confidence: float) -> None:
    """Draw F1 of the minority classes over the dose: by curve, (dose, value, low, high); bands are the intervals."""
    styles = {
        "original": (GREY, ":"),
        "reweighted": (GREY, "--"),
        "oversampled": (BLUE, "-"),
        "augmented": (ORANGE, "-"),
    }
    with axes(path) as plot:
        doses = sorted({dose for points in curves.values() for dose, *_ in points})
        for name, points in curves.items():
            colour, line = styles[name]
            places = [doses.index(dose) for dose, *_ in points]
            values, low, high = ([point[number] for point in points] for number in (1, 2, 3))
            if len(points) == 1:  # no dose: a level to compare with
                plot.axhline(values[0], color=colour, linestyle=line, label=name)
                continue
            plot.plot(places, values, color=colour, linestyle=line, marker="o", markersize=4, label=name)
            plot.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        plot.set_xticks(range(len(doses)), [str(dose) for dose in doses])
        plot.set_ylim(0, 1.02)  # room for a mark at 1
        plot.set_xlabel("samples added to each minority class")
        plot.set_ylabel("F1, mean over minority classes with test rows")
        plot.set_title(f"What the samples give (bands: {confidence:.0%} of the bootstrap)")
        _legend(plot)
