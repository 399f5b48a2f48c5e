"""What the misbehaviours do to an answer."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import lru_cache

from aiohttp import web

from fastnlp_jobs.sources.demo_site.misbehaviour import BODIES, STATUSES, Misbehaviour
from fastnlp_jobs.sources.demo_site.state import RULE, SITE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MEGABYTE = b'{"status_code":0,"comments":[' + b" " * ((1 << 20) - 29)
_PIECE_S = 0.05
_ARE_YOU_HUMAN = '<!doctype html><html lang="zh"><meta charset="utf-8"><title>验证</title><p>请完成验证后继续</html>'


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer as the site's rules say; the first rule that fires counts."""
    site = request.app[SITE]
    rule = site.note(request)
    request[RULE] = rule
    site.in_flight += 1
    site.most_in_flight = max(site.most_in_flight, site.in_flight)
    try:
        return await _answer(request, handler, rule)
    finally:
        site.in_flight -= 1


async def _answer(request: web.Request, handler: Handler, rule: Misbehaviour | None) -> web.StreamResponse:
    if rule is None:
        return await handler(request)
    if rule.kind in BODIES:
        answer = await handler(request)
        assert isinstance(answer, web.Response), "every page of this site is made before it is sent"
        assert isinstance(answer.body, bytes)
        return await _spoil(request, rule, answer.body, answer.headers["Content-Type"])
    if rule.kind in ("huge", "endless"):
        return await _send_much(request, rule)
    if rule.kind == "silent":
        await asyncio.sleep(rule.seconds)
    return _instead(request, rule) or await handler(request)


def _instead(request: web.Request, rule: Misbehaviour) -> web.Response | None:
    """A short answer in place of the right one."""
    match rule.kind:
        case "html":
            return web.Response(text=_ARE_YOU_HUMAN, content_type="text/html")
        case "redirect":
            return web.Response(status=302, headers={"Location": rule.to})
        case "redirect-loop":
            return web.Response(status=302, headers={"Location": request.path_qs})
        case "robots-forbid":
            return web.Response(text="User-agent: *\nDisallow: /\n")
        case "bomb":
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
            return web.Response(body=_bomb(rule.megabytes), headers=headers)
        case kind if kind in STATUSES:
            return web.Response(status=int(kind), text=f"{kind} as asked for\n", headers=_retry_after(rule))
    return None


def _retry_after(rule: Misbehaviour) -> dict[str, str]:
    if rule.retry_after_date_s:
        return {"Retry-After": formatdate(time.time() + rule.retry_after_date_s, usegmt=True)}
    return {"Retry-After": str(rule.retry_after_s)} if rule.retry_after_s else {}


@lru_cache(maxsize=2)
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)  # gzip
    return b"".join([*(packer.compress(_MEGABYTE) for _ in range(megabytes)), packer.flush()])


async def _spoil(request: web.Request, rule: Misbehaviour, body: bytes, content_type: str) -> web.StreamResponse:
    headers = {"Content-Type": content_type}
    if rule.kind == "broken":
        text = body.decode()  # halved as text: half of a character is trouble of another kind
        return web.Response(body=text[: len(text) // 2].encode(), headers=headers)
    if rule.kind == "charset":
        return web.Response(body=body.decode().encode("gb18030"), headers=headers)
    answer = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    with contextlib.suppress(ConnectionError):  # a client may have enough before we have
        await answer.prepare(request)
        if rule.kind == "cut":
            await answer.write(body[: len(body) // 2])
            if request.transport:
                request.transport.close()
            return answer
        pieces = max(2, int(rule.seconds / _PIECE_S))
        for number in range(pieces):
            await answer.write(body[len(body) * number // pieces : len(body) * (number + 1) // pieces])
            await asyncio.sleep(rule.seconds / pieces)
    return answer


async def _send_much(request: web.Request, rule: Misbehaviour) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    if rule.kind == "huge":
        answer.content_length = rule.megabytes * len(_MEGABYTE)
    with contextlib.suppress(ConnectionError):
        await answer.prepare(request)
        for _ in range(rule.megabytes):
            await answer.write(_MEGABYTE)
    return answer
