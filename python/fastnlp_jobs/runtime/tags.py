"""Tags such as `{{inputs.parameters.n}}` in the texts of a workflow."""

import re
from collections.abc import Mapping

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def tags(text: str) -> list[str]:
    """The names between double braces, in order."""
    return [name.strip() for name in _TAG.findall(text)]


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Fill in every tag; values are not looked through for tags again.

    Raises:
        KeyError: a tag without a value; `check` refuses such a workflow before it starts.
    """
    return _TAG.sub(lambda match: values[match[1].strip()], text)
