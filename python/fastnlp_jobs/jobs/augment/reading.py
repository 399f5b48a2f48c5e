"""The samples in an answer: of the JSON array that was asked for, or of the numbered list that came in its place."""

import json
import re
from typing import Any

from fastnlp_jobs.llm.answers import without_thoughts

KEY = "samples"
_NAMED_ARRAY = re.compile(rf'"{KEY}"\s*[:：]\s*\[\s*')
_ARRAY = re.compile(r'\[\s*(?=["{\[])')  # `[SEP]` in a sentence before it begins none
_BETWEEN = re.compile(r"\s*[,，]?\s*")
_ITEM = re.compile(r"^[ \t*#]*(?:\d{1,3}|(?:对话|样本|[Ss]ample|[Dd]ialogue|[Ee]xemple)\s*\d{1,3})\s*[.、:：)）]", re.M)
_PARAGRAPH = re.compile(r"\n\s*\n")
_DECODER = json.JSONDecoder(strict=False)  # models break the line within a string


def read_samples(answer: str, separator: str | None) -> list[str]:
    """The samples of an answer; those of a batch that was cut off, up to the cut. Reads anything, raises nothing.

    Items of a list that is no JSON are samples if they hold `separator`: without it they may be an excuse.
    """
    text = without_thoughts(answer)
    found = _of_arrays(text) or (_of_list(text, separator) if separator else [])
    return [sample for sample in (_encodable(one).strip() for one in found) if sample]


def _of_arrays(text: str) -> list[str]:
    first = _ARRAY.search(text)
    starts = list(_NAMED_ARRAY.finditer(text)) or ([first] if first else [])
    return [sample for start in starts for sample in _strings(text, start.end())]


def _strings(text: str, place: int) -> list[str]:
    """The strings of an array from its first on, up to its end, a cut or what is none."""
    found = list[str]()
    while text[place : place + 1] in ('"', "{"):
        try:
            value: Any
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        said = [value] if isinstance(value, str) else [one for one in value.values() if isinstance(one, str)]
        if len(said) != 1:  # which of several the sample is, nobody knows
            break
        found += said
        between = _BETWEEN.match(text, end)
        place = between.end() if between else end
    return found


def _of_list(text: str, separator: str) -> list[str]:
    starts = list(_ITEM.finditer(text))
    ends = [*(item.start() for item in starts[1:]), len(text)]
    found = []
    for start, end in zip(starts, ends, strict=False):
        paragraphs = _PARAGRAPH.split(text[start.end() : end])
        while paragraphs and separator not in paragraphs[-1]:  # a remark after the last item
            paragraphs.pop()
        if paragraphs:
            found.append(_unwrapped("\n".join(paragraphs).strip(), separator))
    return found


def _unwrapped(item: str, separator: str) -> str:
    """Without the brackets or quotes around the whole of it."""
    is_bracketed = (
        item[0] == "[" and item[-1] == "]" and not item.startswith(separator) and not item.endswith(separator)
    )
    return item[1:-1] if is_bracketed else item.strip('"“”*')


def _encodable(text: str) -> str:
    """Without halves of characters: JSON can hold one, UTF-8 cannot."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
