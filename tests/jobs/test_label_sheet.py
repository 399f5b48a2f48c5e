import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("x")', "+1", "-1", "@SUM(1)", "\t=1", "＝1", "\n=1", "0000000000000012", "12e4567890123456", "3/4"],
)
def test_a_cell_that_a_spreadsheet_would_run_or_change_is_made_harmless(tmp_path, text):
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
    sheet(tmp_path, "a1,t,差评,,\n", "bob.CSV")
    (tmp_path / "._ann.csv").write_bytes(b"\x00\xff")  # a Mac writes such files
    assert read_sheets(tmp_path, FIELDS) == [{"a1": {"tone": "好评"}}, {"a1": {"tone": "差评"}}]


@given(st.lists(st.text(alphabet="'=@a1e9.;\"\t\r\n ＝", min_size=1), min_size=1, unique=True))
def test_every_id_comes_back_as_it_was(ids):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.csv"
        write_sheet(path, [(id_, id_) for id_ in ids], FIELDS)
        path.write_bytes(path.read_bytes().replace(b",,,\r\n", ",好评,,\r\n".encode()))
        assert read_sheets(path, FIELDS) == [{id_: {"tone": "好评"} for id_ in ids}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a1,t,中评,,\n", "row 2, id 'a1': gold_tone: expected one of 好评, 差评, got '中评'"),
        ("a1,t,,101,\n", "row 2, id 'a1': gold_score: expected a number from -10 to 100, got '101'"),
        ("a1,t,,,sad\n", "gold_emotions: expected one or more of anger, joy, with commas between, got 'sad'"),
        ('a1,"t\n\nt",好评,,\na1,t,好评,,\n', "row 3, id 'a1': the id stands twice"),
        (",t,好评,,\n", "row 2, id '': expected the id of the text, found none"),
        ('a1,"t,好评,,\n', "no CSV"),
        ("a1,t,,,\n", "with values in their gold_"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused(tmp_path, rows, message):
    with pytest.raises(BadInput, match=message):
        read_sheets(sheet(tmp_path, rows), FIELDS)


def test_a_sheet_in_other_bytes_is_refused(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_bytes((HEADER + "a1,好,,,").encode("gb18030"))
    with pytest.raises(BadInput, match="save it as CSV UTF-8"):
        read_sheets(path, FIELDS)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,text", "expected the column gold_tone or gold_score or gold_emotions, found id, text"),
        ("text,gold_tone", "expected the column id, found text, gold_tone"),
        ("", "expected the column id, found none"),
        ("id,gold_tone,gold_tone", "the column gold_tone stands twice; give each person a sheet of their own"),
    ],
)
def test_a_sheet_without_its_columns_is_refused(tmp_path, header, message):
    path = tmp_path / "gold.csv"
    path.write_text(header + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_sheets(path, FIELDS)


def test_a_sheet_may_have_fewer_columns_others_rows_without_ids_and_another_order(tmp_path):
    path = tmp_path / "gold.csv"
    rows = ["remark, Gold_tone ,ID,gold_scene", "sure,差评,a2,x", ",,,", 'no,"好评\n",a1,']
    path.write_text("\r\n".join(rows), encoding="utf-8")
    assert read_sheets(path, FIELDS) == [{"a2": {"tone": "差评"}, "a1": {"tone": "好评"}}]


def test_full_width_digits_and_other_spellings_of_a_class_are_read(tmp_path):
    tone = {"kind": "choice", "options": ["Good", "bad"]}
    fields = TypeAdapter(LabelFields).validate_python({"tone": tone, "score": {"kind": "number", "min": 0, "max": 100}})
    path = tmp_path / "gold.csv"
    path.write_text("id\tgold_tone\tgold_score\na1\tｇｏｏｄ \t８０\n", encoding="utf-8")
    assert read_sheets(path, fields) == [{"a1": {"tone": "Good", "score": 80.0}}]


def test_a_text_longer_than_a_cell_of_a_spreadsheet_is_cut(tmp_path):
    write_sheet(tmp_path / "sheet.csv", [("a1", "好" * 200_000)], FIELDS)
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert list(csv.reader(handle))[1][1] == "好" * 32_000
