"""`normalize`: what each step changes, leaves alone and counts."""

import typing
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_core import Step, normalize
from fastnlp_core.errors import ColumnTypeError, InputError

EVERY_STEP: tuple[Step, ...] = typing.get_args(Step)
PIECES = [
    "@",
    "http://a.cn",
    "www.",
    "张",
    "13812345678",
    "\u200d",
    "\ufe0f",
    "👨",
    "❤",
    "(^_^)",
    "e\u0301",
    "Ａ",
    " ",
    "\0",
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map("".join)


def after(text: str, *steps: Step, **options: int) -> str:
    return str(normalize([text], steps, **options)[0][0].as_py())


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("nfkc", "ＡＢ①ｶﾞ", "AB1ガ"),
        ("halfwidth", "ＡＢ！\u3000①", "AB! ①"),
        ("lowercase", "ÉCOLE 好", "école 好"),
        ("remove_zero_width", "好\u200b吃👨‍👩‍👧", "好吃👨‍👩‍👧"),
        ("remove_control", "好\0吃\n", "好吃\n"),
        ("collapse_whitespace", " 好 \t 吃\n", "好 吃"),
        ("fold_elongations", "哈哈哈哈 ouiiiiii 10000", "哈哈哈 ouiii 10000"),
        ("remove_emoji", "好👍🏽吃❤️1#", "好吃1#"),
        ("remove_kaomoji", "好(╯°□°)╯︵ ┻━┻吃(很)", "好吃(很)"),
        ("mask_urls", "看https://t.cn/abc好", "看<url>好"),
        ("mask_emails", "写到a.b@qq.com。", "写到<email>。"),
        ("mask_mentions", "回复@name:好 @张三", "回复<mention>:好 <mention>"),
        ("mask_phones", "电话13812345678或+33 6 12 34 56 78", "电话<phone>或<phone>"),
        ("mask_ids", "证11010519491231002X", "证<id>"),
    ],
)
def test_each_step_does_what_its_name_says(step, text, expected):
    assert after(text, step) == expected


def test_every_step_has_a_case_above():
    cases = test_each_step_does_what_its_name_says.pytestmark[0].args[1]
    assert {case[0] for case in cases} == set(EVERY_STEP)


def test_steps_run_in_the_order_given():
    assert after("＠张三", "mask_mentions", "nfkc") == "<mention>"
    assert after("邮箱ａ＠ｑｑ.ｃｏｍ", "mask_emails", "nfkc") == "邮箱a@qq.com"
    assert after("邮箱ａ＠ｑｑ.ｃｏｍ", "nfkc", "mask_emails") == "邮箱<email>"


def test_the_elongation_limit_is_an_argument():
    assert after("哈哈哈哈", "fold_elongations", elongation_limit=1) == "哈"


def test_counts_have_a_column_per_step_and_a_null_text_stays_null():
    column, counts = normalize(["@a @b", None, ""], ["mask_mentions", "lowercase"])
    assert column.to_pylist() == ["<mention> <mention>", None, ""]
    assert counts.schema == pa.schema({"mask_mentions": pa.int32(), "lowercase": pa.int32()})
    assert counts.to_pydict() == {"mask_mentions": [2, None, 0], "lowercase": [0, None, 0]}


def test_no_steps_leave_the_column_as_it_is():
    column, counts = normalize(["Ａ", None], [])
    assert (column.to_pylist(), counts.num_columns) == (["Ａ", None], 0)


def test_every_kind_of_text_column_reads_alike():
    rows = ["Ａ", None, "好"]
    chunked = pa.chunked_array([rows[:1], rows[1:]], type=pa.string())
    for column in (rows, tuple(rows), pa.array(rows, pa.string_view()), pa.array(rows).dictionary_encode(), chunked):
        assert normalize(column, ["nfkc"])[0].to_pylist() == ["A", None, "好"]


def test_an_empty_slice_behind_the_last_row_is_a_column_without_rows():
    texts = pa.array(["好", "吃"])
    assert normalize(texts.slice(2), ["lowercase"])[0].to_pylist() == []
    assert normalize(pa.chunked_array([texts, texts.slice(2)]), ["lowercase"])[0].to_pylist() == ["好", "吃"]


@given(st.lists(st.none() | texts, max_size=20))
def test_every_step_counts_each_row_it_changes(rows):
    for step in EVERY_STEP:
        column, counts = normalize(rows, [step])
        for before, normalized, count in zip(rows, column.to_pylist(), counts[step].to_pylist(), strict=True):
            assert (count is None) == (before is None)
            assert (count == 0) == (normalized == before) or before is None


@given(texts)
def test_nfkc_equals_unicodedata_on_characters_both_know(text):
    known = "".join(char for char in text if unicodedata.category(char) != "Cn")
    assert after(known, "nfkc") == unicodedata.normalize("NFKC", known)


@given(texts)
def test_halfwidth_and_whitespace_steps_change_nothing_the_second_time(text):
    steps: tuple[Step, ...] = ("remove_control", "halfwidth", "fold_elongations", "collapse_whitespace")
    once = after(text, *steps)
    assert after(once, *steps) == once


def test_an_unknown_step_is_named():
    with pytest.raises(InputError, match=r"steps\[1\]: expected one of nfkc, .*, got \"nfc\""):
        normalize(["a"], ["nfkc", "nfc"])  # type: ignore[list-item]  # the mistake under test


def test_a_repeated_step_is_named():
    with pytest.raises(InputError, match=r"steps\[1\]: \"nfkc\" is given twice; give each step once"):
        normalize(["a"], ["nfkc", "nfkc"])


def test_an_elongation_limit_of_zero_is_refused():
    with pytest.raises(InputError, match="elongation_limit: expected 1 or more, got 0"):
        normalize(["a"], ["nfkc"], elongation_limit=0)


def test_steps_that_are_no_list_are_refused():
    with pytest.raises(ColumnTypeError, match="steps: expected a list of names, got str"):
        normalize(["a"], "nfkc")  # type: ignore[arg-type]  # the mistake under test


@pytest.mark.parametrize(
    "unit", ["a", "@", "a@", "@a", "1", "(^", "哈", "\u0301", "👨\u200d", "www.", "http://", " \t", "+1", "\u200b"]
)
def test_a_long_line_takes_linear_time(unit):
    # A quadratic step would need minutes for this line, not a blink.
    line = unit * (200_000 // len(unit.encode()))
    normalize([line], EVERY_STEP)
