"""What `hera generate yaml workflows/full.py` prints for each settings file, compared with the stored YAML.

After a wanted change, write the stored file again:
FASTNLP_SETTINGS=NAME hera generate yaml workflows/full.py --to tests/workflows/rendered/NAME.yaml
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hera.workflows import models

from fastnlp_jobs.runtime.check import check
from fastnlp_jobs.runtime.model import parameters
from fastnlp_jobs.runtime.supported import refuse_unsupported

ROOT = Path(__file__).parents[2]
RENDERED = Path(__file__).parent / "rendered"
NAMES = sorted(path.stem for path in (ROOT / "configs" / "workflows").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_hera_generates_the_stored_yaml(name, tmp_path):
    command = [sys.executable, "-m", "hera", "generate", "yaml", str(ROOT / "workflows" / "full.py")]
    environment = {**os.environ, "FASTNLP_SETTINGS": name}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == (RENDERED / f"{name}.yaml").read_text(encoding="utf-8")


def test_every_stored_yaml_belongs_to_a_settings_file():
    assert sorted(path.stem for path in RENDERED.glob("*.yaml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_heras_models_lose_nothing_of_the_yaml(name):
    manifest = stored(name)
    assert models.Workflow.model_validate(manifest).model_dump(exclude_none=True, by_alias=True) == manifest


@pytest.mark.parametrize("name", NAMES)
def test_the_local_runtime_knows_every_field_and_reference(name):
    refuse_unsupported(stored(name))
    workflow = models.Workflow.model_validate(stored(name))
    for parameter in parameters(workflow):
        parameter.value = parameter.value or "given with -p"
    check(workflow)


def test_without_an_input_in_the_settings_the_parameter_has_no_value():
    assert stored("douyin")["spec"]["arguments"]["parameters"] == [{"name": "input"}]


def test_a_step_that_is_off_is_not_in_the_workflow(tmp_path):
    text = (ROOT / "configs" / "workflows" / "twitch.yaml").read_text(encoding="utf-8")
    settings = tmp_path / "short.yaml"
    settings.write_text(text.replace("  describe:\n", ""), encoding="utf-8")
    command = [sys.executable, "-m", "hera", "generate", "yaml", str(ROOT / "workflows" / "full.py")]
    environment = {**os.environ, "FASTNLP_SETTINGS": str(settings)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    templates = [template["name"] for template in yaml.safe_load(answer.stdout)["spec"]["templates"]]
    assert templates == ["main", "crawl", "prepare", "mine", "report"]


def test_a_step_whose_maker_is_off_is_refused(tmp_path, capsys, monkeypatch):
    from fastnlp_jobs.runtime.submit import submit

    settings = tmp_path / "short.yaml"
    settings.write_text("steps:\n  crawl:\n  mine:\n", encoding="utf-8")
    monkeypatch.setenv("FASTNLP_SETTINGS", "")  # restored after the test, which sets it
    assert submit([str(ROOT / "workflows" / "full.py"), "--settings", str(settings)]) == 2
    reason = "mine reads the documents of prepare, which is off; add it to `steps`"
    assert capsys.readouterr().err == f"error: {settings}:3: {reason}\n"


def stored(name):
    return yaml.safe_load((RENDERED / f"{name}.yaml").read_text(encoding="utf-8"))
