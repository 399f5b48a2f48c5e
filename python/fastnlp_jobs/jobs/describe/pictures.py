"""The PNG pictures: word cloud, top words, lengths, timeline, keyness. Same numbers, same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
from matplotlib.ft2font import FT2Font
from PIL import ImageFont
from wordcloud import WordCloud

from fastnlp_jobs.jobs.describe.keyness import Compared
from fastnlp_jobs.pictures import BLUE, FONT, GREY, ORANGE, axes, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fastnlp_jobs.jobs.describe import Config

CLOUD_COLOURS = ["#0072B2", "#D55E00", "#00795A", "#9C4A7F", "#3A4656"]
BARS = 25
KEY_WORDS = 12
SIGNIFICANT = 0.05


def draw(
    config: "Config", words: pl.DataFrame, lengths: pl.DataFrame, timeline: pl.DataFrame, compared: Compared
) -> int:
    """Draw what there is something to draw of; gives the number of words the font has no glyphs for."""
    drawable = _drawable(words, "item")
    folder = config.output
    if drawable.height:
        _draw_cloud(config, drawable, folder / "wordcloud.png")
        with axes(folder / "words.png", height=7.0) as plot:
            _draw_words(plot, drawable)
        with axes(folder / "lengths.png") as plot:
            _draw_lengths(plot, lengths.filter(pl.col("unit") == "characters"))
    if timeline["start"].drop_nulls().len() > 1:
        with axes(folder / "timeline.png") as plot:
            _draw_timeline(plot, timeline)
    key_words = _drawable(compared.words.filter(pl.col("q_value") <= SIGNIFICANT), "word")
    if key_words.height:
        with axes(folder / "keyness.png", height=7.0) as plot:
            _draw_keyness(plot, key_words, compared.groups.row(0, named=True))
    return words.height - drawable.height


def _drawable(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows whose word the font can show: emoji, for one, would be empty boxes."""
    glyphs = FT2Font(str(FONT)).get_charmap()
    return rows.filter(
        pl.Series([all(ord(letter) in glyphs for letter in word) for word in rows[column]], dtype=pl.Boolean)
    )


def _draw_cloud(config: "Config", words: pl.DataFrame, path: Path) -> None:
    def colour(_word: str, *, random_state: Random, **_: Any) -> str:
        return random_state.choice(CLOUD_COLOURS)

    cloud = WordCloud(
        font_path=str(FONT),
        width=1000,
        height=700,
        margin=4,
        max_words=config.cloud_words,
        background_color="white",
        prefer_horizontal=0.95,
        color_func=colour,
        random_state=config.seed,
    )
    with _basic_layout():
        cloud.generate_from_frequencies(dict(words.select("item", "count").iter_rows()))
        picture = cloud.to_image()
    picture.quantize(256).save(path)


@contextmanager
def _basic_layout() -> Iterator[None]:
    """Pillow sets text by the system's fribidi where it finds one, and the bytes would depend on the machine."""
    core: Any = ImageFont.core
    found = core.HAVE_RAQM
    core.HAVE_RAQM = False  # WordCloud hands no choice of layout on
    try:
        yield
    finally:
        core.HAVE_RAQM = found


def _draw_words(plot: "Axes", words: pl.DataFrame) -> None:
    shown = words.sort("documents", "item", descending=[True, False]).head(BARS)
    labels = [short(word) for word in shown["item"]]
    plot.barh(range(len(labels)), (shown["share"] * 100).to_list(), color=BLUE)
    plot.set_yticks(range(len(labels)), labels)
    plot.invert_yaxis()
    plot.set_xlabel("documents with the word (%)")
    plot.set_title(f"The {len(labels)} words found in the most documents")


def _draw_lengths(plot: "Axes", lengths: pl.DataFrame) -> None:
    counts = lengths["documents"]
    median_row = int((counts.cum_sum() * 2 >= counts.sum()).arg_max() or 0)
    longest_row = int((counts.cum_sum() * 100 >= counts.sum() * 99).arg_max() or 0)
    by_length = dict(lengths.head(longest_row + 1).select("length", "documents").iter_rows())
    longest = max(by_length)
    heights = [by_length.get(length, 0) for length in range(longest + 1)]
    plot.stairs(heights, [length - 0.5 for length in range(longest + 2)], fill=True, color=BLUE)
    plot.axvline(
        lengths["length"][median_row], color=ORANGE, label=f"median: {lengths['length'][median_row]} characters"
    )
    plot.set_xlabel("length (characters); the longest 1 % of the documents are not shown")
    plot.set_ylabel("documents")
    plot.set_title("Length of the documents")
    plot.legend(frameon=False)


def _draw_timeline(plot: "Axes", timeline: pl.DataFrame) -> None:
    known = timeline.drop_nulls("start")
    missing = int(timeline["documents"].sum()) - int(known["documents"].sum())
    timezone = known["timezone"][0]
    starts = known["start"].dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    plot.plot(starts.to_list(), known["documents"].to_list(), marker="o", markersize=3, color=BLUE)
    plot.set_ylim(bottom=0)
    plot.set_xlabel(f"time ({timezone}); {missing} documents have none")
    plot.set_ylabel(f"documents per {known['unit'][0]}")
    plot.set_title("Documents over time")
    plot.tick_params(axis="x", rotation=30)


def _draw_keyness(plot: "Axes", words: pl.DataFrame, groups: dict[str, Any]) -> None:
    in_a = words.filter(pl.col("log_ratio") > 0).head(KEY_WORDS).sort("log_ratio", "word", descending=True)
    in_b = words.filter(pl.col("log_ratio") < 0).head(KEY_WORDS).sort("log_ratio", "word", descending=True)
    rows = pl.concat([in_a, in_b])
    colours = [BLUE] * in_a.height + [ORANGE] * in_b.height
    plot.barh(range(rows.height), rows["log_ratio"].to_list(), color=colours)
    plot.set_yticks(range(rows.height), [short(word) for word in rows["word"]])
    plot.invert_yaxis()
    plot.axvline(0, color=GREY, linewidth=0.8)
    left, right = short(groups["group_b"]), short(groups["group_a"])
    plot.set_xlabel(f"log ratio (1 = twice as frequent): left {left}, right {right}")
    plot.set_title(f"Words that set {groups['column']} {right} and {left} apart (q ≤ {SIGNIFICANT})")
