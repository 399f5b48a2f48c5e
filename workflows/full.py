"""From comments to a report: crawl, prepare, then mine and describe side by side, then report.

FASTNLP_SETTINGS names the settings (configs/workflows/NAME.yaml, or a path). `hera submit` sets it from
`--settings`; `hera generate yaml workflows/full.py` prints exactly what is submitted.
"""

import sys
from pathlib import Path

from hera.workflows import DAG, Parameter, Workflow

from fastnlp_jobs.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # Hera's loader makes neither this folder nor the current one importable
from workflows.steps import step  # noqa: E402  # needs the line above

settings = load_settings(ROOT / "configs" / "workflows", ("crawl", "prepare", "mine", "describe", "report"))
# Hera would turn a value of None into the text "null"
input_parameter = Parameter(name="input", value=settings.input) if settings.input else Parameter(name="input")

with (
    Workflow(
        generate_name=f"full-{settings.name}-",
        entrypoint="main",
        arguments=[input_parameter],
    ) as workflow,
    DAG(name="main"),
):
    crawl = step(settings, "crawl", input="{{workflow.parameters.input}}", output="comments")
    prepare = step(settings, "prepare", input=crawl, output="documents")
    mine = step(settings, "mine", input=prepare, output="patterns")
    describe = step(settings, "describe", input=prepare, output="description")
    step(settings, "report", comments=crawl, documents=prepare, patterns=mine, description=describe, output="report")
