"""How values look on the page: numbers for people, texts from strangers made harmless."""

import math
import re
from dataclasses import dataclass

from markupsafe import Markup

# Controls that reorder or hide what stands around them, and characters that HTML cannot hold.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
MAX_TEXT = 240
_LONGEST_REASON = 200
NOTHING = "–"
_SMALLEST_P = 1e-300


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page."""

    label: str
    value: str
    note: str


def text(value: str | None, max_length: int = MAX_TEXT) -> str:
    """A text with control characters made visible, cut to a length; escaping is the template's work."""
    if value is None:
        return NOTHING
    harmless = _UNSAFE.sub("\ufffd", value)
    return harmless if len(harmless) <= max_length else harmless[: max_length - 1] + "…"


def from_outside(value: str | None) -> Markup:
    """A text from outside within a sentence, whose direction it cannot turn."""
    return Markup("<bdi>{}</bdi>").format(text(value, _LONGEST_REASON))


def reason(code: str) -> str:
    """`near_duplicate` as words."""
    return text(code.replace("_", " "))


def integer(value: int) -> str:
    """`12345` as `12,345`."""
    return f"{value:,}"


def amount(number: int, unit: str) -> str:
    """`1 author`, `12,345 authors`."""
    return f"{integer(number)} {unit}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """A share as percent with one decimal; what is not nothing never shows as 0."""
    if 0 < share < 0.0005:
        return "< 0.1\u00a0%"
    if 0.9995 <= share < 1:
        return "> 99.9\u00a0%"
    return f"{share * 100:.1f}\u00a0%"


def number(value: float | None) -> str:
    """Three significant digits."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def probability(value: float | None) -> str:
    """A p- or q-value; one too small for the machine is a bound, not zero."""
    if value is None:
        return NOTHING
    if value < _SMALLEST_P:
        return "< 1e−300"
    return f"{value:.1e}".replace("-", "−") if value < 0.001 else f"{value:.3f}"


def size(num_bytes: int) -> str:
    """Bytes in a unit people read."""
    return f"{num_bytes / 1_000_000:.1f} MB" if num_bytes >= 1_000_000 else f"{num_bytes / 1000:.0f} kB"
