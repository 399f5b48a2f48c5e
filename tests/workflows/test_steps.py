"""What `workflows/steps.py` makes of settings that no shipped file holds."""

from pathlib import Path

import pytest
from hera.workflows import DAG, Workflow
from workflows.steps import NODE_CLASSES, step, workflow_input

from fastnlp_jobs import jobs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.settings import load_settings

EXAMPLE_JOBS = Path(__file__).parents[1] / "jobs" / "example_jobs"


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """The spec of a workflow whose one step is `number`, an example job with state."""
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(EXAMPLE_JOBS)])
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "mine.yaml"))

    def build(more="", config=""):
        (tmp_path / "mine.yaml").write_text(f"steps:\n  number: {config}\n{more}", encoding="utf-8")
        settings = load_settings(tmp_path, ["number"], NODE_CLASSES)
        with Workflow(name="w", entrypoint="main") as workflow, DAG(name="main"):
            step(settings, "number", input=workflow_input(settings), output="numbered")
        return workflow.to_dict()["spec"]

    return build


def number(spec):
    (template,) = [template for template in spec["templates"] if template["name"] == "number"]
    return template


def mount(spec):
    template = number(spec)
    assert "state=/state" in template["container"]["args"]
    (found,) = [found for found in template["container"]["volumeMounts"] if found["name"] == "state"]
    return found, [volume for volume in template["volumes"] if volume["name"] == "state"]


def test_without_a_claim_each_workflow_gets_one_of_its_own(manifest):
    spec = manifest("state: {size: 5Gi}\n")
    assert mount(spec) == ({"name": "state", "mountPath": "/state", "subPath": "number"}, [])
    (claim,) = spec["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["spec"]["resources"]["requests"]) == ("state", {"storage": "5Gi"})


def test_a_claim_that_is_there_holds_a_folder_for_each_workflow_and_job(manifest):
    spec = manifest("state: {claim: fastnlp-state}\n")
    expected = {"name": "state", "mountPath": "/state", "subPath": "{{workflow.name}}/number"}
    volume = {"name": "state", "persistentVolumeClaim": {"claimName": "fastnlp-state"}}
    assert mount(spec) == (expected, [volume])
    assert "volumeClaimTemplates" not in spec


@pytest.mark.parametrize(("source", "keeps"), [("twitch", True), ("demo", False)])
def test_only_a_crawl_that_asks_others_keeps_state_and_has_the_network(tmp_path, monkeypatch, source, keeps):
    stated = "purpose: p, legal_basis: l, retention_until: 2999-01-01, twitch: {channels: [c]}, "
    config = f"{{{stated if keeps else ''}source: {source}}}"
    (tmp_path / "mine.yaml").write_text(f"steps:\n  crawl: {config}\n", encoding="utf-8")
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "mine.yaml"))
    settings = load_settings(tmp_path, ["crawl"], NODE_CLASSES)
    with Workflow(name="w", entrypoint="main") as workflow, DAG(name="main"):
        step(settings, "crawl", input=None, output="comments")
    (template,) = [one for one in workflow.to_dict()["spec"]["templates"] if one["name"] == "crawl"]
    assert ("state=/state" in template["container"]["args"]) == keeps
    assert ("fastnlp/network" not in template["metadata"]["labels"]) == keeps


def test_without_a_secret_the_stored_input_is_read_with_the_rights_of_the_pod(manifest):
    spec = manifest("input: s3://bucket/folder/lines.txt\nstorage: {endpoint: 's3:9000', region: r, insecure: true}\n")
    (fetched,) = [artifact for artifact in number(spec)["inputs"]["artifacts"] if artifact["name"] == "input"]
    assert fetched["path"] == "/in/input/lines.txt"
    assert fetched["s3"] == {
        "endpoint": "s3:9000",
        "bucket": "bucket",
        "key": "folder/lines.txt",
        "region": "r",
        "insecure": True,
        "useSDKCreds": True,
    }


def prepare(tmp_path, monkeypatch, text):
    """The template of `prepare` for settings whose step reads a list of words from elsewhere."""
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "mine.yaml"))
    settings = load_settings(tmp_path, ["prepare"], NODE_CLASSES)
    with Workflow(name="w", entrypoint="main") as workflow, DAG(name="main"):
        step(settings, "prepare", input="/data/comments", output="documents")
    (template,) = [one for one in workflow.to_dict()["spec"]["templates"] if one["name"] == "prepare"]
    return template


def test_a_file_that_a_config_names_in_s3_is_fetched_for_its_step(tmp_path, monkeypatch):
    text = "steps: {prepare: {stopwords_file: 's3://words/zh/stop.txt'}}\nstorage: {endpoint: s3}\n"
    template = prepare(tmp_path, monkeypatch, text)
    (fetched,) = [one for one in template["inputs"]["artifacts"] if one["name"] == "stopwords_file"]
    assert (fetched["path"], fetched["s3"]["key"]) == ("/in/stopwords_file/stop.txt", "zh/stop.txt")
    assert "stopwords_file={{inputs.artifacts.stopwords_file.path}}" in template["container"]["args"]
    (config,) = [one for one in template["inputs"]["artifacts"] if one["name"] == "config"]
    assert "stopwords_file" not in config["raw"]["data"]


def test_a_path_on_the_volume_of_models_mounts_it_read_only(tmp_path, monkeypatch):
    text = "steps: {prepare: {user_words_file: /models/words.txt}}\nmodels: {claim: shared-models}\n"
    template = prepare(tmp_path, monkeypatch, text)
    assert "user_words_file=/models/words.txt" in template["container"]["args"]
    mounted = {"name": "models", "mountPath": "/models", "readOnly": True}
    assert mounted in template["container"]["volumeMounts"]
    claims = [one["persistentVolumeClaim"] for one in template["volumes"] if one["name"] == "models"]
    assert [claim["claimName"] for claim in claims] == ["shared-models"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://words/stop.txt", "mine.yaml:1: s3://words/stop.txt needs `storage: {endpoint: HOST}`; add it"),
        ("/models/stop.txt", "mine.yaml:1: /models/stop.txt needs `models: {claim: NAME}`; add it"),
    ],
)
def test_a_place_that_the_settings_do_not_describe_is_refused(tmp_path, monkeypatch, path, expected):
    with pytest.raises(BadInput) as refused:
        prepare(tmp_path, monkeypatch, f"steps: {{prepare: {{stopwords_file: '{path}'}}}}\n")
    assert str(refused.value).endswith(expected)


def test_a_stored_folder_is_fetched_under_its_own_name(manifest):
    spec = manifest("input: s3://bucket/folder/\nstorage: {endpoint: s3}\n")
    assert "/in/input/folder" in [artifact["path"] for artifact in number(spec)["inputs"]["artifacts"]]


@pytest.mark.parametrize(
    ("taint", "toleration"),
    [
        ("{key: spot}", {"key": "spot", "operator": "Exists"}),
        (
            "{key: pool, value: gpu, effect: NoSchedule}",
            {"key": "pool", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
        ),
    ],
)
def test_a_taint_is_tolerated_whatever_its_value_unless_one_is_named(manifest, taint, toleration):
    spec = manifest(f"nodes: {{number: gpu4}}\nclasses: {{gpu4: {{tolerations: [{taint}]}}}}\n")
    assert number(spec)["tolerations"] == [toleration]


@pytest.mark.parametrize(
    ("images", "image"),
    [
        ("{}", "job-number"),
        ("{tag: 1.2.0}", "job-number:1.2.0"),
        ("{registry: registry.example.org/team/, tag: a}", "registry.example.org/team/job-number:a"),
    ],
)
def test_an_image_is_named_by_registry_job_and_tag(manifest, images, image):
    assert number(manifest(f"images: {images}\n"))["container"]["image"] == image


def test_a_changed_class_keeps_what_the_settings_do_not_name(manifest):
    spec = manifest("nodes: {number: gpu4}\nclasses: {gpu4: {gpus: 2, cpu: 8}}\n")
    requests = number(spec)["container"]["resources"]["requests"]
    assert requests == {"cpu": "8", "memory": "128Gi", "nvidia.com/gpu": "2"}


@pytest.mark.parametrize(("config", "label"), [("{start: 3}", "none"), ("{end: ask}", None)])
def test_a_step_goes_without_network_unless_its_config_needs_one(manifest, config, label):
    assert number(manifest(config=config))["metadata"]["labels"].get("fastnlp/network") == label
