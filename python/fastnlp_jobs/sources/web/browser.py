"""A real Chromium that goes to checked addresses only, keeps nothing, downloads nothing and says who runs it."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, BrowserType, Error, Page, Response, Route, async_playwright
from playwright.async_api import TimeoutError as TooSlow

from fastnlp_jobs.errors import BadInput, Refused, Unavailable
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.gate import Gate

_LOOK_ONLY = {"image", "media", "font"}  # what a program has no use for
_ARGUMENTS = [
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # nothing goes past the gate
    "--disable-quic",
]
_SANDBOX_TROUBLE = "sandbox"


class LedElsewhere(Refused):
    """A page led to another host."""


@contextlib.asynccontextmanager
async def open_page(
    web: WebConfig, program: str, profile: Path | None, refusals: dict[str, str], on_event: Callable[..., None]
) -> AsyncIterator[Page]:
    """The one page of a browser.

    Args:
        web: which hosts may be private, and how large answers may be.
        program: Chromium's name on PATH, the path of its program, or a channel that playwright knows.
        profile: folder of a profile to use; without it, cookies and caches last as long as the page.
        refusals: is where hosts are noted that it was kept from, and why.
        on_event: is told what is out of the ordinary (a message and fields).

    Raises:
        BadInput: the browser does not start.
    """
    async with Gate(web, refusals) as gate, async_playwright() as playwright:
        context = await _start(playwright.chromium, program, profile, gate.address, on_event)
        try:
            page = context.pages[0] if context.pages else await context.new_page()
            await _restrict(context, page)
            await _introduce(context, page, web.user_agent)
            yield page
        finally:
            await context.close()
            if context.browser:
                await context.browser.close()


async def load(page: Page, address: str, refusals: Mapping[str, str], timeout_ms: float) -> Response | None:
    """Load a page, and no other than the one that was asked for.

    Raises:
        Unavailable: it took too long.
        LedElsewhere: it led to another host, whose robots.txt was not asked.
        Refused: it led to an address that must not be connected to.
        Error: the browser failed.
    """
    where = address.partition("?")[0]  # a query may hold secrets
    known = set(refusals)
    try:
        response = await page.goto(address, wait_until="domcontentloaded", timeout=timeout_ms)
    except TooSlow as error:
        raise Unavailable(f"{where}: did not load in time; run the same command again later") from error
    except Error as error:
        for host in sorted(set(refusals) - known):  # a redirect led there
            raise Refused(refusals[host]) from error
        raise
    host = urlsplit(page.url).hostname or ""
    if host in refusals:
        raise Refused(refusals[host])
    if host != urlsplit(address).hostname:
        raise LedElsewhere(f"{where}: led to {host}, as sites do that want a login, and the crawl stops")
    return response


async def _start(
    chromium: BrowserType, program: str, profile: Path | None, proxy: str, on_event: Callable[..., None]
) -> BrowserContext:
    """Start it in its sandbox, or without one where the machine does not let programs make one (containers)."""
    try:
        return await _launch(chromium, program, profile, proxy, sandbox=True)
    except Error as error:
        if _SANDBOX_TROUBLE not in str(error):
            raise _no_browser(program, error) from error
    on_event("this machine does not let the browser make its sandbox; it runs without")
    try:
        return await _launch(chromium, program, profile, proxy, sandbox=False)
    except Error as error:
        raise _no_browser(program, error) from error


async def _launch(
    chromium: BrowserType, program: str, profile: Path | None, proxy: str, *, sandbox: bool
) -> BrowserContext:
    found = program if Path(program).is_file() else shutil.which(program)
    start: dict[str, Any] = {
        "args": _ARGUMENTS,
        "chromium_sandbox": sandbox,
        "handle_sigint": False,  # the job stops cleanly, and the browser with it
        "handle_sigterm": False,
        "proxy": {"server": proxy, "bypass": "<-loopback>"},  # the loopback, too, goes through the gate
        **({"executable_path": found} if found else {"channel": program}),
    }
    use: dict[str, Any] = {"accept_downloads": False, "service_workers": "block", "locale": "zh-CN"}
    if profile is not None:
        return await chromium.launch_persistent_context(profile, **start, **use)
    browser = await chromium.launch(**start)
    return await browser.new_context(**use)


def _no_browser(program: str, error: Error) -> BadInput:
    reason = str(error).strip().splitlines()[0]
    return BadInput(
        f"browser: cannot start {program} ({reason}); install Chromium (Debian: apt install chromium; elsewhere: "
        "playwright install chromium) and name it or its path"
    )


async def _restrict(context: BrowserContext, page: Page) -> None:
    """No pictures, no second window, no socket that stays open."""

    async def choose(route: Route) -> None:
        if route.request.resource_type in _LOOK_ONLY:
            await route.abort()
        else:
            await route.continue_()

    closing: set[asyncio.Task[None]] = set()

    def close(other: Page) -> None:
        if other is not page:
            task = asyncio.create_task(other.close())
            closing.add(task)
            task.add_done_callback(closing.discard)

    await context.route("**/*", choose)
    await context.route_web_socket("**", lambda socket: socket.close())
    context.on("page", close)
    page.on("dialog", lambda dialog: dialog.dismiss())


async def _introduce(context: BrowserContext, page: Page, user_agent: str) -> None:
    """Add to the browser's own name who runs it."""
    own = await page.evaluate("navigator.userAgent")
    session = await context.new_cdp_session(page)
    await session.send("Network.setUserAgentOverride", {"userAgent": f"{own} {user_agent}"})
