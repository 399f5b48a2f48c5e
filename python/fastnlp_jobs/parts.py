"""The parts that the stages of a job left: all there, in order, and of the run that reads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnlp_jobs import lineage
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.shards import StagedConfig


@dataclass(frozen=True)
class Part:
    """What one run of a stage left."""

    folder: Path
    name: str
    counts: dict[str, Any]  # the Result of its run


def read_parts(config: StagedConfig) -> list[Part]:
    """The folders in `parts`, in the order of `part_names`.

    Raises:
        BadInput: there are none, one is missing, or one stands twice.
    """
    folder = config.parts
    assert folder is not None, "a config whose stage reads parts has them"
    records = [(path.parent, lineage.read(path.parent)) for path in sorted(folder.glob(f"*/{lineage.FILE}"))]
    parts = [Part(path, record["config"].get(config.PART) or "the whole", record["counts"]) for path, record in records]
    if not parts:
        raise BadInput(f"parts: expected a folder with the output of each {config.PART}, found none in {folder}")
    expected = config.part_names([part.name for part in parts])
    by_name = {part.name: part for part in parts}
    if sorted(part.name for part in parts) != sorted(expected):
        found = ", ".join(f"{part.name} ({part.folder.name})" for part in parts)
        missing = ", ".join(name for name in expected if name not in by_name)
        lacks = f"; {missing} is missing" if missing else ""
        raise BadInput(f"parts: {folder}: expected each {config.PART} of {len(expected)} once, found {found}{lacks}")
    return [by_name[name] for name in expected]


def refuse_foreign_parts(config: StagedConfig, record: dict[str, Any]) -> None:
    """Raise unless every part was made from what this run, with the lineage `record`, is made from.

    Raises:
        BadInput: names the part.
    """
    if config.parts is None:
        return
    for part in read_parts(config):
        expected = {**record, "config": config.identity_of_part(part.name)}
        found = lineage.read(part.folder)
        if differing := _differing(expected, found):
            raise BadInput(
                f"parts: {part.folder}: expected a part of the same run, got another {', '.join(differing)}; "
                f"give every {config.PART} the config and input of the merge"
            )
        if not lineage.is_intact(part.folder, expected):
            raise BadInput(
                f"parts: {part.folder} was changed after it was written; run {config.PART} {part.name} again"
            )


def _differing(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The keys of `expected` with another value in `found`, one level deep: `config.seed`."""
    names = []
    for key, value in expected.items():
        other = found.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            names += [f"{key}.{inner}" for inner in value.keys() | other.keys() if value.get(inner) != other.get(inner)]
        elif value != other:
            names.append(key)
    return sorted(names)
