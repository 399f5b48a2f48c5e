"""Like counts as pages show them (`1.2万`, `3,456`, `10万+`) into whole numbers."""

import re
from decimal import Decimal

_SCALES = {"": 1, "k": 1_000, "千": 1_000, "w": 10_000, "万": 10_000, "m": 1_000_000, "亿": 100_000_000}
_NUMBER = re.compile(r"(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<fraction>\.\d+)? *(?P<scale>[kwm千万亿]?)\+?", re.ASCII)
_NO_LIKES_YET = "赞"  # the button's own label stands where no number does
_LARGEST = 2**63 - 1


def read_likes(cell: str | None) -> int | None:
    """Read one cell; None where it is empty or no whole number (`10万+` is read as 10万)."""
    written = (cell or "").strip().lower()
    if written == _NO_LIKES_YET:
        return 0
    found = _NUMBER.fullmatch(written)
    if found is None:
        return None
    exact = Decimal(found["digits"].replace(",", "") + (found["fraction"] or "")) * _SCALES[found["scale"]]
    return int(exact) if exact == exact.to_integral_value() and exact <= _LARGEST else None
