"""`near_duplicates`: all pairs and no other, clusters around kept rows."""

import random
from itertools import combinations

import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_core import NearDuplicates, near_duplicates, ngram_counts, outline_texts
from fastnlp_core.errors import ColumnTypeError, InputError

Pairs = dict[tuple[int, int], float]
alphabet = st.sampled_from(["很", "好", "吃", "哈哈哈", "a", "b", " ", "\0", "😂", "👨‍👩‍👧", "👍🏽"])
texts = st.lists(alphabet, max_size=12).map("".join)


def gram_set(text: str, ngram: int) -> frozenset[str]:
    return frozenset(text[i : i + ngram] for i in range(max(1, len(text) - ngram + 1))) if text else frozenset()


def by_brute_force(rows: list[str | None], threshold: float, ngram: int = 3) -> Pairs:
    sets = [(row, gram_set(text, ngram)) for row, text in enumerate(rows) if text is not None]
    found = {}
    for (left, a), (right, b) in combinations(sets, 2):
        similarity = len(a & b) / len(a | b) if a | b else 1.0
        if similarity >= threshold:
            found[left, right] = similarity
    return found


def expanded(result: NearDuplicates) -> Pairs:
    """Every pair of rows, from those of first rows and the rows equal to them."""
    pairs = [(pair["left"], pair["right"], pair["similarity"]) for pair in result.pairs.to_pylist()]
    equal: dict[int, list[int]] = {row: [row] for left, right, _ in pairs for row in (left, right)}
    for left, right, similarity in pairs:
        if similarity == 1.0:
            equal[left].append(right)
    found = {pair: 1.0 for group in equal.values() for pair in combinations(group, 2)}
    for left, right, similarity in pairs:
        if similarity < 1.0:
            found |= {(min(a, b), max(a, b)): similarity for a in equal[left] for b in equal[right]}
    return found


def check_clusters(result: NearDuplicates, pairs: Pairs) -> None:
    """Each line names a kept row within the threshold; no two kept rows are within it of each other."""
    clusters = result.clusters.to_pylist()
    removed = {line["row"] for line in clusters}
    assert len(removed) == len(clusters)
    for line in clusters:
        assert line["kept"] not in removed
        assert pairs[line["kept"], line["row"]] == line["similarity"]
    assert all(left in removed or right in removed for left, right in pairs)


@given(st.lists(st.none() | texts, max_size=25), st.floats(0.2, 1.0), st.integers(1, 5))
def test_pairs_and_clusters_equal_brute_force(rows, threshold, ngram):
    result = near_duplicates(rows, threshold, ngram)
    pairs = by_brute_force(rows, threshold, ngram)
    assert expanded(result) == pairs
    check_clusters(result, pairs)


def edited_reviews(count: int) -> list[str | None]:
    """Reviews made of a few clauses, some with a character changed."""
    source = random.Random(20)
    clauses = ["很好吃", "送餐很快", "味道不错", "下次还会再来", "分量太少了", "等了一个小时", "包装完好", "价格便宜"]
    rows: list[str | None] = []
    for _ in range(count):
        text = "，".join(source.sample(clauses, source.randint(1, 6)))
        at = source.randrange(len(text))
        rows.append(text if source.random() < 0.5 else text[:at] + source.choice("啊的了！") + text[at + 1 :])
    return rows


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 1.0])
def test_generated_reviews_equal_brute_force(threshold):
    rows = edited_reviews(400)
    result = near_duplicates(rows, threshold)
    pairs = by_brute_force(rows, threshold)
    assert expanded(result) == pairs
    check_clusters(result, pairs)


def test_real_reviews_equal_brute_force(require):
    reviews = pa.csv.read_csv(require("data") / "waimai_10k.csv.gz")["review"].slice(0, 1200)
    rows = reviews.to_pylist()
    result = near_duplicates(reviews, 0.25)
    pairs = by_brute_force(rows, 0.25)
    assert len(pairs) > 100
    assert expanded(result) == pairs
    check_clusters(result, pairs)


def test_the_tables_have_the_documented_columns():
    result = near_duplicates([])
    assert result.pairs.schema == pa.schema({"left": pa.uint64(), "right": pa.uint64(), "similarity": pa.float64()})
    assert result.clusters.schema == pa.schema({"row": pa.uint64(), "kept": pa.uint64(), "similarity": pa.float64()})


def test_a_hundred_thousand_equal_rows_give_one_pair_each():
    result = near_duplicates(pa.array(["很好，很满意"] * 100_000))
    assert result.pairs.num_rows == result.clusters.num_rows == 99_999
    assert set(result.clusters["kept"].to_pylist()) == {0}


def test_a_chain_does_not_end_in_one_cluster():
    chain = ["abcdefghij"[i : i + 8] for i in range(3)]
    result = near_duplicates(chain, 0.7)
    assert [(pair["left"], pair["right"]) for pair in result.pairs.to_pylist()] == [(0, 1), (1, 2)]
    assert [(line["row"], line["kept"]) for line in result.clusters.to_pylist()] == [(1, 0)]


def test_null_rows_are_never_paired():
    assert near_duplicates([None, None, "好", None]).pairs.num_rows == 0


def test_short_texts_are_equal_only_to_themselves():
    rows = ["好", "好吃", "好", "", "", "好吃吗"]
    assert expanded(near_duplicates(rows, 0.1)) == {(0, 2): 1.0, (3, 4): 1.0}


def test_auto_is_exact():
    rows = edited_reviews(50)
    assert near_duplicates(rows, method="auto").pairs == near_duplicates(rows, method="exact").pairs


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(InputError, match="threshold: expected a similarity above 0 and at most 1, got "):
        near_duplicates(["a"], threshold)


def test_an_ngram_out_of_range_is_refused():
    with pytest.raises(InputError, match="ngram: expected a number of characters from 1 to 16, got 0"):
        near_duplicates(["a"], ngram=0)


def test_an_unknown_method_is_refused():
    with pytest.raises(InputError, match="method: expected 'auto' or 'exact', got 'fast'"):
        near_duplicates(["a"], method="fast")  # type: ignore[arg-type]  # the mistake under test


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ColumnTypeError, match="threshold: expected a number, got str"):
        near_duplicates(["a"], threshold="0.8")  # type: ignore[arg-type]  # the mistake under test


def test_a_template_that_many_rows_fill_in_has_one_kept_row():
    rows = [f"Merci beaucoup pour le sub de ce mois sur la chaine, bienvenue a toi {n}" for n in range(40_000)]
    kept = near_duplicates(rows, 0.8).clusters["kept"]
    assert len(kept) == 39_999
    assert set(kept.to_pylist()) == {0}


def outlined(parts: list[list[str | None]], threshold: float = 0.8) -> pa.ChunkedArray:
    counts = [ngram_counts(part) for part in parts]
    return pa.chunked_array([outline_texts(part, counts, threshold) for part in parts])


@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_outlines_made_in_parts_change_nothing(threshold):
    rows = [*edited_reviews(600), None, "", "好"]
    parts = [rows[:50], rows[50:51], [], rows[51:]]
    found = near_duplicates(rows, threshold, outlines=outlined(parts, threshold))
    whole = near_duplicates(rows, threshold)
    assert len(whole.clusters) > 50
    assert found.clusters == whole.clusters
    assert found.pairs == whole.pairs


@pytest.mark.parametrize(
    ("outlines", "message"),
    [
        (
            outlined([["今天天气很好"]], 0.5),
            r"outlines\[0\]: expected the outline of this row's text, got one for another ",
        ),
        (
            outlined([["今天天气很好今天天气很好,今天天气很好!"]]),
            r"outlines\[0\]: .*, got one of a text with 10 n-grams",
        ),
        ([b"no outline"], r"outlines\[0\]: .*, got no outline"),
        ([None], r"outlines\[0\]: .*, got no outline"),
        ([], r"outlines: expected 1 rows like `texts`, got 0"),
    ],
)
def test_outlines_of_other_texts_are_refused(outlines, message):
    with pytest.raises(InputError, match=message):
        near_duplicates(["好"], outlines=outlines)


def test_outlines_with_other_counts_than_those_before_are_refused():
    outlines = pa.chunked_array(
        [outline_texts(["今天天气很好"], [ngram_counts([text])]) for text in ("今天", "明天很好")]
    )
    with pytest.raises(InputError, match=r"outlines\[1\]: .*, got one made with other counts than an earlier row's"):
        near_duplicates(["今天天气很好", "今天天气很好!"], outlines=outlines)


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        (
            [b"abc"],
            InputError,
            r"counts: expected the results of ngram_counts, a power of two of bytes each, got \[3\] ",
        ),
        (b"abcd", ColumnTypeError, r"counts: expected a list of what ngram_counts gave, got bytes"),
        (["abcd"], ColumnTypeError, r"counts\[0\]: expected bytes from ngram_counts, got str$"),
    ],
)
def test_counts_that_are_none_are_refused(counts, error, message):
    with pytest.raises(error, match=message):
        outline_texts(["好"], counts)


def test_longer_ngrams_have_no_number_that_parts_share():
    with pytest.raises(InputError, match="ngram: expected a number of characters from 1 to 3, got 4"):
        ngram_counts(["好"], ngram=4)
