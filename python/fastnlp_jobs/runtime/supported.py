"""What each runtime does with each field of a workflow; anything else is refused before the first step."""

from collections.abc import Iterator
from typing import Any

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.fields import MEANINGS, SECTIONS, Section


def refuse_unsupported(manifest: dict[str, Any]) -> None:
    """Raise if a field is set that this runtime would have to ignore.

    Args:
        manifest: the built workflow as Argo's YAML would hold it, without unset fields.

    Raises:
        BadInput: names every such field.
    """
    unknown = [where for where, pattern in _set_fields(manifest, "", "") if not _is_supported(pattern)]
    if unknown:
        listed = "\n".join(f"  {where}" for where in unknown)
        raise BadInput(f"the local runtime does not know these fields; remove them, or run on Argo:\n{listed}")


def page() -> str:
    """docs/runtimes.md: `python -m fastnlp_jobs.runtime.supported > docs/runtimes.md` writes it."""
    return "\n".join([_INTRODUCTION, *(_described(section) for section in SECTIONS)])


def _described(section: Section) -> str:
    places = " and ".join(f"`{place}`" for place in section.places if place)
    cells = [
        (f"`{field}`", meaning.here, meaning.docker or "as here", meaning.argo)
        for field, meaning in section.fields.items()
    ]
    rows = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in cells]
    head = ["| field | this machine | docker | Argo |", "|---|---|---|---|"]
    return "\n".join([f"## {section.title}", "", *([f"Under {places}:", ""] if places else []), *head, *rows, ""])


_INTRODUCTION = """\
# What the three runtimes do with a workflow

`hera submit --on local|docker|argo` runs the same built workflow. This page is made from the table that the runtimes
read (`python -m fastnlp_jobs.runtime.supported`): on this machine and in docker a field that does not stand here is
refused by name before the first step; nothing is ignored silently. `[]` is each item of a list, `*` anything below.
"""


def _is_supported(pattern: str) -> bool:
    """Known itself, below something known whole, or an empty group of known fields."""
    if pattern in MEANINGS or any(known.startswith((f"{pattern}.", f"{pattern}[")) for known in MEANINGS):
        return True
    return any(known.endswith("*") and pattern.startswith(known[:-1]) for known in MEANINGS)


def _set_fields(value: object, where: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Each leaf as (place with names, pattern of the table)."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            dot = "." if pattern else ""
            yield from _set_fields(child, f"{where}{dot}{key}", f"{pattern}{dot}{key}")
    elif isinstance(value, list) and value:
        for index, child in enumerate(value):
            label = child.get("name", index) if isinstance(child, dict) else index
            yield from _set_fields(child, f"{where}[{label}]", f"{pattern}[]")
    else:
        yield where, pattern


if __name__ == "__main__":
    print(page(), end="")
