import csv

import pytest
from pydantic import TypeAdapter

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.label.sheet import read_sheets, write_sheet
from fastnlp_jobs.llm.schema import LabelFields

FIELDS = TypeAdapter(LabelFields).validate_python(
    {
        "tone": {"kind": "choice", "options": ["好评", "差评"]},
        "score": {"kind": "number", "min": -10, "max": 100},
        "emotions": {"kind": "choices", "options": ["anger", "joy"]},
    }
)
HEADER = "id,text,gold_tone,gold_score,gold_emotions\n"


def sheet(folder, rows, name="gold.csv"):
    path = folder / name
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


def test_a_sheet_holds_texts_and_empty_columns(tmp_path):
    write_sheet(tmp_path / "sheet.csv", [("a1", "很好,\n真的")], FIELDS)
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert list(csv.reader(handle)) == [HEADER.strip().split(","), ["a1", "很好,\n真的", "", "", ""]]


@pytest.mark.parametrize("text", ['=HYPERLINK("x")', "+1", "-1", "@SUM(1)", "\t=1", "＝1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(tmp_path, text):
    write_sheet(tmp_path / "sheet.csv", [(text, text)], FIELDS)
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert list(csv.reader(handle))[1][:2] == [f"'{text}", f"'{text}"]


def test_what_people_filled_in_comes_back(tmp_path):
    path = sheet(tmp_path, 'a1,t,好评,80,"joy, anger"\na2,t,,,\n\'-3,t,差评,-5,joy\n')
    assert read_sheets(path, FIELDS) == [
        {"a1": {"tone": "好评", "score": 80.0, "emotions": ["anger", "joy"]},
         "-3": {"tone": "差评", "score": -5.0, "emotions": ["joy"]}}
    ]  # fmt: skip


def test_a_sheet_saved_with_semicolons_is_read(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text((HEADER + "a1,t,好评,8,joy\n").replace(",", ";"), encoding="utf-8-sig")
    assert read_sheets(path, FIELDS)[0]["a1"]["tone"] == "好评"


def test_a_folder_holds_a_sheet_per_person(tmp_path):
    sheet(tmp_path, "a1,t,好评,,\n", "ann.csv")
    sheet(tmp_path, "a1,t,差评,,\n", "bob.csv")
    assert read_sheets(tmp_path, FIELDS) == [{"a1": {"tone": "好评"}}, {"a1": {"tone": "差评"}}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a1,t,中评,,\n", "line 2: gold_tone: '中评' is no value of this field"),
        ("a1,t,,101,\n", "line 2: gold_score: '101' is no value"),
        ("a1,t,好评,,\na1,t,好评,,\n", "line 3: the id 'a1' stands twice"),
        ("a1,t,,,\n", "with values in their gold_"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused(tmp_path, rows, message):
    with pytest.raises(BadInput, match=message):
        read_sheets(sheet(tmp_path, rows), FIELDS)


def test_a_sheet_without_a_column_or_in_other_bytes_is_refused(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("id,text\n", encoding="utf-8")
    with pytest.raises(BadInput, match="expected the column `gold_tone`"):
        read_sheets(path, FIELDS)
    path.write_bytes((HEADER + "a1,好,,,").encode("gb18030"))
    with pytest.raises(BadInput, match="save it as UTF-8"):
        read_sheets(path, FIELDS)
