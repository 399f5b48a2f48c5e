"""Texts into tokens, by language."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.prepare import Config
from fastnlp_jobs.jobs.prepare.words import Tokenizer
from fastnlp_jobs.schemas import EMOTES
from fastnlp_jobs.tables import write_table


def settings(**changes: Any) -> Config:
    return Config(**{"input": Path("in"), "output": Path("out"), "stopwords": False, **changes})


def tokens(language: str, text: str, **changes: Any) -> list[str]:
    return tokenize([text], [language], **changes)[0][0]


def tokenize(texts: list[str], languages: list[str], **changes: Any) -> tuple[list[list[str]], list[int]]:
    rows = pl.DataFrame({"text": texts, "lang": languages}, schema={"text": pl.String, "lang": pl.String})
    found, num_emotes = Tokenizer(settings(**changes)).tokenize(rows["text"], rows["lang"])
    return found.to_list(), num_emotes.to_list()


def test_chinese_is_cut_into_words_without_punctuation() -> None:
    assert tokens("zh", "房间很大, 早餐不错! WiFi 5G。") == ["房间", "很大", "早餐", "不错", "wifi", "5g"]


@pytest.mark.parametrize("engine", ["core", "jieba", "rjieba"])
def test_every_engine_takes_user_words(engine: str, tmp_path: Path) -> None:
    text = "李小福是创新办主任😂"
    assert "创新办" not in tokens("zh", text, engine=engine)
    user_words = tmp_path / "words.txt"
    user_words.write_text("\ufeff创新办 3 i\n石墨烯\n", encoding="utf-8")
    found = tokens("zh", text, engine=engine, user_words_file=user_words)
    assert found == ["李小福", "是", "创新办", "主任", "😂"]


def test_french_keeps_apostrophes_hyphens_and_accents_and_cuts_elisions_off() -> None:
    text = "L’eau est peut-être là aujourd'hui, qu'il s'énerve"
    expected = ["l'", "eau", "est", "peut-être", "là", "aujourd'hui", "qu'", "il", "s'", "énerve"]
    assert tokens("fr", text) == expected


def test_english_contractions_stay_whole() -> None:
    assert tokens("en", "I don't think it's d-day") == ["i", "don't", "think", "it's", "d-day"]


def test_japanese_is_cut_where_the_script_changes_and_korean_at_spaces() -> None:
    assert tokens("ja", "東京のラーメンです") == ["東京", "の", "ラーメン", "です"]
    assert tokens("ko", "오늘 날씨가 좋다!") == ["오늘", "날씨가", "좋다"]


def test_a_chinese_word_in_a_french_text_is_a_token() -> None:
    assert tokens("fr", "manger 火锅 demain") == ["manger", "火锅", "demain"]


def test_masks_are_no_tokens() -> None:
    text = "<mention> 看 <url> <phone> <id> <email>"
    assert tokens("zh", text) == ["看"]
    assert tokens("fr", text.replace("看", "vois")) == ["vois"]


@pytest.mark.parametrize("language", ["zh", "fr"])
def test_emotes_keep_their_case_and_stay_whole(language: str) -> None:
    text = "ponceCOEUR LUL LULU 👍🏽👨‍👩‍👧❤️🇫🇷 [捂脸][doge] :-)"
    found, num_emotes = tokenize([text], [language], emotes=["LUL", ":-)"], channel_emotes=True)
    assert found == [["ponceCOEUR", "LUL", "lulu", "👍🏽", "👨‍👩‍👧", "❤️", "🇫🇷", "[捂脸]", "[doge]", ":-)"]]
    assert num_emotes == [9]


def test_of_emotes_that_start_together_the_longest_whole_one_is_taken() -> None:
    names = ["LUL", "LULW", "LUL:", "<3", "<3x", ":)", "_x"]
    text = "LUL LULW LULWA LUL: aLUL <3 <3x <3xy a:) _xy_x"
    found, _ = tokenize([text], ["fr"], emotes=names)
    assert [token for token in found[0] if token in names] == ["LUL", "LULW", "LUL:", "<3", "<3x", ":)", "_x"]


def test_the_emotes_that_crawl_found_in_a_chat_are_emotes(tmp_path: Path) -> None:
    emotes = [{"name": name, "id": "1", "channel": channel, "uses": 1} for name in ("KEKW", ":D") for channel in "ab"]
    write_table(pa.Table.from_pylist(emotes, schema=EMOTES), tmp_path / "emotes.parquet", EMOTES)
    assert tokens("en", "KEKW Kekw :D LUL", input=tmp_path, emotes=["LUL"]) == ["KEKW", "kekw", ":D", "LUL"]


def test_a_word_with_a_capital_inside_is_a_word_unless_channel_emotes_are_on() -> None:
    assert tokens("fr", "ponceCOEUR iPhone") == ["poncecoeur", "iphone"]
    assert tokens("fr", "ponceCOEUR iPhone", channel_emotes=True) == ["ponceCOEUR", "iphone"]


def test_a_kaomoji_is_no_token() -> None:
    assert tokenize(["开心(´▽`)T_T"], ["zh"]) == ([["开心"]], [0])


def test_stopwords_are_those_of_the_language_of_the_row() -> None:
    found, _ = tokenize(["on est là", "on est là", "我们 的 家"], ["fr", "de", "zh"], stopwords=True)
    assert found == [[], ["on", "est", "là"], ["家"]]


def test_user_stopwords_count_in_every_language(tmp_path: Path) -> None:
    stopwords = tmp_path / "stopwords.txt"
    stopwords.write_text("火锅\n\nmanger \n", encoding="utf-8")
    found, _ = tokenize(["吃了火锅", "manger bien"], ["zh", "fr"], stopwords_file=stopwords)
    assert found == [["吃", "了"], ["bien"]]


def test_punctuation_stays_if_asked_for() -> None:
    assert tokens("zh", "好! ? 的", keep_punctuation=True) == ["好", "!", "?", "的"]
    assert tokens("fr", "oui !?", keep_punctuation=True) == ["oui", "!", "?"]


def test_a_word_list_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    stopwords = tmp_path / "stopwords.txt"
    stopwords.write_bytes("的".encode("gb18030"))
    with pytest.raises(BadInput, match=r"stopwords\.txt: expected a UTF-8 text file with one word a line"):
        tokens("zh", "好", stopwords_file=stopwords)


ROWS = st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["zh", "fr", "ja", "en", "und"])), max_size=8)


@pytest.mark.parametrize("keep_punctuation", [False, True])
def test_any_row_gives_the_tokens_it_gives_alone_and_none_with_white_space(keep_punctuation: bool) -> None:
    tokenizer = Tokenizer(settings(keep_punctuation=keep_punctuation))

    @given(ROWS)
    def check(rows: list[tuple[str, str]]) -> None:
        frame = pl.DataFrame(rows, schema={"text": pl.String, "lang": pl.String}, orient="row")
        together, _ = tokenizer.tokenize(frame["text"], frame["lang"])
        parts = [
            tokenizer.tokenize(frame["text"][row : row + 1], frame["lang"][row : row + 1]) for row in range(len(rows))
        ]
        assert together.to_list() == [tokens.item().to_list() for tokens, _ in parts]
        assert all(token and token.split() == [token] for row in together for token in row)

    check()
