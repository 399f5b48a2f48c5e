"""What earlier runs did is not done again: unchanged steps, resumed runs, runs that were killed."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fastnlp_jobs.runtime.earlier import succeeded
from fastnlp_jobs.runtime.local import namespaces_granted
from fastnlp_jobs.runtime.record import RunRecord
from fastnlp_jobs.runtime.resume import resume
from fastnlp_jobs.runtime.run_folders import read_run

ROOT = Path(__file__).parents[2]
SETTINGS = """
steps:
  crawl:
    mapping: {columns: {text: comments}}
  prepare:
    min_characters: %d
"""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def submit_jobs(tmp_path, monkeypatch, capfd):
    """Give a function that runs crawl and prepare over the same file and tells what each step answered."""
    from fastnlp_jobs.runtime.submit import submit

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", "a key for this test only, long enough")
    rows = "\n".join(f"今天第{number}次加班" for number in range(20))
    (tmp_path / "comments.csv").write_text(f"comments\n{rows}\n", encoding="utf-8")

    def run(*options, min_characters=2):
        (tmp_path / "two-jobs.yaml").write_text(SETTINGS % min_characters, encoding="utf-8")
        command = [str(ROOT / "workflows" / "full.py"), "--settings", "two-jobs.yaml", "-p", "input=comments.csv"]
        assert submit([*command, "--on", "local", *options]) == 0, capfd.readouterr().err
        steps = tmp_path / "runs" / "latest" / "steps"
        return [json.loads((steps / step / "try-1/stdout.log").read_text())["state"] for step in ("crawl", "prepare")]

    return run


def artifact_bytes(run):
    files = sorted(path for path in (run / "artifacts").rglob("*") if path.is_file())
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files if "summary" not in path.name}


def test_a_second_submit_with_nothing_changed_does_no_work(submit_jobs, tmp_path):
    assert submit_jobs() == ["done", "done"]
    first = artifact_bytes((tmp_path / "runs" / "latest").resolve())
    assert submit_jobs() == ["up to date", "up to date"]
    assert artifact_bytes((tmp_path / "runs" / "latest").resolve()) == first


def test_only_what_depends_on_a_change_runs_again(submit_jobs, tmp_path):
    submit_jobs()
    assert submit_jobs(min_characters=3) == ["up to date", "done"]
    assert submit_jobs(min_characters=2) == ["up to date", "up to date"]
    with (tmp_path / "comments.csv").open("a", encoding="utf-8") as handle:
        handle.write("一行新的评论\n")
    assert submit_jobs() == ["done", "done"]


def test_no_cache_runs_everything(submit_jobs):
    submit_jobs()
    assert submit_jobs("--no-cache") == ["done", "done"]


def test_a_damaged_output_is_not_taken_over(submit_jobs, tmp_path):
    submit_jobs()
    (table,) = (tmp_path / "runs" / "latest").resolve().glob("artifacts/prepare/documents/documents.parquet")
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    assert submit_jobs() == ["up to date", "done"]


COUNTED = """
COUNT = "import sys; open(sys.argv[1], 'a').write('x')"
FAIL = "import os, sys; sys.exit(0 if os.path.exists('mended') else 1)"
with Workflow(name="two", entrypoint="main") as workflow:
    first = python("first", COUNT, "{counted}")
    second = python("second", FAIL)
    with DAG(name="main"):
        first(name="first") >> second(name="second")
"""


def test_resume_does_only_what_is_missing(run_flow, tmp_path, capfd):
    counted = tmp_path / "counted"
    failed = run_flow(COUNTED.replace("{counted}", str(counted)))
    assert failed.phases == {"first": "Succeeded", "second": "Failed"}
    (tmp_path / "mended").touch()
    assert resume(["latest"]) == 0, capfd.readouterr().err
    assert failed.phases == {"first": "Succeeded", "second": "Succeeded"}
    assert counted.read_text() == "x"
    assert (failed.folder / "steps" / "second" / "try-1").is_dir(), "the log of the failed try stays"
    assert resume(["latest"]) == 0
    assert "has succeeded already" in capfd.readouterr().err


RETRIED = """
FAIL = "import os, sys; sys.exit(0 if os.path.exists('mended') else 1)"
WRITE = "import sys; open(sys.argv[1], 'a').write('x'); open('counted', 'a').write('x')"
with Workflow(name="two", entrypoint="main") as workflow:
    once = models.RetryStrategy(limit=1)
    first = python("first", WRITE, "{{outputs.artifacts.out.path}}", retry_strategy=once,
                   outputs=[Artifact(name="out", path="/out/out")])
    second = python("second", FAIL)
    with DAG(name="main"):
        first(name="first") >> second(name="second")
"""


def test_a_step_with_retries_is_kept_too(run_flow, tmp_path, capfd):
    failed = run_flow(RETRIED)
    assert failed.phases == {"first": "Succeeded", "first(0)": "Succeeded", "second": "Failed"}
    (tmp_path / "mended").touch()
    assert resume(["latest"]) == 0, capfd.readouterr().err
    assert "first: Succeeded, kept from before" in capfd.readouterr().err
    assert failed.phases == {"first": "Succeeded", "first(0)": "Succeeded", "second": "Succeeded"}
    assert (tmp_path / "counted").read_text() == "x"


def test_what_is_kept_stands_in_the_record_before_it_is_reached(run_flow):
    run = read_run(run_flow(RETRIED).folder)
    RunRecord(run.folder, "two", {}, kept=succeeded(run).values())
    assert sorted(succeeded(read_run(run.folder))) == ["two.first", "two.first(0)"]


def test_a_run_that_is_still_running_is_not_resumed(run_flow, capfd):
    from fastnlp_jobs.processes import locked

    failed = run_flow(COUNTED.replace("{counted}", "counted"))
    with locked(failed.folder / "lock", failed.folder):
        assert resume(["latest"]) == 2
    assert "another run is writing" in capfd.readouterr().err


CHAIN = """
WORK = '''
import hashlib, os, sys
print(os.getpid(), flush=True)
digest = b"".join(open(path, "rb").read() for path in sys.argv[2:])
for _ in range(300_000):
    digest = hashlib.sha256(digest).digest()
open(sys.argv[1], "wb").write(digest)
'''
with Workflow(name="chain", entrypoint="main") as workflow:
    def work(name, *reads):
        inputs = [Artifact(name=f"in{number}", path=f"/in/{number}") for number in range(len(reads))]
        paths = ["{{inputs.artifacts.%s.path}}" % one.name for one in inputs]
        return python(name, WORK, "{{outputs.artifacts.out.path}}", *paths, inputs=inputs,
                      outputs=[Artifact(name="out", path="/out/out")])
    made = {}
    called = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
    templates = {name: work(name, *reads) for name, reads in called.items()}
    with DAG(name="main"):
        for name, reads in called.items():
            passed = [made[read].get_artifact("out").with_name(f"in{n}") for n, read in enumerate(reads)]
            made[name] = templates[name](name=name, arguments=passed)
            for read in reads:
                made[read] >> made[name]
"""


def kill_and_resume(write_flow, tmp_path, moments):
    """Kill the runtime at each moment (a share of an undisturbed run's time), resume, compare the final bytes."""
    command = [sys.executable, "-m", "fastnlp_jobs"]
    submit = [*command, "submit", str(write_flow(CHAIN)), "--on", "local", "--no-cache"]
    started = time.monotonic()
    subprocess.run([*submit, "--run-dir", "whole"], check=True, capture_output=True)
    whole_s = time.monotonic() - started
    expected = artifact_bytes((tmp_path / "whole" / "latest").resolve())
    assert len(expected) == 4
    for number, moment in enumerate(moments):
        run_dir = f"killed-{number}"
        process = subprocess.Popen([*submit, "--run-dir", run_dir], stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(timeout=moment * whole_s)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        run = tmp_path / run_dir / "latest"
        if not run.exists():  # killed before there was a run
            continue
        assert_no_step_is_left(run)
        again = subprocess.run([*command, "resume", "latest", "--run-dir", run_dir], capture_output=True, text=True)
        assert again.returncode == 0, f"killed at {moment:.3f}: {again.stderr}"
        assert artifact_bytes(run.resolve()) == expected, f"killed at {moment:.3f}"


def assert_no_step_is_left(run):
    printed = [path.read_text() for path in run.glob("steps/*/try-*/stdout.log")]
    steps = [int(text) for text in printed if text]
    patience = time.monotonic() + 10
    while any(is_running(step) for step in steps):
        assert time.monotonic() < patience, "a step outlived its runtime"
        time.sleep(0.02)


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@POSIX
def test_a_killed_runtime_leaves_no_step_and_its_run_is_resumed_to_the_same_bytes(write_flow, tmp_path):
    dice = random.Random(3)
    kill_and_resume(write_flow, tmp_path, [dice.uniform(0.4, 1.0) for _ in range(3)])


@POSIX
@pytest.mark.slow
def test_twenty_killed_runtimes_are_resumed_to_the_same_bytes(write_flow, tmp_path):
    dice = random.Random(20)
    kill_and_resume(write_flow, tmp_path, [dice.uniform(0.0, 1.0) for _ in range(20)])


STATEFUL = """
UNITS = '''
import os, signal
done = "/state/done"
finished = open(done).read().split() if os.path.exists(done) else []
for unit in range(len(finished), 6):
    with open("/state/started", "a") as journal:
        journal.write(f"{unit} ")
    if unit == 3 and not finished:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(done, "a") as journal:
        journal.write(f"{unit} ")
'''
kept = ExistingVolume(name="state", claim_name="kept", mount_path="/state")
with Workflow(name="units", entrypoint="units", volumes=[kept]) as workflow:
    python("units", UNITS, volume_mounts=[models.VolumeMount(name="state", mount_path="/state")])
"""


@POSIX
def test_a_killed_step_goes_on_from_its_state_without_its_scratch_folder(run_flow, tmp_path, capfd):
    if not namespaces_granted():
        pytest.skip("this system grants no private mount namespace, in which /state is shown to a step")
    failed = run_flow(STATEFUL)
    assert failed.exit_code == 1, failed.err
    for scratch in failed.folder.resolve().glob("steps/*/try-1"):
        subprocess.run(["rm", "-r", str(scratch)], check=True)
    assert resume(["latest"]) == 0, capfd.readouterr().err
    (journal,) = (tmp_path / "runs").rglob("started")
    assert journal.read_text().split() == ["0", "1", "2", "3", "3", "4", "5"], "only the unit in flight is repeated"
