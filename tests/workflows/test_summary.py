"""`fastnlp summary` reads what Argo puts in place of its tags."""

import json

import pytest

from fastnlp_jobs.cli import main

FAILED = {"displayName": "crawl", "templateName": "crawl", "phase": "Failed", "message": "main: Error (exit code 2)"}


def summarise(tmp_path, failures):
    output = tmp_path / "summary.json"
    words = ["--status", "Failed", "--failures", failures, "--output", str(output)]
    code = main(["summary", *words])
    return code, json.loads(output.read_text(encoding="utf-8")) if output.exists() else None


@pytest.mark.parametrize("nested", [0, 1])
def test_failures_are_listed_as_json_and_as_json_in_a_string(tmp_path, nested):
    failures = json.dumps([{**FAILED, "podName": "crawl-1", "finishedAt": None}])
    for _ in range(nested):
        failures = json.dumps(failures)
    assert summarise(tmp_path, failures) == (0, {"status": "Failed", "failures": [FAILED]})


def test_without_failures_the_list_is_empty(tmp_path):
    assert summarise(tmp_path, '"null"')[1]["failures"] == []


@pytest.mark.parametrize("failures", ["{{workflow.failures}}", "3", "{}"])
def test_anything_else_is_refused(tmp_path, failures, capsys):
    assert summarise(tmp_path, failures) == (2, None)
    assert capsys.readouterr().err.startswith("error: --failures: expected ")
