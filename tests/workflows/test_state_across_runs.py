"""The state of a crawl that outlives its workflow: a later run of the same settings goes on from it."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from fastnlp_jobs.sources.demo_site.server import running_site

FULL = Path(__file__).parents[2] / "workflows" / "full.py"
SETTINGS = """
steps:
  crawl:
    source: forum
    purpose: a test
    legal_basis: none needed
    retention_until: 2999-01-01
    public_example_key: true
    web: {contact: me@example.org, delay_s: 0, allow_private: [127.0.0.1]}
    forum: {site: demo, starts: ["SITE/forum/thread/demo-site-t100"], post: article.post, text: .text, next: a.next}
state: {claim: crawls, folder: study}
"""


def ids(folder: Path, table: str) -> set[str]:
    """The ids in a table of the newest run."""
    path = folder / "runs" / "latest" / "artifacts" / "crawl" / "comments" / f"{table}.parquet"
    return set(pq.read_table(path)["id"].to_pylist())


def submit(folder: Path) -> None:
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(FULL), "--settings", "mine.yaml"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert answer.returncode == 0, answer.stderr


def test_a_later_run_of_the_settings_knows_what_the_first_has_seen(tmp_path):
    with running_site() as site:
        (tmp_path / "mine.yaml").write_text(SETTINGS.replace("SITE", site.url), encoding="utf-8")
        submit(tmp_path)
        before = ids(tmp_path, "comments")
        site.show(1)
        submit(tmp_path)
    assert ids(tmp_path, "removed") == before - ids(tmp_path, "comments") != set()
    assert (tmp_path / "runs" / "volumes" / "crawls" / "study" / "crawl" / "crawl.sqlite").exists()
