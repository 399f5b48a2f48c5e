"""Output folders that appear whole or not at all: written beside, flushed, renamed.

Beside `NAME` stand, while a run lasts: `NAME.run/lock`, `NAME.partial` (being written) and, for the
moment of a replacement, `NAME.old`. A run that was killed leaves them; the next one clears them.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastnlp_jobs import lineage
from fastnlp_jobs.errors import BadInput, JobError
from fastnlp_jobs.processes import sync_tree


def make_run_folder(output: Path) -> Path:
    """Create the folder beside `output` for its lock, logs and run record.

    Raises:
        BadInput: it cannot be created.
    """
    return make_folder(output.with_name(output.name + ".run"), "output")


def make_folder(folder: Path, key: str) -> Path:
    """Create the folder that the config's `key` asks for.

    Raises:
        BadInput: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{key}: cannot create {folder} ({error.strerror}); choose another {key}") from error
    return folder


def is_current(output: Path, record: dict[str, Any]) -> bool:
    """Whether `output` already holds what this run would write."""
    return output.is_dir() and lineage.is_intact(output, record)


def is_earlier(output: Path, record: dict[str, Any]) -> bool:
    """Whether `output` came from the same job and config, whatever it found then."""
    if not _is_ours(output):
        return False
    found = lineage.read(output)
    return all(found.get(key) == record[key] for key in ("job", "config"))


def obstacle(output: Path) -> str | None:
    """Why `output` is not written over without `--force`; None if it is free."""
    if not output.exists():
        return None
    if not _is_ours(output):
        return f"{output} exists and was not written by fastnlp; choose another output"
    return f"{output} exists and came from another config, input or version; --force replaces it"


def refuse_foreign(output: Path, *, force: bool) -> None:
    """Raise unless `output` is free, or ours and to be replaced.

    Raises:
        BadInput: names the obstacle.
    """
    reason = obstacle(output)
    if reason and not (force and _is_ours(output)):
        raise BadInput(f"output: {reason}")


def recover(output: Path) -> None:
    """Undo what a killed run left: the lock is held, so nobody else is writing."""
    partial, old = _partial(output), _old(output)
    if partial.exists():
        shutil.rmtree(partial)
    if old.exists() and not output.exists():
        old.rename(output)
    elif old.exists():
        shutil.rmtree(old)


@contextlib.contextmanager
def staged(output: Path) -> Iterator[Path]:
    """Give a folder to write into; on success it becomes `output`, on any failure it is removed.

    Raises:
        JobError: the disk is full.
    """
    partial, old = _partial(output), _old(output)
    try:
        partial.mkdir()
        yield partial
        sync_tree(partial)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)  # the next run clears what cannot be removed now
        if _is_disk_full(error):
            raise JobError(f"output: no space left while writing {output}; free some or choose another disk") from error
        raise
    if output.exists():
        output.rename(old)
    partial.rename(output)
    sync_tree(output)
    shutil.rmtree(old, ignore_errors=True)


def copy(earlier: Path, output: Path) -> None:
    """Make `output` a copy of a finished one; as links to the same files where both are on one disk."""
    with staged(output) as partial:
        shutil.copytree(earlier, partial, dirs_exist_ok=True, copy_function=link_or_copy)


def link_or_copy(source: str, target: str) -> None:
    """Make `target` the same file, or where the disk has no links a copy."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def _is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and (error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error))


def _is_ours(output: Path) -> bool:
    return output.is_dir() and (output / lineage.FILE).is_file()


def _partial(output: Path) -> Path:
    return output.with_name(output.name + ".partial")


def _old(output: Path) -> Path:
    return output.with_name(output.name + ".old")
