"""Where the files of a run stand: each try's own, the artifacts that are kept, the run's own repository."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hera.workflows import models

from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.runtime.call import Call, Raw, Source, Stored
from fastnlp_jobs.runtime.tags import substitute


class FileError(ValueError):
    """An artifact cannot be found or kept; the message says why."""


@dataclass(frozen=True)
class Store:
    """The artifacts of a run."""

    folder: Path  # of the run
    _hashes: dict[Path, str] = field(default_factory=dict)  # of what was kept, which never changes

    def keep(self, written: Path, call: Call, artifact: models.Artifact) -> Path:
        """Move what a try wrote to where later steps read it."""
        kept = self.place(call, artifact)
        if kept.is_dir():
            shutil.rmtree(kept)  # of a try that failed
        kept.parent.mkdir(parents=True, exist_ok=True)
        written.replace(kept)
        self._hashes[kept] = hash_path(kept)
        return kept

    def hash_of(self, path: Path) -> str | None:
        """SHA-256 of a file, or of a folder's names and files; None: nothing stands there."""
        return self._hashes.get(path) or (hash_path(path) if path.exists() else None)

    def place(self, call: Call, artifact: models.Artifact) -> Path:
        """Where an output artifact is kept: under its own key, else under its step and name."""
        if artifact.s3 is not None and artifact.s3.key:
            return self._keyed(substitute(artifact.s3.key, call.values))
        return self.folder / "artifacts" / (call.path or "main") / file_name(artifact)

    def find(self, source: Source) -> Path | None:
        """Where a given artifact stands; None: it is a text, or was not written."""
        if isinstance(source, Raw):
            return None
        path = self._keyed(source.key) if isinstance(source, Stored) else source
        return path if path.exists() else None

    def _keyed(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or ".." in parts or key.startswith("/"):
            raise FileError(f"artifact key {key!r}: expected a relative path without `..`")
        return self.folder.joinpath("keys", *parts)


def input_file(store: Store, try_folder: Path, artifact: models.Artifact, sources: Mapping[str, Source]) -> Path:
    """Where an input artifact stands for a try; what another step wrote is read in place, never copied.

    Raises:
        FileError: it is not optional, and nothing wrote it.
    """
    source = sources.get(artifact.name)
    path = try_folder / "inputs" / file_name(artifact)
    if isinstance(source, Raw):
        path.write_text(source.text, encoding="utf-8", newline="")
        return path
    found = None if source is None else store.find(source)
    if found is None and not artifact.optional:
        wanted = source.key if isinstance(source, Stored) else artifact.name
        raise FileError(f"artifact {artifact.name} failed to load: {wanted} was not written by any step of this run")
    return found or path


def output_file(try_folder: Path, artifact: models.Artifact) -> Path:
    """Where a try writes an output artifact."""
    return try_folder / "outputs" / file_name(artifact)


def parameter_file(try_folder: Path, parameter: models.Parameter) -> Path:
    """Where a try writes the value of an output parameter."""
    return try_folder / "parameters" / parameter.name


def file_name(artifact: models.Artifact) -> str:
    """The artifact's name with the ending its declared path has."""
    return artifact.name + PurePosixPath(artifact.path or "").suffix
