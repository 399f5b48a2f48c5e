"""A step of a workflow: one job in its container. Images, node classes, resources and retries are known only here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from hera.workflows import (
    Artifact,
    Container,
    EmptyDirVolume,
    ExistingVolume,
    NoneArchiveStrategy,
    Parameter,
    RawArtifact,
    Resources,
    RetryStrategy,
    S3Artifact,
    SecretEnv,
    Task,
    Volume,
    models,
)

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.job import JobConfig, load_job
from fastnlp_jobs.runtime import network
from fastnlp_jobs.runtime.offer import NODE_CLASS
from fastnlp_jobs.settings import (
    MODELS,
    S3,
    Images,
    NodeClass,
    SecretSource,
    Settings,
    State,
    StepSettings,
    Storage,
    Toleration,
)
from fastnlp_jobs.shards import ShardedConfig, StagedConfig

GPU = "nvidia.com/gpu"
NODE_CLASSES = {
    "cpu": NodeClass(),
    "gpu4": NodeClass(cpu="16", memory="128Gi", gpus=4, shared_memory="32Gi", tolerations=[Toleration(key=GPU)]),
}
Mounted = EmptyDirVolume | ExistingVolume | Volume
_STATE = "/state"
_WITHOUT_NETWORK = {network.LABEL: network.NONE}
_SUMMARY = NodeClass(cpu="100m", memory="256Mi", deadline_s=600)
# 3: a service failed for now; 143: asked to stop; a preempted or evicted pod is Failed, not Error (argo#9880)
RETRIED = (
    "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [3, 143] "
    "|| lastRetry.message matches 'shutdown|deleted|evicted'"
)


@dataclass(frozen=True)
class Step:
    """A job in a workflow and the artifact it writes."""

    job: str
    output: str
    task: Task | None  # None: off


@dataclass(frozen=True)
class Stored:
    """A file or folder of an S3 service; Argo fetches it, no code of ours does."""

    bucket: str
    key: str
    storage: Storage


def workflow_input(settings: Settings) -> Stored | str:
    """What the first job reads: the file that `input: s3://BUCKET/KEY` names, or the workflow's parameter."""
    return _stored(settings, settings.values.input or "") or "{{workflow.parameters.input}}"


def _stored(settings: Settings, text: str) -> Stored | None:
    """What s3://BUCKET/KEY names; None for any other text."""
    storage = settings.values.storage
    if storage is None or not text.startswith(S3):
        return None
    bucket, _, key = text.removeprefix(S3).partition("/")
    return Stored(bucket, key, storage)


def step(
    settings: Settings,
    job: str,
    *,
    output: str,
    name: str | None = None,
    node_class: str = "cpu",
    parts: Sequence[str] = (),
    **sources: Step | Stored | str | None,
) -> Step:
    """Add a job to the workflow that is being built, if the settings name it; in parts, stage after stage.

    Args:
        settings: hold the job's config, and what differs from the defaults of the node class.
        job: name of the job, of its image and of its last task.
        output: name of the artifact it writes.
        name: of its last task, where a job stands twice in a workflow; by default the job's.
        node_class: one of NODE_CLASSES; the settings may name another.
        parts: names of the parts in which the job's stages work side by side; by default the shards of the settings.
        sources: by field of the job's Config, the step whose artifact it reads, a stored file, a value, or None.
    """
    if job not in settings.values.steps:
        return Step(job, output, task=None)
    placed = {key: _stored(settings, text) or text for key, text in settings.placed(job).items()}
    given = {field: source for field, source in sources.items() if source is not None}
    whole = _wire(settings, job, name or job, output, {**given, **placed})
    config_class = load_job(job).Config
    fan = _Fan(list(parts)) if parts else _shards(settings, config_class)
    tasks = [whole]
    if fan is not None:
        tasks = [_wire_stage(whole, job, stage, fan) for stage in config_class.READS_PARTS_OF]
    stage_keys = config_class.stage_keys() if issubclass(config_class, StagedConfig) else ()
    left_out = dict.fromkeys([*stage_keys, *config_class.path_fields("state")])
    own = settings.step(job, given={**left_out, **tasks[-1].values})
    node_class = settings.values.nodes.get(job, node_class)
    last = None
    for wiring in tasks:
        task = _task(settings, job, own, node_class, wiring)
        if last is not None:
            last >> task
        last = task
    return Step(job, output, last)


@dataclass(frozen=True)
class _Wiring:
    """A task of a job: what its container reads and writes, and where that comes from."""

    name: str
    values: dict[str, str]  # by key of the job's config
    inputs: list[Artifact | Parameter]
    outputs: list[Artifact]
    arguments: list[Artifact | Parameter]
    makers: list[Task]
    repeated: list[Any] | None = None  # for each of these


@dataclass(frozen=True)
class _Fan:
    """The parts in which the stages of a job work side by side."""

    items: list[Any]
    suffix: str = ""  # with which an item is the name of a part


def _wire(settings: Settings, job: str, name: str, output: str, sources: dict[str, Step | Stored | str]) -> _Wiring:
    """The task that does the whole job."""
    values = {field: source for field, source in sources.items() if isinstance(source, str)}
    stored = {field: source for field, source in sources.items() if isinstance(source, Stored)}
    read = {field: source for field, source in sources.items() if isinstance(source, Step)}
    makers = _makers(settings, job, read)
    inputs: list[Artifact | Parameter] = [_fetched(field, source) for field, source in stored.items()]
    inputs += [Artifact(name=read[field].output, path=f"/in/{read[field].output}") for field in makers]
    for field, artifact in zip([*stored, *makers], inputs, strict=True):
        values[field] = f"{{{{inputs.artifacts.{artifact.name}.path}}}}"
    values["output"] = f"{{{{outputs.artifacts.{output}.path}}}}"
    return _Wiring(
        name=name,
        values=values,
        inputs=inputs,
        outputs=[Artifact(name=output, path=f"/out/{output}", archive=NoneArchiveStrategy())],
        arguments=[maker.get_artifact(read[field].output) for field, maker in makers.items()],
        makers=list(makers.values()),
    )


def _shards(settings: Settings, config_class: type[JobConfig]) -> _Fan | None:
    """The shards of the settings, for a job whose rows can be split."""
    shards = settings.values.shards
    if shards == 1 or not issubclass(config_class, ShardedConfig):
        return None
    return _Fan(list(range(1, shards + 1)), f"/{shards}")


def _wire_stage(whole: _Wiring, job: str, stage: str, fan: _Fan) -> _Wiring:
    """The task of one stage. Argo cannot fan artifacts in by name: parts meet under one prefix of their keys."""
    config_class = load_job(job).Config
    values, before = whole.values | {"stage": stage}, config_class.READS_PARTS_OF[stage]
    inputs = list(whole.inputs)
    if before is not None:
        inputs.append(S3Artifact(name="parts", path="/in/parts", key=_parts_key(job, before)))
        values["parts"] = "{{inputs.artifacts.parts.path}}"
    if stage == config_class.merge_stage():
        return replace(whole, values=values, inputs=inputs)
    item = f"{{{{inputs.parameters.{config_class.PART}}}}}"
    values |= {config_class.PART: item + fan.suffix, "output": "{{outputs.artifacts.part.path}}"}
    key = f"{_parts_key(job, stage)}/{item}"
    return replace(
        whole,
        name=f"{job}-{stage}",
        values=values,
        inputs=[Parameter(name=config_class.PART), *inputs],
        outputs=[S3Artifact(name="part", path="/out/part", key=key, archive=NoneArchiveStrategy())],
        arguments=[Parameter(name=config_class.PART, value="{{item}}"), *whole.arguments],
        repeated=fan.items,
    )


def _parts_key(job: str, stage: str) -> str:
    return f"{{{{workflow.name}}}}/parts/{job}-{stage}"


def _task(settings: Settings, job: str, own: StepSettings, node_class: str, wiring: _Wiring) -> Task:
    volumes: list[Mounted] = []
    values = wiring.values
    if own.keeps_state:
        values = values | dict.fromkeys(load_job(job).Config.path_fields("state"), _STATE)
        volumes.append(_state(settings.values.state, job))
    if settings.values.models and any(value.startswith(f"{MODELS}/") for value in wiring.values.values()):
        claim = settings.values.models.claim
        volumes.append(ExistingVolume(name="models", claim_name=claim, mount_path=MODELS, read_only=True))
    container = Container(
        name=wiring.name,
        command=["fastnlp", job],
        args=["--config", "{{inputs.artifacts.config.path}}", *_overrides(values)],
        env=_environment(own.secrets) or None,
        inputs=[RawArtifact(name="config", path="/in/config.yaml", data=own.config_text), *wiring.inputs],
        outputs=wiring.outputs,
        **_placed(
            settings,
            job,
            _demand(settings, node_class),
            labels=_labels(settings, node_class, has_network=own.needs_network),
            volumes=volumes,
        ),
    )
    task = Task(name=wiring.name, template=container, arguments=wiring.arguments or None, with_param=wiring.repeated)
    for maker in wiring.makers:
        maker >> task
    return task


def summary(settings: Settings) -> None:
    """Add the template that runs last, whatever happened, and writes how the workflow ended.

    Every image can do that; it takes the first step's, asks for little and waits in no queue.
    """
    image = next(iter(settings.values.steps))
    words = {"status": "{{workflow.status}}", "failures": "{{workflow.failures}}"}
    words["output"] = "{{outputs.artifacts.summary.path}}"
    Container(
        name="summary",
        command=["fastnlp", "summary"],
        args=[word for key, value in words.items() for word in (f"--{key}", value)],
        outputs=[Artifact(name="summary", path="/out/summary.json", archive=NoneArchiveStrategy())],
        **_placed(settings, image, _SUMMARY, labels=_WITHOUT_NETWORK, volumes=[]),
    )


def _placed(
    settings: Settings, image: str, demand: NodeClass, *, labels: dict[str, str], volumes: list[Mounted]
) -> dict[str, Any]:
    """The arguments of a Container that say where and how it runs, none of what it does."""
    # With a read-only root everything a step writes lies in a volume.
    volumes = [EmptyDirVolume(name="out", mount_path="/out"), EmptyDirVolume(name="tmp", mount_path="/tmp"), *volumes]
    if demand.shared_memory:
        size = models.Quantity(root=demand.shared_memory)
        volumes.append(EmptyDirVolume(name="shm", mount_path="/dev/shm", medium="Memory", size_limit=size))
    return {
        "image": _image(settings.values.images, image),
        "image_pull_policy": settings.values.images.pull_policy,
        "labels": {"app.kubernetes.io/part-of": "fastnlp", **labels},
        "resources": Resources(
            cpu_request=demand.cpu,
            memory_request=demand.memory,
            memory_limit=demand.memory_limit,
            gpus=demand.gpus or None,
            gpu_flag=GPU,
        ),
        "volumes": volumes,
        "node_selector": demand.node_selector or None,
        "tolerations": [_toleration(taint) for taint in demand.tolerations] or None,
        "active_deadline_seconds": demand.deadline_s,
        "retry_strategy": RetryStrategy(
            limit=3, retry_policy="Always", expression=RETRIED, backoff=models.Backoff(duration="30s", factor=2)
        ),
        "security_context": models.SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=models.Capabilities(drop=["ALL"]),
        ),
    }


def _state(state: State, job: str) -> Mounted:
    """What outlives a try: a folder of the shared claim, for each workflow or for all, or the workflow's own claim."""
    if state.claim:
        part = f"{state.folder or '{{workflow.name}}'}/{job}"
        return ExistingVolume(name="state", claim_name=state.claim, mount_path=_STATE, sub_path=part)
    return Volume(name="state", size=state.size, mount_path=_STATE, sub_path=job)


def _labels(settings: Settings, node_class: str, *, has_network: bool) -> dict[str, str]:
    """Kueue admits pods one by one, so its label stands on the template."""
    queue = {"kueue.x-k8s.io/queue-name": settings.values.queue} if settings.values.queue else {}
    return {NODE_CLASS: node_class, **({} if has_network else _WITHOUT_NETWORK), **queue}


def _demand(settings: Settings, node_class: str) -> NodeClass:
    """A node class with what the settings change of it."""
    changed = settings.values.classes.get(node_class, NodeClass())
    return NODE_CLASSES[node_class].model_copy(
        update={name: getattr(changed, name) for name in changed.model_fields_set}
    )


def _image(images: Images, name: str) -> str:
    prefix = f"{images.registry.rstrip('/')}/" if images.registry else ""
    return f"{prefix}job-{name}" + (f":{images.tag}" if images.tag else "")


def _toleration(taint: Toleration) -> models.Toleration:
    operator = "Exists" if taint.value is None else "Equal"
    return models.Toleration(key=taint.key, operator=operator, value=taint.value, effect=taint.effect)


def _makers(settings: Settings, job: str, read: dict[str, Step]) -> dict[str, Task]:
    """By field the task whose artifact is read; a step that is off may only feed a field with a default."""
    fields = load_job(job).Config.model_fields
    for field, source in read.items():
        if source.task is None and fields[field].is_required():
            where = settings.file.where(("steps", job))
            raise BadInput(f"{where}: {job} reads the {source.output} of {source.job}, which is off; add it to `steps`")
    return {field: source.task for field, source in read.items() if source.task is not None}


def _fetched(field: str, stored: Stored) -> S3Artifact:
    """The stored file as an input artifact, under its own name: the ending tells the job its format.

    Every part of its place is given: Argo ignores a bucket that comes without an endpoint.
    """
    secret = stored.storage.secret
    return S3Artifact(
        name=field,
        path=f"/in/{field}/{PurePosixPath(stored.key).name}",
        archive=NoneArchiveStrategy(),
        endpoint=stored.storage.endpoint,
        bucket=stored.bucket,
        key=stored.key,
        region=stored.storage.region,
        insecure=stored.storage.insecure or None,
        access_key_secret=models.SecretKeySelector(name=secret, key="accessKey") if secret else None,
        secret_key_secret=models.SecretKeySelector(name=secret, key="secretKey") if secret else None,
        use_sdk_creds=None if secret else True,
    )


def _environment(sources: dict[str, SecretSource]) -> list[SecretEnv]:
    """Variables whose values the runtime looks up; the workflow holds only where."""
    return [
        SecretEnv(name=variable, secret_name=source.secret, secret_key=source.key or variable)
        for variable, source in sources.items()
    ]


def _overrides(values: dict[str, str]) -> list[str]:
    return [word for field, value in values.items() for word in ("--set", f"{field}={value}")]
