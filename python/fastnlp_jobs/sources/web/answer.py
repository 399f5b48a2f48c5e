"""What a site answered: its bytes, as text or as JSON."""

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastnlp_jobs.errors import Unavailable

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_IN_HEADER = re.compile(r"""charset=["']?([\w.:-]{1,40})""", re.IGNORECASE)
_IN_PAGE = re.compile(rb"""<meta[^>]{0,200}charset=["']?([\w.:-]{1,40})""", re.IGNORECASE)
_PAGE_START_BYTES = 1024  # where browsers look for a <meta charset>
# Python knows more codecs than texts have (zip, idna, unicode_escape); these are the ones pages are written in.
_TEXT_CODECS = re.compile(r"utf-8|gb18030|big5(hkscs)?|shift_jis|cp\d{3,4}|euc_\w+|iso8859-\d+|koi8-[ru]")
# Read as browsers do: pages declare the smaller charset and use the larger one.
_LARGER = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "iso8859-1": "cp1252", "ascii": "cp1252"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A page that came whole, with status 200."""

    url: str  # where the redirects led
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    def text(self) -> tuple[str, int]:
        """The body as text, and how many of its characters could not be read (they become U+FFFD)."""
        charset = self._charset()
        try:
            return self.body.decode(charset), 0
        except UnicodeDecodeError:
            text = self.body.decode(charset, errors="replace")
            return text, text.count("\ufffd")

    def json(self) -> object:
        """The body as JSON.

        Raises:
            Unavailable: it is none; a login page, say, or an answer that was cut.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "no content-type")[:60]
            raise Unavailable(
                f"{self.url.partition('?')[0]}: expected JSON, got {len(self.body)} bytes of {kind!r} that are none; "
                "run the same command again, and look at the page in a browser if it stays so"
            ) from error

    def _charset(self) -> str:
        for mark, charset in _MARKS.items():
            if self.body.startswith(mark):
                return charset
        # A charset declared wrongly is common, and bytes of another one that happen to be valid UTF-8 are not.
        return "utf-8" if _is_utf8(self.body) else self._declared()

    def _declared(self) -> str:
        header = _IN_HEADER.search(self.headers.get("content-type", ""))
        page = _IN_PAGE.search(self.body[:_PAGE_START_BYTES])
        for name in (header and header[1], page and page[1].decode("ascii", errors="replace")):
            if name and (charset := _codec(name)):
                return charset
        return "utf-8"


def _codec(name: str) -> str | None:
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return None
    codec = _LARGER.get(codec, codec)
    return codec if _TEXT_CODECS.fullmatch(codec) else None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
