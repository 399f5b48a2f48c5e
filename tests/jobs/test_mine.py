"""The job `mine`: which rows count, which rules stay, and that both engines agree."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastnlp_core.errors import MemoryLimitError
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.mine import Config, Result, run
from fastnlp_jobs.schemas import DOCUMENTS


def document(number: int, tokens: list[str], **values: Any) -> dict[str, Any]:
    defaults = dict.fromkeys(DOCUMENTS.names)
    required = {"id": str(number), "source": "file", "thread_id": "t", "text": "", "split": "train"}
    counts = {"num_mentions": 0, "num_urls": 0, "num_emotes": 0}
    return {**defaults, **required, **counts, "tokens": tokens, "clean": f"{number}", **values}


def mine(folder: Path, documents: list[dict[str, Any]], **values: Any) -> Result:
    source, output = folder / "documents", folder / "patterns"
    for path in (source, output):
        path.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(documents, DOCUMENTS), source / "documents.parquet")
    return run(Config(input=source, output=output, **values))


def rules(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "patterns" / "rules.parquet").to_pylist()
    return found


def tea_and_milk(times: int) -> list[dict[str, Any]]:
    """茶 and 奶 always together, in half of the documents; 水 in every document."""
    together = [document(n, ["茶", "奶", "水"]) for n in range(times)]
    return together + [document(times + n, ["水", "糖"] if n % 2 else ["水"]) for n in range(times)]


def test_a_rule_that_holds_is_found_with_its_numbers(tmp_path: Path) -> None:
    result = mine(tmp_path, tea_and_milk(20), min_support=0.3, min_confidence=0.9)
    rule = next(rule for rule in rules(tmp_path) if (rule["antecedent"], rule["consequent"]) == (["奶"], ["茶"]))
    assert (rule["support"], rule["confidence"], rule["lift"]) == (0.5, 1.0, 2.0)
    assert rule["p_value"] < rule["q_value"] < 1e-8
    assert not rule["redundant"]
    assert result.tests == 12
    assert result.transactions == 40


def test_a_longer_rule_that_says_no_more_is_marked(tmp_path: Path) -> None:
    result = mine(tmp_path, tea_and_milk(20), min_support=0.3)
    longer = next(
        rule for rule in rules(tmp_path) if (rule["antecedent"], rule["consequent"]) == (["奶", "水"], ["茶"])
    )
    assert longer["redundant"]
    assert result.redundant_rules == sum(rule["redundant"] for rule in rules(tmp_path))


def test_a_consequent_that_is_everywhere_makes_no_rule(tmp_path: Path) -> None:
    mine(tmp_path, tea_and_milk(20), min_support=0.3, min_confidence=0)
    assert ["水"] not in [rule["consequent"] for rule in rules(tmp_path)]


def test_q_values_account_for_rules_left_out_by_confidence(tmp_path: Path) -> None:
    first = mine(tmp_path, tea_and_milk(20), min_support=0.2, min_confidence=0.1)
    all_rules = {tuple(map(tuple, (r["antecedent"], r["consequent"]))): r["q_value"] for r in rules(tmp_path)}
    second = mine(tmp_path, tea_and_milk(20), min_support=0.2, min_confidence=0.9)
    assert first.tests == second.tests > second.rules
    for rule in rules(tmp_path):
        assert rule["q_value"] == all_rules[tuple(map(tuple, (rule["antecedent"], rule["consequent"])))]


def test_words_that_meet_by_chance_give_no_rules(tmp_path: Path) -> None:
    chance = [document(n, [f"w{n % 7}", f"v{n % 11}", f"u{n % 5}"]) for n in range(385)]
    result = mine(tmp_path, chance, min_support=0.01, min_confidence=0)
    assert result.tests > 100
    assert result.rules == 0


def test_copies_and_repeating_authors_count_once(tmp_path: Path) -> None:
    documents = [
        document(1, ["a", "b"], clean="same"),
        document(2, ["a", "b"], clean="same"),
        document(3, ["a"], author="x"),
        document(4, ["b"], author="x"),
        document(5, ["b"], author="x", thread_id="other"),
        document(6, [], author=None),
    ]
    result = mine(tmp_path, documents, min_support=0.1)
    assert (result.equal_texts, result.same_author_and_thread, result.empty, result.transactions) == (1, 1, 1, 3)


def test_clauses_are_the_text_between_punctuation(tmp_path: Path) -> None:
    documents = [document(n, [], clean=f"<url>很好，味道 不错！{n}") for n in range(10)]
    mine(tmp_path, documents, items="clauses", min_support=1.0, min_confidence=0)
    itemsets = pq.read_table(tmp_path / "patterns" / "itemsets.parquet").column("items").to_pylist()
    assert sorted(map(tuple, itemsets))[:3] == [("不错",), ("不错", "味道"), ("不错", "味道", "很好")]
    assert not any("url" in item for items in itemsets for item in items)


def test_no_item_at_all_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no document holds any item to mine"):
        mine(tmp_path, [document(1, [])])


def test_too_many_itemsets_are_an_error_not_a_crash(tmp_path: Path) -> None:
    wide = [document(n, [f"{i:03}" for i in range(200)]) for n in range(3)]
    with pytest.raises(MemoryLimitError, match="raise min_support"):
        mine(tmp_path, wide, min_support=1.0, max_length=10, max_memory_mb=64)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.sets(st.sampled_from("甲乙丙丁戊"), min_size=1), min_size=4, max_size=30))
def test_both_engines_give_the_same_tables(tmp_path: Path, rows: list[set[str]]) -> None:
    documents = [document(n, sorted(row)) for n, row in enumerate(rows)]
    tables = {}
    for engine in ("core", "mlxtend"):
        mine(tmp_path, documents, engine=engine, min_support=0.3, min_confidence=0, max_q_value=1)
        itemsets = pq.read_table(tmp_path / "patterns" / "itemsets.parquet").to_pylist()
        tables[engine] = (sorted(itemsets, key=str), sorted(rules(tmp_path), key=_sides))
    assert tables["core"][0] == tables["mlxtend"][0]
    for ours, theirs in zip(tables["core"][1], tables["mlxtend"][1], strict=True):
        assert _sides(ours) == _sides(theirs)
        assert _numbers(ours) == pytest.approx(_numbers(theirs), rel=1e-9, abs=1e-12, nan_ok=True)


def _sides(rule: dict[str, Any]) -> tuple[list[str], list[str]]:
    return rule["antecedent"], rule["consequent"]


def _numbers(rule: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in rule.items() if name not in ("antecedent", "consequent")}
