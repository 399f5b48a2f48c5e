"""The full workflow with `shards`: what is refused, and that it leaves the artifacts of the workflow without."""

from pathlib import Path

import pytest
from workflows.steps import NODE_CLASSES, step

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.runtime.submit import submit
from fastnlp_jobs.settings import load_settings

FULL = Path(__file__).parents[2] / "workflows" / "full.py"
SETTINGS = """
input: comments.csv
shards: {shards}
steps:
  crawl:
    mapping: {{base: douyin, constants: {{thread_id: video}}}}
    public_example_key: true
  prepare:
  mine: {{min_support: 0.1}}
"""


@pytest.fixture
def settings_file(tmp_path, monkeypatch):
    """`settings_file(text)`: write mine.yaml, the settings of this test; its path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNLP_SETTINGS", "mine")

    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_run_in_shards_leaves_the_artifacts_of_a_run_without(settings_file, tmp_path):
    rows = [
        f"用户{row},北京,2023-05-0{1 + row % 9},{'早餐不错' * (row % 3)}房间{row % 7}很大,{row}" for row in range(40)
    ]
    text = "userName,userAddress,date,comments,likeNuns\n" + "\n".join(rows) + "\n"
    (tmp_path / "comments.csv").write_text(text, encoding="utf-8")
    artifacts = []
    for shards in (1, 2):
        settings = settings_file(SETTINGS.format(shards=shards))
        runs = tmp_path / f"runs{shards}"
        assert submit([str(FULL), "--on", "local", "--settings", str(settings), "--run-dir", str(runs)]) == 0
        artifacts.append(
            {path.parent.name: hash_path(path) for path in (runs / "latest" / "artifacts").glob("*/*") if path.is_dir()}
        )
    assert artifacts[0] == artifacts[1]
    assert set(artifacts[0]) == {"crawl", "prepare", "mine"}


def built_step(job):
    step(load_settings(Path(), [job], NODE_CLASSES), job, output="out", input="in")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "shards: 2\nsteps:\n  mine:\n    engine: mlxtend\n",
            r"mine\.yaml: config: engine mlxtend has no stages; use engine: core, or no shards",
        ),
        (
            "steps:\n  mine:\n    stage: count\n    shard: 1/2\n",
            r"mine\.yaml:3: `stage` of step mine is set by the workflow; remove the line",
        ),
        ("shards: 0\nsteps:\n  mine:\n", r"mine\.yaml:1: shards: Input should be greater than or equal to 1, got 0"),
    ],
)
def test_what_cannot_be_split_is_refused_with_its_line(settings_file, text, message):
    settings_file(text)
    with pytest.raises(BadInput, match=message):
        built_step("mine")
