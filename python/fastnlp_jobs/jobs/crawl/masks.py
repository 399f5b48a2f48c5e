"""What no text is written without: names of people taken out."""

import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import normalize
from fastnlp_jobs.sources.readers import Cells

MENTION = "<mention>"


def mask_mentions(texts: Cells) -> tuple[pa.Array, int]:
    """The texts with every @name as `<mention>`, and how many there were."""
    masked, counts = normalize(pa.array(texts, pa.large_string()), ["mask_mentions"])
    return masked.cast(pa.string()), pc.sum(counts["mask_mentions"]).as_py() or 0
