"""How fast the fetcher and the reading of Douyin's JSON are when a site lets them; the site is a process of its own."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from tests.jobs.stub_site import unheard

from fastnlp_jobs.processes import peak_memory_bytes
from fastnlp_jobs.sources.douyin.api import ApiSource
from fastnlp_jobs.sources.web.config import WebConfig
from fastnlp_jobs.sources.web.fetcher import Fetcher

COMMENTS_A_CPU_SECOND = 2_000
LEAST_COMMENTS = 35_000
GROWTH_BYTES = 2_000_000


@pytest.fixture
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "fastnlp_jobs", "demo-site"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as site:
        assert site.stdout is not None
        yield site.stdout.readline().split()[0]
        site.terminate()


def peak() -> int:
    return peak_memory_bytes() or 0  # Windows does not tell


async def read_all(url: str) -> tuple[int, int]:
    """Comments, and by how much the peak of the memory grew over the last three quarters of them."""
    config = WebConfig(contact="me@example.org", delay_s=0, max_requests=100_000, allow_private=("127.0.0.1",))
    comments = early = 0
    async with Fetcher(config, unheard) as fetcher:
        async for page in ApiSource(fetcher, url).pages(dict[str, str | None]().get):
            comments += len(page.comments)
            if comments < LEAST_COMMENTS // 4:
                early = peak()
    return comments, peak() - early


@pytest.mark.slow
def test_comments_come_at_2000_a_second_of_processor_time_in_flat_memory(url):
    started = time.process_time()
    comments, growth = asyncio.run(read_all(url))
    assert comments > LEAST_COMMENTS
    assert comments / (time.process_time() - started) > COMMENTS_A_CPU_SECOND
    assert growth < GROWTH_BYTES
