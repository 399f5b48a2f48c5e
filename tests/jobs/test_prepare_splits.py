"""The split: seeded, by class, clusters whole, whatever the order of the rows."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fastnlp_jobs.jobs.prepare.splits import SPLIT, Shares, split_labelled, split_unlabelled

SHARES = Shares(dev=0.1, test=0.1, seed=7)


def labelled(rows: list[tuple[str, str, str | None]]) -> pl.DataFrame:
    """Rows of unit, stratum and given split."""
    units = pl.DataFrame(rows, schema={"unit": pl.String, "stratum": pl.String, "given": SPLIT}, orient="row")
    return units.with_columns(place=SHARES.places(units["unit"]), is_shared=pl.col("unit").is_duplicated())


def split(rows: pl.DataFrame, shares: Shares, batch_rows: int = 1_000) -> tuple[list[str], list[str]]:
    """The split of each row, and the small strata."""
    batches = [rows[start : start + batch_rows] for start in range(0, len(rows), batch_rows)]
    found = split_labelled([rows.clear(), *batches], shares)
    return found.of_rows.to_list(), found.small.to_list()


def of_one_label(sizes: dict[str, int]) -> pl.DataFrame:
    return labelled([(f"{label}{row}", label, None) for label, size in sizes.items() for row in range(size)])


@given(st.lists(st.integers(10, 200), min_size=1, max_size=4), st.integers(0, 2**60))
def test_every_class_is_cut_at_the_shares(sizes, seed):
    rows = of_one_label({str(label): size for label, size in enumerate(sizes)})
    splits, small = split(rows, Shares(0.2, 0.1, seed))
    counts = rows.with_columns(split=pl.Series(splits)).group_by("stratum", "split").len()
    assert small == []
    for label, size in enumerate(sizes):
        found = dict(counts.filter(pl.col("stratum") == str(label)).select("split", "len").iter_rows())
        assert abs(found["dev"] - 0.2 * size) <= 1
        assert abs(found["test"] - 0.1 * size) <= 1
        assert sum(found.values()) == size


@given(st.data())
def test_a_cluster_is_never_torn(data):
    unit, label = st.integers(0, 30).map(str), st.sampled_from(["a", "b", "c"])
    drawn = data.draw(st.lists(st.tuples(unit, label), min_size=1, max_size=80))
    rows = labelled([(unit, f"{label}{int(unit) % 2}", None) for unit, label in drawn])
    by_unit = rows.with_columns(split=pl.Series(split(rows, SHARES)[0])).group_by("unit").agg(pl.col("split").unique())
    assert by_unit["split"].list.len().max() == 1


@given(st.permutations(range(60)))
def test_the_order_of_the_rows_decides_nothing(order):
    rows = of_one_label({"a": 40, "b": 20})
    splits, _ = split(rows, SHARES)
    shuffled, _ = split(rows[order], SHARES)
    assert shuffled == [splits[row] for row in order]


def by_sorting(rows: pl.DataFrame, shares: Shares) -> list[str]:
    """The splits of rows without given ones, found with all units of a stratum in memory."""
    found: dict[str, str] = {}
    units = rows.group_by("unit", maintain_order=True).agg(pl.col("stratum", "place").first(), size=pl.len())
    for _, of_stratum in units.group_by("stratum"):
        cuts: dict[str, str] = {}
        before, total = 0, of_stratum["size"].sum()
        for unit, _, _, size in of_stratum.sort("place").iter_rows():
            middle = (before + size - size / 2) / total
            is_train, is_test = middle < 1 - shares.dev - shares.test, middle >= 1 - shares.test
            cuts[unit] = "train" if is_train else "test" if is_test else "dev"
            before += size
        found |= cuts if len(set(cuts.values())) >= shares.number() else dict.fromkeys(cuts, "train")
    return [found[unit] for unit in rows["unit"]]


@given(st.data())
def test_splits_are_those_of_sorting_all_units(data):
    units = st.tuples(st.integers(0, 150).map(str), st.sampled_from(["a", "b", "c"]))
    rows = labelled([(unit, label, None) for unit, label in data.draw(st.lists(units, min_size=1, max_size=200))])
    share = st.sampled_from([0.0, 0.1, 0.25, 0.4])
    shares = Shares(data.draw(share), data.draw(share), 7)
    assert split(rows, shares, data.draw(st.integers(1, 60)))[0] == by_sorting(rows, shares)


def test_a_class_too_small_for_every_split_stays_in_train_and_is_listed() -> None:
    rows = of_one_label({"common": 50, "rare": 3})
    splits, small = split(rows, SHARES)
    assert small == ["rare"]
    assert splits[50:] == ["train"] * 3


def test_a_given_split_stands_and_decides_for_its_cluster() -> None:
    rows = labelled([("a", "x", None), ("a", "x", "test"), ("b", "x", "dev")])
    assert split(rows, SHARES)[0] == ["test", "test", "dev"]


def test_without_shares_everything_trains() -> None:
    rows = of_one_label({"a": 5})
    assert split(rows, Shares(0.0, 0.0, 0)) == (["train"] * 5, [])


def test_unlabelled_rows_are_cut_at_the_shares_each_on_its_own() -> None:
    units = pl.Series([str(unit) for unit in range(10_000)])
    splits = split_unlabelled(units, SHARES)
    assert split_unlabelled(units[5:6], SHARES).item() == splits[5]
    counts = dict(splits.value_counts().iter_rows())
    assert abs(counts["dev"] - 1000) < 100
    assert abs(counts["test"] - 1000) < 100


def test_another_seed_gives_another_split() -> None:
    units = pl.Series([str(unit) for unit in range(100)])
    assert split_unlabelled(units, Shares(0.1, 0.1, 1)).to_list() != split_unlabelled(units, SHARES).to_list()
