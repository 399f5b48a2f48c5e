"""The parts that the shards of a job left: all there, in order, and of the run that reads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastnlp_jobs import lineage
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.shards import ShardedConfig


@dataclass(frozen=True)
class Part:
    """What one shard left."""

    folder: Path
    shard: str
    counts: dict[str, Any]  # the Result of its run


def read_parts(config: ShardedConfig) -> list[Part]:
    """The folders in `parts`, in the order of their shards.

    Raises:
        BadInput: there are none, one is missing, or one stands twice.
    """
    folder = config.parts
    assert folder is not None, "a config whose stage reads parts has them"
    records = [(path.parent, lineage.read(path.parent)) for path in sorted(folder.glob(f"*/{lineage.FILE}"))]
    parts = [Part(path, record["config"].get("shard") or "the whole", record["counts"]) for path, record in records]
    if not parts:
        raise BadInput(f"parts: expected a folder with the output of each shard, found none in {folder}")
    number = max(int(part.shard.partition("/")[2] or 1) for part in parts)
    expected = [f"{shard}/{number}" for shard in range(1, number + 1)]
    by_shard = {part.shard: part for part in parts}
    if sorted(part.shard for part in parts) != sorted(expected):
        found = ", ".join(f"{part.shard} ({part.folder.name})" for part in parts)
        raise BadInput(f"parts: {folder}: expected each shard of {number} once, found {found}")
    return [by_shard[shard] for shard in expected]


def refuse_foreign_parts(config: ShardedConfig, record: dict[str, Any]) -> None:
    """Raise unless every part was made from what this run, with the lineage `record`, is made from.

    Raises:
        BadInput: names the part.
    """
    if config.parts is None:
        return
    for part in read_parts(config):
        expected = {**record, "config": config.identity_of_part(part.shard)}
        found = lineage.read(part.folder)
        if differing := _differing(expected, found):
            raise BadInput(
                f"parts: {part.folder}: expected a part of the same run, got another {', '.join(differing)}; "
                "give every shard the config and input of the merge"
            )
        if not lineage.is_intact(part.folder, expected):
            raise BadInput(f"parts: {part.folder} was changed after it was written; run shard {part.shard} again")


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
