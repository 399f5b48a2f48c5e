"""The fields of a workflow that can run outside a cluster, and what each runtime does with them."""

from dataclasses import dataclass

_NOTHING = "no meaning on one machine: accepted"
_AS_WRITTEN = "yes"


@dataclass(frozen=True)
class Meaning:
    """What a field does."""

    here: str  # on this machine, as processes
    docker: str = ""  # where it differs
    argo: str = _AS_WRITTEN


@dataclass(frozen=True)
class Section:
    """Fields that stand together, under one place or several."""

    title: str
    places: tuple[str, ...]  # "" is the workflow itself
    fields: dict[str, Meaning]


_TOP = {
    "apiVersion": Meaning("accepted as it is"),
    "kind": Meaning("Workflow"),
    "metadata.name": Meaning("name of the workflow and first part of the run folder's", argo="unique in the namespace"),
    "metadata.generateName": Meaning("first part of the name", argo="first part of the name"),
    "metadata.namespace": Meaning("only `{{workflow.namespace}}`"),
    "metadata.labels.*": Meaning("only `{{workflow.labels.NAME}}`"),
    "metadata.annotations.*": Meaning("only `{{workflow.annotations.NAME}}`"),
    "spec.entrypoint": Meaning("name of the first template, of any kind"),
    "spec.onExit": Meaning("template that runs last, also after a failure, a deadline or the first Ctrl-C"),
    "spec.parallelism": Meaning("containers at once at most"),
    "spec.activeDeadlineSeconds": Meaning("then what runs is ended; the exit handler still runs"),
    "spec.arguments.parameters[].name": Meaning("a workflow parameter"),
    "spec.arguments.parameters[].value": Meaning("its value, unless `-p NAME=VALUE` gives another"),
    "spec.arguments.parameters[].description": Meaning("for readers"),
    "spec.arguments.parameters[].enum[]": Meaning("for readers", argo="the choices its page offers"),
    "spec.volumes[].name": Meaning("a volume"),
    "spec.volumes[].emptyDir.*": Meaning(
        "an empty folder for each try where its path stands in the command", "an empty folder for each try"
    ),
    "spec.volumes[].persistentVolumeClaim.*": Meaning("folder volumes/CLAIM beside the runs; it outlives them"),
    "spec.volumeClaimTemplates[].*": Meaning("folder volumes/NAME of the run; it outlives the tries"),
}
_CLUSTER = (
    *("spec.serviceAccountName", "spec.automountServiceAccountToken", "spec.imagePullSecrets[].*", "spec.podGC.*"),
    *("spec.ttlStrategy.*", "spec.securityContext.*", "spec.nodeSelector.*", "spec.tolerations[].*", "spec.affinity.*"),
    *("spec.priority", "spec.podPriorityClassName", "spec.schedulerName", "spec.podMetadata.*", "spec.archiveLogs"),
    *("spec.workflowMetadata.*", "spec.volumeClaimGC.*", "spec.artifactGC.*", "spec.artifactRepositoryRef.*"),
    *("spec.podDisruptionBudget.*",),
    *("spec.templates[].metadata.*", "spec.templates[].nodeSelector.*", "spec.templates[].tolerations[].*"),
    *("spec.templates[].affinity.*", "spec.templates[].priorityClassName", "spec.templates[].schedulerName"),
    *("spec.templates[].serviceAccountName", "spec.templates[].automountServiceAccountToken"),
    *("spec.templates[].securityContext.*",),
)
_TEMPLATE = {
    "name": Meaning("a template"),
    "metadata.labels.fastnlp/network": Meaning(
        "not enforced: a process has this machine's network", "`none`: without network", "not enforced"
    ),
    "parallelism": Meaning("steps of this DAG or these groups at once at most"),
    "activeDeadlineSeconds": Meaning("seconds a try may take: then SIGTERM, 30 s later SIGKILL; Failed"),
    "dag.target": Meaning("last steps, where not all are wanted"),
    "dag.failFast": Meaning("false: the last failure decides the phase; what runs finishes either way"),
    "volumes[].name": Meaning("a volume"),
    "volumes[].emptyDir.*": _TOP["spec.volumes[].emptyDir.*"],
    "volumes[].persistentVolumeClaim.*": _TOP["spec.volumes[].persistentVolumeClaim.*"],
    "retryStrategy.limit": Meaning("tries after the first"),
    "retryStrategy.retryPolicy": Meaning("OnFailure, OnError or Always"),
    "retryStrategy.expression": Meaning("whether to try again, with lastRetry.exitCode, status, message, duration"),
    "retryStrategy.backoff.duration": Meaning("wait before the second try"),
    "retryStrategy.backoff.factor": Meaning("what each further wait is multiplied by"),
    "retryStrategy.backoff.cap": Meaning("longest wait"),
    "retryStrategy.backoff.maxDuration": Meaning("no more tries after that long"),
    "inputs.parameters[].name": Meaning("an input parameter"),
    "inputs.parameters[].value": Meaning("its value, where the step gives none"),
    "inputs.parameters[].default": Meaning("its value, where nothing else gives one"),
    "inputs.parameters[].description": Meaning("for readers"),
    "inputs.parameters[].enum[]": Meaning("for readers"),
    "outputs.parameters[].name": Meaning("an output parameter"),
    "outputs.parameters[].value": Meaning("its value"),
    "outputs.parameters[].description": Meaning("for readers"),
    "outputs.parameters[].valueFrom.path": Meaning("file of the value; `{{outputs.parameters.NAME.path}}` names it"),
    "outputs.parameters[].valueFrom.default": Meaning("the value where nothing is written"),
    "outputs.parameters[].valueFrom.parameter": Meaning("of a DAG or groups: output of a step"),
    "outputs.parameters[].valueFrom.expression": Meaning("of a DAG or groups: computed from its steps"),
}
_ARTIFACT = {
    "name": Meaning("an artifact"),
    "path": Meaning(
        "`{{inputs.artifacts.NAME.path}}` and `{{outputs.artifacts.NAME.path}}` name a file of the try's own folder; "
        "a path written out in the command stands in a private root, where the system grants one",
        "where it stands in the container; the folder around an output is empty at the start, and is not `/`",
    ),
    "optional": Meaning("true: it may be missing"),
    "from": Meaning("output of an earlier step, or an input of the template around"),
    "subPath": Meaning("a part of a folder"),
    "raw.data": Meaning("text written to a file; tags are filled in"),
    "s3.key": Meaning(
        "place in the run's own folder keys/; a prefix is read back as a folder", argo="in its repository"
    ),
    "archive.none.*": Meaning("files and folders are passed on as they are"),
    "archive.tar.*": Meaning("files and folders are passed on as they are", argo="packed on the way"),
}
_STEP = {
    "name": Meaning("a step; its files stand in steps/NAME and artifacts/NAME"),
    "template": Meaning("what it runs"),
    "when": Meaning("it is Skipped where this is false"),
    "withItems[]*": Meaning("it is repeated for each"),
    "withParam": Meaning("it is repeated for each item of a JSON list"),
    "withSequence.count": Meaning("it is repeated so often"),
    "withSequence.start": Meaning("first number"),
    "withSequence.end": Meaning("last number"),
    "withSequence.format": Meaning("such as s%03d"),
    "continueOn.failed": Meaning("what follows runs after a failure"),
    "continueOn.error": Meaning("what follows runs after an error"),
    "arguments.parameters[].name": Meaning("an input parameter of its template"),
    "arguments.parameters[].value": Meaning("text with tags"),
    **{f"arguments.artifacts[].{name}": meaning for name, meaning in _ARTIFACT.items()},
    "arguments.artifacts[].path": Meaning("not used: the template's own counts"),
}
_DEPENDS = {
    "dependencies[]": Meaning("steps that must have gone well before"),
    "depends": Meaning("condition on steps before: a && (b.Failed || !c.Skipped)"),
}
_CONTAINER = {
    "name": Meaning(_NOTHING),
    "image": Meaning("not used: the command runs in the environment of `hera submit`", "what the step runs in"),
    "imagePullPolicy": Meaning(_NOTHING),
    "command[]": Meaning("the command; it is looked up beside this Python first, then on PATH", "the entrypoint"),
    "args[]": Meaning("its arguments; tags are filled in"),
    "workingDir": Meaning("where it starts; without it where `hera submit` was called", "where it starts"),
    "env[].name": Meaning("a variable of the step"),
    "env[].value": Meaning("its value; tags are filled in"),
    "env[].valueFrom.secretKeyRef.*": Meaning(
        "the submitter's variable of the same name; never written anywhere", argo="the key of that Secret"
    ),
    "resources.requests.cpu": Meaning(
        "cores held while it runs; one where nothing is said; refused where the machine has fewer"
    ),
    "resources.requests.memory": Meaning("memory held while it runs; refused where the machine has less"),
    "resources.requests.nvidia.com/gpu": Meaning("GPUs held while it runs; refused where the machine has fewer"),
    "resources.requests.ephemeral-storage": Meaning(_NOTHING),
    "resources.limits.cpu": Meaning("the request, where there is none", "the most it gets"),
    "resources.limits.memory": Meaning("the request, where there is none", "the most it gets; exit code 137 beyond it"),
    "resources.limits.nvidia.com/gpu": Meaning("the request, where there is none"),
    "resources.limits.ephemeral-storage": Meaning(_NOTHING),
    "securityContext.*": Meaning(_NOTHING),
    "volumeMounts[].name": Meaning("a volume"),
    "volumeMounts[].mountPath": Meaning("where it stands, where the command names that path", "where it stands"),
    "volumeMounts[].subPath": Meaning("a part of the claim"),
    "volumeMounts[].readOnly": Meaning("not enforced", "read-only"),
}
_SCRIPT = {"source": Meaning("the script; its file comes last on the command")}
SECTIONS = (
    Section("Workflow", ("",), _TOP),
    Section("Template", ("spec.templates[]",), _TEMPLATE),
    Section("Artifacts", ("spec.templates[].inputs.artifacts[]", "spec.templates[].outputs.artifacts[]"), _ARTIFACT),
    Section("Steps of a DAG and of groups", ("spec.templates[].dag.tasks[]", "spec.templates[].steps[][]"), _STEP),
    Section("What a step of a DAG waits for", ("spec.templates[].dag.tasks[]",), _DEPENDS),
    Section("Container and script", ("spec.templates[].container", "spec.templates[].script"), _CONTAINER),
    Section("Script", ("spec.templates[].script",), _SCRIPT),
    Section("Fields of a cluster", ("",), {field: Meaning(_NOTHING) for field in _CLUSTER}),
)
MEANINGS = {
    f"{place}.{name}" if place else name: meaning
    for section in SECTIONS
    for place in section.places
    for name, meaning in section.fields.items()
}
