"""What a text is written in: letters of which script, and traditional or simplified Chinese."""

import unicodedata
from collections import Counter

_SCRIPTS = {"zh": "CJK", "fr": "LATIN", "en": "LATIN"}  # as names of characters begin


def is_written_in(text: str, language: str) -> bool:
    """Whether at least half of the letters are of the language's script; so French and English are not told apart."""
    letters = Counter(unicodedata.name(sign, "").split(" ")[0] for sign in text if sign.isalpha())
    return 2 * letters[_SCRIPTS[language]] >= letters.total() > 0


def chinese(text: str) -> Counter[str]:
    """How many characters only simplified Chinese has, and how many only traditional Chinese.

    GB 2312 is the set of the simplified characters in use, Big5 of the traditional ones.
    """
    simplified, traditional = _encodable(text, "gb2312"), _encodable(text, "big5")
    return Counter(
        simplified=len(simplified) - len(_encodable(simplified, "big5")),
        traditional=len(traditional) - len(_encodable(traditional, "gb2312")),
    )


def _encodable(text: str, charset: str) -> str:
    return text.encode(charset, "ignore").decode(charset)
