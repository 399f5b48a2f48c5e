"""Segmentation, frequent itemsets, near-duplicates and similarity over Arrow columns, in Rust."""

from fastnlp_core import errors
from fastnlp_core.similarity import jaccard

__all__ = ["errors", "jaccard"]
