"""Settings files: what is found, and what is refused with file, line and key."""

import re
from pathlib import Path

import pytest

from fastnlp_jobs import jobs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.settings import SettingsFile, load_settings

PATHS = {"input": "{{inputs.artifacts.a.path}}", "output": "{{outputs.artifacts.b.path}}"}
EXAMPLE_JOBS = Path(__file__).parents[1] / "jobs" / "example_jobs"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a settings file and load it; the known steps are `crawl` and `number`, an example job."""
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(EXAMPLE_JOBS)])
    monkeypatch.setenv("FASTNLP_SETTINGS", "mine")
    monkeypatch.chdir(tmp_path)

    def write_and_load(text, name="mine.yaml"):
        Path(name).write_text(text, encoding="utf-8")
        return load_settings(Path(), ["number", "crawl"], ["cpu", "gpu4"])

    return write_and_load


def refusal(load, text, job="number"):
    with pytest.raises(BadInput) as refused:
        load(text).step(job, PATHS)
    return str(refused.value)


def test_every_key_of_a_settings_file_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text(encoding="utf-8")
    section = page[page.index("\n## Settings\n") : page.index("\n## Secrets\n")]
    schema = SettingsFile.model_json_schema()
    keys = {key for group in (schema, *schema["$defs"].values()) for key in group["properties"]}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", section)] == []


def test_settings_give_the_config_of_each_step_they_name(load):
    settings = load("input: a.txt\nsteps:\n  number:\n    start: 3\n")
    assert (settings.name, settings.values.input, list(settings.values.steps)) == ("mine", "a.txt", ["number"])
    assert settings.step("number", PATHS).config_text == "start: 3\n"


def test_a_step_may_be_named_without_a_config(load):
    assert load("steps:\n  number:\n").step("number", PATHS).config_text == "{}\n"


def test_a_path_is_taken_as_it_is(load, monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "other.yaml"))
    assert load("steps: {crawl: }", name="other.yaml").name == "other"


def test_without_a_name_the_settings_are_demo(load, monkeypatch):
    monkeypatch.delenv("FASTNLP_SETTINGS")
    assert load("steps: {crawl: }", name="demo.yaml").name == "demo"


def test_an_unknown_name_is_refused_with_a_close_one(load, monkeypatch):
    monkeypatch.setenv("FASTNLP_SETTINGS", "mien")
    assert refusal(load, "steps: {crawl: }") == "settings `mien`: no mien.yaml in .; did you mean `mine`?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: {crawl: }\nimage: a\n", "mine.yaml:2: unknown key `image`; did you mean `images`?"),
        (
            "steps: {crawl: }\nstate: {folder: a}\n",
            "mine.yaml:2: state: `folder` needs `claim`: a workflow's own claim ends with it",
        ),
        ("steps: {crawl: }\nimages: {tog: a}\n", "mine.yaml:2: unknown key `images.tog`; did you mean `tag`?"),
        (
            "steps: {crawl: }\nclasses:\n  cpu: {cpus: 4}\n",
            "mine.yaml:3: unknown key `classes.cpu.cpus`; did you mean `cpu`?",
        ),
        (
            "steps: {crawl: }\nstorage: {endpoint: e, secert: s}\n",
            "mine.yaml:2: unknown key `storage.secert`; did you mean `secret`?",
        ),
        ("steps: {crawl: }\nnodes: {number: cpu}\n", "mine.yaml:2: unknown step `number`; there are: crawl"),
        (
            "steps: {number: }\nnodes:\n  number: gpu\n",
            "mine.yaml:3: unknown node class `gpu`; did you mean `gpu4`?",
        ),
        ("steps: {crawl: }\nclasses: {gpu8: {}}\n", "mine.yaml:2: unknown node class `gpu8`; did you mean `gpu4`?"),
        (
            "steps: {crawl: }\nclasses:\n  gpu4: {memory: 16GB}\n",
            "mine.yaml:3: classes.gpu4.memory: String should match pattern",
        ),
        (
            "steps: {crawl: }\nsecrets: {FASTNLP_PSEUDONYM_KEX: }\n",
            "mine.yaml:2: unknown secret `FASTNLP_PSEUDONYM_KEX`; did you mean `FASTNLP_PSEUDONYM_KEY`?",
        ),
        (
            "input: s3://a/b\nsteps: {crawl: }\n",
            "mine.yaml:1: an input s3://… needs `storage: {endpoint: HOST}`; add it",
        ),
        ("input: a\n", "mine.yaml: the key `steps` is missing; add it to the file"),
        ("steps:\n  nubmer:\n", "mine.yaml:2: unknown step `nubmer`; did you mean `number`?"),
        ("steps:\n  number:\n    sart: 1\n", "mine.yaml:3: unknown key `sart`; did you mean `start`?"),
        (
            "steps:\n  number:\n    start: -1\n",
            "mine.yaml:3: start: Input should be greater than or equal to 0, got -1",
        ),
        (
            "steps:\n  number:\n    output: here\n",
            "mine.yaml:3: `output` of step number is set by the workflow; remove the line",
        ),
        (
            "steps:\n  number:\n    start: '{{x}}'\n",
            "mine.yaml:3: `{{` is not allowed, workflows would expand it; templates use {name}",
        ),
        ("steps: [\n", "mine.yaml: expected YAML, got a syntax error"),
    ],
)
def test_a_mistake_is_refused_with_file_line_and_key(load, text, message):
    assert refusal(load, text).startswith(message)


def test_a_key_that_a_workflow_gives_in_another_way_is_refused(load):
    message = (
        "mine.yaml:3: in a workflow the environment variable FASTNLP_PSEUDONYM_KEY stands for `pseudonym_key_file`"
    )
    assert refusal(load, "steps:\n  crawl:\n    pseudonym_key_file: key\n", "crawl").startswith(message)


def test_braces_that_only_the_parsed_config_holds_are_refused(load):
    message = "mine.yaml:2: `{{` is not allowed in the config of crawl, workflows would expand it"
    assert refusal(load, 'steps:\n  crawl: {files: "{\\x7bx}}"}\n', "crawl") == message


def test_a_config_that_anchors_make_too_large_is_refused(load):
    text = f"steps:\n  crawl:\n    mapping:\n      keep: [&long {'x' * 30000}, *long, *long]\n"
    assert refusal(load, text, "crawl").startswith("mine.yaml:2: the config of crawl is larger than 65536 bytes")


def test_settings_too_large_to_travel_in_a_workflow_are_refused(load):
    text = "steps: {crawl: }\n#" + "x" * 65536
    assert refusal(load, text).startswith("mine.yaml: 65554 bytes, limit 65536;")


def test_a_file_name_that_cannot_be_part_of_a_workflows_name_is_refused(load, monkeypatch):
    monkeypatch.setenv("FASTNLP_SETTINGS", "./My_Run.yaml")
    with pytest.raises(BadInput, match=r"My_Run\.yaml: the file's name becomes part of the workflow's"):
        load("steps: {crawl: }", name="My_Run.yaml")
