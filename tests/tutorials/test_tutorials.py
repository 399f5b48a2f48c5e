"""Each page of docs/tutorials does what it shows, from its first block to its last."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.tutorials.pages import difference, execute

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require: Callable[[str], Path]
) -> None:
    for name in ("workflows", "configs", "tests"):  # as in the checkout, where a reader is
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    scripts = Path(sys.executable).parent
    environment = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "FASTNLP_PSEUDONYM_KEY": "a key of the test, long enough to be one",
        "FASTNLP_TUTORIAL_ROWS": "1000",  # of those a page asks for, which would take minutes
        "PYTHONDONTWRITEBYTECODE": "",  # else each command compiles what it imports, for seconds
    }
    with pl.Config():  # what a page sets ends with it
        execute(page, tmp_path, environment, require)


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("Succeeded in 25.6 s (crawl 13.2, mine 1)", "Succeeded in 3 s (mine 2.0, crawl 1)", True),
        ("report: runs/full-a-20261122-225956-e562/r.html", "report: runs/full-a-20261123-000000-abcd/r.html", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nb\nc", False),
        ("…\nb\n…\nc\n", "a\nb\nc\nd", False),
        ("| word | q |\n|---|---|\n| 茶 | 0.1 |", "| word | q |\n|-----|---|\n| 牛奶 | 3 |", True),
        ("| word | q |\n|---|---|\n| 茶 | 0.1 |", "| word | p |\n|---|---|\n| 茶 | 0.1 |", False),
        ("rows: 1,000", "rows: none", False),
        ("one line", "one line\nanother", False),
    ],
)
def test_outputs_are_compared_by_their_shape(shown: str, printed: str, alike: bool) -> None:
    assert (difference(shown, printed) is None) == alike
