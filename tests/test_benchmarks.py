"""The benchmark of the jobs: its comments are the same everywhere, and it measures every job."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import bench
import pytest
from comments import ROWS_OF_A_VIDEO, write_comments
from usage import measured

BENCH = Path(bench.__file__)
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def texts(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return [row["comments"] for row in csv.DictReader(lines)]


def test_generated_comments_are_the_same_for_the_same_seed(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_comments(tmp_path / name, 50, seed)
    assert contents(tmp_path / "one") == contents(tmp_path / "again") != contents(tmp_path / "other")


def test_more_comments_begin_with_the_files_of_fewer(tmp_path):
    write_comments(tmp_path / "fewer", ROWS_OF_A_VIDEO)
    write_comments(tmp_path / "more", ROWS_OF_A_VIDEO + 1)
    assert contents(tmp_path / "fewer").items() < contents(tmp_path / "more").items()


def test_some_generated_comments_are_popular_and_most_are_new(tmp_path):
    write_comments(tmp_path / "comments", 2_000)
    times = Counter(texts(tmp_path / "comments" / "video0001.csv"))
    assert times.total() == 2_000
    assert 1_400 < len(times) < 1_900
    assert times.most_common(1)[0][1] >= 5


@needs_linux
def test_memory_of_a_command_is_what_it_holds_itself(tmp_path):
    holds = "import time; held = bytearray(b'x') * 300_000_000; time.sleep(0.1)"
    found = measured([sys.executable, "-c", holds], tmp_path)
    assert 300e6 < found.own_bytes < 350e6


@needs_linux
def test_a_command_that_fails_ends_the_benchmark_with_its_words(tmp_path):
    with pytest.raises(SystemExit, match="exit code 3\nno room"):
        measured([sys.executable, "-c", "print('no room'); raise SystemExit(3)"], tmp_path)


def test_measuring_one_part_leaves_the_other_in_the_page(tmp_path):
    figures = json.loads((BENCH.parents[2] / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    bench.write(tmp_path / "page.md", {"peers": figures["peers"]})
    jobs = {"job": "mine", "rows": 5, "wall_s": 1.0, "cpu_s": 1.0, "own_mb": 9, "runs": 1}
    bench.write(tmp_path / "page.md", {"jobs": {"machine": "a slow one", "figures": [jobs]}})
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "### near-duplicates" in page
    assert "| mine | 5 | 1.0 | 1.0 | 9 | 5 |" in page


@needs_linux
@pytest.mark.slow
def test_every_job_is_measured(tmp_path):
    page = tmp_path / "page.md"
    subprocess.run([sys.executable, BENCH, "jobs", "--rows", "3000", "--write", page], check=True)
    found = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))["jobs"]["figures"]
    jobs = {"crawl", "prepare", "mine", "describe", "label", "report"}
    # a stage of the job in the line above begins with …
    assert {figure["job"].split(",")[0] for figure in found if not figure["job"].startswith("…")} == jobs
    assert all(figure["own_mb"] > 20 and figure["cpu_s"] > 0 for figure in found)
