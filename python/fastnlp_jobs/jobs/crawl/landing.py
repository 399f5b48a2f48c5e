"""A page as a site showed it into rows fit to be written: names become pseudonyms and masks before anything lands."""

import datetime
import re
from collections.abc import Callable
from itertools import zip_longest

from fastnlp_jobs.jobs.crawl.masks import MENTION, mask_mentions
from fastnlp_jobs.jobs.crawl.rows import is_plain, what_is_broken
from fastnlp_jobs.jobs.crawl.store import Landing, Reject, Row
from fastnlp_jobs.masks import mask_rejected
from fastnlp_jobs.sources.live import Page, RawComment, Scalar

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_LARGEST = 2**63 - 1
_SIGN = re.compile("[@＠]")


class PageMaker:
    """Turns pages into what lands."""

    def __init__(self, author: Callable[[str], str], extra: tuple[str, ...]) -> None:
        """`author` gives the pseudonym of a name; `extra` names what comments have beyond COMMENTS."""
        self._author = author
        self._extra = extra

    def make(self, page: Page) -> Landing:
        """What lands of `page`; a comment that cannot be a row is rejected with a reason."""
        problems = {at: reason for at, comment in enumerate(page.comments) if (reason := _problem(comment))}
        usable = [comment for at, comment in enumerate(page.comments) if at not in problems]
        names = {name for comment in usable for name in comment.names if name}
        unusable = _unusable([page.comments[at].text for at in problems], names) if problems else []
        rejected = [Reject(reason, text) for reason, text in zip(problems.values(), unusable, strict=True)]
        return Landing(
            stream=page.stream,
            cursor=page.cursor,
            rows=self._rows(usable, names),
            starts=page.starts,
            gone=page.gone,
            gone_authors=tuple((thread, self._author(author)) for thread, author in page.gone_authors),
            gone_threads=page.gone_threads,
            rejected=[*rejected, *(Reject(reason) for reason in page.rejected)],
            missed=page.missed,
        )

    def _rows(self, comments: list[RawComment], names: set[str]) -> list[Row]:
        texts = _masked([comment.text for comment in comments], names)
        extras = {
            name: _masked([_written(comment.extra.get(name)) for comment in comments], names) for name in self._extra
        }
        columns = zip_longest(*extras.values()) if extras else [()] * len(comments)
        rows = []
        for comment, text, extra in zip(comments, texts, columns, strict=True):
            rows.append(self._row(comment, text or "", dict(zip(self._extra, extra, strict=True))))
        return rows

    def _row(self, comment: RawComment, text: str, extra: dict[str, str | None]) -> Row:
        moment = comment.created_at
        return Row(
            id=comment.id,
            thread_id=comment.thread_id,
            parent_id=comment.parent_id or None,
            author=self._author(comment.author.strip()) if comment.author else None,
            created_at=None if moment is None else (moment - _EPOCH) // _MICROSECOND,
            region=comment.region or None,
            likes=comment.likes if comment.likes is None or comment.likes <= _LARGEST else None,
            lang=comment.lang or None,
            text=text,
            labels=comment.labels,
            extra=extra,
        )


def _masked(texts: list[str | None], names: set[str]) -> list[str | None]:
    """Without @names: those of people on this page whole, of others what can be seen to be a name."""
    if not _SIGN.search("".join(filter(None, texts))):
        return texts
    if found := _after_signs(texts, {len(name) for name in names}) & names:
        longest_first = sorted(found, key=lambda name: (-len(name), name))
        known = re.compile(f"{_SIGN.pattern}(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
        texts = [text and known.sub(MENTION, text) for text in texts]
    masked, _ = mask_mentions(texts)
    written: list[str | None] = masked.to_pylist()
    return written


def _unusable(texts: list[str], names: set[str]) -> list[str | None]:
    """What can be shown of texts that cannot be rows."""
    readable: list[str | None] = [text.encode("utf-8", "replace").decode() for text in texts]
    return [(text or "").strip() or None for text in mask_rejected(_masked(readable, names)).to_pylist()]


def _after_signs(texts: list[str | None], lengths: set[int]) -> set[str]:
    """What stands right after an @, as far as each of these lengths goes."""
    starts = ((text, sign.end()) for text in texts if text for sign in _SIGN.finditer(text))
    return {text[start : start + length] for text, start in starts for length in lengths}


def _problem(comment: RawComment) -> str | None:
    """Why a comment cannot be a row."""
    for field in ("id", "thread_id", "text"):
        if not getattr(comment, field).strip():
            return f"no {field}"
    fields = (comment.id, comment.thread_id, comment.parent_id, comment.author, comment.region, comment.lang)
    texts = [
        text for text in (*fields, comment.text, *comment.labels, *comment.extra.values()) if isinstance(text, str)
    ]
    return None if is_plain("".join(texts)) else next(filter(None, map(what_is_broken, texts)))


def _written(value: Scalar) -> str | None:
    """As JSON writes it, but a text without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
