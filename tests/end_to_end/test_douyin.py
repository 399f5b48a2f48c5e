"""A CSV in the format of the Douyin study becomes a report by the command that the README shows."""

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import polars
import pytest

ROOT = Path(__file__).parents[2]
NAMES = [f"抖音用户{number:03}号" for number in range(40)]
KEY = "a key for this test only, long enough"
STARTS = ["今天上班", "这个视频", "主播真的", "我和朋友", "昨天晚上", "老板说"]
ENDS = ["好累啊想辞职", "太好笑了哈哈哈哈", "让人感动", "一起去吃火锅", "下雨没带伞", "工资还是没发"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """The folder of one run over 400 generated comments."""
    folder = tmp_path_factory.mktemp("douyin")
    write_comments(folder / "comments.csv", rows=400)
    command = [sys.executable, "-m", "fastnlp_jobs.hera_cli", "submit", str(ROOT / "workflows" / "full.py")]
    command += ["--settings", "douyin", "-p", "input=comments.csv"]
    environment = {**os.environ, "FASTNLP_PSEUDONYM_KEY": KEY}
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    latest = folder / "runs" / "latest"
    assert f"report: runs/{latest.resolve().name}/artifacts/report/report/report.html\n" in answer.stderr
    return latest


def write_comments(path, rows):
    dice = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["userName", "userAddress", "date", "comments", "likeNuns"])
        for number in range(rows):
            text = f"{dice.choice(STARTS)}，{dice.choice(ENDS)}{number}"
            date = dice.choice(["2周前·北京", "3天前·四川", "01-02·广东"])
            writer.writerow([dice.choice(NAMES), "", date, text, dice.choice(["0", "12", "1.2万"])])


def test_every_step_succeeds(run_folder):
    nodes = json.loads((run_folder / "run.json").read_text(encoding="utf-8"))["status"]["nodes"].values()
    phases = {node["templateName"]: node["phase"] for node in nodes if node["type"] == "Pod"}
    steps = ["crawl", "prepare", "mine", "describe", "label", "report"]
    assert {name: phases[name] for name in steps} == dict.fromkeys(steps, "Succeeded")


def counts(folder):
    return json.loads((folder / "lineage.json").read_text(encoding="utf-8"))["counts"]


def test_every_row_is_accounted_for(run_folder):
    crawled = counts(run_folder / "artifacts" / "crawl" / "comments")
    assert crawled["rows_in"] == 400
    assert counts(run_folder / "artifacts" / "prepare" / "documents")["rows_in"] == crawled["rows_out"]


def shown(path):
    """The bytes of a file; of a table, which is compressed, its rows as JSON lines."""
    return polars.read_parquet(path).write_ndjson().encode() if path.suffix == ".parquet" else path.read_bytes()


@pytest.mark.parametrize("kept_out", [*NAMES[:3], KEY])
def test_no_file_of_the_run_holds_a_raw_name_or_the_key(run_folder, kept_out):
    files = [path for path in run_folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if kept_out.encode() in shown(path)]
