"""What nothing that was rejected is written without: all that leads to people taken out."""

import pyarrow as pa
import pyarrow.compute as pc

from fastnlp_core import normalize
from fastnlp_core.text import Step

_SHOWN_CHARACTERS = 200
_REJECTED_STEPS: tuple[Step, ...] = (
    "remove_control",
    "mask_urls",
    "mask_emails",
    "mask_mentions",
    "mask_ids",
    "mask_phones",
)


def mask_rejected(texts: list[str | None]) -> pa.Array:
    """The texts fit to be looked at: without addresses, names, numbers of people and control characters, cut short."""
    readable = [None if text is None else text.encode("utf-8", "replace").decode() for text in texts]
    masked, _ = normalize(pa.array(readable, pa.large_string()), _REJECTED_STEPS)
    return pc.utf8_slice_codeunits(masked, 0, _SHOWN_CHARACTERS).cast(pa.string())
