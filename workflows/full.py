"""From comments to a report: crawl, prepare, then mine, describe, label and augment side by side, then report.

FASTNLP_SETTINGS names the settings (configs/workflows/NAME.yaml, or a path). `hera submit` sets it from
`--settings`; `hera generate yaml workflows/full.py` prints exactly what is submitted.
"""

import sys
from pathlib import Path

from hera.workflows import DAG, Parameter, Workflow, models

from fastnlp_jobs.job import step_names
from fastnlp_jobs.jobs.crawl import READS_INPUT
from fastnlp_jobs.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # Hera's loader makes neither this folder nor the current one importable
from workflows.steps import NODE_CLASSES, Stored, step, summary, workflow_input  # noqa: E402  # needs the line above

settings = load_settings(ROOT / "configs" / "workflows", step_names(), NODE_CLASSES)
values = settings.values
source = workflow_input(settings)
has_input = values.input is not None or (values.steps.get("crawl") or {}).get("source", "file") in READS_INPUT
# Hera would turn a value of None into the text "null"
input_parameter = Parameter(name="input", value=values.input) if values.input else Parameter(name="input")

with Workflow(
    generate_name=f"full-{settings.name}-",
    entrypoint="main",
    on_exit="summary",
    arguments=[input_parameter] if has_input and not isinstance(source, Stored) else None,
    annotations={"fastnlp/paths": "input"},  # docker mounts what this parameter names
    labels={"app.kubernetes.io/part-of": "fastnlp", "fastnlp/settings": settings.name},
    # any user id but root, and volumes that it may write
    security_context=models.PodSecurityContext(run_as_non_root=True, run_as_user=10001, fs_group=10001),
    service_account_name=values.service_account,
    image_pull_secrets=values.images.pull_secrets or None,
    pod_priority_class_name=values.priority_class,
    # pods of a workflow that failed stay for their logs, the workflow itself for a week
    pod_gc=models.PodGC(strategy="OnWorkflowSuccess"),
    ttl_strategy=models.TTLStrategy(seconds_after_completion=7 * 24 * 3600),
) as workflow:
    summary(settings)
    with DAG(name="main"):
        crawl = step(settings, "crawl", input=source if has_input else None, output="comments")
        prepare = step(settings, "prepare", input=crawl, output="documents")
        mine = step(settings, "mine", input=prepare, output="patterns")
        describe = step(settings, "describe", input=prepare, output="description")
        label = step(settings, "label", input=prepare, output="labels")
        step(settings, "augment", input=prepare, output="augmented")
        step(
            settings,
            "report",
            comments=crawl,
            documents=prepare,
            patterns=mine,
            description=describe,
            labels=label,
            output="report",
        )
