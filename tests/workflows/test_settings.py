"""Settings files: what is found, and what is refused with file, line and key."""

from pathlib import Path

import pytest

from fastnlp_jobs import jobs
from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.settings import load_settings

EXAMPLE_JOBS = Path(__file__).parents[1] / "jobs" / "example_jobs"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write a settings file and load it; `number` is the one known step, an example job."""
    monkeypatch.setattr(jobs, "__path__", [*jobs.__path__, str(EXAMPLE_JOBS)])
    monkeypatch.setenv("FASTNLP_SETTINGS", "mine")
    monkeypatch.chdir(tmp_path)

    def write_and_load(text, name="mine.yaml"):
        Path(name).write_text(text, encoding="utf-8")
        return load_settings(Path(), ("number",))

    return write_and_load


def refusal(load, text):
    with pytest.raises(BadInput) as refused:
        load(text).step("number", ["input", "output"])
    return str(refused.value)


def test_settings_give_the_config_of_each_step_they_name(load):
    settings = load("input: a.txt\nsteps:\n  number:\n    start: 3\n")
    assert (settings.name, settings.input, list(settings.steps)) == ("mine", "a.txt", ["number"])
    assert settings.step("number", ["input", "output"]).config == {"start": 3}


def test_a_step_may_be_named_without_a_config(load):
    assert load("steps:\n  number:\n").step("number", ["input", "output"]).config == {}


def test_a_path_is_taken_as_it_is(load, monkeypatch, tmp_path):
    monkeypatch.setenv("FASTNLP_SETTINGS", str(tmp_path / "other.yaml"))
    assert load("steps: {}", name="other.yaml").name == "other"


def test_without_a_name_the_settings_are_demo(load, monkeypatch):
    monkeypatch.delenv("FASTNLP_SETTINGS")
    assert load("steps: {}", name="demo.yaml").name == "demo"


def test_an_unknown_name_is_refused_with_a_close_one(load, monkeypatch):
    monkeypatch.setenv("FASTNLP_SETTINGS", "mien")
    assert refusal(load, "steps: {}") == "settings `mien`: no mien.yaml in .; did you mean `mine`?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: {}\nimages: a\n", "mine.yaml:2: unknown key `images`; known keys: input, secrets, steps"),
        ("input: a\n", "mine.yaml: the key `steps` is missing; add it to the file"),
        ("steps:\n  nubmer:\n", "mine.yaml:2: unknown step `nubmer`; did you mean `number`?"),
        ("steps:\n  number:\n    strat: 1\n", "mine.yaml:3: unknown key `strat`; did you mean `start`?"),
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


def test_settings_too_large_to_travel_in_a_workflow_are_refused(load):
    text = "steps: {}\n#" + "x" * 65536
    assert refusal(load, text).startswith("mine.yaml: 65547 bytes, limit 65536;")


def test_a_file_name_that_cannot_be_part_of_a_workflows_name_is_refused(load, monkeypatch):
    monkeypatch.setenv("FASTNLP_SETTINGS", "./My_Run.yaml")
    with pytest.raises(BadInput, match=r"My_Run\.yaml: the file's name becomes part of the workflow's"):
        load("steps: {}", name="My_Run.yaml")
