"""Text normalisation in named steps."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import pyarrow as pa

from fastnlp_core import _native
from fastnlp_core._arguments import as_count, as_names
from fastnlp_core._columns import Column, as_column

Step: TypeAlias = Literal[
    "nfkc",
    "halfwidth",
    "lowercase",
    "remove_zero_width",
    "remove_control",
    "collapse_whitespace",
    "fold_elongations",
    "remove_emoji",
    "remove_kaomoji",
    "mask_urls",
    "mask_emails",
    "mask_mentions",
    "mask_phones",
    "mask_ids",
]


def normalize(
    column: Column, steps: Sequence[Step], *, elongation_limit: int = 3
) -> tuple[pa.LargeStringArray, pa.Table]:
    """Normalise texts by named steps, in the order given, and count what each step changes.

    | step | what it does | counts |
    |---|---|---|
    | `nfkc` | Unicode form KC (full-width → ASCII, ① → 1, ｶﾞ → ガ) | changed stretches |
    | `halfwidth` | full-width ASCII and U+3000 to their usual width, nothing else | characters |
    | `lowercase` | lower case, character by character | characters |
    | `remove_zero_width` | invisible characters; those inside an emoji sequence stay | characters |
    | `remove_control` | control characters that are not white space | characters |
    | `collapse_whitespace` | each run of white space to one space, none at the ends | changed runs |
    | `fold_elongations` | 哈哈哈哈 → 哈哈哈, ouiiiii → ouiii; runs of 0 stay, they make numbers | changed runs |
    | `remove_emoji` | emoji, a whole sequence (family, flag, skin tone, keycap) as one | emoji |
    | `remove_kaomoji` | kaomoji of the common shapes: (^_^), (╯°□°)╯︵ ┻━┻, T_T | kaomoji |
    | `mask_urls` | http(s)://…, ftp://… and www.… to `<url>`; ends before the first non-ASCII character | addresses |
    | `mask_emails` | to `<email>` | addresses |
    | `mask_mentions` | @name to `<mention>`; a name is letters, digits, `_` and inner `-.·`, 30 at most | names |
    | `mask_phones` | Chinese and French numbers, and international ones with +, to `<phone>` | numbers |
    | `mask_ids` | Chinese (18 digits) and French (NIR) identity numbers with right check digits to `<id>` | numbers |

    A sensible order is the table's from `remove_zero_width`: `remove_kaomoji` before `nfkc` (which takes faces apart),
    masks after `halfwidth` or `nfkc` (they read ASCII digits and signs), `fold_elongations` after the masks (it would
    shorten numbers), `collapse_whitespace` last.

    Args:
        column: text column, n rows.
        steps: names from the table, each once.
        elongation_limit: longest run that `fold_elongations` leaves, 1 or more.

    Returns:
        The texts, large_string, n rows, and the counts: a table of n rows with one int32 column per step. A null text
        stays null and its counts are null.

    Raises:
        InputError: an unknown or repeated step, a limit of 0, or a row that is not UTF-8; names the place.
        ColumnTypeError: `column` is not a text column, or another argument is of the wrong type.

    >>> comments = ["看https://t.cn/abc好 @张三 哈哈哈哈", None]
    >>> texts, counts = normalize(comments, ["mask_urls", "mask_mentions", "fold_elongations"])
    >>> texts.to_pylist()
    ['看<url>好 <mention> 哈哈哈', None]
    >>> counts.to_pylist()[0]
    {'mask_urls': 1, 'mask_mentions': 1, 'fold_elongations': 1}
    """
    names = as_names("steps", steps)
    texts, counts = _native.normalize(
        as_column("column", column, pa.large_string()), names, as_count("elongation_limit", elongation_limit)
    )
    return pa.array(texts), pa.table([pa.array(count) for count in counts], names=names)
