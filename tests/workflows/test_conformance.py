"""Our runtimes against what a real Argo did: cases of our own, and its recordings where this machine has them."""

import datetime
import itertools
import json
from pathlib import Path

import pytest
import yaml
from hera.workflows import models

from fastnlp_jobs.runtime.local import namespaces_granted
from fastnlp_jobs.runtime.machine import run_on_machine

CASES = Path(__file__).parent / "conformance"
ROOT = Path(__file__).parents[2]
BESIDE = [parent / "shared" / "argo-conformance" for parent in ROOT.parents]
RECORDINGS = next((folder for folder in BESIDE if folder.is_dir()), Path("no-recordings-beside-the-repository"))
IMAGE = "python:3.12-slim-bookworm"  # only docker looks at it
TAKE_SECONDS = {"deadline", "failfast", "parallelism", "retry-backoff", "sigterm"}
FIELDS = ("type", "phase", "code", "message", "result", "parameters", "out")


def cases():
    for path in sorted(CASES.glob("*.yaml")):
        if path.name != "templates.yaml":
            yield from (
                pytest.param(case, id=case["case"]) for case in yaml.safe_load(path.read_text(encoding="utf-8"))
            )


def recordings():
    if not RECORDINGS.is_dir():
        missing = pytest.mark.skip(reason="no recordings of a real Argo beside the repository")
        return [pytest.param("quick", marks=missing), pytest.param("slow", marks=[missing, pytest.mark.slow])]
    return [
        pytest.param(path.stem, marks=[pytest.mark.slow] if path.stem.startswith(tuple(TAKE_SECONDS)) else [])
        for path in sorted(RECORDINGS.glob("*.yaml"))
    ]


@pytest.fixture(params=["local"])
def run(request, tmp_path, capsys):
    """Run a manifest on each runtime."""

    def run_on(manifest):
        text = yaml.safe_dump(manifest, allow_unicode=True).replace("IMAGE", IMAGE)
        if request.param == "local" and names_paths(manifest) and not namespaces_granted():
            pytest.skip("this system grants no private mount namespace")
        workflow = models.Workflow.model_validate(yaml.safe_load(text))
        ended = run_on_machine(workflow, on=request.param, run_dir=tmp_path)
        print(capsys.readouterr().err)
        return ended

    return run_on


def names_paths(manifest):
    """Whether a command names one of the paths that the template declares."""
    for template in manifest["spec"]["templates"]:
        container = template.get("container") or template.get("script") or {}
        words = " ".join([*container.get("command", []), *container.get("args", []), container.get("source", "")])
        artifacts = [one for side in ("inputs", "outputs") for one in template.get(side, {}).get("artifacts", [])]
        parameters = [one["valueFrom"] for one in template.get("outputs", {}).get("parameters", [])]
        if any(one.get("path", "nowhere") in words for one in artifacts + parameters):
            return True
    return False


@pytest.mark.parametrize("case", list(cases()))
def test_a_case_ends_as_on_argo(case, run):
    ended = run(manifest_of(case))
    status = ended.state["status"]
    assert (status["phase"], status["message"]) == (case["ends"], case.get("message", ""))
    found = nodes_of(ended)
    assert set(found) == set(case["nodes"])
    for name, expected in case["nodes"].items():
        expected = with_defaults(expected)
        assert {field: found[name][field] for field in expected} == expected, name
    check_times(case, ended)


def manifest_of(case):
    own = case.get("templates", [])
    main = {"name": "main", **{kind: case[kind] for kind in ("dag", "steps") if kind in case}}
    names = {template["name"] for template in own}
    common = yaml.safe_load((CASES / "templates.yaml").read_text(encoding="utf-8"))
    templates = [main, *own, *(template for template in common if template["name"] not in names)]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "case"},
        "spec": {"entrypoint": "main", "templates": templates, **case.get("spec", {})},
    }


def with_defaults(expected):
    """What a case says of a node, with what goes without saying; ANY is left out."""
    full = {"type": "Pod", "phase": "Succeeded", "message": "", "result": None, "parameters": {}, "out": "", **expected}
    full.setdefault("code", 0 if full["type"] == "Pod" else None)
    return {field: value for field, value in full.items() if value != "ANY"}


def check_times(case, ended):
    nodes = {node["name"].removeprefix("case"): node for node in ended.state["status"]["nodes"].values()}
    spans = sorted(
        (moment(nodes[name]["startedAt"]), moment(nodes[name]["finishedAt"])) for name in case.get("apart", [])
    )
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))
    for name, seconds in case.get("waits_s", {}).items():
        number = int(name[-2])
        following = nodes[f"{name[:-2]}{number + 1})"]
        waited = moment(following["startedAt"]) - moment(nodes[name]["finishedAt"])
        assert waited.total_seconds() >= seconds - 0.002  # times are written in milliseconds


def moment(text):
    return datetime.datetime.fromisoformat(text)


def nodes_of(ended):
    """By name after the workflow's, what we and a recording tell of a node."""
    return {
        node["name"].removeprefix(ended.state["metadata"]["name"]): told(node, ended.folder)
        for node in ended.state["status"]["nodes"].values()
    }


def told(node, folder):
    outputs = node.get("outputs", {})
    code = outputs.get("exitCode")
    return {
        "type": node["type"],
        "phase": node["phase"],
        "message": node["message"],
        "code": None if code is None else int(code),
        "result": outputs.get("result"),
        "parameters": {one["name"]: one["value"] for one in outputs.get("parameters", [])},
        "out": printed(node, folder),
    }


def printed(node, folder):
    """Standard output of a pod."""
    log = folder / node["here"]["folder"] / "stdout.log" if "here" in node else None
    return log.read_text(encoding="utf-8") if log and log.is_file() else ""


@pytest.mark.parametrize("name", recordings())
def test_a_recorded_workflow_ends_as_on_argo(name, run):
    manifest = yaml.safe_load((RECORDINGS / f"{name}.yaml").read_text(encoding="utf-8"))
    recorded = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    ended = run(manifest)
    status = ended.state["status"]
    assert (status["phase"], status["message"]) == (recorded["phase"], recorded.get("message", ""))
    found = nodes_of(ended)
    expected = {node.removeprefix(name): as_recorded(told, name) for node, told in recorded["nodes"].items()}
    assert set(found) == set(expected)
    for node, fields in expected.items():
        mine = found[node] | {"out": with_declared_paths(found[node]["out"], ended, f"{name}{node}", manifest)}
        assert {field: mine[field] for field in fields} == fields, node


def as_recorded(fields, name):
    """A recorded node in our words; what a machine says in its own is left out."""
    code = fields.get("exit_code")
    lines = [line for line in fields.get("stdout", []) if not line.startswith("Error: exit status ")]
    told = {
        "type": fields["type"],
        "phase": fields["phase"],
        "message": fields.get("message", ""),
        "code": None if code is None else int(code),
        "result": fields.get("result"),
        "parameters": fields.get("parameters", {}),
        "out": "".join(f"{line}\n" for line in lines),
    }
    if told["message"].startswith("wait: "):  # words of Argo's executor
        del told["message"]
    if name == "parallelism":  # it prints the clock
        del told["out"]
    return told


def with_declared_paths(text, ended, name, manifest):
    """What a step printed, with the paths that its template declares for those of this machine."""
    declared = {
        template["name"]: template.get("inputs", {}).get("artifacts", []) for template in manifest["spec"]["templates"]
    }
    for node in ended.state["status"]["nodes"].values():
        if node["name"] == name:
            paths = {one["name"]: one["path"] for one in declared.get(node.get("templateName", ""), [])}
            for artifact in node.get("inputs", {}).get("artifacts", []):
                text = text.replace(artifact["path"], paths[artifact["name"]])
    return text
