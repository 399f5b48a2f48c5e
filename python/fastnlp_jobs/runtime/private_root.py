"""A root folder of its own for one try: the machine as it is, but with the declared paths where the template says.

Linux only. The try's process gets a private mount namespace; the rest of the machine does not see what is mounted in
it, and two tries never see each other's declared paths. This file is also the program that builds the root and becomes
the command: it must start fast and needs nothing but the standard library.
"""

import ctypes
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18  # MS_BIND, MS_REC, MS_PRIVATE
_PLACEHOLDERS = ".placeholders.json"  # beside the root: what is removed after the try
_ENTRIES_OF = ""  # key in the tree of declared paths, where names stand: the folder whose entries it has
_NOWHERE = "/nowhere/at/all"


@dataclass
class _Layout:
    """What was put into the root folder, and what is to be mounted on it."""

    binds: list[tuple[Path, Path, bool]] = field(default_factory=list)  # source, target, whether the try needs it
    placeholders: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What the private root shall hold beside the machine's own files."""

    root: Path  # the folder that becomes the root
    declared: Mapping[
        str, Path | None
    ]  # by absolute path what stands there; None: nothing yet, but the folder around it
    empty: Sequence[str] = ()  # folders that hold nothing but what is declared in them


def command(file: Path, plan: Plan, folder: Path, words: Sequence[str]) -> list[str]:
    """The command line that runs `words` behind a private root.

    Args:
        file: written by this function; all the rest stands in it.
        plan: what the root holds.
        folder: where the command starts.
        words: program and arguments.
    """
    specification = {
        "root": str(plan.root),
        "declared": {path: source and str(source) for path, source in plan.declared.items()},
        "empty": list(plan.empty),
        "folder": str(folder),
        "words": list(words),
    }
    file.write_text(json.dumps(specification, ensure_ascii=False), encoding="utf-8")
    return [sys.executable, "-I", "-S", str(Path(__file__)), str(file)]


def clear(root: Path) -> None:
    """Remove what was only there to mount on, each only if it is empty: what the try wrote stays."""
    listed = root.with_suffix(_PLACEHOLDERS)
    if not listed.exists():
        return
    for name in reversed(json.loads(listed.read_text(encoding="utf-8"))):
        path = Path(name)
        try:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:  # the try wrote into it, or removed it
            continue
    listed.unlink()


def _build(root: Path, declared: Mapping[str, str | None], empty: Sequence[str]) -> _Layout:
    tree: dict[str, object] = {}
    for path in empty:
        _branch(tree, path)[_ENTRIES_OF] = _NOWHERE
    for path, source in sorted(declared.items()):  # a folder before what stands in it
        parent, _, name = path.rstrip("/").rpartition("/")
        _branch(tree, parent)[name] = source
    layout = _Layout()
    _compose(layout, Path("/"), root, tree)
    placeholders = json.dumps([str(path) for path in layout.placeholders])
    root.with_suffix(_PLACEHOLDERS).write_text(placeholders, encoding="utf-8")
    return layout


def _branch(tree: dict[str, object], path: str) -> dict[str, object]:
    """The part of the tree that stands for a folder; one that is mounted whole is taken apart."""
    for name in PurePosixPath(path).parts[1:]:
        part = tree.get(name, {})
        tree[name] = {_ENTRIES_OF: part} if isinstance(part, str) else part
        tree = tree[name]  # type: ignore[assignment]  # a tree of dicts has no finite type
    return tree


def _compose(layout: _Layout, original: Path, here: Path, tree: dict[str, object]) -> None:
    """A folder with the original's entries, except those that the tree replaces."""
    here.mkdir(parents=True, exist_ok=True)
    layout.placeholders.append(here)
    original = Path(str(tree.pop(_ENTRIES_OF, original)))
    for name, part in tree.items():
        if isinstance(part, dict):
            _compose(layout, original / name, here / name, part)
        elif isinstance(part, str):
            _place(layout, Path(part), here / name, needed=True)
    for entry in _entries(original):
        if entry.name not in tree:
            _place(layout, entry, here / entry.name, needed=False)


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(folder.iterdir())


def _place(layout: _Layout, source: Path, target: Path, *, needed: bool) -> None:
    if source.is_symlink():
        target.unlink(missing_ok=True)  # it may stand there when a try is run again by hand
        target.symlink_to(source.readlink())
    else:
        target.mkdir(exist_ok=True) if source.is_dir() else target.touch()
        layout.binds.append((source, target, needed))
    layout.placeholders.append(target)


def _enter(root: Path, binds: Sequence[tuple[Path, Path, bool]], folder: str, words: list[str]) -> None:
    """Become `words` in a namespace of its own whose root is `root`."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    _checked(libc.unshare(_NEW_NAMESPACE | (_NEW_USER if user else 0)), "unshare")
    if user:  # mounting takes rights, which a user has only in a namespace of users of their own
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path("/proc/self", name).write_text(text, encoding="ascii")
    # without this, what is mounted here would show on the whole machine
    _checked(libc.mount(None, b"/", None, _RECURSIVE | _PRIVATE, None), "mount /")
    for source, target, needed in binds:
        done = libc.mount(os.fsencode(source), os.fsencode(target), None, _BIND | _RECURSIVE, None)
        if needed:  # anything else may have gone away since it was listed
            _checked(done, f"mount {source}")
    os.chroot(root)
    os.chdir(folder)
    os.execv(words[0], words)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    layout = _build(Path(given["root"]), given["declared"], given["empty"])
    _enter(Path(given["root"]), layout.binds, given["folder"], given["words"])
