"""Names in braces, as templates of prompts have them; `{{` may not stand in a config, workflows would expand it."""

import re

_PLACEHOLDER = re.compile(r"\{([^\W\d]\w*)\}")


def fill(template: str, **values: str) -> str:
    """`template` with `{name}` replaced once: what a value holds is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def placeholders(template: str) -> list[str]:
    """The names in braces, in order."""
    return _PLACEHOLDER.findall(template)
