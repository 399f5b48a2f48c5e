"""`hera submit`: which workflow of a file, in Python or YAML, and what the options change in it."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.loading import load_manifest
from fastnlp_jobs.runtime.submit import submit

MANIFEST = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: one-
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: input, value: a.csv}
    - {name: number, value: 5}
    - {name: day, value: 2026-01-31}
  templates:
  - name: main
    dag:
      tasks:
      - {name: only, template: step}
  - name: step
    container:
      image: any
      command: [python, -c, "import sys; print(sys.argv[1:])"]
      args: ["{{workflow.parameters.input}}", "{{workflow.parameters.number}}", "{{workflow.parameters.day}}"]
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARGO_SERVER", raising=False)

    def write_file(text, name="flow.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def rendered(write, capsys):
    """What `--dry-run` prints for the manifest under some options."""

    def render(*options, text=MANIFEST):
        assert submit([str(write(text)), "--dry-run", *options]) == 0
        return yaml.safe_load(capsys.readouterr().out)

    return render


@pytest.fixture
def refused(write, capsys):
    """The one line with which the manifest is refused under some options."""

    def refuse(*options, text=MANIFEST):
        assert submit([str(write(text)), "--dry-run", *options]) == 2
        return capsys.readouterr().err.removeprefix("error: ").rstrip("\n")

    return refuse


def values(manifest):
    return {parameter["name"]: parameter["value"] for parameter in manifest["spec"]["arguments"]["parameters"]}


def test_a_yaml_manifest_runs_like_a_python_file(write, tmp_path, capsys):
    assert submit([str(write(MANIFEST)), "--on", "local"]) == 0
    log = tmp_path / "runs" / "latest" / "steps" / "only" / "try-1" / "stdout.log"
    assert log.read_text() == "['a.csv', '5', '2026-01-31']\n"
    assert "no Argo server" not in capsys.readouterr().err


def test_without_a_server_a_line_says_that_it_runs_here(write, capsys):
    assert submit([str(write(MANIFEST))]) == 0
    notice = "no Argo server is named (--argo-server, ARGO_SERVER): the steps run on this machine\n"
    assert notice in capsys.readouterr().err


def test_numbers_and_dates_of_parameters_are_text_as_argo_has_it(rendered):
    assert values(rendered()) == {"input": "a.csv", "number": "5", "day": "2026-01-31"}


def test_a_misspelt_field_is_refused_with_its_place(refused):
    message = refused(text=MANIFEST.replace("image: any", "imgae: any"))
    assert message.endswith("flow.yaml: spec.templates[step].container.imgae: unknown field; did you mean `image`?")


def test_another_kind_is_refused(refused):
    message = refused(text=MANIFEST.replace("kind: Workflow", "kind: Pod"))
    assert message.endswith("expected kind Workflow, WorkflowTemplate, CronWorkflow, got Pod")


@pytest.mark.parametrize("text", ["[", "just text", "{kind: Workflow}"])
def test_what_is_no_manifest_is_refused(refused, text):
    assert "expected " in refused(text=text)


def two():
    return MANIFEST.replace("one-", "first-") + "---\n" + MANIFEST.replace("one-", "second-")


def test_of_several_workflows_one_is_named(rendered):
    assert rendered("--workflow", "second", text=two())["metadata"]["generateName"] == "second-"


def test_several_workflows_without_a_choice_are_refused_with_their_names(refused):
    message = refused(text=two())
    assert message.endswith("expected one workflow, found 2 (first-, second-); choose with --workflow NAME")


def test_an_unknown_choice_is_refused_with_the_names(refused):
    message = refused("--workflow", "third", text=two())
    assert message.endswith("holds no such workflow; it has: first-, second-")


def test_workflow_chooses_in_a_python_file_too(write):
    path = write(
        "from hera.workflows import Workflow\n"
        "a, b = Workflow(name='a', entrypoint='m'), Workflow(name='b', entrypoint='m')\n"
        "also_a = a\n",
        "flow.py",
    )
    assert load_manifest(path, "b")["metadata"]["name"] == "b"
    with pytest.raises(BadInput, match=r"found 2 \(a, b\)"):
        load_manifest(path)


def test_parameters_of_a_file_are_text_and_p_goes_before_them(rendered, write):
    write(json.dumps({"input": "file.csv", "number": [1, 2.5], "day": "x"}), "parameters.json")
    manifest = rendered("-f", "parameters.json", "-p", "input=own.csv")
    assert values(manifest) == {"input": "own.csv", "number": "[1, 2.5]", "day": "x"}


def test_an_unknown_parameter_of_a_file_is_refused_with_the_known_ones(refused, write):
    write("inptu: x\n", "parameters.yaml")
    message = refused("-f", "parameters.yaml")
    assert message == ("-f parameters.yaml: the workflow has no parameter `inptu`; did you mean `input`?")


@pytest.mark.parametrize("text", ["- a\n", "[\n", "\udcff"])
def test_a_parameter_file_of_another_form_is_refused(refused, write, tmp_path, text):
    write("", "parameters.yaml")
    (tmp_path / "parameters.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert refused("-f", "parameters.yaml").startswith("-f parameters.yaml: expected ")


def test_a_value_may_come_from_elsewhere_until_one_is_given(rendered):
    text = MANIFEST.replace("{name: input, value: a.csv}", "{name: input, valueFrom: {expression: \"'x'\"}}")
    assert rendered("-p", "input=b", text=text)["spec"]["arguments"]["parameters"][0] == {"name": "input", "value": "b"}


def test_parameters_of_a_template_on_the_server_are_not_known_here(rendered):
    text = "kind: Workflow\nmetadata: {name: a}\nspec: {workflowTemplateRef: {name: kept}}\n"
    assert values(rendered("-p", "any=1", text=text)) == {"any": "1"}


def test_the_entrypoint_can_be_another_template(rendered, refused):
    assert rendered("--entrypoint", "step")["spec"]["entrypoint"] == "step"
    expected = "--entrypoint stpe: there is no such template; did you mean `step`?"
    assert refused("--entrypoint", "stpe") == expected


def test_a_name_takes_the_place_of_the_prefix(rendered):
    assert rendered("--name", "mine")["metadata"] == {"name": "mine"}
    assert rendered("--generate-name", "mine-")["metadata"] == {"generateName": "mine-"}


@pytest.mark.parametrize("option", ["--name", "--generate-name"])
@pytest.mark.parametrize("name", ["Bad Name", "../elsewhere", "a" * 64])
def test_a_name_that_kubernetes_would_not_take_is_refused(refused, option, name):
    assert refused(option, name).startswith("metadata.")


def test_labels_are_added_to_those_that_are_there(rendered, refused):
    text = MANIFEST.replace("metadata:", "metadata:\n  labels: {a: '1', b: '2'}")
    assert rendered("-l", "b=3,c=4", "-l", "d=", text=text)["metadata"]["labels"] == {
        "a": "1",
        "b": "3",
        "c": "4",
        "d": "",
    }
    assert refused("-l", "team") == "-l team: expected KEY=VALUE, such as -l team=research"


def test_service_account_and_namespace_stand_in_what_goes_to_argo(rendered):
    manifest = rendered("--on", "argo", "-s", "argo.example", "-n", "ns", "--serviceaccount", "runner")
    assert manifest["metadata"]["namespace"] == "ns"
    assert manifest["spec"]["serviceAccountName"] == "runner"


@pytest.mark.parametrize(
    "option", [["--server-dry-run"], ["--serviceaccount", "x"], ["-n", "x"], ["-k"], ["--certificate-authority", "x"]]
)
@pytest.mark.parametrize("place", ["local", "docker"])
def test_an_option_without_a_meaning_on_this_machine_is_refused_by_name(refused, option, place):
    message = refused("--on", place, *option)
    assert option[0] in message
    assert message.endswith(f"no meaning with --on {place}, only with argo; leave it out")


def test_settings_have_no_meaning_for_a_finished_manifest(refused):
    message = refused("--settings", "demo")
    assert message == "--settings demo: a manifest is finished; only a Python file reads settings"


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_dry_run_prints_the_form_that_is_asked_for(write, capsys, form, read):
    assert submit([str(write(MANIFEST)), "--dry-run", "-o", form]) == 0
    assert read(capsys.readouterr().out)["kind"] == "Workflow"


def submitted(write, *options, text=MANIFEST):
    return submit([str(write(text)), "--on", "local", *options])


def test_json_is_the_final_state_and_alone_on_standard_output(write, tmp_path, capsys):
    assert submitted(write, "-o", "json", "--log") == 0
    state = json.loads(capsys.readouterr().out)
    assert state == json.loads((tmp_path / "runs" / "latest" / "run.json").read_text(encoding="utf-8"))
    (only,) = [node for node in state["status"]["nodes"].values() if node["type"] == "Pod"]
    assert (state["status"]["phase"], only["phase"], only["outputs"]["exitCode"]) == ("Succeeded", "Succeeded", "0")


def test_json_of_a_failed_run_is_printed_and_the_exit_code_is_1(write, capsys):
    text = MANIFEST.replace("import sys; print(sys.argv[1:])", "raise SystemExit(5)")
    assert submitted(write, "-o", "json", text=text) == 1
    state = json.loads(capsys.readouterr().out)
    assert state["status"]["phase"] == "Failed"
    assert "5" in [node.get("outputs", {}).get("exitCode") for node in state["status"]["nodes"].values()]


def test_the_name_of_a_run_here_is_its_folders(write, tmp_path, capsys):
    assert submitted(write, "-o", "name", "--name", "mine") == 0
    name = capsys.readouterr().out
    assert name == f"{(tmp_path / 'runs' / 'latest').resolve().name}\n"
    assert name.startswith("mine-")


def test_log_prints_the_lines_of_each_step_on_standard_output(write, capsys):
    text = MANIFEST.replace("import sys; print(sys.argv[1:])", "import sys; print('out'); print('unended', end='')")
    assert submitted(write, "--log", text=text) == 0
    assert capsys.readouterr().out == "only: out\nonly: unended\n"


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_log_prints_a_line_while_its_step_still_runs(write, tmp_path):
    """The step waits for a file that the test writes once it has seen the step's line."""
    code = "import os, sys; print('waiting', flush=True); open(sys.argv[1]).read()"
    text = MANIFEST.replace("import sys; print(sys.argv[1:])", code)
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-m", "fastnlp_jobs", "submit", str(write(text)), "--on", "local", "--log"]
    command += ["-p", f"input={tmp_path / 'fifo'}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "only: waiting\n"
        (tmp_path / "fifo").write_text("go on")
        assert process.wait(timeout=60) == 0


def test_labels_mean_the_same_here(write, tmp_path):
    assert submitted(write, "-l", "team=research") == 0
    stored = yaml.safe_load((tmp_path / "runs" / "latest" / "workflow.yaml").read_text(encoding="utf-8"))
    assert stored["metadata"]["labels"] == {"team": "research"}
