from fastnlp_core._columns import ArrowArray, ArrowStream

def jaccard(left: ArrowArray | ArrowStream, right: ArrowArray | ArrowStream) -> ArrowArray: ...
def near_duplicates(
    texts: ArrowArray | ArrowStream, threshold: float, ngram: int
) -> tuple[list[ArrowArray], list[ArrowArray]]: ...
def normalize(
    column: ArrowArray | ArrowStream, steps: list[str], elongation_limit: int
) -> tuple[ArrowArray, list[ArrowArray]]: ...
def frequent_itemsets(
    transactions: ArrowArray | ArrowStream,
    min_support: float,
    max_length: int | None,
    kind: str,
    max_memory: int | None,
) -> ArrowArray: ...
def association_rules(
    items: ArrowArray | ArrowStream,
    support: ArrowArray | ArrowStream,
    count: ArrowArray | ArrowStream | None,
    judged_by: tuple[str, float, bool],
    num_transactions: int | None,
    max_memory: int | None,
) -> ArrowArray: ...
def benjamini_hochberg(p_values: ArrowArray | ArrowStream) -> ArrowArray: ...
