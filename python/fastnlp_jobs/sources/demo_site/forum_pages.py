"""The same comments as a forum: a paged index of threads, and threads of paged posts that quote each other."""

from datetime import UTC, datetime
from html import escape
from typing import TypeVar

from aiohttp import web

from fastnlp_jobs.sources.demo_site.content import CHINA_OFFSET, Comment, Video
from fastnlp_jobs.sources.demo_site.state import RULE, SITE

PAGE_SIZE = 20  # threads of an index page, posts of a thread's page
_QUOTED_CHARACTERS = 40
Entry = TypeVar("Entry")
# A thread for readers without JavaScript, and one that is empty until its script has fetched the posts.
_SCRIPTED = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>{title}</title>
<main></main>
<script>
fetch("/forum/thread/{id}" + location.search).then((answer) => answer.text()).then((page) => {{
  const thread = new DOMParser().parseFromString(page, "text/html");
  document.querySelector("main").replaceWith(thread.querySelector("main"));
}});
</script></html>
"""


def add_routes(app: web.Application) -> None:
    """Serve the forum."""
    app.router.add_get("/forum/", _index)
    app.router.add_get("/forum/thread/{id}", _thread)
    app.router.add_get("/forum/scripted/{id}", _scripted_thread)


async def _index(request: web.Request) -> web.Response:
    threads, pager = _paged(request, tuple(request.app[SITE].content.videos.values()))
    rows = "\n".join(
        f'<li class="thread" id="{_thread_id(thread)}"><a href="/forum/thread/{_thread_id(thread)}">'
        f'{escape(thread.title)}</a> <span class="size">{len(thread.posts)}</span></li>'
        for thread in threads
    )
    return _html("论坛", f"<ul>\n{rows}\n</ul>\n{pager}")


async def _thread(request: web.Request) -> web.Response:
    thread = _find(request)
    posts, pager = _paged(request, thread.posts)
    quotable = {post.id: post for post in thread.posts}
    shown = "\n".join(_post(post, quotable.get(post.answers or post.parent or "")) for post in posts)
    return _html(thread.title, f"<h1>{escape(thread.title)}</h1>\n{shown}\n{pager}")


async def _scripted_thread(request: web.Request) -> web.Response:
    thread = _find(request)
    page = _SCRIPTED.format(title=escape(thread.title), id=_thread_id(thread))
    return web.Response(text=page, content_type="text/html")


def _find(request: web.Request) -> Video:
    for thread in request.app[SITE].content.videos.values():
        if _thread_id(thread) == request.match_info["id"]:
            return thread
    raise web.HTTPNotFound


def _thread_id(video: Video) -> str:
    return video.id.replace("-v", "-t")


def _post_id(comment_id: str) -> str:
    return f"{comment_id}-post"


def _post(post: Comment, quoted: Comment | None) -> str:
    time = datetime.fromtimestamp(post.created_s, UTC) + CHINA_OFFSET
    return (
        f'<article class="post" id="{_post_id(post.id)}" data-label="{post.label}">\n'
        f'<a class="author" href="/people/{post.author.sec_uid}">{escape(post.author.nickname)}</a>\n'
        f'<time datetime="{time:%Y-%m-%dT%H:%M:%S}+08:00">{time:%Y-%m-%d %H:%M}</time>\n'
        f'<span class="region">{post.region}</span>\n'
        f'{_quote(quoted) if quoted else ""}<div class="text">{escape(post.text)}</div>\n'
        f'<span class="likes">{post.likes}</span>\n'
        "</article>"
    )


def _quote(quoted: Comment) -> str:
    who, what = escape(quoted.author.nickname), escape(quoted.text[:_QUOTED_CHARACTERS])
    return f'<blockquote class="quote" data-post="{_post_id(quoted.id)}"><cite>{who}</cite>: {what}</blockquote>\n'


def _paged(request: web.Request, entries: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], str]:
    """The entries of the page that is asked for, and the links to its neighbours."""
    text = request.query.get("page", "1")
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise web.HTTPBadRequest(text="page: expected a whole number of at least 1\n")
    page, last = int(text), -(-len(entries) // PAGE_SIZE)
    rule = request[RULE]
    following = 1 if rule and rule.kind == "loop" else page + 1
    links = [f'<a class="previous" rel="prev" href="?page={page - 1}">上一页</a>'] if page > 1 else []
    links += [f'<a class="next" rel="next" href="?page={following}">下一页</a>'] if page < last else []
    return entries[(page - 1) * PAGE_SIZE : page * PAGE_SIZE], f"<nav>{' '.join(links)}</nav>"


def _html(title: str, body: str) -> web.Response:
    head = f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(title)}</title>'
    return web.Response(text=f"{head}\n<main>\n{body}\n</main></html>", content_type="text/html")
