"""Generated corpora in the shape that crawl, prepare and mine leave behind: no real comment in here."""

import datetime
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastnlp_jobs import lineage
from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job
from fastnlp_jobs.schemas import (
    COMMENTS,
    DOCUMENTS,
    EXAMPLES,
    ITEMSETS,
    REJECTED,
    REMOVED,
    RULE_METRICS,
    RULES,
    with_kept,
)
from fastnlp_jobs.tables import write_table

GOOD = ["味道", "不错", "很快", "推荐", "干净", "满意", "新鲜", "热情", "方便", "好吃"]
BAD = ["太慢", "难吃", "失望", "态度", "退款", "冷", "差", "脏", "贵", "等"]
BOTH = ["房间", "早餐", "酒店", "送餐", "服务", "今天", "外卖", "前台", "朋友", "老板", "真的", "一次"]
CHAT = ["bonjour", "le", "stream", "bien", "merci", "question", "politique", "alors", "oui", "non"]
EMOTES = ["ponceJAM", "ponceCOEUR", "accroBonjour", "[捂脸]", "😂", "👍🏽"]
REGIONS = ["北京", "上海", "广东", "四川", "浙江", None]
START = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)


def reviews(rows: int, seed: int = 1) -> list[dict[str, Any]]:
    """Comments with tokens and a label: two thirds Chinese reviews, one third French chat with emotes."""
    chance = random.Random(seed)
    return [_generated(number, chance) for number in range(rows)]


def review(number: int, **fields: Any) -> dict[str, Any]:
    """One comment with everything known, except what `fields` says otherwise."""
    known = {
        "id": f"{number:08x}",
        "source": "file",
        "thread_id": "店0",
        "parent_id": None,
        "author": f"u{number:06x}",
        "created_at": START + datetime.timedelta(minutes=37 * number),
        "region": "北京",
        "likes": number % 40,
        "lang": "zh",
        "text": "味道不错",
        "clean": "味道不错",
        "tokens": ["味道", "不错"],
        "num_mentions": 0,
        "num_urls": 0,
        "num_emotes": 0,
        "split": "train",
        "group": None,
        "x_shop": f"s{number % 3}",
        "label": "好评",
    }
    return known | fields


def _generated(number: int, chance: random.Random) -> dict[str, Any]:
    label = chance.choice(["好评", "差评"])
    french = number % 3 == 2
    pool = CHAT if french else BOTH + (GOOD if label == "好评" else BAD) * 2
    tokens = [chance.choice(pool) for _ in range(chance.randint(1, 14))]
    emotes = [chance.choice(EMOTES) for _ in range(chance.randint(0, 2))]
    text = (" " if french else "").join(tokens) + " " + " ".join(emotes)
    known = {
        "source": "twitch" if french else "file",
        "thread_id": f"fil {number % 4}" if french else f"店{number % 7}",
        "author": None if number % 9 == 0 else f"u{chance.randint(0, number // 5):06x}",
        "region": None if french else chance.choice(REGIONS),
        "lang": "fr" if french else "zh",
        "text": text,
        "clean": text.strip(),
        "tokens": [*tokens, *emotes],
        "num_emotes": len(emotes),
        "split": chance.choice(["train", "train", "train", "dev", "test"]),
        "label": label,
    }
    return review(number, **known, **({"created_at": None} if number % 10 == 0 else {}))


def write_comments(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A folder as crawl writes it, with three rows that could not be used."""
    folder.mkdir(parents=True)
    schema = with_kept(COMMENTS, ["shop"])
    write_table(table(rows, schema), folder / "comments.parquet", schema)
    rejected = [
        {"file": "comments.csv", "row": 17, "reason": "no text", "text": None},
        {"file": "comments.csv", "row": 31, "reason": "not UTF-8", "text": "味道\ufffd\ufffd"},
        {"file": "comments.csv", "row": 32, "reason": "not UTF-8", "text": "=HYPERLINK(1)"},
    ]
    write_table(table(rejected, REJECTED), folder / "rejected.parquet", REJECTED)
    _sign(folder, "crawl", {}, {"rows_in": len(rows) + 3, "rows_out": len(rows), "rows_rejected": 3, "rows_removed": 0})
    return folder


def write_documents(folder: Path, rows: list[dict[str, Any]], comments: Path, *, labelled: bool = True) -> Path:
    """A folder as prepare writes it: every 11th row was removed, as a copy of the row before it."""
    folder.mkdir(parents=True)
    kept = [row for number, row in enumerate(rows) if number % 11 != 5]
    removed = [
        {
            "id": row["id"],
            "kept_id": None if number % 2 else rows[number - 1]["id"],
            "reason": "too short" if number % 2 else "near duplicate",
            "similarity": None if number % 2 else 0.9,
        }
        for number, row in enumerate(rows)
        if number % 11 == 5
    ]
    schema = with_kept(DOCUMENTS, ["shop"])
    write_table(table(kept, schema), folder / "documents.parquet", schema)
    write_table(table(removed, REMOVED), folder / "removed.parquet", REMOVED)
    write_table(table([], REJECTED), folder / "rejected.parquet", REJECTED)
    if labelled:
        examples = [{**row, "labels": [row["label"]], "intensity": None, "origin": "real"} for row in kept]
        write_table(table(examples, EXAMPLES), folder / "examples.parquet", EXAMPLES)
    counts = {
        "rows_in": len(rows),
        "rows_out": len(kept),
        "rows_rejected": 0,
        "rows_removed": len(removed),
        "removed": dict(Counter(row["reason"] for row in removed)),
    }
    _sign(folder, "prepare", {"input": comments}, counts)
    return folder


def write_patterns(folder: Path, documents: Path, rules: int = 40) -> Path:
    """A folder as mine writes it: rules between the words of the generator."""
    folder.mkdir(parents=True)
    chance = random.Random(3)
    pairs = [(left, right) for left in GOOD + BAD for right in BOTH][:rules]
    write_table(table([_rule(left, right, chance) for left, right in pairs], RULES), folder / "rules.parquet", RULES)
    itemsets = [
        {"items": [left, right], "count": 90 - number, "support": 0.01} for number, (left, right) in enumerate(pairs)
    ]
    write_table(table(itemsets, ITEMSETS), folder / "itemsets.parquet", ITEMSETS)
    counts = {"rules": rules, "itemsets": rules, "tests": 500, "transactions": 1700}
    _sign(folder, "mine", {"input": documents}, counts, min_confidence=0.3, max_q_value=0.05)
    return folder


def _rule(left: str, right: str, chance: random.Random) -> dict[str, Any]:
    antecedent, consequent = chance.uniform(0.02, 0.3), chance.uniform(0.02, 0.3)
    confidence = chance.uniform(0.2, 1.0)
    support = antecedent * confidence
    p_value = chance.choice([0.0, 1e-12, 0.003])
    return {
        **dict.fromkeys(RULE_METRICS, 0.5),
        "antecedent": [left],
        "consequent": [right],
        "antecedent support": antecedent,
        "consequent support": consequent,
        "support": support,
        "confidence": confidence,
        "lift": confidence / consequent,
        "conviction": float("inf"),
        "p_value": p_value,
        "q_value": min(1.0, p_value * 2),
        "redundant": chance.random() < 0.2,
    }


def write_run(folder: Path, rows: list[dict[str, Any]] | None = None) -> dict[str, Path]:
    """The folders that a report reads, as the keys of its config; `describe` and `label` are the real jobs."""
    rows = reviews(2000) if rows is None else rows
    comments = write_comments(folder / "comments", rows)
    documents = write_documents(folder / "documents", rows, comments)
    patterns = write_patterns(folder / "patterns", documents)
    execute("describe", load_job("describe").Config(input=documents, output=folder / "description"))
    polarity = {"好评": "positive", "差评": "negative"}
    label = load_job("label").Config(input=documents, output=folder / "labels", known_polarity=polarity)
    execute("label", label)
    return {
        "comments": comments,
        "documents": documents,
        "patterns": patterns,
        "description": folder / "description",
        "labels": folder / "labels",
    }


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """The columns of `schema` of rows that may hold more."""
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def _sign(folder: Path, job: str, inputs: dict[str, Path], counts: dict[str, Any], **config: Any) -> None:
    lineage.write(folder, lineage.expected(job, config, inputs), counts)
