"""docs/runtimes.md says what the runtimes read."""

from pathlib import Path

from fastnlp_jobs.runtime.supported import page

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"


def test_the_page_is_made_from_the_table_of_supported_fields():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `python -m fastnlp_jobs.runtime.supported > docs/runtimes.md`"
    )
