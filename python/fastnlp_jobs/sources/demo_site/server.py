"""The site itself, on a thread of this process."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from aiohttp import web

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.sources.demo_site import forum_pages, video_pages
from fastnlp_jobs.sources.demo_site.misbehaving import misbehave as misbehave_as_asked
from fastnlp_jobs.sources.demo_site.misbehaviour import ROBOTS, Misbehaviour
from fastnlp_jobs.sources.demo_site.state import SITE, DemoSite

_HOST = "127.0.0.1"
_PATIENCE_S = 0.1  # with answers that are not finished when the site stops
_START = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>demo-site</title>
<h1>fastnlp demo-site</h1>
<p>Real reviews under the names of invented people. <a href="/videos">videos</a> · <a href="/forum/">forum</a> ·
<a href="/rules">rules</a> · <a href="/robots.txt">robots.txt</a></html>
"""
_RULES = """<!doctype html><html lang="en"><meta charset="utf-8"><title>rules</title>
<h1>Rules</h1>
<ul>
<li>Programs may read videos, their comments and the forum, at the pace that robots.txt names.</li>
<li>Programs may not read pages of people (/people/) nor anything below /private/.</li>
<li>Say in your user agent who you are and how to reach you.</li>
<li>Stop when you are told 401 or 403; wait when you are told 429.</li>
</ul></html>
"""


@contextlib.contextmanager
def running_site(
    misbehave: Sequence[str] = (), *, revision: int = 0, crawl_delay_s: float = 0, port: int = 0
) -> Iterator[DemoSite]:
    """Run the site on a thread while the block runs.

    Args:
        misbehave: rules as `Misbehaviour.parse` reads them, such as `429,every=5`.
        revision: how many changes the comments have been through; `site.show` goes on to the next.
        crawl_delay_s: what robots.txt asks for between two requests.
        port: on the loopback; 0 takes a free one.

    Raises:
        BadInput: a rule that cannot be read, no package with the reviews, or a port in use.
    """
    if revision < 0:
        raise BadInput(f"revision: expected 0 or more, got {revision}")
    site = DemoSite([Misbehaviour.parse(rule) for rule in misbehave], revision, crawl_delay_s)
    started: Future[Callable[[], object]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(site, port, started)), name="demo-site")
    thread.start()
    try:
        started.result()
        yield site
    finally:
        if started.exception() is None:
            started.result()()
        thread.join()


async def _serve(site: DemoSite, port: int, started: Future[Callable[[], object]]) -> None:
    """Serve until the function that `started` brings is called."""
    runner = web.AppRunner(_application(site), access_log=None, shutdown_timeout=_PATIENCE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, port).start()
    except (OSError, OverflowError) as error:  # taken, not allowed, or no port at all
        problem = f"port {port}: cannot be used ({error}); take another, or 0 for a free one"
        started.set_exception(BadInput(problem))
    else:
        site.url = f"http://{_HOST}:{runner.addresses[0][1]}"
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        started.set_result(lambda: loop.call_soon_threadsafe(stopped.set))
        await stopped.wait()
    finally:
        await runner.cleanup()


def _application(site: DemoSite) -> web.Application:
    app = web.Application(middlewares=[misbehave_as_asked])
    app[SITE] = site
    app.router.add_get("/", _start)
    app.router.add_get("/rules", _rules)
    app.router.add_get(ROBOTS, _robots)
    app.router.add_get("/people/{id}", _nobody)
    app.router.add_get("/private/", _nobody)
    video_pages.add_routes(app)
    forum_pages.add_routes(app)
    return app


async def _start(_request: web.Request) -> web.Response:
    return web.Response(text=_START, content_type="text/html")


async def _rules(_request: web.Request) -> web.Response:
    return web.Response(text=_RULES, content_type="text/html")


async def _robots(request: web.Request) -> web.Response:
    delay = request.app[SITE].crawl_delay_s
    return web.Response(text=f"User-agent: *\nCrawl-delay: {delay:g}\nDisallow: /people/\nDisallow: /private/\n")


async def _nobody(_request: web.Request) -> web.Response:
    """What robots.txt forbids: it answers, so that only the request itself tells who came here."""
    return web.Response(text="robots.txt forbids to read this\n")
