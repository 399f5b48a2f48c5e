"""A page of a forum into its posts and links, by CSS selectors."""

import re
from typing import TypedDict

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from fastnlp_jobs.sources.forum.config import ForumConfig

_ATTRIBUTE = re.compile(r"(?P<css>.*)@(?P<name>[\w:-]+)", re.DOTALL)
_BREAK = "\v"  # where the page breaks a line
_NO_TEXT = "script, style, template"
_BREAKERS = "br, p, div, li, tr, blockquote, pre"


class Post(TypedDict):
    """What a post says, as the page writes it."""

    id: str | None
    text: str | None
    author: str | None
    names: list[str]
    parent: str | None
    created_at: str | None
    region: str | None
    likes: str | None
    labels: list[str]


class Shown(TypedDict):
    """What a page shows; links as they are written."""

    posts: list[Post]
    threads: list[str]
    next: str | None


def read_page(html: str, config: ForumConfig) -> Shown:
    """Find what the selectors of `config` name."""
    page = LexborHTMLParser(html)
    links = [node.attributes.get("href") for node in _matches(page, config.thread)]
    following = [node.attributes.get("href") for node in _matches(page, config.next)]
    readers = [_Reader(post, config) for post in _matches(page, config.post)]
    posts = [reader.read() for reader in readers]
    # Reading a text takes parts out of the page: last of all, and inner posts before those around them.
    for reader, post in zip(reversed(readers), reversed(posts), strict=True):
        post["text"] = reader.read_text()
    return {
        "threads": [link for link in links if link],
        "next": next((link for link in following if link), None),
        "posts": posts,
    }


class _Reader:
    """Reads one post; posts may stand within posts, and what stands in an inner one is not of the outer one."""

    def __init__(self, post: LexborNode, config: ForumConfig) -> None:
        self._post = post
        self._config = config

    def read(self) -> Post:
        """All but the text."""
        wanted = self._config
        return {
            "id": self._first(wanted.id),
            "text": None,
            "author": self._first(wanted.author),
            "names": [name for selector in wanted.names for name in self._all(selector)],
            "parent": self._first(wanted.parent) if wanted.parent else self._around(),
            "created_at": self._first(wanted.created_at),
            "region": self._first(wanted.region),
            "likes": self._first(wanted.likes),
            "labels": self._all(wanted.labels),
        }

    def read_text(self) -> str | None:
        """The text as a reader sees it: what looks like one line is one line."""
        css, attribute = _split(self._config.text)
        if attribute or not (own := self._own(css)):
            return self._first(self._config.text)
        text = own[0]
        left_out = ", ".join(filter(None, [_NO_TEXT, self._config.post, self._config.without]))
        for part in reversed(_matches(text, left_out)):  # inner parts before those around them
            if part.mem_id != text.mem_id:
                part.decompose()
        for picture in _matches(text, "img[alt]"):
            picture.replace_with(picture.attributes["alt"] or "")
        for breaker in _matches(text, _BREAKERS):
            breaker.insert_before(_BREAK)
        lines = (" ".join(line.split()) for line in text.text().split(_BREAK))
        return "\n".join(line for line in lines if line)

    def _first(self, selector: str | None) -> str | None:
        return next(iter(self._all(selector)), None)

    def _all(self, selector: str | None) -> list[str]:
        if selector is None:
            return []
        css, attribute = _split(selector)
        values = (node.attributes.get(attribute) if attribute else node.text() for node in self._own(css))
        return [stripped for value in values if value and (stripped := value.strip())]

    def _own(self, css: str) -> list[LexborNode]:
        """What matches within the post and outside the posts within it."""
        if not css:
            return [self._post]
        found = _matches(self._post, css)
        return [node for node in found if (owner := self._owner(node)) and owner.mem_id == self._post.mem_id]

    def _owner(self, node: LexborNode | None) -> LexborNode | None:
        while node and not node.css_matches(self._config.post):
            node = node.parent
        return node

    def _around(self) -> str | None:
        owner = self._owner(self._post.parent)
        return _Reader(owner, self._config)._first(self._config.id) if owner else None


def _matches(place: LexborHTMLParser | LexborNode, css: str | None) -> list[LexborNode]:
    """Each match once, outer ones first; without a selector nothing."""
    return list({node.mem_id: node for node in place.css(css)}.values()) if css else []


def _split(selector: str) -> tuple[str, str | None]:
    """CSS, and the attribute that is wanted instead of the text."""
    found = _ATTRIBUTE.fullmatch(selector)
    return (found["css"].strip(), found["name"]) if found else (selector, None)


def check_selectors(config: ForumConfig) -> str | None:
    """Name and value of a selector that is none; None where all are."""
    page = LexborHTMLParser("")
    for name, selectors in config.selectors().items():
        for selector in selectors:
            try:
                _matches(page, _split(selector)[0])
            except SelectolaxError:
                return f"{name}: {selector!r}"
    return None
