"""Pages as a browser shows them once their scripts have run."""

import contextlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.async_api import Error, Page
from playwright.async_api import TimeoutError as TooSlow

from fastnlp_jobs import retries
from fastnlp_jobs.errors import Refused, Unavailable
from fastnlp_jobs.sources.forum.parsing import Html
from fastnlp_jobs.sources.web.browser import load
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

_MS_IN_S = 1000
_SHOWN_MS = 10_000  # how long scripts may take to show something


@dataclass(frozen=True)
class Rendered:
    """Reads pages in one tab of a browser."""

    fetcher: Fetcher
    web: WebConfig
    tab: Page
    wanted: str  # CSS: something of it must be there before a page is read

    async def read(self, url: str) -> Html:
        """As `Fetcher.get`; a page that leads to another host is refused."""
        await self.fetcher.check(url)
        try:
            await self._open(url)
            with contextlib.suppress(TooSlow):  # then it is read as it is
                await self.tab.locator(self.wanted).first.wait_for(state="attached", timeout=_SHOWN_MS)
                await self.tab.wait_for_load_state("networkidle", timeout=_SHOWN_MS)
            text = await self.tab.content()
        except Error as error:
            reason = str(error).splitlines()[0]
            raise Unavailable(f"{_shown(url)}: the browser failed ({reason}); run the same command again") from error
        if len(text) > self.web.max_body_bytes:
            raise Refused(
                f"{_shown(url)}: larger than {self.web.max_body_mb:g} MB; raise web.max_body_mb if you trust the site"
            )
        return Html(self.tab.url, text, text.count("\ufffd"))

    async def _open(self, url: str) -> None:
        """Go to a page in its turn, again where the site says "not now"."""
        for _ in range(retries.MAX_TRIES):
            async with self.fetcher.turns.turn(urlsplit(url).hostname or ""):
                response = await load(self.tab, url, self.fetcher.refusals, self.web.timeout_s * _MS_IN_S)
            if response is None or self.fetcher.heard(response.url, response.status, response.headers):
                return
        raise Unavailable(f"{_shown(url)}: no answer in {retries.MAX_TRIES} tries; run the same command again later")


def _shown(url: str) -> str:
    return url.partition("?")[0]  # a query may hold secrets
