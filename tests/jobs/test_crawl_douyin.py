"""crawl on Douyin's comments, as a job: HAR files and a browser into COMMENTS, and no name on the disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.execution import execute, plan
from fastnlp_jobs.jobs.crawl import Config
from fastnlp_jobs.sources.demo_site.server import running_site

NAMES = ("晚 风的名字", "9001", "MS4wLjABAAAAtest", "别人的名字")
VIDEO = "demo-site-v240"


def comment(cid: str, text: str, **values: Any) -> dict[str, Any]:
    user = {"uid": "9001", "sec_uid": "MS4wLjABAAAAtest", "nickname": "晚 风的名字"}
    return {"cid": cid, "text": text, "create_time": 1_680_000_000, "ip_label": "北京", "user": user, **values}


@pytest.fixture
def har(tmp_path: Path) -> Path:
    """A file with two comments, a reply that names people, and one that cannot be read."""
    comments = [
        comment("1", "=1+1 不是公式", digg_count=3, reply_comment_total=1),
        comment("2", "@晚 风的名字 说得对", reply_id="1", reply_to_username="别人的名字"),
        comment("3", "回复@别人的名字：哈哈", reply_to_username="别人的名字", create_time=None),
        comment("4", "时间坏了 @别人的名字", create_time="昨天"),
    ]
    body = json.dumps({"status_code": 0, "comments": comments, "cursor": 20, "has_more": 0})
    url = "https://www.douyin.com/aweme/v1/web/comment/list/?aweme_id=7123&cursor=0"
    entry = {
        "startedDateTime": "2026-01-01T00:00:00.000Z",
        "request": {"url": url, "headers": [{"name": "Cookie", "value": "sessionid=MS4wLjABAAAAtest"}]},
        "response": {"status": 200, "content": {"text": body}},
    }
    path = tmp_path / "saved.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    return path


def crawl(folder: Path, **settings: Any) -> dict[str, Any]:
    values = {"output": folder / "out", "public_example_key": True, **settings}
    answer: dict[str, Any] = execute("crawl", Config.model_validate(values))
    return answer


def rows(folder: Path, table: str = "comments") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "out" / f"{table}.parquet").to_pylist()
    return found


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_har_file_becomes_comments(tmp_path: Path, har: Path) -> None:
    result = crawl(tmp_path, source="har", input=har)["result"]
    assert (result["rows_out"], result["rows_rejected"]) == (3, 1)
    first = next(row for row in rows(tmp_path) if row["id"] == "1")
    assert (first["source"], first["thread_id"], first["region"], first["likes"]) == ("douyin", "7123", "北京", 3)
    assert first["x_reply_count"] == "1"
    assert {row["id"]: row["parent_id"] for row in rows(tmp_path)} == {"1": None, "2": "1", "3": None}


def test_no_name_of_a_har_file_reaches_the_disk(tmp_path: Path, har: Path) -> None:
    source = har.rename(tmp_path.parent / f"{tmp_path.name}.har")
    crawl(tmp_path, source="har", input=source, csv=True)
    written = everything_written(tmp_path)
    assert [name for name in NAMES if name.encode() in written] == []
    assert [row["text"] for row in rows(tmp_path) if row["id"] == "2"] == ["<mention> 说得对"]


def test_the_classic_csv_is_written_if_wanted(tmp_path: Path, har: Path) -> None:
    crawl(tmp_path, source="har", input=har, csv=True)
    lines = (tmp_path / "out" / "csv" / "7123.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "userName,userAddress,date,comments,likeNuns"
    assert any(",北京,2023-03-28T10:40:00+00:00,'=1+1 不是公式,3" in line for line in lines)


def test_the_classic_csv_is_of_videos_not_of_files(tmp_path: Path, har: Path) -> None:
    with pytest.raises(ValueError, match="`csv` belongs to source har or"):
        Config.model_validate({"source": "file", "input": har, "output": tmp_path, "csv": True})


def test_a_browser_s_crawl_is_planned_run_and_run_again(tmp_path: Path, require: Callable[[str], Path]) -> None:
    with running_site() as site:
        settings = {
            "source": "douyin",
            "douyin": {"site": site.url, "videos": [f"{site.url}/video/{VIDEO}"], "browser": str(require("chromium"))},
            "web": {"contact": "tester@demo.example", "delay_s": 0, "allow_private": ["127.0.0.1"]},
            "purpose": "a test",
            "legal_basis": "invented people",
            "retention_until": "2099-01-01",
        }
        planned = plan("crawl", Config.model_validate({**settings, "output": tmp_path / "out"}))
        assert set(planned["crawl"]["robots_say"].values()) == {"allowed"}
        assert crawl(tmp_path, **settings)["result"]["live"]["unfinished"] == 0
        assert {row["id"] for row in rows(tmp_path)} == {post.id for post in site.content.videos[VIDEO].posts}
        site.show(1)
        crawl(tmp_path, **settings)
        assert {row["id"] for row in rows(tmp_path)} == {post.id for post in site.content.videos[VIDEO].posts}


def test_a_browser_needs_to_be_told_who_asks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="source douyin needs `web`"):
        Config.model_validate({"source": "douyin", "output": tmp_path, "douyin": {"videos": ["7123"]}})


def test_a_har_file_without_comments_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_text('{"log": {"entries": []}}', encoding="utf-8")
    with pytest.raises(BadInput, match="no comment answers in it; open your browser's network tools"):
        crawl(tmp_path, source="har", input=tmp_path / "a.har")
