"""Tries as processes of this machine: declared paths, the private root, what a try may use, how it is ended."""

import sys
from pathlib import Path

import pytest

from fastnlp_jobs.runtime import local, machine
from fastnlp_jobs.runtime.demand import Demand

needs_namespaces = pytest.mark.skipif(
    not local.namespaces_granted(), reason="this system grants no private mount namespace"
)

SAME_PATH = """
MEET = '''
import pathlib, sys, time
own, other = sys.argv[1:]
pathlib.Path("/tmp/fastnlp-same-path").write_text(own)
pathlib.Path(own).touch()
end = time.monotonic() + 30
while not pathlib.Path(other).exists():
    assert time.monotonic() < end, "the other step never ran beside this one"
print(pathlib.Path("/tmp/fastnlp-same-path").read_text())
'''
with Workflow(name="same", entrypoint="main") as workflow:
    step = python("step", MEET, "{{inputs.parameters.own}}", "{{inputs.parameters.other}}",
                  inputs=[Parameter(name="own"), Parameter(name="other")],
                  outputs=[Artifact(name="file", path="/tmp/fastnlp-same-path")])
    with DAG(name="main"):
        step(name="left", arguments={"own": "left", "other": "right"})
        step(name="right", arguments={"own": "right", "other": "left"})
"""


@needs_namespaces
def test_tries_beside_each_other_do_not_see_each_others_declared_paths(run_flow, monkeypatch):
    monkeypatch.setattr(machine, "this_machine", lambda: Demand(cores=2, memory_bytes=1 << 40))
    finished = run_flow(SAME_PATH)
    assert finished.exit_code == 0, finished.err
    assert {name: finished.stdout(name) for name in ("left", "right")} == {"left": "left\n", "right": "right\n"}
    assert (finished.folder / "artifacts" / "left" / "file").read_text() == "left"
    assert not Path("/tmp/fastnlp-same-path").exists()


@needs_namespaces
def test_nothing_that_a_private_root_needed_stays_in_the_try(run_flow):
    finished = run_flow("""
with Workflow(name="tidy", entrypoint="main") as workflow:
    step = python("step", "open('/fastnlp-out/deep/file', 'w').write('x')",
                  outputs=[Artifact(name="file", path="/fastnlp-out/deep/file")])
    with DAG(name="main"):
        step(name="step")
""")
    assert finished.exit_code == 0, finished.err
    names = {path.name for path in (finished.folder / "steps" / "step" / "try-1").iterdir()}
    assert names == {"command.txt", "inputs", "outputs", "parameters", "root.json", "stdout.log", "stderr.log"}


@needs_namespaces
def test_an_empty_volume_is_empty_in_each_try_and_a_claim_is_kept(run_flow):
    finished = run_flow("""
CODE = '''
import os, pathlib, sys
print(sorted(os.listdir("/fastnlp-scratch")), sorted(os.listdir("/fastnlp-state")))
pathlib.Path("/fastnlp-scratch/left").touch(), pathlib.Path("/fastnlp-state/kept").touch()
'''
claim = models.PersistentVolumeClaim(metadata=models.ObjectMeta(name="state"))
with Workflow(name="volumes", entrypoint="main", volume_claim_templates=[claim]) as workflow:
    step = python("step", CODE, volumes=[EmptyDirVolume(name="scratch", mount_path="/fastnlp-scratch")],
                  volume_mounts=[models.VolumeMount(name="state", mount_path="/fastnlp-state")])
    with DAG(name="main"):
        step(name="first") >> step(name="second")
""")
    assert finished.exit_code == 0, finished.err
    assert [finished.stdout(name) for name in ("first", "second")] == ["[] []\n", "[] ['kept']\n"]


@needs_namespaces
def test_declared_paths_may_stand_in_each_other_and_in_variables(run_flow):
    finished = run_flow("""
MAKE = "import os; os.makedirs('/fastnlp-out/tree'); open(os.environ['LEAF'], 'w').write('leaf')"
USE = '''
import os
print(sorted(os.listdir('/fastnlp-in')), open('/fastnlp-in/leaf').read(), open(os.environ['NOTE']).read())
'''
with Workflow(name="nested", entrypoint="main") as workflow:
    make = python("make", MAKE, env=[Env(name="LEAF", value="/fastnlp-out/tree/leaf")], outputs=[
        Artifact(name="tree", path="/fastnlp-out/tree"), Artifact(name="leaf", path="/fastnlp-out/tree/leaf")])
    use = python("use", USE, env=[Env(name="NOTE", value="/fastnlp-in/note")], inputs=[
        Artifact(name="tree", path="/fastnlp-in"), RawArtifact(name="note", path="/fastnlp-in/note", data="noted")])
    with DAG(name="main"):
        made = make(name="make")
        made >> use(name="use", arguments=[made.get_artifact("tree")])
""")
    assert finished.exit_code == 0, finished.err
    assert finished.stdout("use") == "['leaf', 'note'] leaf noted\n"
    assert [path.name for path in (finished.folder / "artifacts" / "make" / "tree").iterdir()] == ["leaf"]
    assert (finished.folder / "artifacts" / "make" / "leaf").read_text() == "leaf"


def test_a_path_in_a_command_is_refused_with_the_cure_where_no_namespace_is_granted(run_flow, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "namespaces_granted", lambda: False)
    finished = run_flow(SAME_PATH)
    assert finished.exit_code == 2
    assert finished.err.startswith(
        "error: template step: names /tmp/fastnlp-same-path in its command, and this system grants no private mount "
        "namespace to put it there; write {{inputs.artifacts.NAME.path}}, "
    )
    assert not (tmp_path / "runs").exists()


def test_a_path_that_only_begins_like_a_declared_one_is_none(run_flow, monkeypatch):
    monkeypatch.setattr(local, "namespaces_granted", lambda: False)
    finished = run_flow("""
with Workflow(name="similar", entrypoint="main") as workflow:
    step = python("step", "print('/tmp/output /tmp/out-2 /a/tmp/out')",
                  outputs=[Artifact(name="file", path="/tmp/out", optional=True)])
    with DAG(name="main"):
        step(name="step")
""")
    assert finished.exit_code == 0, finished.err


def test_what_a_failed_try_wrote_is_gone_in_the_next(run_flow):
    finished = run_flow("""
CODE = '''
import os, sys
path, number = sys.argv[1:]
print(os.path.exists(path))
open(path, "w").write(number) if number == "0" else None
sys.exit(number == "0")
'''
with Workflow(name="again", entrypoint="main") as workflow:
    step = python("step", CODE, "{{outputs.artifacts.file.path}}", "{{retries}}",
                  retry_strategy=RetryStrategy(limit=1), outputs=[Artifact(name="file", path="/tmp/file")])
    with DAG(name="main"):
        step(name="step")
""")
    assert finished.nodes["step"]["phase"] == "Error"
    logs = [finished.folder / "steps" / "step" / f"try-{number}" / "stdout.log" for number in (1, 2)]
    assert [log.read_text() for log in logs] == ["False\n", "False\n"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("handler", "seconds", "code"),
    [
        ("pass", 1, "137"),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))", 4, "143"),  # Python must have started by then
    ],
)
def test_a_deadline_ends_a_command_as_it_would_the_first_process_of_a_container(run_flow, handler, seconds, code):
    finished = run_flow(f"""
with Workflow(name="late", entrypoint="main") as workflow:
    step = python("step", "import signal, sys; {handler}; [signal.pause() for _ in iter(int, 1)]",
                  active_deadline_seconds={seconds})
    with DAG(name="main"):
        step(name="step")
""")
    assert finished.nodes["step"]["outputs"]["exitCode"] == code
    assert "step step: Failed, Pod was active on the node longer than the specified deadline" in finished.err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_step_that_was_killed_is_said_to_want_memory(run_flow):
    finished = run_flow("""
with Workflow(name="killed", entrypoint="main") as workflow:
    step = python("step", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with DAG(name="main"):
        step(name="step")
""")
    assert "step: Failed after " in finished.err
    assert "exit code 137 (killed, often for want of memory)\n" in finished.err


HUNGRY = """
with Workflow(name="hungry", entrypoint="main") as workflow:
    step = python("step", "import os, time; time.sleep(0.1); print(os.environ.get('CUDA_VISIBLE_DEVICES'))",
                  resources=models.ResourceRequirements(requests={{{requests}}}))
    with DAG(name="main"):
        step(name="a"), step(name="b")
"""


def test_steps_whose_memory_does_not_fit_beside_each_other_run_one_after_another(run_flow, monkeypatch):
    monkeypatch.setattr(machine, "this_machine", lambda: Demand(cores=8, memory_bytes=10 << 30))
    nodes = run_flow(HUNGRY.format(requests="'memory': '6Gi'")).nodes
    first, second = sorted((nodes[name] for name in ("a", "b")), key=lambda node: node["startedAt"])
    assert first["finishedAt"] <= second["startedAt"]


def test_each_step_gets_gpus_of_its_own(run_flow, monkeypatch):
    monkeypatch.setattr(machine, "this_machine", lambda: Demand(cores=8, memory_bytes=1 << 40, gpus=2))
    finished = run_flow(HUNGRY.format(requests="'nvidia.com/gpu': '1'"))
    assert {finished.stdout("a"), finished.stdout("b")} == {"0\n", "1\n"}


@needs_namespaces
def test_an_empty_folder_does_not_hide_the_project_below_it(run_flow, tmp_path):
    above = f"/{tmp_path.parts[1]}"
    finished = run_flow(f"""
with Workflow(name="below", entrypoint="main") as workflow:
    step = python("step", "import os; print(os.getcwd()); open('/fastnlp-out/file', 'w')",
                  outputs=[Artifact(name="file", path="/fastnlp-out/file")],
                  volumes=[EmptyDirVolume(name="above", mount_path="{above}")])
    with DAG(name="main"):
        step(name="step")
""")
    assert finished.exit_code == 0, finished.err
    assert finished.stdout("step") == f"{tmp_path}\n"
