"""Which language a row is in: its script, or its thread."""

import polars as pl
import pytest

from fastnlp_jobs.jobs.prepare.languages import ThreadLanguages, languages, scripts


def decided(rows: list[tuple[str, str]], batch_rows: int = 100) -> list[str]:
    """Languages of (thread, text) rows."""
    frame = pl.DataFrame(rows, schema=["thread_id", "clean"], orient="row")
    frame = frame.with_columns(script=scripts(frame["clean"]), lang=pl.lit(None, pl.String))
    threads = ThreadLanguages()
    for batch in frame.iter_slices(batch_rows):
        threads.add(batch)
    return languages(frame, threads.decided()).to_list()


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("房间很大", "zh"),
        ("ok的，wifi也快", "zh"),
        ("我の家", "zh"),
        ("東京に行きたい", "ja"),
        ("안녕하세요 ok", "ko"),
        ("Où est-il ?", "latin"),
        ("Привет", "und"),
        ("666 😂", "none"),
        ("", "none"),
    ],
)
def test_the_script_of_a_text(text: str, script: str) -> None:
    assert scripts(pl.Series([text])).to_list() == [script]


def test_latin_rows_take_the_language_of_their_whole_thread() -> None:
    chat = [("a", "oui"), ("a", "je pense que le nucléaire est une énergie d'avenir"), ("a", "LUL")]
    chat += [("b", "yes"), ("b", "I think that nobody knows what this video is about"), ("b", "LUL")]
    assert decided(chat) == ["fr"] * 3 + ["en"] * 3


def test_rows_without_letters_take_the_most_common_language_of_their_thread() -> None:
    assert decided([("a", "很好"), ("a", "666"), ("a", "不错"), ("a", "東京に行く"), ("b", "666")]) == [
        "zh",
        "zh",
        "zh",
        "ja",
        "und",
    ]


def test_a_few_latin_letters_under_a_chinese_video_are_chinese() -> None:
    assert decided([("a", "很好"), ("a", "yyds"), ("a", "xswl")]) == ["zh", "zh", "zh"]


def test_a_language_that_came_with_the_row_stands() -> None:
    rows = pl.DataFrame({"thread_id": ["a"], "clean": ["很好"], "script": ["zh"], "lang": ["wuu"]})
    threads = ThreadLanguages()
    threads.add(rows)
    assert languages(rows, threads.decided()).to_list() == ["wuu"]


def test_languages_do_not_depend_on_the_batches() -> None:
    chat = [(thread, text) for thread in "abc" for text in ("bonjour à tous", "hello", "666", "très bien merci")] * 30
    assert decided(chat, batch_rows=7) == decided(chat)
