"""Which words occur together: frequent itemsets and association rules with honest p-values."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from fastnlp_jobs.job import Input, Output
from fastnlp_jobs.job import Result as JobResult
from fastnlp_jobs.shards import Parts, ShardedConfig, ShardName

EXTRA = "mine"


class Config(ShardedConfig):
    """Find words that occur together: frequent itemsets, and rules with tested p-values."""

    READS_PARTS_OF: ClassVar = {"count": None, "verify": "count", "merge": "verify"}

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
    stage: Literal["count", "verify", "merge"] | None = Field(
        None,
        description="count: find itemsets among some of the rows; verify: count those that any shard found; "
        "merge: sum the counts and find the rules; by default the whole job",
    )
    shard: ShardName | None = Field(None, description="which of the rows stages count and verify mine, such as 2/7")
    parts: Parts = Field(None, description="folder of the folders that the stage before wrote: for verify and merge")

    @model_validator(mode="after")
    def _only_our_engine_has_stages(self) -> Self:
        if self.stage is not None and self.engine != "core":
            raise ValueError(f"engine {self.engine} has no stages; use engine: core, or no shards")
        return self


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
    """Read documents, mine them, write itemsets and rules; or one stage of that (see `stages`)."""
    from fastnlp_jobs.jobs.mine.rules import find_rules, mine
    from fastnlp_jobs.jobs.mine.stages import count, sum_counts, sum_rows
    from fastnlp_jobs.jobs.mine.transactions import read_transactions
    from fastnlp_jobs.schemas import ITEMSETS, RULES
    from fastnlp_jobs.tables import write_table

    if config.stage == "merge":
        rows = sum_rows(config)
        found = find_rules(sum_counts(rows["transactions"], config), rows["transactions"], config)
    else:
        transactions = read_transactions(config)
        rows = transactions.rows
        if config.stage is not None:
            counted = count(transactions.items, config)
            return Result(**rows, itemsets=counted.num_rows, tests=0, rules=0, redundant_rules=0)
        found = mine(transactions.items, config)
    write_table(found.itemsets, config.output / "itemsets.parquet", ITEMSETS)
    write_table(found.rules, config.output / "rules.parquet", RULES)
    return Result(
        **rows,
        itemsets=found.itemsets.num_rows,
        tests=found.num_tests,
        rules=found.rules.num_rows,
        redundant_rules=found.num_redundant,
    )
