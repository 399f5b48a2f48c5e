"""`describe` on small generated corpora: every table by hand-countable numbers, pictures byte for byte."""

import datetime
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont
from scipy.stats import chi2_contingency, false_discovery_control
from tests.jobs.corpora import BAD, GOOD, review, reviews, write_comments, write_documents

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.describe import Config, questions
from fastnlp_jobs.jobs.describe.keyness import score

TABLES = ["breakdown", "comparison", "counts", "keyness", "lengths", "timeline", "words"]
PICTURES = ["keyness", "lengths", "timeline", "wordcloud", "words"]


def described(folder: Path, rows: list[dict[str, Any]], *, labelled: bool = True, **settings: Any) -> Path:
    """Run the job on `rows`; gives its output folder."""
    comments = write_comments(folder / "comments", rows)
    documents = write_documents(folder / "documents", rows, comments, labelled=labelled)
    config = Config(input=documents, output=folder / "description", **settings)
    execute("describe", config)
    return config.output


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job makes of 2,000 generated comments with labels."""
    return described(tmp_path_factory.mktemp("reviews"), reviews(2000))


def rows_of(folder: Path, name: str) -> list[tuple[Any, ...]]:
    return pl.read_parquet(folder / f"{name}.parquet").rows()


def timeline(times: list[datetime.datetime | None], timezone: str = "UTC") -> list[tuple[Any, ...]]:
    """Rows of the table TIMELINE: start, unit, zone, documents."""
    documents = pl.LazyFrame({"created_at": times}, schema={"created_at": pl.Datetime("us", "UTC")})
    return questions.timeline(documents, timezone).select("start", "unit", "timezone", "documents").rows()


def counts(folder: Path) -> dict[str, int]:
    return dict(pl.read_parquet(folder / "counts.parquet").iter_rows())


def texts(*token_lists: str, **fields: Any) -> list[dict[str, Any]]:
    """One row per text; its words are its tokens."""
    return [
        review(number, tokens=words.split(), text=words, clean=words, **fields)
        for number, words in enumerate(token_lists)
    ]


def test_every_table_and_picture_is_there(output: Path) -> None:
    assert sorted(path.stem for path in output.glob("*.parquet")) == TABLES
    assert sorted(path.stem for path in output.glob("*.png")) == PICTURES


def test_two_runs_give_the_same_bytes(tmp_path: Path, output: Path) -> None:
    again = described(tmp_path, reviews(2000))
    names = sorted(path.name for path in output.iterdir())
    assert [(output / name).read_bytes() == (again / name).read_bytes() for name in names] == [True] * len(names)


def test_a_system_without_fribidi_gives_the_same_pictures(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFont.core, "HAVE_RAQM", False)
    again = described(tmp_path, reviews(2000))
    assert [
        name for name in PICTURES if (output / f"{name}.png").read_bytes() != (again / f"{name}.png").read_bytes()
    ] == []


def test_a_picture_names_neither_date_nor_software(output: Path) -> None:
    held = b"".join((output / f"{name}.png").read_bytes() for name in PICTURES)
    assert not any(word in held for word in (b"tEXt", b"tIME", b"Software", b"matplotlib"))


def test_the_word_cloud_is_1000_by_700(output: Path) -> None:
    header = (output / "wordcloud.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (1000, 700)


def test_totals_count_rows_threads_authors_and_gaps(tmp_path: Path) -> None:
    rows = texts("a b", "a", "b b", thread_id="t", created_at=None)
    rows[0] |= {"author": "u1"}
    rows[1] |= {"author": "u1", "thread_id": "other"}
    rows[2] |= {"author": None}
    found = counts(described(tmp_path, rows))
    wanted = {"documents": 3, "threads": 2, "authors": 1, "tokens": 5, "distinct_words": 2, "removed": 0}
    gaps = {"documents_without_author": 1, "documents_without_time": 3}
    assert wanted.items() | gaps.items() <= found.items()


def test_a_word_counts_every_time_and_once_per_document(tmp_path: Path) -> None:
    output = described(tmp_path, texts("a a a", "a b", "b"))
    assert rows_of(output, "words") == [("word", "a", 4, 2, 2 / 3), ("word", "b", 2, 2, 2 / 3)]


def test_emotes_are_no_words(tmp_path: Path) -> None:
    rows = texts("太好了 [捂脸] [捂脸] 👍🏽 🇫🇷 ponceJAM LUL iphone <3 % [ ]")
    listed = [row[:3] for row in rows_of(described(tmp_path, rows), "words")]
    assert [row[1:] for row in listed if row[0] == "emote"] == [
        ("[捂脸]", 2),
        ("<3", 1),
        ("LUL", 1),
        ("ponceJAM", 1),
        ("🇫🇷", 1),
        ("👍🏽", 1),
    ]
    assert {row[1] for row in listed if row[0] == "word"} == {"%", "[", "]", "iphone", "太好了"}


def test_lengths_are_exact_counts_per_length(tmp_path: Path) -> None:
    output = described(tmp_path, texts("中文", "ab c", "de"))
    assert rows_of(output, "lengths") == [
        ("characters", 2, 2),
        ("characters", 4, 1),
        ("tokens", 1, 2),
        ("tokens", 2, 1),
    ]


@pytest.mark.parametrize(
    ("span", "unit", "bins"),
    [
        (datetime.timedelta(minutes=5), "minute", 6),
        (datetime.timedelta(hours=5), "10 minutes", 31),
        (datetime.timedelta(days=2), "hour", 49),
        (datetime.timedelta(days=60), "day", 61),
        (datetime.timedelta(days=400), "week", 59),
        (datetime.timedelta(days=2000), "month", 66),
        (datetime.timedelta(days=20_000), "year", 55),
    ],
)
def test_the_timeline_takes_the_finest_unit_that_fits(span: datetime.timedelta, unit: str, bins: int) -> None:
    start = datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC)
    found = timeline([start, start + span])
    assert {row[1] for row in found} == {unit}
    assert len(found) == bins
    assert sum(row[3] for row in found) == 2


def test_documents_without_a_time_are_one_last_row() -> None:
    start = datetime.datetime(2020, 3, 1, 7, 30, tzinfo=datetime.UTC)
    assert timeline([None, start, None]) == [(start, "minute", "UTC", 1), (None, "minute", "UTC", 2)]


def test_a_day_begins_in_the_zone_of_the_config() -> None:
    first = datetime.datetime(2020, 3, 1, 15, 0, tzinfo=datetime.UTC)
    last = datetime.datetime(2020, 3, 20, 17, 0, tzinfo=datetime.UTC)
    starts = [row[0] for row in timeline([first, last], "Asia/Shanghai")]
    assert {start.hour for start in starts} == {16}
    assert (starts[0].day, starts[-1].day) == (29, 20)


def test_the_hour_that_a_clock_change_repeats_is_two_bins() -> None:
    first = datetime.datetime(2021, 10, 30, 22, 0, tzinfo=datetime.UTC)
    found = timeline([first, first + datetime.timedelta(hours=30)], "Europe/Paris")
    assert len({row[0] for row in found}) == len(found) == 31


def test_a_breakdown_names_those_that_do_not_say(tmp_path: Path) -> None:
    rows = texts("a", "b", "c", region=None)
    rows[0]["region"] = "北京"
    regions = [row[1:] for row in rows_of(described(tmp_path, rows), "breakdown") if row[0] == "region"]
    assert regions == [(None, 2, 2 / 3), ("北京", 1, 1 / 3)]


def test_keyness_finds_the_words_of_each_label(output: Path) -> None:
    column, first, second = rows_of(output, "comparison")[0][:3]
    typical = {"好评": set(GOOD), "差评": set(BAD)}
    strongest = pl.read_parquet(output / "keyness.parquet").filter(pl.col("q_value") <= 0.001)
    assert column == "label"
    assert set(strongest.filter(pl.col("log_ratio") > 0)["word"]) == typical[first]
    assert set(strongest.filter(pl.col("log_ratio") < 0)["word"]) == typical[second]


def test_keyness_counts_documents_not_repetitions(tmp_path: Path) -> None:
    rows = texts(*["a a a a a x"] * 10, *["a x"] * 10, region="r")
    for number, row in enumerate(rows):
        row["region"] = "p" if number < 10 else "q"
    compare = {"column": "region", "a": "p", "b": "q"}
    output = described(tmp_path, rows, compare=compare)
    assert {row[5] for row in rows_of(output, "keyness") if abs(row[5]) > 0.2} == set()


@settings(deadline=None)  # a busy machine is no mistake of ours
@given(st.tuples(*[st.integers(1, 200)] * 4))
def test_g2_is_the_likelihood_ratio_of_the_table(cells: tuple[int, int, int, int]) -> None:
    a, b, without_a, without_b = cells
    row = score(pl.DataFrame({"word": ["w"], "documents_a": [a], "documents_b": [b]}), a + without_a, b + without_b)
    reference = chi2_contingency([[a, b], [without_a, without_b]], correction=False, lambda_="log-likelihood")
    assert row["g2"][0] == pytest.approx(reference.statistic, rel=1e-9, abs=1e-9)
    assert row["p_value"][0] == pytest.approx(reference.pvalue, rel=1e-6, abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).filter(any), min_size=1, max_size=40))
def test_q_values_are_those_of_benjamini_and_hochberg(pairs: list[tuple[int, int]]) -> None:
    words = [f"w{number}" for number in range(len(pairs))]
    a, b = zip(*pairs, strict=True)
    scored = score(pl.DataFrame({"word": words, "documents_a": a, "documents_b": b}), 60, 70)
    assert scored["q_value"].to_list() == pytest.approx(list(false_discovery_control(scored["p_value"])))


def test_without_two_groups_keyness_says_that_it_was_not_computed(tmp_path: Path) -> None:
    output = described(tmp_path, [row | {"thread_id": "店0"} for row in reviews(50)], labelled=False)
    assert rows_of(output, "keyness") == []
    assert "no keyness" in rows_of(output, "comparison")[0][-1]
    assert not (output / "keyness.png").exists()


def test_without_labels_the_two_largest_threads_are_compared(tmp_path: Path) -> None:
    rows = [review(number, thread_id="abc"[number % 3 if number > 5 else 0], tokens=["好"]) for number in range(40)]
    comparison = pl.read_parquet(described(tmp_path, rows, labelled=False) / "comparison.parquet")
    assert comparison.select("column", "group_a", "group_b").row(0) == ("thread_id", "a", "b")
    assert comparison["note"].item() == "the two largest threads of 3, since the documents have no two labels"


def test_a_word_missing_from_one_group_has_a_finite_ratio(output: Path) -> None:
    ratios = pl.read_parquet(output / "keyness.parquet")["log_ratio"]
    assert all(math.isfinite(ratio) for ratio in ratios)


def test_an_empty_corpus_is_described_without_pictures(tmp_path: Path) -> None:
    output = described(tmp_path, [])
    assert counts(output)["documents"] == 0
    assert list(output.glob("*.png")) == []


def test_words_that_the_font_lacks_are_listed_but_not_drawn(tmp_path: Path) -> None:
    comments = write_comments(tmp_path / "c", texts("a", "한국"))
    documents = write_documents(tmp_path / "d", texts("a", "한국"), comments)
    answer = execute("describe", Config(input=documents, output=tmp_path / "description"))
    assert answer["result"]["words_not_drawn"] == 1
    assert ("word", "한국", 1, 1, 0.5) in rows_of(tmp_path / "description", "words")


@pytest.mark.parametrize(
    ("compare", "message"),
    [
        (
            {"column": "shop", "a": "1", "b": "2"},
            "compare.column: expected one of source, thread_id, author, region, lang, split, x_shop, got 'shop'",
        ),
        (
            {"column": "region", "a": "北京", "b": "伦敦"},
            "compare.b: no document has region = '伦敦'; the most frequent values are '上海', '四川', '广东', '北京'",
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_says_what_there_is(
    tmp_path: Path, compare: dict[str, str], message: str
) -> None:
    rows = [
        row | {"region": region} for row, region in zip(reviews(60), ["上海", "北京", "四川", "广东"] * 15, strict=True)
    ]
    with pytest.raises(BadInput) as caught:
        described(tmp_path, rows, compare=compare)
    assert str(caught.value) == message


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"documents\.parquet: there is no such file"):
        execute("describe", Config(input=tmp_path / "empty", output=tmp_path / "description"))


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    comments = write_comments(tmp_path / "c", reviews(20))
    documents = write_documents(tmp_path / "d", reviews(20), comments)
    path = documents / "documents.parquet"
    pl.read_parquet(path).with_columns(pl.col("created_at").cast(pl.String)).write_parquet(path)
    with pytest.raises(BadInput, match=r"documents\.parquet: column `created_at`: expected Datetime.*, got String"):
        execute("describe", Config(input=documents, output=tmp_path / "description"))


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a name such as Asia/Shanghai"):
        Config(input=Path("in"), output=Path("out"), timezone="Shanghai")
