"""What `hera generate yaml` prints for each settings file, compared with the stored YAML.

After a wanted change, write the stored files again: FASTNLP_SETTINGS=NAME hera generate yaml workflows/full.py
--to tests/workflows/rendered/NAME.yaml (and tests/workflows/gpu4.py with FASTNLP_SETTINGS=tests/workflows/gpu4.yaml,
workflows/full.py with tests/workflows/shards.yaml, workflows/dose.py with intents).
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hera.workflows import models

from fastnlp_jobs.job import load_job, secrets, step_names
from fastnlp_jobs.runtime.check import check
from fastnlp_jobs.runtime.model import parameters
from fastnlp_jobs.runtime.supported import refuse_unsupported

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FULL = ROOT / "workflows" / "full.py"
DOSE = ROOT / "workflows" / "dose.py"
SHIPPED = sorted(path.stem for path in (ROOT / "configs" / "workflows").glob("*.yaml"))
# by stored file: the workflow and its settings
RENDERED = {name: (FULL, name) for name in SHIPPED} | {
    "gpu4": (HERE / "gpu4.py", str(HERE / "gpu4.yaml")),
    "shards": (FULL, str(HERE / "shards.yaml")),
    "dose": (DOSE, "intents"),
}
FOR_THIS_MACHINE = [name for name in RENDERED if name != "cluster"]  # which names an S3 artifact
ALL_ON = "input: a\nsteps:\n" + "".join(f"  {job}:\n" for job in step_names())


@pytest.fixture
def render(tmp_path, monkeypatch):
    """The YAML of a workflow under some settings, where a secret is set that no YAML may hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNLP_PSEUDONYM_KEY", "a planted secret value")

    def build(workflow, settings):
        monkeypatch.setenv("FASTNLP_SETTINGS", str(settings))
        return runpy.run_path(str(workflow))["workflow"].to_yaml()

    return build


def stored(name):
    return yaml.safe_load((HERE / "rendered" / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RENDERED)
def test_each_settings_file_renders_the_stored_yaml(name, render):
    text = (HERE / "rendered" / f"{name}.yaml").read_text(encoding="utf-8")
    assert render(*RENDERED[name]) == text
    assert "planted" not in text


def test_hera_generate_prints_the_same(tmp_path):
    command = [sys.executable, "-m", "hera", "generate", "yaml", str(FULL)]
    environment = {**os.environ, "FASTNLP_SETTINGS": "demo"}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == (HERE / "rendered" / "demo.yaml").read_text(encoding="utf-8")


def test_every_stored_yaml_belongs_to_a_settings_file():
    assert {path.stem for path in (HERE / "rendered").glob("*.yaml")} == set(RENDERED)


@pytest.mark.parametrize("name", FOR_THIS_MACHINE)
def test_the_local_runtime_knows_every_field(name):
    refuse_unsupported(stored(name))


@pytest.mark.parametrize("name", RENDERED)
def test_every_reference_leads_somewhere(name):
    workflow = models.Workflow.model_validate(stored(name))
    for parameter in parameters(workflow):
        parameter.value = parameter.value or "given with -p"
    check(workflow)


def test_the_full_workflow_joins_every_job(render, tmp_path):
    settings = tmp_path / "all.yaml"
    settings.write_text(ALL_ON, encoding="utf-8")
    manifest = yaml.safe_load(render(FULL, settings))
    assert {template["name"] for template in manifest["spec"]["templates"]} == {"main", "summary", *step_names()}


@pytest.mark.parametrize("name", RENDERED)
def test_a_step_passes_only_secrets_that_its_job_reads(name):
    for template in stored(name)["spec"]["templates"]:
        passed = {variable["name"] for variable in template.get("container", {}).get("env", [])}
        job = template["name"]
        assert passed <= (set(secrets(load_job(job).Config).values()) if job in step_names() else set())


def test_the_key_of_a_model_reaches_the_step_that_asks_it_and_no_other(render, tmp_path):
    settings = tmp_path / "keyed.yaml"
    text = (ROOT / "configs" / "workflows" / "intents.yaml").read_text(encoding="utf-8")
    text = text.replace("      model: glm", "      key_variable: GLM_KEY\n      model: glm")
    settings.write_text(text + "secrets:\n  GLM_KEY: {secret: models, key: glm}\n", encoding="utf-8")
    templates = yaml.safe_load(render(DOSE, settings))["spec"]["templates"]
    passed = {template["name"]: template.get("container", {}).get("env") for template in templates}
    secret = {"name": "GLM_KEY", "valueFrom": {"secretKeyRef": {"name": "models", "key": "glm"}}}
    assert {name: env for name, env in passed.items() if env} == {"augment": [secret]}


def test_without_an_input_in_the_settings_the_parameter_has_no_value():
    assert stored("douyin")["spec"]["arguments"]["parameters"] == [{"name": "input"}]


def test_a_step_that_is_off_is_not_in_the_workflow(render, tmp_path):
    text = (ROOT / "configs" / "workflows" / "twitch.yaml").read_text(encoding="utf-8")
    settings = tmp_path / "short.yaml"
    settings.write_text(text.replace("  describe:\n", ""), encoding="utf-8")
    templates = [template["name"] for template in yaml.safe_load(render(FULL, settings))["spec"]["templates"]]
    assert templates == ["summary", "main", "crawl", "prepare", "mine", "report"]


def test_a_step_whose_maker_is_off_is_refused(tmp_path, capsys, monkeypatch):
    from fastnlp_jobs.runtime.submit import submit

    settings = tmp_path / "short.yaml"
    settings.write_text("steps:\n  crawl:\n  mine:\n", encoding="utf-8")
    monkeypatch.setenv("FASTNLP_SETTINGS", "")  # restored after the test, which sets it
    assert submit([str(ROOT / "workflows" / "full.py"), "--settings", str(settings)]) == 2
    reason = "mine reads the documents of prepare, which is off; add it to `steps`"
    assert capsys.readouterr().err == f"error: {settings}:3: {reason}\n"
