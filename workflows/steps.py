"""A step of a workflow: one job in its container. Images are known here and nowhere else."""

from dataclasses import dataclass
from typing import Any

import yaml
from hera.workflows import Artifact, Container, NoneArchiveStrategy, RawArtifact, SecretEnv, Task

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import load_job
from fastnlp_jobs.settings import SecretSource, Settings


@dataclass(frozen=True)
class Step:
    """A job in a workflow and the artifact it writes."""

    job: str
    output: str
    task: Task | None  # None: off


def step(settings: Settings, job: str, *, output: str, **sources: Step | str) -> Step:
    """Add a job to the workflow that is being built, if the settings name it.

    Args:
        settings: hold the job's config.
        job: name of the job, of its image and of its task.
        output: name of the artifact it writes.
        sources: by field of the job's Config, the step whose artifact it reads, or a value.
    """
    if job not in settings.steps:
        return Step(job, output, task=None)
    values = {field: source for field, source in sources.items() if isinstance(source, str)}
    read = {field: source for field, source in sources.items() if isinstance(source, Step)}
    makers = _makers(settings, job, read)
    values |= {field: f"{{{{inputs.artifacts.{read[field].output}.path}}}}" for field in makers}
    values["output"] = f"{{{{outputs.artifacts.{output}.path}}}}"
    own = settings.step(job, given=values)
    container = Container(
        name=job,
        image=f"job-{job}",
        command=["fastnlp", job],
        args=["--config", "{{inputs.artifacts.config.path}}", *_overrides(values)],
        env=_environment(own.secrets) or None,
        inputs=[
            RawArtifact(name="config", path="/in/config.yaml", data=_yaml(own.config)),
            *(Artifact(name=read[field].output, path=f"/in/{read[field].output}") for field in makers),
        ],
        outputs=[Artifact(name=output, path=f"/out/{output}", archive=NoneArchiveStrategy())],
    )
    artifacts = [maker.get_artifact(read[field].output) for field, maker in makers.items()]
    task = Task(name=job, template=container, arguments=artifacts or None)
    for maker in makers.values():
        maker >> task
    return Step(job, output, task)


def _makers(settings: Settings, job: str, read: dict[str, Step]) -> dict[str, Task]:
    """By field the task whose artifact is read; a step that is off may only feed a field with a default."""
    fields = load_job(job).Config.model_fields
    for field, source in read.items():
        if source.task is None and fields[field].is_required():
            where = settings.file.where(("steps", job))
            raise BadInput(f"{where}: {job} reads the {source.output} of {source.job}, which is off; add it to `steps`")
    return {field: source.task for field, source in read.items() if source.task is not None}


def _environment(sources: dict[str, SecretSource]) -> list[SecretEnv]:
    """Variables whose values the runtime looks up; the workflow holds only where."""
    return [
        SecretEnv(name=variable, secret_name=source.secret, secret_key=source.key or variable)
        for variable, source in sources.items()
    ]


def _yaml(config: dict[str, Any]) -> str:
    return str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def _overrides(values: dict[str, str]) -> list[str]:
    return [word for field, value in values.items() for word in ("--set", f"{field}={value}")]
