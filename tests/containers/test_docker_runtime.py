"""`hera submit --on docker`: the same artifacts as on this machine, and what a container must not see or do."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from tests.workflows.test_conformance import IMAGE

from fastnlp_jobs.lineage import hash_path
from fastnlp_jobs.runtime.submit import submit

ROOT = Path(__file__).parents[2]
LATER = {"prepare": {"languages": ["zh"]}, "mine": {"min_support": 0.05}, "describe": None, "report": None}
FROM_FILE = {"mapping": {"base": "douyin", "labels": {"column": "mood"}}, "timezone": "Asia/Shanghai"}
FROM_SITE = {"source": "demo", "demo": {"videos": 3}}  # it starts inside the step
ARTIFACTS = ("crawl/comments", "prepare/documents", "mine/patterns", "describe/description", "report/report")
HANG = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("asked to stop") or 143))
print("hanging")
time.sleep(60)
"""
REACH = """
import socket
print([name for _, name in socket.if_nameindex()])
try:
    socket.create_connection(("{host}", {port}), timeout=30)
    print("connect: done")
except OSError as error:
    print("connect:", error.strerror)
try:
    socket.getaddrinfo("example.org", 80)
    print("look up: done")
except OSError:
    print("look up: failed")
"""
LOG = Path("runs", "latest", "steps", "main", "try-1", "stdout.log")
KEY = "a key for tests only, 0123456789"


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize(
    ("crawl", "given"), [(FROM_FILE, ["-p", "input=comments.csv"]), (FROM_SITE, [])], ids=["file", "demo"]
)
def test_docker_writes_the_same_artifacts_as_this_machine_and_nothing_twice(tmp_path, monkeypatch, crawl, given):
    shutil.copy(ROOT / "docker" / "example" / "comments.csv", tmp_path)
    settings = {"steps": {"crawl": crawl, **LATER}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("FASTNLP_SETTINGS", "")
    monkeypatch.chdir(tmp_path)
    words = [str(ROOT / "workflows" / "full.py"), "--settings", "small.yaml", *given]
    hashes = {}
    for place in ("local", "docker"):
        assert submit([*words, "--on", place, "--run-dir", place]) == 0
        folder = tmp_path / place / "latest" / "artifacts"
        hashes[place] = {name: hash_path(folder / name) for name in ARTIFACTS}
    assert hashes["docker"] == hashes["local"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert submit([*words, "--on", "docker", "--run-dir", "docker"]) == 0
    again = tmp_path / "docker" / "latest" / "steps"
    logs = [(again / name.split("/")[0] / "try-1" / "stdout.log").read_text(encoding="utf-8") for name in ARTIFACTS]
    assert [json.loads(log)["state"] for log in logs] == ["up to date"] * len(ARTIFACTS)


def test_a_step_has_no_rights_and_a_read_only_root(run_step):
    ended = run_step(
        """
import os, pathlib
status = pathlib.Path("/proc/self/status").read_text()
print([line.split()[1] for line in status.splitlines() if line.startswith(("CapEff", "NoNewPrivs"))])
print(os.statvfs("/").f_flag & os.ST_RDONLY, os.getuid())
pathlib.Path("/tmp/free").touch()
"""
    )
    assert ended.exit_code == 0
    assert ended.log("main") == f"['0000000000000000', '1']\n1 {os.getuid()}\n"


def test_a_step_that_does_without_the_network_reaches_no_address_and_no_name(run_step):
    ended = run_step(REACH.format(host="192.0.2.1", port=80), metadata={"labels": {"fastnlp/network": "none"}})
    assert ended.log("main") == "['lo']\nconnect: Network is unreachable\nlook up: failed\n"
    assert "--network=none" in (ended.folder / "steps" / "main" / "try-1" / "command.txt").read_text()


def test_a_step_that_says_nothing_of_the_network_reaches_this_machine(docker, run_step):
    bridge = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    with socket.create_server((bridge, 0)) as server:
        ended = run_step(REACH.format(host=bridge, port=server.getsockname()[1]))
    assert "connect: done" in ended.log("main")


def test_a_step_sees_its_own_variables_and_none_of_the_submitter(run_step, monkeypatch):
    monkeypatch.setenv("MY_PASSWORD", "do not pass on")
    show = "import os; print(os.environ.get('MY_PASSWORD'), os.environ['COLOUR'], os.environ['HOME'])"
    ended = run_step(show, container={"env": [{"name": "COLOUR", "value": "red"}, {"name": "HOME", "value": "/tmp"}]})
    assert ended.log("main") == "None red /tmp\n"


def test_more_memory_than_its_limit_ends_a_step_with_137_and_says_so(run_step):
    resources = {"requests": {"memory": "16Mi"}, "limits": {"memory": "64Mi"}}
    ended = run_step("b = bytearray(10**9)", container={"resources": resources})
    assert ended.exit_code == 1
    assert ended.node("one")["message"] == "main: OOMKilled (exit code 137)"
    assert "exit code 137" in ended.err


def test_a_claim_outlives_the_run(run_step):
    mounts = [{"name": "state", "mountPath": "/state"}]
    volumes = [{"name": "state", "persistentVolumeClaim": {"claimName": "kept"}}]
    count = "import pathlib; f = pathlib.Path('/state/runs'); f.open('a').write('.'); print(f.read_text())"
    logs = [run_step(count, container={"volumeMounts": mounts}, volumes=volumes).log("main") for _ in range(2)]
    assert logs == [".\n", "..\n"]


def test_an_output_beside_its_input_is_taken_and_belongs_to_the_submitter(run_step):
    ended = run_step(
        "text = open('/work/in.txt').read(); open('/work/out.txt', 'w').write(text.upper())",
        inputs={"artifacts": [{"name": "given", "path": "/work/in.txt", "raw": {"data": "abc"}}]},
        outputs={"artifacts": [{"name": "made", "path": "/work/out.txt"}]},
    )
    made = ended.folder / "artifacts" / "main" / "made.txt"
    assert made.read_text() == "ABC"
    assert made.stat().st_uid == os.getuid()


def test_the_line_that_a_step_notes_runs_it_again(run_step):
    ended = run_step(
        "import os; print(open('/in/text').read(), os.environ['COLOUR'])",
        container={"env": [{"name": "COLOUR", "value": "red"}]},
        inputs={"artifacts": [{"name": "text", "path": "/in/text", "raw": {"data": "abc"}}]},
    )
    line = (ended.folder / "steps" / "main" / "try-1" / "command.txt").read_text()
    assert "red" not in line
    again = subprocess.run(
        shlex.split(line), capture_output=True, text=True, env={**os.environ, "COLOUR": "blue"}, check=False
    )
    assert again.stdout == "abc blue\n", again.stderr


def test_a_command_that_the_image_does_not_have_is_an_error_that_names_it(run_step):
    ended = run_step("", container={"command": ["no-such-program"]})
    assert ended.node("one")["phase"] == "Error"
    assert "no-such-program" in ended.node("one")["message"]


def test_a_missing_image_is_refused_before_the_first_step(run_step):
    ended = run_step("", container={"image": "job-nobody-built"})
    assert ended.exit_code == 2
    build = "docker build --file docker/Dockerfile --target job-nobody-built --tag job-nobody-built ."
    assert f"its image job-nobody-built is not on this machine; `make images` builds all, `{build}`" in ended.err
    assert not ended.folder.exists()


def test_an_output_in_the_root_folder_is_refused_with_the_cure(run_step):
    ended = run_step("", outputs={"artifacts": [{"name": "made", "path": "/made"}]})
    assert ended.exit_code == 2
    assert "writes /made into the root folder, which is read-only; declare it as /out/made" in ended.err


@pytest.fixture
def hanging(docker, tmp_path):  # noqa: ARG001  # without docker it cannot hang
    """A `hera submit --on docker` whose only step has said that it hangs."""
    container = {"image": IMAGE, "command": ["python3", "-uc", HANG]}
    flow = {"entrypoint": "main", "templates": [{"name": "main", "container": container}]}
    manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "hangs"}, "spec": flow}
    (tmp_path / "flow.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", "flow.yaml", "--on", "docker"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: (tmp_path / LOG).is_file() and (tmp_path / LOG).read_text())
        yield process


def wait_until(come):
    deadline = time.monotonic() + 60
    while not come():
        assert time.monotonic() < deadline


def containers(docker):
    return docker("ps", "--all", "--quiet", "--filter", "label=fastnlp.try=hangs-main-1").stdout


def test_sigterm_ends_the_container_too_and_leaves_none(docker, hanging, tmp_path):
    hanging.terminate()
    assert hanging.wait(timeout=25) == 143
    assert (tmp_path / LOG).read_text() == "hanging\nasked to stop\n"
    assert containers(docker) == ""


def test_kill_9_leaves_no_container(docker, hanging):
    hanging.kill()
    wait_until(lambda: containers(docker) == "")
