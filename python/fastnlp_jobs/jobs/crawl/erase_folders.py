"""Folders that an erasure replaces or deletes: first all are made ready beside, then changed by renames alone.

Beside `NAME` stand meanwhile `NAME.erasing` (what it becomes) and `NAME.erased` (what it was). Whoever is killed
leaves each folder as it was or as it becomes, once `recover` has looked at it.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from fastnlp_jobs.outputs import link_or_copy
from fastnlp_jobs.processes import sync_tree

_NEW, _OLD = ".erasing", ".erased"


def copy_beside(folder: Path) -> Path:
    """A copy to be edited; a file of it must be replaced, not written over: it may be a link to the same file."""
    beside = _beside(folder, _NEW)
    shutil.copytree(folder, beside, copy_function=link_or_copy)
    return beside


def drop_copy(folder: Path) -> None:
    """Take the copy away; nothing changes."""
    shutil.rmtree(_beside(folder, _NEW), ignore_errors=True)  # the next erasure clears what cannot be removed now


def change(folders: Iterable[Path]) -> None:
    """Put the copy of each folder in its place; delete a folder that has none."""
    for folder in folders:
        new, old = _beside(folder, _NEW), _beside(folder, _OLD)
        if new.exists():
            sync_tree(new)
        folder.rename(old)
        _put_in_place(folder)


def left_copies(path: Path) -> dict[Path, Path]:
    """By folder the copy that a killed erasure left beside it, somewhere below a path."""
    return {copy.with_suffix(""): copy for copy in sorted(path.rglob(f"*{_NEW}")) if copy.is_dir()}


def recover(path: Path) -> None:
    """Finish or undo what a killed erasure left somewhere below a path."""
    for suffix in (_OLD, _NEW):
        for left in sorted(folder for folder in path.rglob(f"*{suffix}") if folder.is_dir()):
            _put_in_place(left.with_suffix(""))


def _put_in_place(folder: Path) -> None:
    """The copy takes a place that is free, else it goes; what a folder was goes last."""
    new, old = _beside(folder, _NEW), _beside(folder, _OLD)
    if new.exists() and not folder.exists():
        new.rename(folder)
    elif new.exists():
        shutil.rmtree(new)
    if old.exists():
        shutil.rmtree(old)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(folder.name + suffix)
