"""The job prepare, whole: comments in, documents, removed rows and examples out."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from fastnlp_core import text
from fastnlp_jobs.config import load_config
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute
from fastnlp_jobs.job import load_job
from fastnlp_jobs.jobs.prepare import Config
from fastnlp_jobs.schemas import COMMENTS, EXAMPLES, with_kept
from fastnlp_jobs.tables import write_table

Row = dict[str, Any]
CONFIGS = Path(__file__).parents[2] / "configs" / "prepare"

TEN_TEXTS = [
    "房间很大，早餐不错，服务员很热情",
    "房间很大，早餐不错，服务员很热情",
    "房间很大，早餐不错，服务员很热情！",
    "好",
    "@a1 @b2 @c3 @d4 快来看",
    "http://a.cn/1 http://b.cn/2 优惠券",
    "I think this hotel is far too expensive for what it is",
    "交通方便，就是隔音差哈哈哈哈哈哈😂",
    "前台态度恶劣，电话13812345678投诉",
    "666",
]


def write_comments(folder: Path, rows: list[Row], examples: list[Row] | None = None, *keep: str) -> None:
    """The output of crawl with these rows and kept columns; what a row does not say is filled in."""
    folder.mkdir(exist_ok=True)
    filled = [{"id": f"c{row}", "source": "file", "thread_id": "video", **given} for row, given in enumerate(rows)]
    schema = with_kept(COMMENTS, list(keep))
    write_table(pa.Table.from_pylist(filled, schema=schema), folder / "comments.parquet", schema)
    if examples is not None:
        filled = [{"origin": "real", "text": "", **given} for given in examples]
        write_table(pa.Table.from_pylist(filled, schema=EXAMPLES), folder / "examples.parquet", EXAMPLES)


def prepare(tmp_path: Path, rows: list[Row], examples: list[Row] | None = None, **settings: Any) -> dict[str, Any]:
    """Counts of a run over these rows into `out`."""
    write_comments(tmp_path / "in", rows, examples)
    return run(tmp_path, **settings)


def run(tmp_path: Path, **settings: Any) -> dict[str, Any]:
    config = Config(input=tmp_path / "in", output=tmp_path / "out", **settings)
    result: dict[str, Any] = execute("prepare", config)["result"]
    return result


def table(tmp_path: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(tmp_path / "out" / f"{name}.parquet")


def texts(*values: str, **same: Any) -> list[Row]:
    return [{"text": value, **same} for value in values]


def reasons(tmp_path: Path) -> dict[str, str]:
    return dict(table(tmp_path, "removed").select("id", "reason").iter_rows())


def test_ten_comments_become_documents_and_every_removed_row_says_why(tmp_path: Path) -> None:
    counts = prepare(tmp_path, texts(*TEN_TEXTS), languages=["zh"])
    assert table(tmp_path, "removed").rows() == [
        ("c1", "c0", "equal_text", 1.0),
        ("c2", "c0", "near_duplicate", pytest.approx(14 / 15)),
        ("c3", None, "too_short", None),
        ("c4", None, "too_many_mentions", None),
        ("c5", None, "too_many_urls", None),
        ("c6", None, "language", None),
    ]
    documents = table(tmp_path, "documents")
    assert documents["id"].to_list() == ["c0", "c7", "c8", "c9"]
    assert documents["clean"].to_list()[1:] == ["交通方便,就是隔音差哈哈哈😂", "前台态度恶劣,电话<phone>投诉", "666"]
    assert documents["lang"].to_list() == ["zh"] * 4
    assert documents["num_emotes"].to_list() == [0, 1, 0, 0]
    assert documents["group"].to_list() == ["c0", None, None, None]
    assert {"房间", "早餐", "服务员"} <= set(documents["tokens"][0])
    assert counts["removed"] == dict.fromkeys(sorted(set(reasons(tmp_path).values())), 1)
    assert (counts["rows_in"], counts["rows_out"], counts["rows_removed"], counts["rows_rejected"]) == (10, 4, 6, 0)


def test_the_output_holds_these_files_and_nothing_temporary(tmp_path: Path) -> None:
    prepare(tmp_path, texts("很好吃"), [{"id": "c0", "labels": ["good"]}])
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == ["documents.parquet", "examples.parquet", "lineage.json", "removed.parquet"]


def test_what_came_with_a_comment_goes_on(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    row = {"text": "很好吃", "author": "p1", "created_at": when, "likes": 3, "region": "北京", "x_shop": "A"}
    write_comments(tmp_path / "in", [row], None, "shop")
    run(tmp_path)
    found = table(tmp_path, "documents").row(0, named=True)
    assert {key: found[key] for key in row} == row


def test_a_comment_too_long_is_removed(tmp_path: Path) -> None:
    prepare(tmp_path, texts("很好吃" * 10, "不好吃"), max_characters=20, steps=[])
    assert reasons(tmp_path) == {"c0": "too_long"}


def test_mentions_and_addresses_count_without_masks_too(tmp_path: Path) -> None:
    prepare(tmp_path, texts("看 @张三 http://a.cn/1"), steps=["collapse_whitespace"])
    document = table(tmp_path, "documents").row(0, named=True)
    assert (document["clean"], document["num_mentions"], document["num_urls"]) == ("看 @张三 http://a.cn/1", 1, 1)


def test_mentions_that_crawl_masked_count(tmp_path: Path) -> None:
    counts = prepare(tmp_path, texts("<mention> <mention> <mention> @d 快来看"))
    assert counts["removed"] == {"too_many_mentions": 1}


def test_kaomoji_count_as_emotes_though_nfkc_takes_them_apart(tmp_path: Path) -> None:
    prepare(tmp_path, texts("开心(´▽`)👍"))
    assert table(tmp_path, "documents")["num_emotes"].to_list() == [2]


def test_marked_duplicates_stay_in_one_group_and_one_split(tmp_path: Path) -> None:
    rows = texts(*[f"第{row}家店的味道很一般，不会再来了" for row in range(40)], *["味道不错下次再来"] * 40)
    counts = prepare(tmp_path, rows, duplicates="mark", duplicate_threshold=0.6)
    documents = table(tmp_path, "documents")
    assert len(documents) == 80
    assert counts["groups"] == documents["group"].n_unique()
    assert documents.group_by("group").agg(pl.col("split").n_unique())["split"].to_list() == [1] * counts["groups"]


def test_with_keep_nobody_looks_for_duplicates(tmp_path: Path) -> None:
    counts = prepare(tmp_path, texts("味道不错", "味道不错"), duplicates="keep")
    assert (counts["rows_out"], counts["groups"]) == (2, 0)
    assert table(tmp_path, "documents")["group"].to_list() == [None, None]


def test_a_removed_row_is_never_the_one_kept(tmp_path: Path) -> None:
    prepare(tmp_path, texts("@a @b 味道不错", "@a @b 味道不错 哦"), max_mentions=1)
    assert reasons(tmp_path) == {"c0": "too_many_mentions", "c1": "too_many_mentions"}


def test_french_chat_is_french_and_keeps_its_emotes(tmp_path: Path) -> None:
    rows = texts("ponceCOEUR", "Le nucléaire, c'est l'avenir de la planète LUL", "jancovici a raison", "D")
    config = load_config(Config, str(CONFIGS / "chat.yaml"), [f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}"])
    write_comments(tmp_path / "in", rows)
    execute("prepare", config)
    documents = table(tmp_path, "documents")
    assert documents["lang"].to_list() == ["fr"] * 4
    assert documents["tokens"].to_list() == [
        ["ponceCOEUR"],
        ["nucléaire", "avenir", "planète", "LUL"],
        ["jancovici", "raison"],
        [],
    ]
    assert documents["num_emotes"].to_list() == [1, 1, 0, 0]


def test_a_file_of_mixed_languages_is_cut_row_by_row(tmp_path: Path) -> None:
    rows = [*texts("房间很大", "東京のラーメン"), *texts("The room was quite big and rather clean", thread_id="other")]
    prepare(tmp_path, rows, stopwords=False)
    documents = table(tmp_path, "documents")
    assert documents["lang"].to_list() == ["zh", "ja", "en"]
    assert documents["tokens"].to_list()[:2] == [["房间", "很大"], ["東京", "の", "ラーメン"]]


def test_examples_take_the_clean_text_and_a_split_by_class(tmp_path: Path) -> None:
    rows = texts(*[f"{'好' if row % 2 else '差'}评第{row * 7919}号 @某人" for row in range(100)])
    labels = [{"id": f"c{row}", "labels": ["good" if row % 2 else "bad"]} for row in range(100)]
    counts = prepare(tmp_path, rows, labels, duplicates="keep")
    examples = table(tmp_path, "examples")
    by_class = examples.group_by(pl.col("labels").list.first(), "split").len().sort("labels", "split")
    assert by_class["len"].to_list() == [5, 5, 40, 5, 5, 40]
    assert examples["text"][0] == "差评第0号 <mention>"
    joined = table(tmp_path, "documents").join(examples, on="id")
    assert joined["split"].equals(joined["split_right"])
    assert (counts["examples"], counts["small_classes"]) == (100, [])


def test_an_example_of_a_removed_comment_is_not_written(tmp_path: Path) -> None:
    labels = [{"id": f"c{row}", "labels": ["good"]} for row in range(3)]
    counts = prepare(tmp_path, texts("味道不错", "味道不错", "好"), labels)
    assert table(tmp_path, "examples")["id"].to_list() == ["c0"]
    assert counts["small_classes"] == ["good"]


def test_a_split_from_the_files_stands(tmp_path: Path) -> None:
    labels = [{"id": "c0", "labels": ["good"], "split": "test"}, {"id": "c1", "labels": ["good"], "split": "dev"}]
    prepare(tmp_path, texts("味道不错", "环境很差"), labels)
    assert table(tmp_path, "examples")["split"].to_list() == ["test", "dev"]


def test_an_id_that_stands_twice_is_rejected(tmp_path: Path) -> None:
    counts = prepare(tmp_path, texts("味道不错 13812345678", "环境很差 13812345678", id="x"))
    assert (counts["rows_out"], counts["rows_rejected"]) == (1, 1)
    assert table(tmp_path, "rejected").rows() == [
        (
            "comments.parquet",
            2,
            "the id x stands in an earlier row too; ids must be unique",
            "环境很差 <phone>",
        )
    ]


def test_no_comments_give_no_documents(tmp_path: Path) -> None:
    assert prepare(tmp_path, [])["rows_out"] == 0
    assert len(table(tmp_path, "documents")) == 0


def test_the_bytes_depend_on_neither_threads_nor_batches(tmp_path: Path) -> None:
    from fastnlp_jobs.jobs.prepare.passes import prepare as run_passes

    rows = [{"text": f"{text}{row % 50}", "thread_id": f"t{row % 3}"} for row in range(50) for text in TEN_TEXTS]
    labels = [{"id": f"c{row}", "labels": [str(row % 3)]} for row in range(0, 500, 2)]
    write_comments(tmp_path / "in", rows, labels)
    written = []
    for batch_rows in (65_536, 64):
        folder = tmp_path / f"batches{batch_rows}"
        folder.mkdir()
        run_passes(Config(input=tmp_path / "in", output=folder), batch_rows)
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    for threads in ("1", "3"):
        folder = tmp_path / f"threads{threads}"
        command = [sys.executable, "-m", "fastnlp_jobs", "prepare", "--set", f"input={tmp_path / 'in'}"]
        environment = {**os.environ, "RAYON_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads}
        subprocess.run([*command, "--set", f"output={folder}"], env=environment, check=True, capture_output=True)
        written.append({path.name: path.read_bytes() for path in folder.glob("*.parquet")})
    assert all(files == written[0] for files in written)


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_loads(config: Path) -> None:
    load_config(Config, str(config), ["input=in", "output=out"])


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(
        BadInput, match=r"input: expected a folder with comments\.parquet \(the output of crawl\), got "
    ):
        run(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_comments(tmp_path / "in", texts("好吃"))
    path = tmp_path / "in" / "comments.parquet"
    pl.read_parquet(path).drop("thread_id").write_parquet(path)
    with pytest.raises(
        BadInput, match=r"comments\.parquet: expected the column `thread_id` \(string\), found id, source"
    ):
        run(tmp_path)


def test_an_example_without_its_comment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"examples\.parquet: row 1: no comment has the id 'z9'; run crawl again"):
        prepare(tmp_path, texts("好吃"), [{"id": "z9", "labels": ["good"]}])


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    message = r"examples\.parquet: row 1: expected the split train, dev, test or none, got 'valid'"
    with pytest.raises(BadInput, match=message):
        prepare(tmp_path, texts("好吃"), [{"id": "c0", "labels": ["good"], "split": "valid"}])


def test_the_steps_are_those_of_the_core() -> None:
    assert Config.model_fields["steps"].annotation == list[text.Step]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("minimum_characters=3", "unknown key `minimum_characters`; did you mean `min_characters`?"),
        ("min_characters=3000", "min_characters is 3000, more than max_characters (2000): no text could stay"),
        ("steps=[mask_url]", "steps.0: Input should be 'nfkc', 'halfwidth', "),
        ("steps=[nfkc, nfkc]", "steps: nfkc stands twice; remove one"),
        ("dev_share=0.9", "dev_share and test_share are 0.9 and 0.1: nothing is left to train on"),
        ("emotes=[a b]", "emotes: expected names without white space, got 'a b'"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(setting: str, message: str) -> None:
    with pytest.raises(BadInput) as error:
        load_config(Config, None, ["input=in", "output=out", setting])
    assert message in str(error.value)


def test_the_lineage_names_seed_and_word_lists(tmp_path: Path) -> None:
    stopwords = tmp_path / "stopwords.txt"
    stopwords.write_text("好吃\n", encoding="utf-8")
    prepare(tmp_path, texts("很好吃"), seed=3, stopwords_file=stopwords)
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text(encoding="utf-8"))
    assert lineage["seed"] == 3
    assert lineage["inputs"]["stopwords_file"]["name"] == "stopwords.txt"


def test_the_example_of_the_page_is_what_the_job_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "jobs" / "prepare.md").read_text(encoding="utf-8")
    blocks = {kind: page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("csv", "yaml", "json")}
    monkeypatch.chdir(tmp_path)
    Path("comments.csv").write_text(blocks["csv"], encoding="utf-8")
    Path("prepare.yaml").write_text(blocks["yaml"], encoding="utf-8")
    mapping = {"base": "douyin", "constants": {"thread_id": "video"}}
    comments = load_job("crawl").Config(
        input="comments.csv", output="comments", mapping=mapping, public_example_key=True
    )
    execute("crawl", comments)
    assert execute("prepare", load_config(Config, "prepare.yaml", [])) == json.loads(blocks["json"])
