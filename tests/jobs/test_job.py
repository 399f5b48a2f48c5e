"""The job contract: whole outputs, up to date, refusals, locks, signals, kill -9, a full disk."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, str(Path(__file__).parent / "example_jobs" / "fastnlp_with_examples.py"), "number"]


def arguments(folder: Path, *settings: str) -> list[str]:
    values = [f"input={folder / 'in.txt'}", f"output={folder / 'out'}", *settings]
    return [*COMMAND, *(word for value in values for word in ("--set", value))]


def number(folder: Path, *settings: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*arguments(folder, *settings), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def start_hanging(folder: Path, end: str = "hang") -> subprocess.Popen[str]:
    """A run that stands in the middle of writing its output."""
    command = arguments(folder, f"end={end}")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_for(process, "hanging")
    return process


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"the job ended with {process.wait()}")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("a\n\nb\n", encoding="utf-8")
    return tmp_path


def lineage(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "lineage.json").read_text(encoding="utf-8"))
    return found


def test_a_run_writes_its_output_lineage_and_run_record(folder: Path) -> None:
    answer = number(folder)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["result"] == {"rows_in": 3, "rows_out": 2, "rows_rejected": 1, "rows_removed": 0}
    assert (folder / "out" / "numbered.txt").read_text(encoding="utf-8") == "1 a\n2 b\n"
    assert listing(folder) == ["in.txt", "out", "out.run"]
    assert listing(folder / "out.run") == ["lock", "logs", "metrics.jsonl", "run.json"]
    run = json.loads((folder / "out.run" / "run.json").read_text(encoding="utf-8"))
    assert run["peak_memory_bytes"] > 1_000_000


def test_lineage_holds_no_path_time_or_host(folder: Path) -> None:
    number(folder)
    text = (folder / "out" / "lineage.json").read_text(encoding="utf-8")
    assert str(folder) not in text
    assert lineage(folder)["config"] == {"start": 1, "end": "done"}
    assert set(lineage(folder)) == {"job", "package", "config", "seed", "inputs", "outputs", "counts"}


def test_the_same_run_again_is_up_to_date(folder: Path) -> None:
    first = number(folder)
    before = (folder / "out" / "numbered.txt").stat().st_mtime_ns
    again = number(folder)
    assert json.loads(again.stdout) == {**json.loads(first.stdout), "state": "up to date"}
    assert (folder / "out" / "numbered.txt").stat().st_mtime_ns == before


def test_a_changed_output_file_is_noticed(folder: Path) -> None:
    number(folder)
    (folder / "out" / "numbered.txt").write_text("mine\n", encoding="utf-8")
    answer = number(folder)
    assert answer.returncode == 2
    assert "exists and came from another config, input or version; --force replaces it" in answer.stderr


def test_force_replaces_an_output_of_ours(folder: Path) -> None:
    number(folder)
    assert number(folder, "start=5").returncode == 2
    assert number(folder, "start=5", flags=("--force",)).returncode == 0
    assert (folder / "out" / "numbered.txt").read_text(encoding="utf-8") == "5 a\n6 b\n"
    assert listing(folder) == ["in.txt", "out", "out.run"]


def test_a_folder_that_is_not_ours_is_never_replaced(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = number(folder, flags=("--force",))
    assert answer.returncode == 2
    assert "exists and was not written by fastnlp; choose another output" in answer.stderr
    assert (folder / "out" / "thesis.txt").exists()


def test_an_output_around_its_own_input_is_refused(folder: Path) -> None:
    answer = number(folder, f"output={folder}", flags=("--force",))
    assert answer.returncode == 2
    assert f"output: {folder} holds what `input` reads ({folder / 'in.txt'}); choose another output" in answer.stderr


def test_an_output_that_cannot_be_made_is_one_clear_line(folder: Path) -> None:
    answer = number(folder, f"output={folder / 'in.txt' / 'out'}")
    assert answer.returncode == 2
    assert "output: cannot create" in answer.stderr


def test_a_missing_input_is_one_clear_line(folder: Path) -> None:
    (folder / "in.txt").unlink()
    answer = number(folder)
    assert answer.returncode == 2
    expected = f"error: input: {folder / 'in.txt'} does not exist; give the path of a file or folder that does\n"
    assert answer.stderr == expected


@pytest.mark.parametrize("field", ["input", "output"])
def test_an_empty_path_is_refused(folder: Path, field: str) -> None:
    answer = number(folder, f"{field}=")
    assert answer.returncode == 2
    assert answer.stderr == f"error: config: {field}: expected the path of a file or folder, got ''\n"


def test_a_dry_run_says_what_would_happen_and_touches_nothing(folder: Path) -> None:
    plan = json.loads(number(folder, flags=("--dry-run",)).stdout)
    assert plan["state"] == "would run"
    assert plan["inputs"]["input"]["bytes"] == 5
    assert listing(folder) == ["in.txt"]


def test_lost_rows_are_an_error_of_ours(folder: Path) -> None:
    answer = number(folder, "end=lose")
    assert answer.returncode == 1
    assert "rows were lost" in answer.stderr
    assert not (folder / "out").exists()


def test_a_missing_extra_names_the_command_to_install_it(folder: Path) -> None:
    answer = number(folder, "end=import")
    assert answer.returncode == 2
    assert "number needs a_library_nobody_has: pip install 'fastnlp-core[jobs]'" in answer.stderr


@pytest.mark.parametrize(("signal_number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_cleanly(folder: Path, signal_number: signal.Signals, exit_code: int) -> None:
    process = start_hanging(folder)
    process.send_signal(signal_number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert "Traceback" not in errors
    assert listing(folder) == ["in.txt", "out.run"]


def test_a_second_signal_ends_a_run_inside_a_native_call(folder: Path) -> None:
    process = start_hanging(folder, "native")
    process.send_signal(signal.SIGINT)
    wait_for(process, "stopping; once more stops at once")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert number(folder).returncode == 0


def test_one_signal_ends_a_run_inside_a_native_call_within_two_seconds(folder: Path) -> None:
    process = start_hanging(folder, "native")
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert time.monotonic() - asked < 2
    assert number(folder).returncode == 0


def test_after_kill_9_the_same_command_works(folder: Path) -> None:
    process = start_hanging(folder)
    process.kill()
    process.communicate()
    assert "out.partial" in listing(folder)
    answer = number(folder)
    assert answer.returncode == 0, answer.stderr
    assert listing(folder) == ["in.txt", "out", "out.run"]


def test_a_kill_between_the_two_renames_of_a_replacement_is_undone(folder: Path) -> None:
    number(folder)
    (folder / "out").rename(folder / "out.old")
    answer = number(folder)
    assert json.loads(answer.stdout)["state"] == "up to date"
    assert listing(folder) == ["in.txt", "out", "out.run"]


def test_two_runs_into_one_output_do_not_meet(folder: Path) -> None:
    process = start_hanging(folder)
    second = number(folder)
    process.terminate()
    process.communicate()
    assert second.returncode == 2
    assert f"output: another run is writing {folder / 'out'}; wait for it" in second.stderr


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        answer = number(folder, f"output={disk / 'out'}", "end=full")
        assert answer.returncode == 1
        assert "no space left while writing" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert not [name for name in listing(disk) if name in ("out", "out.partial")]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
