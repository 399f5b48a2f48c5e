"""What a running site knows: which revision it shows, how it misbehaves, and what it was asked."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from fastnlp_jobs.sources.demo_site.content import Content, content_of
from fastnlp_jobs.sources.demo_site.misbehaviour import Misbehaviour

_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the site saw it."""

    at_s: float  # of time.monotonic
    path: str  # with the query
    headers: dict[str, str]  # names in lower case


class DemoSite:
    """A running site."""

    url: str  # such as http://127.0.0.1:40000, without a slash at its end; known when it runs

    def __init__(self, rules: Sequence[Misbehaviour], revision: int, crawl_delay_s: float) -> None:
        self.crawl_delay_s = crawl_delay_s
        self.requests: deque[Seen] = deque(maxlen=_REMEMBERED)  # the newest ones, in the order they came
        self.in_flight = 0
        self.most_in_flight = 0  # worth a look where answers take time (`slow`, `silent`): others never overlap
        self.show(revision)
        self._rules = rules
        self._matched = [0] * len(rules)

    def show(self, revision: int) -> None:
        """Show the site as it is after so many changes; works while it runs."""
        self.content: Content = content_of(revision)

    def note(self, request: web.Request) -> Misbehaviour | None:
        """Remember a request, and count it for each rule; the first rule that applies to it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Seen(time.monotonic(), request.path_qs, headers))
        fired = None
        for place, rule in enumerate(self._rules):
            if rule.matches(request.path_qs):
                self._matched[place] += 1
                if fired is None and rule.fires(self._matched[place]):
                    fired = rule
        return fired


SITE = web.AppKey("site", DemoSite)
RULE: web.RequestKey[Misbehaviour | None] = web.RequestKey("rule")  # what applies to the request
