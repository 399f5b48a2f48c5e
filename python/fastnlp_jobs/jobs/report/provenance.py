"""The chain of jobs behind the page, from the lineage.json of each folder, checked link by link."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fastnlp_jobs import lineage
from fastnlp_jobs.jobs.report import shown

if TYPE_CHECKING:
    from fastnlp_jobs.jobs.report import Config

_HASH_LETTERS = 12
_MAX_CONFIG = 64 * 1024


@dataclass(frozen=True)
class Step:
    """One job of the chain; `link` says whether it really read the folder shown before it."""

    job: str
    package: str
    link: str
    is_broken: bool
    counts: list[tuple[str, str]]
    inputs: list[tuple[str, str]]
    outputs: list[tuple[str, str]]
    config: str


def read_chain(config: "Config") -> list[Step]:
    """crawl, prepare, and where they ran mine, describe, label and augment.

    Raises:
        BadInput: a folder has no lineage.json.
    """
    comments, documents = (lineage.hash_path(folder) for folder in (config.comments, config.documents))
    of_documents = {documents: "documents"}
    examples = of_documents if config.labels is None else of_documents | {lineage.hash_path(config.labels): "labels"}
    links: list[tuple[Path | None, dict[str, str]]] = [
        (config.comments, {}),
        (config.documents, {comments: "comments"}),
        (config.patterns, of_documents),
        (config.description, of_documents),
        (config.labels, of_documents),
        (config.augmented, examples),
    ]
    return [_step(lineage.read(folder), sources) for folder, sources in links if folder is not None]


def _step(record: dict[str, Any], sources: dict[str, str]) -> Step:
    """`sources` are the folders that may stand before it: hash to name; none before the first step."""
    hashes = {name: entry["sha256"] for name, entry in record["inputs"].items()}
    read = [name for digest, name in sources.items() if digest in hashes.values()]
    is_broken = bool(sources) and not read
    link = f"exactly the {read[0]} shown here" if read else "the user's files"
    return Step(
        job=shown.text(record["job"]),
        package=shown.text(record["package"]),
        link=f"other {' or '.join(sources.values())} than those shown here" if is_broken else link,
        is_broken=is_broken,
        counts=list(_counts("", record["counts"])),
        inputs=[
            (shown.text(f"{name}: {record['inputs'][name]['name']}"), _short(hash_))
            for name, hash_ in sorted(hashes.items())
        ],
        outputs=[(shown.text(name), _short(hash_)) for name, hash_ in sorted(record["outputs"].items())],
        config=shown.text(yaml.safe_dump(record["config"], allow_unicode=True), _MAX_CONFIG),
    )


def _counts(group: str, counts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values, one line each; `removed: {too_long: 3}` as `removed: too long`, `3`."""
    for name, value in sorted(counts.items()):
        words = shown.text(group + name.replace("_", " "))
        if isinstance(value, dict) and value:
            yield from _counts(f"{words}: ", value)
        else:
            yield words, _count(value)


def _count(value: Any) -> str:
    if isinstance(value, int):
        return shown.integer(value)
    if isinstance(value, list | dict):
        return shown.text(", ".join(map(str, value)) or "none")
    return shown.text(None if value is None else str(value))


def _short(digest: str) -> str:
    return digest[:_HASH_LETTERS]
