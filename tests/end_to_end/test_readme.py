"""What README promises: its Python session, and a report from a CSV in the study's format."""

import csv
import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tutorials.pages import blocks, run_session

ROOT = Path(__file__).parents[2]
CLAUSES = [
    "我真的会谢",
    "加班到凌晨三点谁懂",
    "老板让我周末上班",
    "我没疯我只是不想上班",
    "论文写不完了",
    "地铁挤得怀疑人生",
]


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    """600 comments as the study's crawler saved them: a byte order mark, relative dates, likes in words."""
    path = tmp_path / "comments.csv"
    dates, likes = ["2周前·北京", "3天前", "2023-04-02", "01-02"], ["12", "1.2万", "", "赞"]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["userName", "userAddress", "date", "comments", "likeNuns"])
        for n in range(600):
            text = f"{CLAUSES[n % 6]}，{CLAUSES[n // 6 % 6]}，第{n}遍哈哈哈哈哈 @小明同学"
            rows.writerow([f"用户甲{n % 90}", "IP属地：北京", dates[n % 4], text, likes[n % 4]])
    return path


def block(language: str) -> str:
    return next(found.text for found in blocks(ROOT / "README.md") if found.language == language)


def test_the_python_session_gives_what_it_shows() -> None:
    assert run_session(block("python"), "README.md", {}, doctest.OutputChecker()) > 4


def test_the_settings_shown_turn_a_csv_into_a_report(comments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = comments.parent
    (folder / "my-settings.yaml").write_text(block("yaml"), encoding="utf-8")
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", "a key of the test, long enough to be one")
    workflow = str(ROOT / "workflows" / "full.py")
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", workflow, "--settings", "my-settings.yaml"]
    answer = subprocess.run(
        [*command, "-p", "input=comments.csv"], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    assert answer.returncode == 0, answer.stderr
    (run,) = [path for path in (folder / "runs").iterdir() if path.name.startswith("full-")]
    report = (run / "artifacts" / "report" / "report" / "report.html").read_text(encoding="utf-8")
    assert "600" in report
    written = [path for path in run.rglob("*") if path.is_file()]
    assert len(written) > 20
    for path in written:
        content = path.read_bytes()
        assert "用户甲".encode() not in content, path
        assert "小明同学".encode() not in content, path
        assert b"a key of the test" not in content, path
