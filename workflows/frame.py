"""What every workflow of ours has around its steps: settings, input, who runs it, how long it stays."""

from pathlib import Path

from hera.workflows import Parameter, Workflow, models
from workflows.steps import NODE_CLASSES, Stored, workflow_input

from fastnlp_jobs.job import step_names
from fastnlp_jobs.jobs.crawl import READS_INPUT
from fastnlp_jobs.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]


def read_settings() -> Settings:
    """The settings that FASTNLP_SETTINGS names."""
    return load_settings(ROOT / "configs" / "workflows", step_names(), NODE_CLASSES)


def crawled(settings: Settings) -> Stored | str | None:
    """What crawl reads; None for a source that is no file."""
    values = settings.values
    has_input = values.input is not None or (values.steps.get("crawl") or {}).get("source", "file") in READS_INPUT
    return workflow_input(settings) if has_input else None


def framed(settings: Settings, name: str) -> Workflow:
    """A workflow without steps, named after itself and its settings."""
    values = settings.values
    # Hera would turn a value of None into the text "null"
    parameter = Parameter(name="input", value=values.input) if values.input else Parameter(name="input")
    return Workflow(
        generate_name=f"{name}-{settings.name}-",
        entrypoint="main",
        on_exit="summary",
        arguments=[parameter] if isinstance(crawled(settings), str) else None,
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
    )
