"""`label` beside people: a sheet for them, and by the word lists what their sheets say of the labels."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.corpora import review, reviews, write_comments, write_documents, write_run
from tests.jobs.labelled import POLARITY, TEXTS, config, json_of, served, table, written
from tests.jobs.test_label_report import report_of

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute, plan
from fastnlp_jobs.jobs.label import Config
from fastnlp_jobs.jobs.label.asked import drawn
from fastnlp_jobs.schemas import GOLD

SAID = {  # text: emotion, polarity by a person
    "房间干净": ("好", "positive"),
    "太脏了，非常失望": ("哀", "negative"),
    "桌子": ("无", "neutral"),  # no listed word: nothing found is what the person says
    "肮脏": ("怒", "neutral"),
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    rows = [review(11 * number, text=text, clean=text) for number, text in enumerate(SAID)]
    rows.append(review(99, text="vraiment", clean="vraiment", lang="fr"))
    return write_documents(tmp_path / "documents", rows, write_comments(tmp_path / "comments", rows))


def labelled(documents: Path, name: str = "labels", **keys: Any) -> tuple[dict[str, Any], Path]:
    own = Config(input=documents, output=documents.parent / name, **keys)
    result: dict[str, Any] = execute("label", own)["result"]
    return result, own.output


def cells_of(sheet: Path) -> list[list[str]]:
    with sheet.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.reader(handle))


@pytest.fixture
def sheet(documents: Path) -> Path:
    """A sheet as the job wrote it, filled in by one person."""
    _, output = labelled(documents, "first", sheet_rows=9)
    header, *rows = cells_of(output / "sheet.csv")
    path = documents.parent / "sheet.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        filled = [[id_, text, *SAID.get(text, ("无", "neutral"))] for id_, text, *_ in rows]
        csv.writer(handle).writerows([header, *filled])
    return path


def scores(output: Path) -> dict[tuple[str, str, str], float]:
    return {(row["field"], row["labels"], row["measure"]): row["value"] for row in table(output, "gold", GOLD)}


def test_the_sheet_asks_for_the_classes_of_the_word_lists(documents: Path) -> None:
    _, output = labelled(documents, sheet_rows=3)
    header, *rows = cells_of(output / "sheet.csv")
    assert header == ["id", "text", "gold_emotion", "gold_polarity"]
    assert len(rows) == 3
    assert all(row[2:] == ["", ""] for row in rows)


def test_the_word_lists_stand_beside_people_and_nothing_found_is_an_answer_where_they_can_read(
    documents: Path, sheet: Path
) -> None:
    result, output = labelled(documents, gold=sheet)
    assert result["people"] == {
        "sheets": 1,
        "documents": 5,
        "other_documents": 0,
        "judgements": {"emotion": 5, "polarity": 5},
    }
    found = scores(output)
    assert found["polarity", "lexicon", "accuracy"] == 3 / 5  # wrong: 肮脏, and the French text, which has no label
    assert found["emotion", "lexicon", "accuracy"] == 3 / 5
    assert found["polarity", "trivial", "accuracy"] == 3 / 5
    assert {labels for _, labels, _ in found} == {"lexicon", "trivial"}
    assert {measure for _, _, measure in found} == {"accuracy", "macro_f1", "alpha"}


def test_two_people_are_also_compared_with_each_other(documents: Path, sheet: Path) -> None:
    folder = documents.parent / "sheets"
    folder.mkdir()
    (folder / "ann.csv").write_bytes(sheet.read_bytes())
    (folder / "bob.csv").write_bytes(sheet.read_bytes().replace("怒,neutral".encode(), "恶,negative".encode()))
    result, output = labelled(documents, gold=folder)
    assert (result["people"]["sheets"], result["people"]["judgements"]["emotion"]) == (2, 10)
    found = scores(output)
    assert 0 < found["polarity", "people", "alpha"] < 1
    assert found["polarity", "lexicon", "accuracy"] == pytest.approx((3 + 4) / 10)


def test_how_a_spreadsheet_saves_the_sheet_changes_no_score(documents: Path, sheet: Path) -> None:
    header, *rows = cells_of(sheet)
    again = documents.parent / "again.csv"
    with again.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
        writer.writerow([*reversed(header), "remark"])
        writer.writerows([*reversed(row), "so\r\nso"] for row in reversed(rows))
        writer.writerow([""] * 5)
    _, first = labelled(documents, gold=sheet)
    _, second = labelled(documents, "second", gold=again)
    assert (first / "gold.parquet").read_bytes() == (second / "gold.parquet").read_bytes()


def test_rows_about_other_documents_are_left_out_and_counted(documents: Path, sheet: Path) -> None:
    with sheet.open("a", encoding="utf-8") as handle:
        handle.write("feedbeef,gone,怒,negative\r\n")
    result, _ = labelled(documents, gold=sheet)
    assert (result["people"]["documents"], result["people"]["other_documents"]) == (5, 1)


def test_a_dry_run_says_what_people_filled_in_and_finds_a_bad_sheet(documents: Path, sheet: Path) -> None:
    def planned() -> dict[str, Any]:
        return plan("label", Config(input=documents, output=documents.parent / "labels", gold=sheet))

    assert planned()["people"]["judgements"] == {"emotion": 5, "polarity": 5}
    sheet.write_text("id,gold_emotion\nfeedbeef,怒\n", encoding="utf-8")
    with pytest.raises(BadInput, match="none of its 1 ids is a document of this run, the first is 'feedbeef'; give"):
        planned()
    sheet.write_text("id,gold_emotion\n00000000,高兴\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"row 2, id '00000000': gold_emotion: expected one of 惊, .*, 无, got '高兴'"):
        planned()


def test_a_bad_sheet_is_found_before_anybody_is_asked(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,gold_polarity\n00000000,good\n", encoding="utf-8")
    with served(lambda *_: json_of({"polarity": "positive"})) as server:
        own = config(server, written(tmp_path, TEXTS), fields=POLARITY, gold=sheet)
        with pytest.raises(BadInput, match="gold_polarity: expected one of positive, negative, neutral, got 'good'"):
            execute("label", own)
        assert server.bodies == []


def test_the_report_shows_how_the_word_lists_stand_beside_people(tmp_path: Path) -> None:
    folders = write_run(tmp_path, reviews(60))
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,gold_polarity\n00000000,positive\n00000001,negative\n", encoding="utf-8")
    _, output = labelled(folders["documents"], "judged", gold=sheet)
    said = report_of(folders, output)
    assert "Beside the labels of people" in said
    assert "polarity word lists accuracy 2" in said
    assert "Of 2 judgements of people on polarity it meets" in said
    assert "No known labels tell how often it is right" not in said


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 9))
def test_of_one_seed_fewer_documents_are_among_more(total: int, one: int, other: int, seed: int) -> None:
    fewer, more = (drawn(total, wanted, seed) for wanted in sorted((one, other)))
    assert set(fewer) <= set(more)
    assert list(fewer) == sorted(set(fewer))
    assert len(more) == min(max(one, other), total)
    assert all(place < total for place in more)
