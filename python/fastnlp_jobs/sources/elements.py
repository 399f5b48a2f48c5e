"""Rows from XML: every element of one name is a row; its attributes are columns, what stands in it is its text.

The file is read as a stream. A document type declaration is refused, and with it every entity that could grow or lead
to another file; tags, texts and depth have a limit, so that no file can fill the memory.
"""

from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.files import UNDECODABLE

TEXT_COLUMN = "text"  # what stands in the element
MAX_TEXT = 131_072  # characters, as in a CSV cell
_MAX_TAG = 1 << 20  # characters that the parser may hold back because they end nothing
_MAX_DEPTH = 100
_CHUNK = 1 << 16
_MARK = "\ufdd0"  # stands for UNDECODABLE, which no parser takes; no character either, but allowed in XML

Cells = dict[str, str]


def read_elements(handle: IO[str], element: str, where: str) -> Iterator[Cells | None]:
    """The cells of each element, by name of the attribute; None where its text is too long.

    Attributes of the elements around it are `name/attribute`; elements in it give only their text.

    Raises:
        BadInput: no XML, or XML that could do harm; names `where` and the line.
    """
    reader = _Reader(element, where)
    while chunk := handle.read(_CHUNK):
        yield from reader.read(chunk)
    yield from reader.read("", is_last=True)


class _Reader:
    def __init__(self, element: str, where: str) -> None:
        self._element, self._where = element, where
        self._around: list[Cells] = []  # attributes of the open elements, by `name/attribute`
        self._row: Cells = {}
        self._row_depth = 0  # of the open row; 0: none is open
        self._texts: list[str] = []
        self._length = 0  # of the row's text, also of what is no longer kept
        self._done: list[Cells | None] = []
        self._read = self._ended = 0  # characters given to the parser, and those at its last event
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_document_type
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, chunk: str, *, is_last: bool = False) -> Iterator[Cells | None]:
        self._read += len(chunk)
        try:
            self._parser.Parse(chunk.replace(UNDECODABLE, _MARK), is_last)
        except expat.ExpatError as error:
            raise self._bad(f"expected XML, got {expat.errors.messages[error.code]}") from error
        if self._read - self._ended > _MAX_TAG:
            raise self._bad(f"expected the end of a tag or comment within {_MAX_TAG:,} characters, found none")
        done, self._done = self._done, []
        yield from done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._ended = self._read
        if len(self._around) == _MAX_DEPTH:
            raise self._bad(f"expected at most {_MAX_DEPTH} elements inside each other, got more")
        cells = {key: value.replace(_MARK, UNDECODABLE) for key, value in attributes.items()}
        if name == self._element and not self._row_depth:
            self._row = {key: value for around in self._around for key, value in around.items()} | cells
            self._row_depth = len(self._around) + 1
        self._around.append({f"{name}/{key}": value for key, value in cells.items()})

    def _end(self, _name: str) -> None:
        self._ended = self._read
        if len(self._around) == self._row_depth:
            text = "".join(self._texts).strip()
            self._done.append({**self._row, TEXT_COLUMN: text} if self._length <= MAX_TEXT else None)
            self._texts.clear()
            self._length = self._row_depth = 0
        self._around.pop()

    def _text(self, text: str) -> None:
        self._ended = self._read
        if not self._row_depth:
            return
        self._length += len(text)
        if self._length <= MAX_TEXT:
            self._texts.append(text.replace(_MARK, UNDECODABLE))

    def _refuse_document_type(self, *_: object) -> None:
        raise self._bad(
            "document type declarations are not read, their entities can do harm; remove the line <!DOCTYPE"
        )

    def _bad(self, what: str) -> BadInput:
        return BadInput(f"{self._where}:{self._parser.CurrentLineNumber}: {what}")
