"""Tags such as `{{inputs.parameters.n}}` and `{{=asInt(inputs.parameters.n) + 1}}` in the texts of a workflow."""

import re
from collections.abc import Mapping

from fastnlp_jobs.runtime.evaluation import evaluate
from fastnlp_jobs.runtime.functions import as_text

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def tags(text: str) -> list[str]:
    """What stands between double braces, in order; an expression keeps its leading `=`."""
    return [name.strip() for name in _TAG.findall(text)]


def only_tag(text: str) -> str | None:
    """The tag of a text that is nothing else, such as `{{tasks.a.outputs.artifacts.x}}`."""
    match = _TAG.fullmatch(text.strip())
    return match[1].strip() if match else None


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Fill in every tag that has a value; the others stay, and values are not looked through for tags again.

    Raises:
        ExpressionError: an expression in a tag cannot be evaluated.
    """

    def filled(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("="):
            value = evaluate(name[1:], values)
            return match[0] if value is None else as_text(value)
        return values.get(name, match[0])

    return _TAG.sub(filled, text)
