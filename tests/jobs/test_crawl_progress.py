"""What a crawl shows while it runs, on a real pseudo-terminal."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from fastnlp_jobs.sources.demo_site.server import running_site

STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LINE = re.compile(
    r"crawl comments=(?P<comments>\d+) pages=(?P<pages>\d+) per_second=(?P<rate>[\d.]+) "
    r"requests_left=(?P<requests>\d+) seconds_left=(?P<seconds>\d+) next_request_s=(?P<wait>[\d.]+)"
)
CONFIG = """
source: forum
output: out
public_example_key: true
purpose: a test
legal_basis: none needed
retention_until: 2999-01-01
web: {contact: me@example.org, delay_s: 0.3, allow_private: [127.0.0.1], max_requests: 50, max_seconds: 500}
forum: {site: demo, starts: ["SITE/forum/thread/demo-site-t200"], post: article.post, text: .text, next: a.next}
"""


def on_terminal(command: list[str], folder: Path) -> str:
    """What a command writes to a terminal, without colours and moves."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, cwd=folder, env=environment) as process:
        os.close(theirs)
        written = b""
        with contextlib.suppress(OSError):  # how Linux ends what is read from a terminal that nobody writes to
            while part := os.read(ours, 65_536):
                written += part
    os.close(ours)
    assert process.returncode == 0, written.decode()
    return STYLE.sub("", written.decode())


def test_a_terminal_shows_comments_rate_budget_and_the_next_request(tmp_path):
    with running_site() as site:
        (tmp_path / "forum.yaml").write_text(CONFIG.replace("SITE", site.url), encoding="utf-8")
        command = [sys.executable, "-m", "fastnlp_jobs", "crawl", "--config", "forum.yaml"]
        shown = [found.groupdict() for found in LINE.finditer(on_terminal(command, tmp_path))]
    pages = [int(line["pages"]) for line in shown]
    assert (pages, pages[-1] > 1) == (sorted(pages), True)
    assert all(int(line["comments"]) >= int(line["pages"]) and float(line["rate"]) > 0 for line in shown)
    assert all(int(line["requests"]) == 50 - 1 - int(line["pages"]) for line in shown)  # one for robots.txt
    assert all(0 < int(line["seconds"]) <= 500 for line in shown)
    waits = [float(line["wait"]) for line in shown]  # 0 where a page took longer to land than the delay
    assert min(waits) >= 0
    assert 0 < max(waits) <= 0.3
