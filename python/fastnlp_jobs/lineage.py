"""Where an artifact came from: `lineage.json` beside its files, equal on every machine.

It holds config, hashes, package and counts; never a time, a host or an absolute path. Two artifacts
with the same lineage hold the same bytes.
"""

import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from fastnlp_jobs.errors import BadInput

FILE = "lineage.json"
_CHUNK_BYTES = 1 << 20


def expected(job: str, identity: dict[str, Any], inputs: dict[str, Path]) -> dict[str, Any]:
    """What a run of `job` would record before it counts anything: enough to know whether to run."""
    return {
        "job": job,
        "package": f"fastnlp-core {importlib.metadata.version('fastnlp-core')}",
        "config": identity,
        "seed": identity.get("seed"),
        "inputs": {name: {"name": path.name, "sha256": hash_path(path)} for name, path in inputs.items()},
    }


def write(folder: Path, record: dict[str, Any], counts: dict[str, Any]) -> None:
    """Complete `record` with the hashes of the files in `folder` and write it there."""
    files = {path.relative_to(folder).as_posix(): hash_path(path) for path in _files(folder)}
    text = json.dumps({**record, "outputs": files, "counts": counts}, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The lineage of an artifact folder.

    Raises:
        BadInput: there is none, or it is no JSON.
    """
    path = folder / FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{folder}: expected a folder written by a fastnlp job, found no {FILE} in it") from error
    except ValueError as error:
        raise BadInput(
            f"{path}: expected JSON, got something else ({error}); run the job that wrote it again"
        ) from error
    return record


def is_intact(folder: Path, record: dict[str, Any]) -> bool:
    """Whether `folder` was made by exactly this run and none of its files changed since."""
    if not (folder / FILE).is_file():
        return False
    found = read(folder)
    if any(found.get(key) != value for key, value in record.items()):
        return False
    return {path.relative_to(folder).as_posix(): hash_path(path) for path in _files(folder)} == found.get("outputs")


def describe_path(path: Path) -> dict[str, Any]:
    """Number of files and bytes below a path, for `--dry-run`."""
    files = _files(path) if path.is_dir() else [path]
    return {"path": str(path), "files": len(files), "bytes": sum(file.stat().st_size for file in files)}


def hash_path(path: Path) -> str:
    """SHA-256 of a file's bytes, or of a folder's file names and their hashes."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in [*_files(path), *path.glob(FILE)]:
            digest.update(f"{file.relative_to(path).as_posix()}\0{hash_path(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path) -> list[Path]:
    """The files of an artifact, sorted, without its lineage."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / FILE)
