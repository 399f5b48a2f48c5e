"""Memory of a live crawl: flat from the first page to the tables, however many comments there are."""

import sys
from pathlib import Path

import pytest
from usage import measured

COMMENTS, TIMES = 50_000, 4
GROWTH_BYTES = 10_000_000  # 67 a comment; a comment in memory takes hundreds


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_memory_of_a_crawl_does_not_grow_with_the_comments(tmp_path):
    program = Path(__file__).with_name("land_comments.py")
    peaks = []
    for comments in (COMMENTS, COMMENTS * TIMES):
        folder = tmp_path / str(comments)
        folder.mkdir()
        peaks.append(measured([sys.executable, str(program), str(comments), str(folder)], folder).own_bytes)
    assert peaks[1] - peaks[0] < GROWTH_BYTES
