"""Which words occur together: frequent itemsets and association rules with honest p-values."""

from typing import Literal

from pydantic import Field

from fastnlp_jobs.job import Input, JobConfig, Output
from fastnlp_jobs.job import Result as JobResult

EXTRA = "mine"


class Config(JobConfig):
    """Which documents to mine, and how often an itemset must occur."""

    input: Input = Field(description="folder written by prepare (documents.parquet)")
    output: Output = Field(description="folder for itemsets.parquet and rules.parquet")
    items: Literal["tokens", "clauses"] = Field(
        "tokens",
        description="tokens: words from prepare; clauses: the text between punctuation marks, as older studies do",
    )
    min_support: float = Field(0.005, gt=0, le=1, description="share of transactions that contain the itemset")
    max_length: int = Field(4, ge=2, le=20, description="items in the largest itemset")
    min_confidence: float = Field(
        0.3, ge=0, le=1, description="share of transactions with the antecedent that follow the rule"
    )
    max_q_value: float = Field(0.05, gt=0, le=1, description="largest false discovery rate of a rule that is kept")
    max_memory_mb: int = Field(2048, ge=16, description="stop with an error rather than use more for itemsets")
    engine: Literal["core", "mlxtend"] = Field("core", description="mlxtend runs that library on the same transactions")


class Result(JobResult):
    """Counts of a mining run; every row of the input is in exactly one of the first four."""

    transactions: int = Field(description="rows that were mined")
    equal_texts: int = Field(description="rows left out because an earlier row has the same text")
    same_author_and_thread: int = Field(description="rows left out because their author already speaks in that thread")
    empty: int = Field(description="rows left out because they hold no item")
    itemsets: int = Field(description="frequent itemsets")
    tests: int = Field(description="rules that meet the support: each is one test the q-values account for")
    rules: int = Field(description="rules kept after confidence and q-value")
    redundant_rules: int = Field(description="kept rules that a shorter rule says as well")


def run(config: Config) -> Result:
    """Read documents, mine them, write itemsets and rules."""
    from fastnlp_jobs.jobs.mine.rules import mine
    from fastnlp_jobs.jobs.mine.transactions import read_transactions
    from fastnlp_jobs.schemas import ITEMSETS, RULES
    from fastnlp_jobs.tables import write_table

    transactions = read_transactions(config.input / "documents.parquet", config.items)
    found = mine(transactions.items, config)
    write_table(found.itemsets, config.output / "itemsets.parquet", ITEMSETS)
    write_table(found.rules, config.output / "rules.parquet", RULES)
    return Result(
        transactions=len(transactions.items),
        equal_texts=transactions.equal_texts,
        same_author_and_thread=transactions.same_author_and_thread,
        empty=transactions.empty,
        itemsets=found.itemsets.num_rows,
        tests=found.num_tests,
        rules=found.rules.num_rows,
        redundant_rules=found.num_redundant,
    )
