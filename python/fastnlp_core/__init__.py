"""Segmentation, frequent itemsets, near-duplicates and similarity over Arrow columns, in Rust."""

from fastnlp_core import errors
from fastnlp_core.neardup import NearDuplicates, near_duplicates
from fastnlp_core.similarity import jaccard
from fastnlp_core.text import Step, normalize

__all__ = ["NearDuplicates", "Step", "errors", "jaccard", "near_duplicates", "normalize"]
