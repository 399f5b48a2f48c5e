"""crawl on what people really have: other encodings, broken rows, hostile cells, wrong names."""

import gzip
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.config import YamlFile, validate
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.jobs.crawl import Config

TEXT = {"columns": {"text": "t"}}
CHINESE = "t,n\n今天也要发疯，哈哈哈,1\n“引号”在这里,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-32"])
def test_an_encoding_is_recognised(crawl: Any, encoding: str) -> None:
    run = crawl("a.csv", CHINESE.encode(encoding), mapping=TEXT)
    assert run.column("text") == ["今天也要发疯，哈哈哈", "“引号”在这里"]
    assert run.result["encodings"] == {"a.csv": encoding}


def test_utf_16_of_both_byte_orders_is_recognised(crawl: Any, tmp_path: Path) -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        run = crawl("a.csv", mark + CHINESE.encode(encoding), mapping=TEXT, output=tmp_path / encoding)
        assert run.column("text")[1] == "“引号”在这里"


def test_an_encoding_that_is_set_is_used(crawl: Any) -> None:
    run = crawl("a.csv", "t\nカタカナ\n".encode("shift_jis"), mapping=TEXT, encoding="shift_jis")
    assert run.column("text") == ["カタカナ"]


@pytest.mark.parametrize("content", ["t\ncafé, déjà vu\nça\n".encode("latin-1"), b"t\n\xff\xfe\xfd\n"])
def test_an_unknown_encoding_is_refused_by_name(crawl: Any, content: bytes) -> None:
    with pytest.raises(BadInput) as error:
        crawl("a.csv", content, mapping=TEXT)
    assert str(error.value).endswith(
        "in/a.csv: expected text in utf-8, gb18030, or utf-16 with a byte order mark, found other bytes; "
        "set `encoding:` (such as big5, shift_jis, latin-1), or save the file as UTF-8"
    )


def test_utf_16_without_a_byte_order_mark_is_named(crawl: Any) -> None:
    with pytest.raises(BadInput, match="set `encoding: utf-16-le` or `utf-16-be`"):
        crawl("a.csv", CHINESE.encode("utf-16-le"), mapping=TEXT)


def test_a_damaged_character_costs_its_row_not_the_encoding(crawl: Any) -> None:
    good = "今天也要发疯\n" * 40
    run = crawl("a.csv", b"t\n" + good.encode() + "断了的字".encode()[:-1] + b"\n" + good.encode(), mapping=TEXT)
    assert run.result["encodings"] == {"a.csv": "utf-8"}
    assert run.rows("rejected") == [
        {"file": "a.csv", "row": 42, "reason": "bytes that are no text in this encoding", "text": "断了的?"}
    ]


def test_broken_rows_are_rejected_by_line_and_all_others_stay(crawl: Any) -> None:
    randomly = random.Random(3)
    broken = {
        "只有一个字段": "expected 3 fields, got 1",
        "a,b,c,d": "expected 3 fields, got 4",
        ",1,x": "no text",
        "   ,1,x": "no text",
        "坏\0了,1,x": "a NUL byte",
        '"没有关上的引号,1,x': "broken or never closed quotes, or a cell above 131,072 characters",
        '"引号"外面,1,x': "broken or never closed quotes, or a cell above 131,072 characters",
    }
    lines, texts = ["t,n,z"], list[str]()
    expected: list[tuple[int, str]] = []
    while len(texts) < 10_000:
        if randomly.random() < 0.01:
            line = randomly.choice(list(broken))
            expected.append((len(lines) + 1, broken[line]))
            lines.append(line)
        elif randomly.random() < 0.1:
            texts.append(f"第{len(texts)}条\n有两行，还有“引号”")
            lines += [f'"第{len(texts) - 1}条', '有两行，还有“引号”",1,x']
        else:
            texts.append(f"第{len(texts)}条")
            lines.append(f"{texts[-1]},1,x")
    run = crawl("a.csv", "\n".join(lines), mapping=TEXT)
    assert run.column("text") == texts
    assert [(row["row"], row["reason"]) for row in run.rows("rejected")] == expected
    assert run.result["rows_in"] == 10_000 + len(expected)


def test_line_ends_of_any_kind_may_be_mixed(crawl: Any, tmp_path: Path) -> None:
    assert crawl("a.csv", "t,n\r\n一,1\n二,2\r三,3\r\n\r\n四,4", mapping=TEXT).column("text") == list("一二三四")
    assert crawl("b.txt", "一\r\n二\n\n三\r四", output=tmp_path / "text").column("text") == list("一二三四")


def test_rejected_texts_are_masked_and_cut(crawl: Any) -> None:
    private = "找@张三 13800138000 a.b@qq.com https://x.cn/u/1 \0" + "长" * 300
    run = crawl("a.csv", f"t\n{private}\n好\n", mapping=TEXT)
    (row,) = run.rows("rejected")
    assert row["text"].startswith("找<mention> <phone> <email> <url> 长长")
    assert len(row["text"]) == 200


def test_a_row_that_cannot_be_split_shows_nothing_of_itself(crawl: Any) -> None:
    run = crawl("a.csv", "userName,userAddress,date,comments,likeNuns\n张三,坏\n李四,,,好,\n", mapping="douyin")
    assert run.rows("rejected") == [{"file": "a.csv", "row": 2, "reason": "expected 5 fields, got 2", "text": None}]


def test_hostile_cells_stay_text(crawl: Any) -> None:
    hostile = ['=HYPERLINK("http://x")', "<script>alert(1)</script>", "'; DROP TABLE x;--", "\u202eevil", "a" * 100_000]
    cells = "\n".join('"' + cell.replace('"', '""') + '"' for cell in hostile)
    assert crawl("a.csv", f"t\n{cells}\n", mapping=TEXT).column("text") == hostile


def test_broken_json_lines_are_rejected(crawl: Any) -> None:
    lines = ['{"t": "好"}', '{"t": ', "[1]", '{"t": "\\ud83d"}', '{"t": null}', "[" * 100_000, '{"t": "a\\u0000b"}', ""]
    run = crawl("a.jsonl", "\n".join(lines), mapping=TEXT)
    assert run.column("text") == ["好"]
    assert [(row["row"], row["reason"]) for row in run.rows("rejected")] == [
        (2, "expected a JSON object, got broken JSON"),
        (3, "expected a JSON object, got list"),
        (4, "half of a surrogate pair"),
        (5, "no text"),
        (6, "expected a JSON object, got broken JSON"),
        (7, "a NUL byte"),
    ]


def test_an_empty_file_among_others_is_counted(crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(b"")
    (tmp_path / "in" / "b.csv").write_text("t\n好\n", encoding="utf-8")
    result = crawl("", mapping=TEXT).result
    assert (result["files"], result["files_empty"], result["rows_out"]) == (2, 1, 1)


REFUSED = [
    ("a.csv", b"", TEXT, "in/a.csv: expected rows, found none: every file is empty or holds only a header"),
    ("a.csv", b"t,n\n", TEXT, "in/a.csv: expected rows, found none: every file is empty or holds only a header"),
    ("a.txt", b"\n\n", {}, "in/a.txt: expected rows, found none: every file is empty or holds only a header"),
    (
        "a.csv",
        b"text;n\nx;1\n",
        TEXT,
        (
            "in/a.csv: the column `t` is missing; found: text;n; set `mapping.columns` (or `labels`, `split`, `keep`) "
            "to the names in the file, or `mapping.delimiter`"
        ),
    ),
    (
        "a.csv",
        "小明,我真的会谢\n".encode(),
        TEXT,
        (
            "in/a.csv: the column `t` is missing: none of the 2 cells of the first row is a name of a column; does the "
            "file lack a header line? Then name its columns in `mapping.column_names`; else check `mapping.delimiter` "
            "and `mapping.columns`"
        ),
    ),
    (
        "a.csv",
        b"text,a column with a name much too long\nx,1\n",
        TEXT,
        "in/a.csv: the column `t` is missing; found: text, a column with a nam…; set",
    ),
    ("a.csv", b"t,t\nx,1\n", TEXT, "in/a.csv: the column `t` is there more than once; found: t, t; set"),
    ("a.jsonl", b'{"x": 1}\n', TEXT, "in/a.jsonl: the column `t` is missing; found: x; set"),
    ("a.txt", b"x\n", TEXT, "in/a.txt: the column `t` is missing; found: text; set"),
    ("a.csv", b"t,n\nx\ny\n", TEXT, "in/a.csv: no row could be used: 2 × expected 2 fields, got 1; check `mapping`"),
    ("a.parquet", b"PAR1 is not enough", TEXT, "in/a.parquet: expected a Parquet file, cannot read it"),
    ("a.csv.gz", gzip.compress(b"t\nx\n" * 9999)[:-20], TEXT, "in/a.csv.gz: its gzip data is damaged"),
    ("a.dat", b"t\nx\n", TEXT, "in/a.dat: cannot tell its format by its name (expected .csv, .tsv, .jsonl, .ndjson"),
    (
        "a.txt",
        b"x\n",
        {"labels": {"files": {"neg.txt": "bad"}}},
        (
            "mapping.labels.files: `neg.txt` matches none of the 1 files (a.txt); patterns are of paths below the "
            "input folder, and * matches / as well"
        ),
    ),
    (
        "a.csv",
        b"t,l,s\nx,1,training\n",
        {**TEXT, "labels": {"column": "l"}, "split": {"column": "s"}},
        (
            "in/a.csv: row 2: column `s`: expected train, dev or test, got 'training'; say what it means in "
            "mapping.split.names"
        ),
    ),
]


@pytest.mark.parametrize(("name", "content", "mapping", "message"), REFUSED)
def test_an_input_that_cannot_be_used_is_refused(
    crawl: Any, tmp_path: Path, name: str, content: bytes, mapping: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as error:
        crawl(name, content, mapping=mapping)
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_files_to_read_is_refused(crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.docx").write_bytes(b"x")
    with pytest.raises(BadInput, match=r"found no file ending in \.csv, .*check the folder, or set `files:`"):
        crawl("")
    with pytest.raises(BadInput, match=r"found no file matching files: \*\.csv; check the folder"):
        crawl("", files="*.csv")


def test_a_pattern_for_a_single_file_is_refused(crawl: Any) -> None:
    with pytest.raises(BadInput, match="files: a pattern needs a folder, but input is the file"):
        crawl("a.txt", "x", files="*.txt")


@pytest.mark.parametrize("pattern", ["/etc/*", "../*.txt", ""])
def test_a_pattern_that_leaves_the_folder_is_refused(crawl: Any, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    (tmp_path / "in").mkdir()
    with pytest.raises(BadInput, match="files: expected a pattern of names below the input folder"):
        crawl("", files=pattern)


CONFIGS = [
    ("mapping: douyn", "c.yaml:1: mapping: no mapping `douyn`; did you mean `douyin`?"),
    (
        "source: demo\ndemo: {videos: [a, b]}",
        "c.yaml:2: demo.videos: expected how many videos are read, such as 3, and not which: give a number",
    ),
    ("mapping: zzz", "c.yaml:1: mapping: no mapping `zzz`; write one, or name one of these: douyin, reviews"),
    ("mapping: {colums: {}}", "c.yaml:1: unknown key `mapping.colums`; did you mean `columns`?"),
    (
        "mapping:\n  columns: {author: a}\n  constants: {author: b}",
        "c.yaml:1: mapping: `author` stands in `columns` and in `constants`; remove one",
    ),
    ("mapping: {labels: {}}", "c.yaml:1: mapping.labels: expected exactly one of `column`, `columns` and `files`"),
    ("mapping: {message_last: true}", "c.yaml:1: mapping: `message_last` needs `column_names`"),
    ("timezone: Asia/Beijing", "c.yaml:1: timezone: expected a time zone such as UTC, Europe/Paris or Asia/Shanghai"),
    ("encoding: utf-9", "c.yaml:1: encoding: expected an encoding such as utf-8, gb18030, big5 or latin-1"),
    ("input: package:no_such/x", "c.yaml:1: input: no package `no_such` is installed here; pip install no_such"),
]


@pytest.mark.parametrize(("text", "message"), CONFIGS)
def test_a_mistake_in_the_config_is_named(text: str, message: str) -> None:
    whole = text + "\noutput: out" + ("" if "input:" in text else "\ninput: a.csv")
    with pytest.raises(BadInput) as error:
        validate(Config, YamlFile("c.yaml", whole))
    assert str(error.value).startswith(message)


def test_parquet_rows_without_text_are_rejected_by_number(crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"t": pa.array(["好", None, " "]).dictionary_encode()}), tmp_path / "in" / "a.parquet")
    run = crawl("a.parquet", mapping=TEXT)
    assert [(row["row"], row["reason"]) for row in run.rows("rejected")] == [(2, "no text"), (3, "no text")]


def test_a_parquet_column_that_is_no_text_is_named(crawl: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"t": [["好"], []]}), tmp_path / "in" / "a.parquet")
    with pytest.raises(BadInput, match=r"a\.parquet: column `t`: expected text, a number or a time, got list<"):
        crawl("a.parquet", mapping=TEXT)
