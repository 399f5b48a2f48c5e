"""Which files an input means, what kind each is, and its text in whatever encoding it came."""

import codecs
import contextlib
import gzip
import importlib.util
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fastnlp_jobs.errors import BadInput

PACKAGE_PREFIX = "package:"
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".xml": "xml",
}
UNDECODABLE = "\udcff"  # stands for bytes that are no text; a lone surrogate, so no real text holds it
_CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

codecs.register_error("fastnlp_mark", lambda error: (UNDECODABLE, error.end))  # type: ignore[attr-defined]  # decoding errors have an end


@dataclass(frozen=True)
class SourceFile:
    """One file of the input."""

    path: Path
    name: str  # relative to the input folder, with `/`; the file's name where the input is one file
    format: str
    in_folder: bool  # the input is a folder

    @property
    def stem(self) -> str:
        """The file's name up to its first dot."""
        return self.path.name.split(".")[0]


def resolve_package(value: Any) -> Any:
    """Turn `package:NAME/folder` into the path of files that an installed package ships.

    Raises:
        ValueError: no such package.
    """
    if not isinstance(value, str) or not value.startswith(PACKAGE_PREFIX):
        return value
    name, _, folder = value.removeprefix(PACKAGE_PREFIX).partition("/")
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise ValueError(f"no package `{name}` is installed here; pip install {name}, or give a file or folder")
    return Path(found.submodule_search_locations[0]) / folder


def find_files(source: Path, pattern: str | None, file_format: str | None) -> list[SourceFile]:
    """The files to read, sorted by name.

    Args:
        source: a file, or a folder.
        pattern: glob below the folder; None takes every file whose ending is known.
        file_format: csv, jsonl, parquet, text or xml; None decides by each file's ending.

    Raises:
        BadInput: no file, or one of unknown kind.
    """
    if not source.is_dir():
        if pattern is not None:
            raise BadInput(f"files: a pattern needs a folder, but input is the file {source}; remove `files:`")
        return [SourceFile(source, source.name, file_format or _format_of(source), in_folder=False)]
    if pattern is not None and (not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts):
        raise BadInput(f"files: expected a pattern of names below the input folder, such as *.csv, got {pattern!r}")
    paths = [path for path in sorted(source.glob(pattern or "**/*")) if path.is_file()]
    if pattern is None:
        paths = [path for path in paths if _known_ending(path)]
    if not paths:
        wanted = f"matching files: {pattern}" if pattern else f"ending in {', '.join(FORMATS)} (or these and .gz)"
        raise BadInput(f"input: {source}: found no file {wanted}; check the folder, or set `files:` to a pattern")
    named = [(path.relative_to(source).as_posix(), path) for path in paths]
    return [SourceFile(path, name, file_format or _format_of(path), in_folder=True) for name, path in sorted(named)]


def _known_ending(path: Path) -> str | None:
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    if endings and endings[-1] == ".gz":
        endings.pop()
    return FORMATS.get(endings[-1]) if endings else None


def _format_of(path: Path) -> str:
    if known := _known_ending(path):
        return known
    with path.open("rb") as handle:
        if handle.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC:
            return "parquet"
    raise BadInput(
        f"{path}: cannot tell its format by its name (expected {', '.join(FORMATS)}, or these and .gz); "
        "set `format:` to csv, jsonl, parquet, text or xml"
    )


def is_empty(file: SourceFile) -> bool:
    """Whether the file holds no byte, not counting compression."""
    with open_bytes(file.path) as handle:
        return not handle.read(1)


@contextlib.contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where it is gzip.

    Raises:
        BadInput: it cannot be opened, or its gzip data is damaged.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path}: cannot read the file ({error.strerror})") from error
    with raw:
        packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        raw.seek(0)
        try:
            yield gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[misc]  # both read bytes
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(f"{path}: its gzip data is damaged ({error}); fetch or pack the file again") from error


@contextlib.contextmanager
def open_text(path: Path, encoding: str) -> Iterator[IO[str]]:
    """The text of a file with its line ends as they are; bytes that are no text become `UNDECODABLE`."""
    with open_bytes(path) as raw:
        yield io.TextIOWrapper(raw, encoding=encoding, errors="fastnlp_mark", newline="")


def detect_encoding(path: Path) -> str:
    """utf-8-sig, utf-16 or utf-32 by byte order mark, else strict utf-8, else gb18030.

    A few damaged bytes do not turn UTF-8 into GB18030: more than half of the non-ASCII characters around the
    first damage must fit. GB18030 accepts much that is none, so a fifth of them must be in GB 2312 as well.

    Raises:
        BadInput: none of these fits; names the file and the key to set.
    """
    with open_bytes(path) as handle:
        head = handle.read(_CHUNK_BYTES)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if head.count(0) * 50 > len(head):
        raise BadInput(
            f"{path}: more than 2 % of its bytes are NUL, as in utf-16 without a byte order mark; "
            "set `encoding: utf-16-le` or `utf-16-be`, or repair the file"
        )
    damaged = _first_undecodable(path, "utf-8")
    if damaged is None or _share_encodable(damaged.decode("utf-8", "fastnlp_mark")) > 1 / 2:
        return "utf-8"
    as_chinese = damaged.decode("gb18030", "ignore")
    if _first_undecodable(path, "gb18030") is None and _share_encodable(as_chinese, "gb2312") > 1 / 5:
        return "gb18030"
    raise BadInput(
        f"{path}: expected text in utf-8, gb18030, or utf-16 with a byte order mark, found other bytes; "
        "set `encoding:` (such as big5, shift_jis, latin-1), or save the file as UTF-8"
    )


def _first_undecodable(path: Path, encoding: str) -> bytes | None:
    """The chunk of the file in which decoding fails first; None if all of it decodes."""
    decoder = codecs.getincrementaldecoder(encoding)()
    last = b""
    with open_bytes(path) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            last = chunk
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return chunk
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return last
    return None


def _share_encodable(text: str, encoding: str = "utf-8") -> float:
    """Share of the non-ASCII characters of `text` that `encoding` has."""
    kept = text.encode(encoding, "ignore").decode(encoding)
    return _count_non_ascii(kept) / max(1, _count_non_ascii(text))


def _count_non_ascii(text: str) -> int:
    return sum(character > "\x7f" for character in text)
