"""Random and malformed arguments: every public function works or raises an error of `fastnlp_core.errors`."""

import functools
import inspect
import random
import struct
import typing
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pytest

import fastnlp_core
from fastnlp_core.errors import FastNlpError

CALLS = 10_000
"""Calls over all functions together."""
FEW_CALLS = {"Segmenter": 20}
"""Each of these reads a dictionary of 350,000 words."""

Make: TypeAlias = Callable[[random.Random], Any]
ODD_TEXTS = [
    "",
    "\0",
    "好",
    "@张三 http://a.cn",
    "👨‍👩‍👧",
    "\ud800",
    "a\udfffb",
    "e\u0301" * 9,
    "\u202e",
    "\uffff",
    "哈" * 300,
]


def text(source: random.Random) -> str:
    if source.random() < 0.5:
        return source.choice(ODD_TEXTS)
    return "".join(chr(source.choice([source.randrange(0x80), source.randrange(0x110000)])) for _ in range(5))


def rows(source: random.Random, make: Make) -> list[Any]:
    return [None if source.random() < 0.2 else make(source) for _ in range(source.randrange(6))]


def text_column(source: random.Random) -> Any:
    texts = [row and row.encode("utf-8", "replace").decode() for row in rows(source, text)]
    column = pa.array(texts, source.choice([pa.string(), pa.large_string(), pa.string_view()]))
    kind = source.randrange(5)
    if kind == 0:
        return pa.chunked_array([column, column.slice(1)])
    if kind == 1:
        return column.slice(source.randrange(3), source.randrange(3))
    if kind == 2 and column.type != pa.string_view():
        return column.dictionary_encode()
    return texts if kind == 3 else column


def raw_texts(source: random.Random) -> list[str | None]:
    return rows(source, text)


def binary_column(source: random.Random) -> pa.Array:
    return pa.array(rows(source, lambda source: source.randbytes(4)), source.choice([pa.binary(), pa.large_binary()]))


def token_lists(source: random.Random) -> Any:
    lists = rows(source, lambda source: text_column(source))
    plain = [row if row is None or isinstance(row, list) else row.to_pylist() for row in lists]
    return plain if source.random() < 0.5 else pa.array(plain, pa.list_(pa.string()))


def id_lists(source: random.Random) -> Any:
    lists = rows(source, lambda source: rows(source, lambda source: source.randrange(9)))
    return source.choice([lists, pa.array(lists, pa.large_list(pa.uint32()))])


def broken_buffers(source: random.Random) -> pa.Array:
    """Texts or lists from a damaged stream: offsets that fall, are negative or lie outside the data."""
    whole: list[Any] = [["abc", "def", "ghi"], [b"abc", b"def", b"ghi"], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
    values, (small, large) = source.choice(
        [
            (whole[0], (pa.string(), pa.large_string())),
            (whole[1], (pa.binary(), pa.large_binary())),
            (whole[2], (pa.list_(pa.uint32()), pa.large_list(pa.uint32()))),
        ]
    )
    width, kind = source.choice([("i", small), ("q", large)])
    batch = pa.record_batch({"column": pa.array(values, kind)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    offsets = struct.pack(f"4{width}", *(source.choice([0, 3, 6, 9, source.randrange(-3, 99)]) for _ in range(4)))
    damaged = sink.getvalue().to_pybytes().replace(struct.pack(f"4{width}", 0, 3, 6, 9), offsets)
    return pa.ipc.open_stream(damaged).read_next_batch()["column"]


def nothing(source: random.Random) -> Any:
    return source.choice(
        [[], (), pa.nulls(3), pa.array([], pa.string()), pa.chunked_array([], pa.string()), [None] * 3]
    )


def wrong(source: random.Random) -> Any:
    table = pa.table({"items": [1]})
    values: list[Any] = [
        None,
        0,
        -1,
        2**70,
        1.5,
        float("nan"),
        "text",
        b"bytes",
        {},
        {"a"},
        object(),
        iter("ab"),
        table,
    ]
    columns: list[Any] = [
        [1, 2],
        [1.5],
        ["a", 1],
        [b"\xff"],
        [["a"], "b"],
        [{}],
        [object()],
        pa.array([1, 2]),
        pa.array([True]),
    ]
    return source.choice(values + columns)


COLUMNS: list[Make] = [text_column, raw_texts, binary_column, token_lists, id_lists, broken_buffers, nothing, wrong]


def any_column(source: random.Random) -> Any:
    return source.choice(COLUMNS)(source)


def mostly(*usual: Any) -> Make:
    """One of the usual values, now and then anything."""
    return lambda source: source.choice(usual) if source.random() < 0.8 else any_column(source)


def some_steps(source: random.Random) -> list[str]:
    return source.sample(typing.get_args(fastnlp_core.Step), source.randrange(5))


def itemset_tables(source: random.Random) -> Any:
    """Tables as `frequent_itemsets` gives them, with wrong numbers or wrong columns."""
    if source.random() < 0.2:
        return any_column(source)
    transactions = [source.sample("abcd", source.randrange(5)) for _ in range(4)]
    table = fastnlp_core.frequent_itemsets(transactions, 0.25)
    if source.random() < 0.3:
        values = [source.choice([0.0, 1.0, -1.0, float("nan"), None]) for _ in range(table.num_rows)]
        table = table.set_column(2, "support", pa.array(values, pa.float64()))
    if source.random() < 0.3:
        table = table.slice(source.randrange(3), source.randrange(9))
    if source.random() < 0.2:
        return table.set_column(source.randrange(3), source.choice(table.column_names), [pa.nulls(table.num_rows)])
    return table


def some_counts(source: random.Random) -> Any:
    if source.random() < 0.2:
        return any_column(source)
    return [source.choice([b"", b"\0\1", b"\xff" * 8, b"abc", fastnlp_core.ngram_counts(["好吃"])]) for _ in range(2)]


def odd_rules(source: random.Random) -> dict[str, Any]:
    options: dict[str, Make] = {
        "support_only": mostly(True, False),
        "num_transactions": mostly(None, 0, 4, 100),
        "max_memory": mostly(None, 0, 100, 10**9),
    }
    return {name: options[name](source) for name in source.sample(list(options), source.randrange(4))}


def text_or_column(source: random.Random) -> Any:
    return text(source) if source.random() < 0.3 else any_column(source)


def word(source: random.Random) -> Any:
    return text(source) if source.random() < 0.7 else any_column(source)


def words(source: random.Random) -> Any:
    return [word(source) for _ in range(source.randrange(3))] if source.random() < 0.5 else any_column(source)


ARGUMENTS: dict[str, list[Make]] = {
    "Segmenter": [mostly(None), lambda source: rows(source, word) if source.random() < 0.5 else wrong(source)],
    "Segmenter.add_word": [word, mostly(None, 0, 3, 2**60), mostly(None, "n")],
    "Segmenter.cut": [text_or_column],
    "Segmenter.cut_all": [text_or_column],
    "Segmenter.cut_for_search": [text_or_column],
    "Segmenter.del_word": [word],
    "Segmenter.encode": [any_column],
    "Segmenter.suggest_freq": [lambda source: source.choice([word, words])(source), mostly(True, False)],
    "Segmenter.tokenize": [text_or_column, mostly("default", "search")],
    "association_rules": [itemset_tables, mostly("confidence", "lift", "none"), mostly(0.0, 0.8, 2, float("nan"))],
    "benjamini_hochberg": [lambda source: source.choice([any_column(source), rows(source, random.Random.random)])],
    "contamination": [any_column, any_column, mostly(0.1, 0.8, 1.0, 0, 2)],
    "count_itemsets": [any_column, any_column],
    "frequent_itemsets": [
        any_column,
        mostly(0.1, 0.5, 1.0, 0, 2, float("nan")),
        mostly(None, 1, 2, 0),
        mostly("all", "closed", "maximal", "none"),
        mostly(None, 0, 100, 10**9),
    ],
    "jaccard": [any_column, any_column],
    "near_duplicates": [
        any_column,
        mostly(0.1, 0.8, 1.0, 0, 2),
        mostly(1, 3, 4, 0, 17),
        mostly("auto", "exact", "fast"),
    ],
    "ngram_counts": [any_column, mostly(1, 3, 4, 0)],
    "normalize": [any_column, lambda source: some_steps(source) if source.random() < 0.8 else any_column(source)],
    "outline_texts": [any_column, some_counts, mostly(0.1, 0.8, 1.0, 0, 2), mostly(1, 3, 4, 0)],
}
"""Makers of the positional arguments of each public function; methods as `Class.method`."""
OPTIONS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "association_rules": odd_rules,
    "normalize": lambda source: {"elongation_limit": mostly(1, 3, 0, 2**62)(source)},
}
"""Makers of keyword arguments."""


def public_functions() -> Iterator[str]:
    for name in fastnlp_core.__all__:
        public = getattr(fastnlp_core, name)
        if inspect.isfunction(public):
            yield name
        elif inspect.isclass(public) and not is_dataclass(public):
            yield name
            yield from (f"{name}.{method}" for method in vars(public) if not method.startswith("_"))


def test_every_public_function_is_tried():
    assert set(ARGUMENTS) == set(public_functions())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_odd_arguments_work_or_raise_our_errors(name):
    source = random.Random(name)
    for call in range(FEW_CALLS.get(name, CALLS // (len(ARGUMENTS) - len(FEW_CALLS)) + 1)):
        arguments = [make(source) for make in ARGUMENTS[name]]
        options = OPTIONS[name](source) if name in OPTIONS else {}
        try:
            find(name)(*arguments, **options)
        except FastNlpError:
            continue
        except BaseException as error:
            # Their values are not shown: pyarrow itself aborts when it prints a damaged list.
            error.add_note(
                f"call {call} of {name}: {[getattr(argument, 'type', type(argument)) for argument in arguments]}"
            )
            raise


def find(name: str) -> Callable[..., object]:
    """The function, or the method of an instance that all calls share."""
    function, _, method = name.partition(".")
    found: Callable[..., object] = getattr(instance(function), method) if method else getattr(fastnlp_core, function)
    return found


@functools.cache
def instance(name: str) -> Any:
    return getattr(fastnlp_core, name)()


def test_outlines_with_damaged_bytes_work_or_are_refused():
    source = random.Random(8)
    texts = ["今天天气很好", "今天天气很好!", "好", "", "今天天气不好,今天天气很好"]
    rows = fastnlp_core.outline_texts(texts, [fastnlp_core.ngram_counts(texts)]).to_pylist()
    refused = 0
    for _ in range(2_000):
        damaged = [bytearray(row) for row in rows]
        for row in damaged:
            if source.random() < 0.5:
                row[source.randrange(len(row))] = source.randrange(256)
        try:
            assert len(fastnlp_core.near_duplicates(texts, outlines=[bytes(row) for row in damaged]).pairs) < 10
        except FastNlpError:
            refused += 1
    assert 0 < refused < 2_000


LINE = "好a1@哈哈哈😂 http://a.cn,13812345678" * 250_000
LONG_LINE: dict[str, tuple[Any, ...]] = {
    "Segmenter.cut": ([LINE, None],),
    "Segmenter.tokenize": (LINE,),
    "benjamini_hochberg": ([0.5] * 1_000_000,),
    "count_itemsets": ([[LINE, LINE[1:]], [LINE]], [[LINE]]),
    "frequent_itemsets": ([[LINE, LINE[1:]], [LINE]], 0.5),
    "jaccard": ([[*range(2_000_000)]], [[1]]),
    "near_duplicates": ([LINE, None, LINE[1:]],),
    "ngram_counts": ([LINE, None],),
    "normalize": ([LINE, None], typing.get_args(fastnlp_core.Step)),
    "outline_texts": ([LINE, None], [b"\2" * 1024]),
}


@pytest.mark.parametrize("name", LONG_LINE)
def test_a_line_of_ten_megabytes_works(name):
    assert len(LINE.encode()) > 10_000_000
    find(name)(*LONG_LINE[name])


def test_arrow_data_that_was_taken_over_before_are_refused():
    class Once:
        capsules: tuple[object, object] = pa.array(["好"]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
            return self.capsules

    column = Once()
    assert fastnlp_core.normalize(column, [])[0].to_pylist() == ["好"]
    with pytest.raises(TypeError, match="its Arrow data was taken over before"):
        fastnlp_core.normalize(column, [])
