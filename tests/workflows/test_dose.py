"""`workflows/dose.py` on this machine: a container for each training, and the figures of one run that trains all."""

import csv
from pathlib import Path

import pytest
import yaml
from tests.jobs.calls import calls, write_candidates
from tests.jobs.sharded import files

from fastnlp_jobs.execution import execute
from fastnlp_jobs.jobs.augment import Config
from fastnlp_jobs.runtime.submit import submit

DOSE = Path(__file__).parents[2] / "workflows" / "dose.py"
ROWS = {"train": {"a": 60, "b": 5, "c": 4}, "dev": {"a": 9, "b": 9, "c": 9}, "test": {"a": 9, "b": 9, "c": 9}}
CRAWL = {
    "mapping": {"base": "intents", "split": {"files": {f"{split}*": split for split in ROWS}}},
    "public_example_key": True,
}
AUGMENT = {
    "targets": {"dose": 10},
    "gates": {"separator": "[SEP]"},
    "doses": {"amounts": [2, 10], "seeds": [0, 1], "resamples": 200},
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of the workflow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNLP_SETTINGS", "")  # restored after the test, which sets it
    (tmp_path / "calls").mkdir()
    for split, counts in ROWS.items():
        with (tmp_path / "calls" / f"{split}_new.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["sentence_sep", "c_numerical", "label_raw"])
            rows.writerows([text, label, label] for label in counts for text in calls(label, counts[label], split))
    samples = write_candidates(tmp_path / "samples.jsonl", {label: calls(label, 12, "more") for label in "bc"})
    steps = {"crawl": CRAWL, "prepare": None, "augment": AUGMENT | {"candidates": str(samples)}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"input": "calls", "steps": steps}), encoding="utf-8")
    assert submit([str(DOSE), "--on", "local", "--settings", str(tmp_path / "mine.yaml")]) == 0
    return tmp_path / "runs" / "latest"


def test_each_training_has_a_container_and_together_they_give_what_one_run_gives(run, tmp_path):
    assert len(list((run / "steps").glob("augment-train.*"))) == 3 * 2  # doses 0, 2, 10 and two seeds
    source, samples = run / "artifacts" / "augment" / "augmented", tmp_path / "samples.jsonl"
    execute("augment", Config(input=source, output=tmp_path / "alone", stage="dose", candidates=samples, **AUGMENT))
    assert files(tmp_path / "alone") == files(run / "artifacts" / "dose" / "doses")


def test_settings_without_samples_are_refused(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("FASTNLP_SETTINGS", "")  # restored after the test, which sets it
    (tmp_path / "mine.yaml").write_text("steps:\n  prepare:\n", encoding="utf-8")
    assert submit([str(DOSE), "--settings", str(tmp_path / "mine.yaml")]) == 2
    assert "mine.yaml:1: no step `augment`, whose samples this workflow measures; add it" in capfd.readouterr().err
