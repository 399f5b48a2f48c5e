"""Videos and their comments: JSON in the shape of Douyin's web site, and a page that loads it while it is scrolled."""

import json
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from aiohttp import web

from fastnlp_jobs.sources.demo_site.content import Comment, Content, Video
from fastnlp_jobs.sources.demo_site.people import Person
from fastnlp_jobs.sources.demo_site.state import RULE, SITE

MOST_COMMENTS = 50  # of one answer, whatever is asked for
_LIST, _REPLIES = "/aweme/v1/web/comment/list/", "/aweme/v1/web/comment/list/reply/"
_SHOWN_REPLIES = 3  # of a comment in the list; its reply list starts with the same ones
_UNKNOWN_VIDEO = 2053
_REPEATED = 5  # comments of the page before, where duplicates are asked for
_VIDEO_PAGE = Template(files(__package__).joinpath("video.html").read_text(encoding="utf-8"))


def add_routes(app: web.Application) -> None:
    """Serve the videos."""
    app.router.add_get("/videos", _videos_page)
    app.router.add_get("/videos.json", _videos_json)
    app.router.add_get("/video/{id}", _video_page)
    app.router.add_get(_LIST, _comments)
    app.router.add_get(_REPLIES, _replies)


async def _videos_json(request: web.Request) -> web.Response:
    videos = [
        {
            "aweme_id": video.id,
            "desc": video.title,
            "create_time": video.created_s,
            "statistics": {"comment_count": len(video.posts)},
        }
        for video in _content(request).videos.values()
    ]
    return _json({"status_code": 0, "aweme_list": videos, "has_more": 0})


async def _videos_page(request: web.Request) -> web.Response:
    rows = "\n".join(
        f'<li><a class="video" href="/video/{video.id}">{escape(video.title)}</a></li>'
        for video in _content(request).videos.values()
    )
    page = f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>影片</title><ul>\n{rows}\n</ul></html>'
    return web.Response(text=page, content_type="text/html")


async def _video_page(request: web.Request) -> web.Response:
    video = _content(request).videos.get(request.match_info["id"])
    if video is None:
        raise web.HTTPNotFound
    return web.Response(text=_VIDEO_PAGE.substitute(id=video.id, title=escape(video.title)), content_type="text/html")


async def _comments(request: web.Request) -> web.Response:
    video = _content(request).videos.get(request.query.get("aweme_id", ""))
    if video is None:
        return _json({"status_code": _UNKNOWN_VIDEO, "status_msg": "no such video", "comments": None})
    return _page(request, video, video.comments, len(video.posts))


async def _replies(request: web.Request) -> web.Response:
    video = _content(request).videos.get(request.query.get("item_id", ""))
    if video is None:
        return _json({"status_code": _UNKNOWN_VIDEO, "status_msg": "no such video", "comments": None})
    replies = video.replies.get(request.query.get("comment_id", ""), ())
    return _page(request, video, replies, len(replies))


def _page(request: web.Request, video: Video, comments: tuple[Comment, ...], total: int) -> web.Response:
    cursor, count = _number(request, "cursor", 0), min(_number(request, "count", 20), MOST_COMMENTS)
    end = cursor + count
    shown = comments[cursor:end]
    rule = request[RULE]
    fired = rule.kind if rule else None
    if fired == "loop":
        end = 0
    elif fired == "duplicates":
        shown = comments[max(0, cursor - _REPEATED) : end]
    elif fired == "vanish":
        shown = tuple(comment for place, comment in enumerate(shown) if place % 3)
    authors = {comment.id: comment.author for comment in comments}
    return _json(
        {
            "status_code": 0,
            "comments": [_comment(comment, video, authors) for comment in shown],
            "cursor": end,
            "has_more": int(end < len(comments)),
            "total": total,
        }
    )


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal()):
        raise web.HTTPBadRequest(text=f"{name}: expected a whole number of at least 0\n")
    return int(text)


def _comment(comment: Comment, video: Video, authors: dict[str, Person]) -> dict[str, Any]:
    mentions = comment.mentions
    fields = {
        "cid": comment.id,
        "text": comment.text,
        "aweme_id": video.id,
        "create_time": comment.created_s,
        "digg_count": comment.likes,
        "status": 1,
        "user": _user(comment.author),
        "reply_id": comment.parent or "0",
        "reply_to_reply_id": comment.answers or "0",
        "ip_label": comment.region,
        "text_extra": [_mention(mentions)] if mentions else [],
        "demo_label": comment.label,  # not Douyin's
    }
    if comment.parent is None:
        replies = video.replies.get(comment.id, ())
        fields["reply_comment_total"] = len(replies)
        by_id = {reply.id: reply.author for reply in replies}
        fields["reply_comment"] = [_comment(reply, video, by_id) for reply in replies[:_SHOWN_REPLIES]]
    if comment.answers:
        fields["reply_to_userid"] = authors[comment.answers].uid
        fields["reply_to_username"] = authors[comment.answers].nickname
    return fields


def _mention(person: Person) -> dict[str, Any]:
    return {"start": 0, "end": len(person.nickname) + 1, "user_id": person.uid, "sec_uid": person.sec_uid}


def _user(person: Person) -> dict[str, Any]:
    return {
        "uid": person.uid,
        "sec_uid": person.sec_uid,
        "unique_id": person.handle,
        "nickname": person.nickname,
        # `.invalid` is a name that no server can have: nobody is asked for a picture.
        "avatar_thumb": {"url_list": [f"https://avatars.demo-site.invalid/{person.sec_uid}.jpeg"]},
    }


def _content(request: web.Request) -> Content:
    return request.app[SITE].content


def _json(value: dict[str, Any]) -> web.Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(body=body, content_type="application/json", charset="utf-8")
