"""Ctrl-C and SIGTERM on a running `hera submit`, as real processes."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

FLOW = """
CODE = '''
import os, signal, sys, time
def leave(*_):
    print("asked to stop", flush=True)
    sys.exit(143)
signal.signal(signal.SIGTERM, leave if sys.argv[2] == "polite" else signal.SIG_IGN)
with open(sys.argv[1], "w") as ready:
    ready.write("x")
while True:
    signal.pause()
'''
with Workflow(name="long", entrypoint="main", arguments=[Parameter(name="fifo"), Parameter(name="manner")]) as workflow:
    wait = python("wait", CODE, "{{workflow.parameters.fifo}}", "{{workflow.parameters.manner}}")
    with DAG(name="main"):
        wait(name="running") >> wait(name="next")
"""
ONE_BY_ONE = FLOW.replace('entrypoint="main"', 'entrypoint="main", parallelism=1').replace(" >> ", ", ")


@pytest.fixture
def running(write_flow, tmp_path):
    """Give a function that submits the flow and returns once its first step is waiting for signals."""
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    started = []

    def start(manner, *before, flow=FLOW):
        command = [*before, sys.executable, "-m", "fastnlp_jobs", "submit", str(write_flow(flow)), "--on", "local"]
        command += ["-p", f"fifo={fifo}", "-p", f"manner={manner}"]
        # a group of its own, so that the test could not stop itself by a mistake
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        assert select.select([reader], [], [], 60)[0], "the step never started"
        os.close(reader)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def nodes(tmp_path):
    nodes = json.loads((tmp_path / "runs" / "latest" / "run.json").read_text())["status"]["nodes"].values()
    return {node["displayName"]: node for node in nodes if node["displayName"] in ("running", "next")}


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_asks_the_running_step_to_stop_and_starts_no_other(running, tmp_path, number, exit_code):
    process = running("polite")
    process.send_signal(number)
    assert process.wait(timeout=60) == exit_code
    assert {name: node["phase"] for name, node in nodes(tmp_path).items()} == {
        "running": "Failed",
        "next": "Omitted",
    }
    log = tmp_path / "runs" / "latest" / "steps" / "running" / "try-1" / "stdout.log"
    assert log.read_text() == "asked to stop\n"


def test_what_had_not_started_when_a_signal_came_is_failed_as_on_argo_and_so_is_the_run(running, tmp_path):
    process = running("polite", flow=ONE_BY_ONE)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    messages = {node["message"] for node in nodes(tmp_path).values() if node["phase"] == "Failed"}
    assert messages == {"main: Error (exit code 143)", "Stopped with strategy 'Stop'"}
    status = json.loads((tmp_path / "runs" / "latest" / "run.json").read_text())["status"]
    assert (status["phase"], status["message"]) == ("Failed", "Stopped with strategy 'Stop'")


def test_the_exit_handler_runs_after_the_first_signal_and_sees_the_failure(running, tmp_path):
    flow = FLOW.replace('entrypoint="main"', 'entrypoint="main", on_exit="bye"')
    bye = '    python("bye", "import sys; print(sys.argv[1])", "{{workflow.status}}")\n    with DAG'
    process = running("polite", flow=flow.replace("    with DAG", bye))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143
    log = tmp_path / "runs" / "latest" / "steps" / "onExit" / "try-1" / "stdout.log"
    assert log.read_text() == "Failed\n"


def test_a_signal_that_was_ignored_at_the_start_stays_ignored(running):
    process = running("polite", "nohup")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143


def test_a_second_signal_ends_a_step_that_does_not_listen(running, tmp_path):
    process = running("deaf")
    process.send_signal(signal.SIGINT)
    assert "stopping; once more ends the steps at once\n" in iter(process.stderr.readline, "")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert nodes(tmp_path)["running"]["outputs"]["exitCode"] == "137"


def test_kill_9_of_the_runtime_leaves_no_step_running(write_flow, tmp_path):
    alive = tmp_path / "alive"  # a step that holds it open for writing lives
    os.mkfifo(alive)
    flow = write_flow("""
CODE = "import signal, sys; held = open(sys.argv[1], 'w'); print('here', file=held, flush=True); signal.pause()"
with Workflow(name="long", entrypoint="main", arguments=Parameter(name="fifo")) as workflow:
    shell = Container(name="shell", image="any", command=["sh", "-c", "python3 -c \\"$0\\" \\"$1\\"; true"],
                      args=[CODE, "{{workflow.parameters.fifo}}"])
    with DAG(name="main"):
        shell(name="shell")
""")
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(flow), "--on", "local", "-p", f"fifo={alive}"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    with alive.open() as reader:
        assert reader.readline() == "here\n"
        process.kill()
        process.wait()
        assert select.select([reader], [], [], 60)[0], "the step outlived its runtime"
        assert reader.read() == ""
