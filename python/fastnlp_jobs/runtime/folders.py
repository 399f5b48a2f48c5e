"""The folders of this machine behind the paths that a container may write to, or finds its inputs at.

The root of a container is read-only, so whatever it writes lies in a mounted folder: a volume, /tmp, or one made for
the folder around an output's declared path.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fastnlp_jobs.runtime.executor import Mount, Try

ROOT = PurePosixPath("/")
_TMP = PurePosixPath("/tmp")
_SCRIPT = PurePosixPath("/argo/staging/script")  # where Argo puts it


class Folders:
    """What one try mounts."""

    def __init__(self, prepared: Try) -> None:
        """Plan the mounts; nothing is made yet."""
        self._try = prepared
        self._own: list[Path] = []
        self._outlive: set[Path] = set()  # sources of claims
        self.in_memory: list[PurePosixPath] = []
        self.writable: dict[PurePosixPath, Path] = {}
        self.read_only: dict[PurePosixPath, Path] = {}
        for mount in self._mounts("volume"):
            self._add_volume(mount)
        for parent in sorted({PurePosixPath(mount.path).parent for mount in self._mounts("output")} | {_TMP}):
            if self._here(parent) is None:
                self.writable[parent] = self._of_this_try(parent)
        for mount in self._mounts("input"):
            if mount.source is not None and mount.source.exists():
                self.read_only[PurePosixPath(mount.path)] = mount.source
        if prepared.script is not None:
            self.read_only[_SCRIPT] = self._private / "script"

    @property
    def script_path(self) -> str | None:
        """Where the container finds its script, if it has one."""
        return None if self._try.script is None else str(_SCRIPT)

    def make(self) -> None:
        """Make the folders, empty where they are this try's own, and a place to mount on in each that holds another."""
        for folder in self._own:
            folder.mkdir(parents=True)
        if self._try.script is not None:
            (self._private / "script").write_text(self._try.script, encoding="utf-8", newline="")
        for path, source in {**self.writable, **self.read_only}.items():
            self._make_mount_point(path, is_folder=source.is_dir())
        for _, written in self._outputs():
            _remove(written)
            written.parent.mkdir(parents=True, exist_ok=True)

    def collect(self) -> None:
        """Bring the outputs to their mounts' sources; what lies in a claim stays there too."""
        for mount, written in self._outputs():
            if mount.source is None or not (written.exists() or written.is_symlink()):
                continue
            if self._outlive.isdisjoint((written, *written.parents)):
                written.rename(mount.source)
            elif written.is_dir():
                shutil.copytree(written, mount.source, symlinks=True)
            else:
                shutil.copy2(written, mount.source)

    def clear(self) -> None:
        """Empty the folders of this try; they stay, so that its command can be run again."""
        for folder in self._own:
            shutil.rmtree(folder, ignore_errors=True)  # a container that ran as another user may have left files
            folder.mkdir(parents=True, exist_ok=True)

    def _add_volume(self, mount: Mount) -> None:
        path = PurePosixPath(mount.path)
        holds_output = any(path in PurePosixPath(output.path).parents for output in self._mounts("output"))
        if mount.in_memory and not holds_output:
            self.in_memory.append(path)
            return
        source = mount.source or self._of_this_try(path)
        (self.read_only if mount.read_only else self.writable)[path] = source
        if mount.source is not None:
            self._outlive.add(mount.source)

    def _make_mount_point(self, path: PurePosixPath, *, is_folder: bool) -> None:
        """Docker would make it as root, and the user could not remove it."""
        place = None if path == ROOT else self._here(path.parent)
        if place is None:
            return
        (place / path.name if is_folder else place).mkdir(parents=True, exist_ok=True)
        if not is_folder:
            (place / path.name).touch()

    def _outputs(self) -> Iterator[tuple[Mount, Path]]:
        for mount in self._mounts("output"):
            written = self._here(PurePosixPath(mount.path))
            if written is not None:
                yield mount, written

    def _here(self, path: PurePosixPath) -> Path | None:
        """Where a path of the container lies on this machine, if in a folder it may write to."""
        for folder in (path, *path.parents):
            if folder in self.writable:
                return self.writable[folder] / path.relative_to(folder)
        return None

    def _of_this_try(self, path: PurePosixPath) -> Path:
        folder = self._private / str(path).strip("/").replace("/", "-")
        self._own.append(folder)
        return folder

    def _mounts(self, kind: str) -> list[Mount]:
        return [mount for mount in self._try.mounts if mount.kind == kind]

    @property
    def _private(self) -> Path:
        return self._try.folder / "private"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
