"""`fastnlp runs` and `fastnlp logs` over the run folders of this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastnlp_jobs.cli import main
from fastnlp_jobs.processes import locked


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """Make a run folder with artifacts and logs, by path below it."""
    monkeypatch.chdir(tmp_path)

    def make(name, files, phase="Succeeded", started="2026-11-22T10:00:00.000Z", finished="2026-11-22T10:01:02.500Z"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        status = {"phase": phase, "startedAt": started, "finishedAt": finished, "nodes": {}}
        (folder / "run.json").write_text(json.dumps({"metadata": {"name": name}, "status": status}))
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return folder

    return make


DOCUMENTS = "artifacts/prepare/documents/documents.parquet"
LINEAGE = "artifacts/prepare/documents/lineage.json"


def test_runs_are_listed_newest_first(make_run, capsys, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    make_run("older", {})
    newer = make_run("newer", {}, phase="Running", started="2026-11-22T11:00:00.000Z", finished=None)
    (newer.parent / "latest").symlink_to("newer")
    with locked(newer / "lock", newer):
        assert main(["runs"]) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "phase", "started", "seconds"]
    assert first.split()[:2] == ["newer", "Running"]
    assert second.split()[:2] == ["older", "Succeeded"]
    assert second.endswith("  62.5")


def test_a_run_that_nothing_runs_any_more_was_interrupted(make_run, capsys):
    make_run("killed", {}, phase="Running", finished=None)
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["killed", "Interrupted"]


def test_a_reader_that_has_seen_enough_is_no_error(make_run):
    make_run("one", {})
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        command = [sys.executable, "-m", "fastnlp_jobs", "runs"]
        ended = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_without_runs_a_line_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 0
    assert capsys.readouterr().err == "no runs in runs\n"


def test_runs_that_wrote_the_same_are_the_same(make_run, capsys):
    for name in ("a", "b"):
        make_run(name, {DOCUMENTS: "bytes", "artifacts/write/text.txt": "x", "steps/write/try-1/stdout.log": name})
    assert main(["runs", "diff", "a", "b"]) == 0
    assert capsys.readouterr().out == "prepare/documents: same\nwrite/text.txt: same\n"


@pytest.mark.parametrize("words", [["--run-dir", "kept", "diff", "a", "b"], ["diff", "a", "b", "--run-dir", "kept"]])
def test_the_folder_of_the_runs_may_stand_before_diff_or_behind_it(make_run, capsys, words):
    for name in ("a", "b"):
        make_run(name, {DOCUMENTS: "bytes"})
    Path("runs").rename("kept")
    assert main(["runs", *words]) == 0
    assert capsys.readouterr().out == "prepare/documents: same\n"


def test_each_difference_is_named_with_its_files(make_run, capsys):
    make_run("a", {DOCUMENTS: "one", LINEAGE: "{}", "artifacts/mine/patterns/p": "", "artifacts/write/text.txt": "x"})
    make_run("b", {DOCUMENTS: "two", LINEAGE: "{}", "artifacts/report/report/r": "", "artifacts/write/text.txt": "y"})
    assert main(["runs", "diff", "a", "b"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "mine/patterns: only in a",
        "prepare/documents: different (documents.parquet)",
        "report/report: only in b",
        "write/text.txt: different (text.txt)",
    ]


def test_a_file_that_is_only_in_one_of_the_folders_is_a_difference(make_run, capsys):
    make_run("a", {DOCUMENTS: "one"})
    make_run("b", {DOCUMENTS: "one", "artifacts/prepare/documents/more": ""})
    assert main(["runs", "diff", "a", "b"]) == 1
    assert capsys.readouterr().out == "prepare/documents: different (more)\n"


def test_comparing_a_failed_run_says_so(make_run, capsys):
    make_run("a", {})
    make_run("b", {}, phase="Failed")
    assert main(["runs", "diff", "a", "b"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "neither run wrote an artifact\n"
    assert captured.err == "b is Failed: some artifacts may be missing\n"


def test_a_run_is_found_by_its_folder_and_by_latest(make_run, tmp_path, capsys):
    folder = make_run("a", {"artifacts/write/text.txt": "x"})
    (folder.parent / "latest").symlink_to("a")
    assert main(["runs", "diff", "latest", str(folder)]) == 0
    assert main(["runs", "--run-dir", str(tmp_path / "elsewhere"), "diff", "runs/a", str(folder)]) == 0
    assert capsys.readouterr().out.count("same") == 2


def test_an_unknown_run_is_refused_with_a_close_one(make_run, capsys):
    make_run("full-demo-1", {})
    assert main(["logs", "full-dmo-1", "step"]) == 2
    assert capsys.readouterr().err == "error: full-dmo-1: no such run in runs; did you mean `full-demo-1`?\n"


def test_a_state_that_is_none_is_refused(make_run, capsys):
    folder = make_run("a", {})
    (folder / "run.json").write_text("{}")
    assert main(["runs"]) == 2
    assert "run.json: expected the state of a run, got something else" in capsys.readouterr().err


LOGS = {
    "steps/mine/try-1/stdout.log": "first\n",
    "steps/mine/try-2/stdout.log": "out 你好\n",
    "steps/mine/try-2/stderr.log": "err\n",
    "steps/mine/try-10/stdout.log": "",
    "steps/mine/try-10/stderr.log": "last\n",
}


def test_the_logs_of_a_step_are_those_of_its_last_try(make_run, capsys):
    make_run("a", LOGS)
    assert main(["logs", "a", "mine"]) == 0
    assert capsys.readouterr().out == "==> steps/mine/try-10/stderr.log <==\nlast\n"


def test_another_try_can_be_asked_for(make_run, capsys):
    make_run("a", LOGS)
    assert main(["logs", "a", "mine", "--try", "2"]) == 0
    assert capsys.readouterr().out == (
        "==> steps/mine/try-2/stdout.log <==\nout 你好\n==> steps/mine/try-2/stderr.log <==\nerr\n"
    )


def test_a_try_that_never_was_is_refused(make_run, capsys):
    make_run("a", LOGS)
    assert main(["logs", "a", "mine", "--try", "4"]) == 2
    assert capsys.readouterr().err == "error: --try 4: step mine was tried 3 times\n"


def test_an_unknown_step_is_refused_with_the_known_ones(make_run, capsys):
    make_run("a", LOGS)
    assert main(["logs", "a", "report"]) == 2
    assert capsys.readouterr().err == "error: run a has no step `report` that was started; there are: mine\n"


def test_two_runs_of_a_workflow_can_be_compared_and_their_logs_read(run_flow, capfd):
    body = """
with Workflow(name="one", entrypoint="main") as workflow:
    write = python("write", "import sys; print('done'); open(sys.argv[1], 'w').write('x')",
                   "{{outputs.artifacts.text.path}}", outputs=[Artifact(name="text", path="/out/text.txt")])
    with DAG(name="main"):
        write(name="write")
"""
    first, second = (run_flow(body).folder.resolve().name for _ in range(2))
    assert main(["runs", "diff", first, second]) == 0
    assert main(["logs", "latest", "write"]) == 0
    assert capfd.readouterr().out == "write/text.txt: same\n==> steps/write/try-1/stdout.log <==\ndone\n"
    assert main(["runs"]) == 0
    assert second in capfd.readouterr().out.splitlines()[1]
