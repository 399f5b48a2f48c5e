"""Interactive figures as Plotly JSON: data and axes only, report.js adds the colours of the theme.

Built as plain dictionaries, since importing plotly.graph_objects costs more than the whole page; a
test has Plotly validate every one of them. Plotly reads tags in texts (`<a href=…>`), so every word
from outside is escaped first.
"""

import html
from dataclasses import dataclass
from typing import Any

import polars as pl

from fastnlp_jobs.jobs.report import shown
from fastnlp_jobs.jobs.report.augmented import Augmented
from fastnlp_jobs.jobs.report.facts import SIGNIFICANT, Description, Facts, Patterns
from fastnlp_jobs.jobs.report.labelled import EVERYWHERE, Labels

BARS = 20
FEWEST_BARS = 5  # fewer stand in the table beside just as well
FEWEST_TICKS = 8
KEY_WORDS = 12
RULE_POINTS = 1000
MAX_CLASSES = 40
MAX_LABEL = 22
# Places in the theme's list of colours, which report.css defines for light and dark.
FIRST, SECOND, MUTED = "first", "second", "muted"
# The classes of Xu et al. (2008), as their word lists are called.
_IN_ENGLISH = {
    "乐": "joy",
    "好": "approval",
    "怒": "anger",
    "哀": "sorrow",
    "惧": "fear",
    "恶": "aversion",
    "惊": "surprise",
}


@dataclass(frozen=True)
class Chart:
    """A figure of the page; `caption` says what to see, also to those who cannot see it."""

    name: str
    title: str
    caption: str
    height_px: int
    traces: list[dict[str, Any]]
    layout: dict[str, Any]


def build_charts(facts: Facts) -> dict[str, Chart]:
    """Every figure that the run has numbers for, by name."""
    charts: list[Chart | None] = []
    if facts.description is not None:
        described = facts.description
        charts += [_timeline(described), _lengths(described), _keyness(described)]
        charts += [
            _shares(described, "thread", "Documents by thread"),
            _shares(described, "region", "Documents by region"),
        ]
        charts += [_items(described, "word", "Words"), _items(described, "emote", "Emotes and emoji")]
    if facts.patterns is not None:
        charts.append(_rules(facts.patterns))
    if facts.labels is not None:
        charts += [_emotions(facts.labels), _negative_over_time(facts.labels), _negative_by_region(facts.labels)]
    if facts.augmented is not None:
        charts.append(_balance(facts.augmented))
    return {chart.name: chart for chart in charts if chart is not None}


def _timeline(description: Description) -> Chart | None:
    known = description.timeline.drop_nulls("start")
    if known.height < 2:
        return None
    missing = _documents(description.timeline) - _documents(known)
    unit, timezone = known["unit"][0], known["timezone"][0]
    trace = {
        "type": "bar",
        "x": known["start"].dt.convert_time_zone(timezone).dt.strftime("%Y-%m-%d %H:%M").to_list(),
        "y": known["documents"].to_list(),
        "meta": FIRST,
        "hovertemplate": "%{x|%Y-%m-%d %H:%M}<br>%{y:,} documents<extra></extra>",
    }
    note = f" {shown.integer(missing)} documents have no date and are not in it." if missing else ""
    caption = f"Documents per {unit}, times in {timezone}.{note}"
    layout = {"xaxis": {"type": "date"}, "yaxis": _axis(f"documents per {unit}"), "bargap": 0.05}
    return Chart("timeline", "Documents over time", caption, 300, [trace], layout)


def _lengths(description: Description) -> Chart | None:
    rows = description.lengths.filter(pl.col("unit") == "characters")
    if not rows.height:
        return None
    longest, median = description.quantile("characters", 99), description.quantile("characters", 50)
    near = rows.filter(pl.col("length") <= longest)
    width = max(1, -(-longest // 100))
    bins = near.group_by(pl.col("length") // width * width).agg(pl.col("documents").sum()).sort("length")
    trace = {
        "type": "bar",
        "x": (bins["length"] + (width - 1) / 2).to_list(),
        "y": bins["documents"].to_list(),
        "customdata": [f"{start}–{start + width - 1}" if width > 1 else str(start) for start in bins["length"]],
        "meta": FIRST,
        "hovertemplate": "%{customdata} characters<br>%{y:,} documents<extra></extra>",
    }
    line = {"type": "line", "x0": median, "x1": median, "yref": "paper", "y0": 0, "y1": 1, "name": SECOND}
    caption = (
        f"Half of the documents have at most {shown.integer(median)} characters (the line), 99 % at most "
        f"{shown.integer(longest)}{'; the longest 1 % are not drawn' if near.height < rows.height else ''}."
    )
    layout = {
        "xaxis": _count_axis("characters", longest - int(near["length"][0])),
        "yaxis": _count_axis("documents", int(bins["documents"].max() or 0)),  # type: ignore[arg-type]  # an integer column
        "bargap": 0.0,
        "shapes": [line],
    }
    return Chart("lengths", "Length of the documents", caption, 300, [trace], layout)


def _shares(description: Description, dimension: str, title: str) -> Chart | None:
    rows = description.share_of(dimension)
    known = rows.drop_nulls("value")
    if known.height < FEWEST_BARS:
        return None
    top = known.head(BARS).select(label="value", value="documents")
    missing = _documents(rows) - _documents(known)
    caption = f"The {top.height} largest of {shown.integer(known.height)}."
    caption += f" {shown.integer(missing)} documents do not say." if missing else ""
    hover = "%{customdata}<br>%{x:,} documents<extra></extra>"
    layout = {"xaxis": _axis("documents")}
    return _bars(dimension, title, caption, top, hover, layout)


def _items(description: Description, kind: str, title: str) -> Chart | None:
    rows = description.words.filter(pl.col("kind") == kind)
    if rows.height < FEWEST_BARS:
        return None
    top = rows.sort("documents", "item", descending=[True, False]).head(BARS).select(label="item", value="share")
    caption = f"The {top.height} found in the most documents; one that is repeated in a document counts once."
    hover = "%{customdata}<br>%{x:.2~%} of the documents<extra></extra>"
    layout = {"xaxis": {**_axis("share of the documents"), "tickformat": ".2~%"}}
    return _bars(kind, title, caption, top, hover, layout)


def _keyness(description: Description) -> Chart | None:
    words = description.keyness.filter(pl.col("q_value") <= SIGNIFICANT)
    if not words.height:
        return None
    groups = description.comparison
    in_a = words.filter(pl.col("log_ratio") > 0).head(KEY_WORDS).sort("log_ratio", "word", descending=True)
    in_b = words.filter(pl.col("log_ratio") < 0).head(KEY_WORDS).sort("log_ratio", "word", descending=True)
    rows = pl.concat([in_a, in_b])
    positions = list(range(rows.height))
    traces = []
    for start, part, name, colour in (
        (0, in_a, groups["group_a"], FIRST),
        (in_a.height, in_b, groups["group_b"], SECOND),
    ):
        trace = {
            "type": "bar",
            "orientation": "h",
            "name": _escaped(name),
            "x": part["log_ratio"].to_list(),
            "y": positions[start : start + part.height],
            "customdata": [
                [_escaped(row["word"]), row["share_a"], row["share_b"], shown.probability(row["q_value"])]
                for row in part.iter_rows(named=True)
            ],
            "meta": colour,
            "hovertemplate": "%{customdata[0]}<br>%{customdata[1]:.1%} against %{customdata[2]:.1%} of the documents"
            "<br>q = %{customdata[3]}<extra></extra>",
        }
        traces.append(trace)
    caption = (
        f"Words that documents of one group hold more often than the other's: the {KEY_WORDS} surest of each side "
        f"(highest G², q ≤ {SIGNIFICANT}). One step to the side is twice as frequent."
    )
    layout = {
        "xaxis": _axis("log ratio of the shares"),
        "yaxis": _label_axis(rows["word"]),
        "showlegend": True,
        "barmode": "overlay",
    }
    return Chart("keyness", "Words that set the groups apart", caption, 90 + 22 * rows.height, traces, layout)


def _rules(patterns: Patterns) -> Chart | None:
    if not patterns.rules.height:
        return None
    shown_rules = patterns.rules.head(RULE_POINTS)
    traces = []
    for name, part, colour in (
        ("says what no shorter rule says", shown_rules.filter(~pl.col("redundant")), FIRST),
        ("redundant", shown_rules.filter("redundant"), MUTED),
    ):
        trace = {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": part["consequent support"].to_list(),
            "y": part["confidence"].to_list(),
            "customdata": [
                [_rule(row), shown.number(row["lift"]), shown.probability(row["q_value"])]
                for row in part.iter_rows(named=True)
            ],
            "meta": colour,
            "hovertemplate": "%{customdata[0]}<br>confidence %{y:.1%}, without the rule %{x:.1%}"
            "<br>lift %{customdata[1]}, q = %{customdata[2]}<extra></extra>",
        }
        traces.append(trace)
    diagonal = {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "name": MUTED}
    caption = (
        "Each point is a rule. On the line the rule says nothing: its right side is as frequent without it. "
        "The higher above the line, the more the left side tells."
    )
    if patterns.rules.height > RULE_POINTS:
        caption += (
            f" The {shown.integer(RULE_POINTS)} with the lowest q of {shown.integer(patterns.rules.height)} are drawn."
        )
    largest = min(1.0, float(shown_rules["consequent support"].max() or 1.0) * 1.1)  # type: ignore[arg-type]  # a float column
    layout = {
        "xaxis": {
            **_axis("baseline (without the rule)"),
            "tickformat": ".0%",
            "range": [0, largest],
        },
        "yaxis": {**_axis("confidence"), "tickformat": ".0%", "range": [0, 1.03]},
        "shapes": [diagonal],
        "showlegend": True,
        "hovermode": "closest",
    }
    return Chart("rules", "Rules against their baseline", caption, 420, traces, layout)


def _emotions(labels: Labels) -> Chart | None:
    if not labels.emotions.height:
        return None
    names = pl.col("value").map_elements(
        lambda value: " ".join(filter(None, [value, _IN_ENGLISH.get(value)])), return_dtype=pl.String
    )
    top = labels.emotions.head(BARS).select(label=names, value="documents")
    known = _documents(labels.emotions)
    caption = f"The emotion of {shown.integer(known)} documents; {shown.integer(labels.documents - known)} have none."
    hover = "%{customdata}<br>%{x:,} documents<extra></extra>"
    return _bars("emotion", "Emotions", caption, top, hover, {"xaxis": _axis("documents")})


def _negative_over_time(labels: Labels) -> Chart | None:
    rows = labels.over_time
    if rows.height < 2:
        return None
    trace = {
        "type": "bar",
        "x": rows["start"].dt.strftime("%Y-%m-%d %H:%M").to_list(),
        "y": rows["negative"].to_list(),
        "customdata": rows["documents"].to_list(),
        "meta": SECOND,
        "hovertemplate": "%{x|%Y-%m-%d %H:%M}<br>%{y:.1%} of %{customdata:,} documents<extra></extra>",
    }
    everywhere = _negative_everywhere(labels)
    line = {"type": "line", "y0": everywhere, "y1": everywhere, "xref": "paper", "x0": 0, "x1": 1, "name": MUTED}
    caption = (
        "Share of negative among the documents with a polarity, in the time steps of the corpus (UTC); "
        f"the line is that of all, {shown.percent(everywhere)}."
    )
    layout = {
        "xaxis": {"type": "date"},
        "yaxis": {**_axis("negative"), "tickformat": ".0%"},
        "bargap": 0.05,
        "shapes": [line],
    }
    return Chart("negative_time", "Negative over time", caption, 300, [trace], layout)


def _negative_by_region(labels: Labels) -> Chart | None:
    regions = labels.groups["region"].filter(pl.col("value") != EVERYWHERE)
    if regions.height < FEWEST_BARS:
        return None
    top = regions.head(BARS).sort("negative", "value", descending=[True, False])
    everywhere = _negative_everywhere(labels)
    line = {"type": "line", "x0": everywhere, "x1": everywhere, "yref": "paper", "y0": 0, "y1": 1, "name": SECOND}
    caption = (
        f"Share of negative in the {top.height} regions with the most documents; "
        f"the line is that of all, {shown.percent(everywhere)}."
    )
    layout = {"xaxis": {**_axis("negative"), "tickformat": ".0%"}, "shapes": [line]}
    hover = "%{customdata}<br>%{x:.1%} negative<extra></extra>"
    bars = top.select(label="value", value="negative")
    return _bars("negative_region", "Negative by region", caption, bars, hover, layout)


def _negative_everywhere(labels: Labels) -> float:
    return float(labels.groups["thread"].row(0, named=True)["negative"])


def _balance(augmented: Augmented) -> Chart:
    rows = augmented.classes.tail(MAX_CLASSES)
    positions, names = list(range(rows.height)), [_escaped(name) for name in rows["class"]]
    parts = (("written by people", "rows", FIRST), ("synthetic", "written", SECOND))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": rows[column].to_list(),
            "y": positions,
            "customdata": names,
            "meta": colour,
            "hovertemplate": f"%{{customdata}}<br>%{{x:,}} {name}<extra></extra>",
        }
        for name, column, colour in parts
    ]
    caption = "Rows of train by class, the largest first."
    if rows.height < augmented.classes.height:
        caption += f" The {rows.height} smallest of {shown.integer(augmented.classes.height)} classes."
    layout = {
        "xaxis": _axis("rows of train"),
        "yaxis": _label_axis(rows["class"]),
        "showlegend": True,
        "barmode": "stack",
    }
    return Chart("balance", "Classes before and after", caption, 90 + 22 * rows.height, traces, layout)


def _bars(name: str, title: str, caption: str, bars: pl.DataFrame, hover: str, layout: dict[str, Any]) -> Chart:
    """One bar for each row of `bars` (label, value)."""
    labels = bars["label"]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": bars["value"].to_list(),
        "y": list(range(len(labels))),
        "customdata": [_escaped(label) for label in labels],
        "meta": FIRST,
        "hovertemplate": hover,
    }
    return Chart(name, title, caption, 70 + 22 * len(labels), [trace], {**layout, "yaxis": _label_axis(labels)})


def _documents(rows: pl.DataFrame) -> int:
    return int(rows["documents"].sum())


def _label_axis(labels: pl.Series) -> dict[str, Any]:
    """Positions with labels: two long labels that look the same when cut stay two bars."""
    texts = [html.escape(shown.text(label, MAX_LABEL)) for label in labels]
    ticks = {"tickmode": "array", "tickvals": list(range(len(texts))), "ticktext": texts}
    return {**ticks, "autorange": "reversed", "automargin": True}


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True}


def _count_axis(title: str, span: int) -> dict[str, Any]:
    """Over a few whole numbers Plotly would draw halves between them."""
    return {**_axis(title), **({"dtick": 1} if span <= FEWEST_TICKS else {})}


def _rule(row: dict[str, Any]) -> str:
    return _escaped(" + ".join(row["antecedent"]) + " → " + " + ".join(row["consequent"]))


def _escaped(value: str) -> str:
    return html.escape(shown.text(value, 80))
