"""Whether everything a workflow refers to exists; run before the first step starts."""

import graphlib
import re
from collections import Counter
from collections.abc import Iterable

from hera.workflows import models

from fastnlp_jobs.errors import BadInput
from fastnlp_jobs.runtime.model import (
    dependencies,
    entry_tasks,
    given_artifact,
    given_parameters,
    input_artifacts,
    input_parameters,
    maker,
    output_artifacts,
    parameter_text,
    parameters,
    template,
    words,
)
from fastnlp_jobs.runtime.tags import tags


def check(workflow: models.Workflow) -> None:
    """Raise for the first reference that leads nowhere.

    Raises:
        BadInput: names template, step and what is missing.
    """
    for parameter in parameters(workflow):
        if parameter.value is None:
            raise BadInput(f"parameter `{parameter.name}` has no value; give it with -p {parameter.name}=VALUE")
    _unique("template", [template.name or "" for template in workflow.spec.templates or []])
    tasks = entry_tasks(workflow)
    _unique("step", tasks)
    by_name = {task.name: task for task in tasks}
    order(tasks)
    for task in tasks:
        _check_task(workflow, task, by_name)


def order(tasks: list[models.DAGTask]) -> list[str]:
    """Names of the steps, each after those it depends on.

    Raises:
        BadInput: a dependency is unknown, or steps wait for each other.
    """
    names = {task.name for task in tasks}
    graph = {task.name: dependencies(task) for task in tasks}
    for name, before in graph.items():
        for missing in [dependency for dependency in before if dependency not in names]:
            raise BadInput(f"step {name}: depends on `{missing}`, which is no step; steps: {', '.join(sorted(names))}")
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        raise BadInput(f"steps wait for each other: {' → '.join(error.args[1])}; remove one dependency") from error


def _check_task(workflow: models.Workflow, task: models.DAGTask, by_name: dict[str, models.DAGTask]) -> None:
    called = template(workflow, task.template, f"step {task.name}")
    if called.container is None or not called.container.command:
        raise BadInput(
            f"step {task.name}: the local runtime runs container templates that set `command`, "
            f"`{called.name}` does not; images have no meaning here"
        )
    globals_ = {f"workflow.parameters.{parameter.name}" for parameter in parameters(workflow)}
    _check_arguments(task, called, globals_)
    ancestors = _ancestors(task, by_name)
    for artifact in input_artifacts(called):
        _check_source(workflow, task, given_artifact(task, artifact.name) or artifact, ancestors)
    _check_words(task, called, globals_)


def _check_arguments(task: models.DAGTask, called: models.Template, globals_: set[str]) -> None:
    given = given_parameters(task)
    for parameter in input_parameters(called):
        value = parameter_text(task, parameter)
        if value is None:
            raise BadInput(f"step {task.name}: parameter `{parameter.name}` of `{called.name}` has no value")
        _check_tags(f"step {task.name}", value, globals_)
    known = {parameter.name for parameter in input_parameters(called)}
    known |= {artifact.name for artifact in input_artifacts(called)}
    passed = [*given, *(artifact.name for artifact in (task.arguments.artifacts or [] if task.arguments else []))]
    for name in [name for name in passed if name not in known]:
        raise BadInput(f"step {task.name}: passes `{name}`, which `{called.name}` does not take")


def _check_source(
    workflow: models.Workflow, task: models.DAGTask, artifact: models.Artifact, ancestors: dict[str, models.DAGTask]
) -> None:
    """An input artifact is raw text, comes from an earlier step, or is optional."""
    where = f"step {task.name}: input artifact `{artifact.name}`"
    if artifact.from_ is None:
        if artifact.raw is None and artifact.s3 is None and not artifact.optional:
            raise BadInput(f"{where} has no source; give `from` or `raw`, or make it optional")
        return
    made = maker(artifact)
    if made is None:
        raise BadInput(f"{where}: expected from {{{{tasks.STEP.outputs.artifacts.NAME}}}}, got {artifact.from_}")
    step, output = made
    if step not in ancestors:
        raise BadInput(f"{where} comes from `{step}`, which does not run before it; add it to `depends`")
    outputs = output_artifacts(template(workflow, ancestors[step].template, f"step {step}"))
    if output not in {artifact.name for artifact in outputs}:
        raise BadInput(f"{where} comes from `{output}` of step {step}, which writes no such artifact")


def _ancestors(task: models.DAGTask, by_name: dict[str, models.DAGTask]) -> dict[str, models.DAGTask]:
    found: dict[str, models.DAGTask] = {}
    waiting = dependencies(task)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = by_name[name]
            waiting.extend(dependencies(by_name[name]))
    return found


def _check_words(task: models.DAGTask, called: models.Template, globals_: set[str]) -> None:
    """Tags in the command and in raw texts lead somewhere, and no declared path is written out in the command."""
    where = f"step {task.name}"
    texts = globals_ | {f"inputs.parameters.{parameter.name}" for parameter in input_parameters(called)}
    reads = {f"inputs.artifacts.{artifact.name}.path": artifact for artifact in input_artifacts(called)}
    writes = {f"outputs.artifacts.{artifact.name}.path": artifact for artifact in output_artifacts(called)}
    for artifact in input_artifacts(called):
        source = given_artifact(task, artifact.name) or artifact
        _check_tags(where, (source.raw.data or "") if source.raw else "", texts)
    for word in words(called):
        _check_tags(where, word, texts | set(reads) | set(writes))
        for tag, artifact in (reads | writes).items():
            if artifact.path and re.search(rf"{re.escape(artifact.path)}(?![\w.-])", word):
                raise BadInput(
                    f"{where}: the command names the path {artifact.path}, which exists only in a container; "
                    f"write {{{{{tag}}}}} instead"
                )


def _check_tags(where: str, text: str, known: set[str]) -> None:
    for tag in tags(text):
        if tag not in known:
            names = ", ".join(sorted(known)) or "none"
            raise BadInput(f"{where}: nothing stands for {{{{{tag}}}}}; known here: {names}")


def _unique(kind: str, items: Iterable[str | models.DAGTask]) -> None:
    names = Counter(item if isinstance(item, str) else item.name for item in items)
    for name, count in names.items():
        if count > 1:
            raise BadInput(f"{kind} `{name}` stands {count} times; names must differ")
