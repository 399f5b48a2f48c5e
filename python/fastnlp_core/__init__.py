"""Segmentation, frequent itemsets, near-duplicates and similarity over Arrow columns, in Rust."""

from fastnlp_core import errors
from fastnlp_core.contamination import contamination
from fastnlp_core.itemsets import association_rules, benjamini_hochberg, count_itemsets, frequent_itemsets
from fastnlp_core.neardup import NearDuplicates, near_duplicates, ngram_counts, outline_texts
from fastnlp_core.segment import Segmenter
from fastnlp_core.similarity import jaccard
from fastnlp_core.text import Step, normalize

__all__ = [
    "NearDuplicates",
    "Segmenter",
    "Step",
    "association_rules",
    "benjamini_hochberg",
    "contamination",
    "count_itemsets",
    "errors",
    "frequent_itemsets",
    "jaccard",
    "near_duplicates",
    "ngram_counts",
    "normalize",
    "outline_texts",
]
